#!/bin/sh
# How long `true` takes alone, in a bubblewrap that makes little, and in `exec`, in one run.
# usage: tests/bench/start.sh BUILD_DIRECTORY [ROUNDS]
set -eu

build=$1
rounds=${2:-100}
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

printf 'default_action: allow\nrules: []\n' >"$place/policy.yaml"
chmod 600 "$place/policy.yaml"
mkdir -m 700 "$place/run" "$place/state" "$place/home" "$place/home/work"
export HOME="$place/home" XDG_RUNTIME_DIR="$place/run"
"$build/src/ssh-agent-guard" run --upstream "$place/agent" \
	--policy "$place/policy.yaml" --state-dir "$place/state" >/dev/null 2>&1 &
pids="$pids $!"
tries=0
until "$build/src/ssh-agent-guard" status >/dev/null 2>&1; do
	tries=$((tries + 1))
	[ "$tries" -lt 1000 ] || { echo "start.sh: the guard does not come" >&2; exit 1; }
	sleep 0.01
done
program=$(realpath "$build/src/ssh-agent-guard")
bench=$(realpath "$build/tests/bench/bench_start")
cd "$place/home/work"
"$bench" "$rounds" true /bin/true , \
	bubblewrap /usr/bin/bwrap --unshare-all --ro-bind / / --proc /proc --dev /dev \
		--tmpfs /tmp -- /bin/true , \
	exec "$program" exec -- /bin/true
