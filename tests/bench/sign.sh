#!/bin/sh
# Signatures by the bare ssh-agent, by socat before it and by the guard before it, in one run.
# usage: tests/bench/sign.sh BUILD_DIRECTORY [ROUNDS]
set -eu

build=$1
rounds=${2:-1000}
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

wait_for() {
	tries=0
	while [ ! -S "$1" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 1000 ] || { echo "sign.sh: $1 does not come" >&2; exit 1; }
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
wait_for "$place/run/ssh-agent-guard.sock"
set -- "agent=$place/agent" "guard=$place/run/ssh-agent-guard.sock"
if command -v socat >/dev/null; then
	socat "UNIX-LISTEN:$place/socat,fork" "UNIX-CONNECT:$place/agent" &
	pids="$pids $!"
	wait_for "$place/socat"
	set -- "$@" "socat=$place/socat"
fi
"$build/tests/bench/bench_sign" "$rounds" "$@"
