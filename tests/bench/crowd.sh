#!/bin/sh
# Signatures by the bare ssh-agent and by the guard before it, while other processes hold many
# connections open to the guard and do not use them. All in one run.
# usage: tests/bench/crowd.sh BUILD_DIRECTORY [ROUNDS [CONNECTIONS...]]
set -eu

build=$1
rounds=${2:-1000}
shift "$(($# < 2 ? $# : 2))"
[ $# -gt 0 ] || set -- 1 100 1000
place=$(mktemp -d /tmp/guard-bench-XXXXXX)
pids=
cleanup() {
	for pid in $pids; do
		kill "$pid" 2>/dev/null || :
	done
	wait
	rm -rf "$place"
}
trap cleanup EXIT INT TERM

# Until somebody answers at that socket; that it has no keys is an answer, too.
wait_for() {
	tries=0
	while
		status=0
		SSH_AUTH_SOCK=$1 ssh-add -l >/dev/null 2>&1 || status=$?
		[ "$status" -gt 1 ]
	do
		tries=$((tries + 1))
		[ "$tries" -lt 1000 ] || { echo "crowd.sh: nobody answers at $1" >&2; exit 1; }
		sleep 0.01
	done
}

printf 'default_action: allow\nrules: []\n' >"$place/policy.yaml"
chmod 600 "$place/policy.yaml"
mkdir -m 700 "$place/run" "$place/state"
ssh-keygen -q -t ed25519 -N '' -f "$place/key"
ssh-agent -D -a "$place/agent" >/dev/null &
pids="$pids $!"
wait_for "$place/agent"
SSH_AUTH_SOCK=$place/agent ssh-add -q "$place/key"
XDG_RUNTIME_DIR=$place/run "$build/src/ssh-agent-guard" run --upstream "$place/agent" \
	--policy "$place/policy.yaml" --state-dir "$place/state" >/dev/null 2>&1 &
pids="$pids $!"
socket=$place/run/ssh-agent-guard.sock
wait_for "$socket"
mkfifo "$place/hold" "$place/ready"
for count in "$@"; do
	"$build/tests/bench/bench_crowd" "$socket" "$count" <"$place/hold" >"$place/ready" &
	crowd=$!
	pids="$pids $crowd"
	exec 3>"$place/hold"
	read -r _ <"$place/ready"
	echo "$count idle connections:"
	"$build/tests/bench/bench_sign" "$rounds" "agent=$place/agent" "guard=$socket"
	exec 3>&-
	wait "$crowd"
done
