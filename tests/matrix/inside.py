#!/usr/bin/env python3
"""Runs tests that meson built, in another system around them that has no meson. usage: inside.py PLAN
OUTPUT JOBS. PLAN holds what meson's intro-tests.json says of the tests. For each, one line like those
of meson's testlog.json goes to OUTPUT, in the order of PLAN."""

import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

CLEANUP_S = 60


def run(test):
    begun = time.monotonic()
    process = subprocess.Popen(test['cmd'], env={**os.environ, **test['env']},
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    result = 'OK'
    try:
        output, _ = process.communicate(timeout=test['timeout'])
    except subprocess.TimeoutExpired:
        result = 'TIMEOUT'
        process.terminate()  # as meson does; it cleans up
        try:
            output, _ = process.communicate(timeout=CLEANUP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
    return {'name': test['name'], 'result': result, 'returncode': process.returncode,
            'duration': time.monotonic() - begun, 'stdout': output.decode(errors='replace')}


def main():
    plan, output, jobs = sys.argv[1:]
    tests = json.loads(pathlib.Path(plan).read_text())
    with open(output, 'a') as results, \
            concurrent.futures.ThreadPoolExecutor(int(jobs)) as executor:
        for result in executor.map(run, tests):
            print(json.dumps(result), file=results, flush=True)


if __name__ == '__main__':
    main()
