#!/bin/sh
# Signatures by the bare ssh-agent and by the guard before it, while other processes hold many
# connections open to the guard and do not use them. All in one run.
# usage: tests/bench/crowd.sh BUILD_DIRECTORY [ROUNDS [CONNECTIONS...]]
set -eu

. "$(dirname "$0")/signers.sh"
rounds=${2:-1000}
shift "$(($# < 2 ? $# : 2))"
[ $# -gt 0 ] || set -- 1 100 1000
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
