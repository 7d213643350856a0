#!/bin/sh
# Signatures by the bare ssh-agent, by socat before it and by the guard before it, in one run.
# usage: tests/bench/sign.sh BUILD_DIRECTORY [ROUNDS]
set -eu

. "$(dirname "$0")/signers.sh"
rounds=${2:-1000}
set -- "agent=$place/agent" "guard=$socket"
if command -v socat >/dev/null; then
	socat "UNIX-LISTEN:$place/socat,fork" "UNIX-CONNECT:$place/agent" &
	pids="$pids $!"
	wait_for "$place/socat"
	set -- "$@" "socat=$place/socat"
fi
"$build/tests/bench/bench_sign" "$rounds" "$@"
