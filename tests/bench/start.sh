#!/bin/sh
# How long `true` takes alone, in a bubblewrap that makes little, and in `exec`, in one run.
# usage: tests/bench/start.sh BUILD_DIRECTORY [ROUNDS]
set -eu

. "$(dirname "$0")/signers.sh"

rounds=${2:-100}
program=$(realpath "$build/src/ssh-agent-guard")
bench=$(realpath "$build/tests/bench/bench_start")
mkdir -m 700 "$place/home" "$place/home/work"
export HOME="$place/home" XDG_RUNTIME_DIR="$place/run"
cd "$place/home/work"
"$bench" "$rounds" true /bin/true , \
	bubblewrap /usr/bin/bwrap --unshare-all --ro-bind / / --proc /proc --dev /dev \
		--tmpfs /tmp -- /bin/true , \
	exec "$program" exec -- /bin/true
