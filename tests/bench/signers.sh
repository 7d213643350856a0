# What benchmarks with a guard share; sourced. Makes a directory $place, with a key, a policy, an
# ssh-agent at $place/agent that has the key, and a guard before it at $socket. All ends with the
# script.

build=$1
place=$(mktemp -d /tmp/guard-bench-XXXXXX)
socket=$place/run/ssh-agent-guard.sock
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
		[ "$tries" -lt 1000 ] || { echo "$0: nobody answers at $1" >&2; exit 1; }
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
wait_for "$socket"
