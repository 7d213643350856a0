#!/usr/bin/env python3
"""Gives end-to-end programs that failed one more try, alone, and shows the first one whatever comes
of it. They wait for real programs, several at a time on a machine that may be busy otherwise.

usage: again.py TESTLOG DIRECTORY: meson's testlog.json, in which a second try that passes takes the
place of the first, and the build directory.

A program that races an attacker gets none, for one win of his is a hole; nor does a unit test. More
than three that fail are no accident.
"""

import json
import pathlib
import subprocess
import sys

TRIES_MAX = 3
RACES = {f'e2e/{name}' for name in (
    'crash', 'exec', 'gpg_agent', 'hide', 'identity', 'impostor', 'isolation', 'landlock', 'lock',
    'namespaces', 'odd_callers', 'pin_memory', 'stuck', 'user_namespace', 'ways_round')}


def name_of(test):
    return test['name'].split(' / ')[-1]


def may_try_again(test):
    name = name_of(test)
    return test['result'] not in ('OK', 'SKIP') and name.startswith('e2e/') and name not in RACES


def try_again(test, directory):
    """What the second try came to; None: meson told nothing."""
    told = directory / 'meson-logs/again.json'
    told.unlink(missing_ok=True)
    subprocess.run(['meson', 'test', '-C', directory, '--no-rebuild', '--num-processes', '1',
                    '--logbase', 'again', name_of(test)], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    lines = told.read_text().splitlines() if told.exists() else []
    return json.loads(lines[0]) if len(lines) == 1 else None


def show(test):
    for line in (test.get('stdout', '') + test.get('stderr', '')).splitlines():
        if not line.startswith('ok '):
            print(f'    {line}')


def main():
    testlog, directory = map(pathlib.Path, sys.argv[1:])
    tests = [json.loads(line) for line in testlog.read_text().splitlines()]
    failed = [index for index, test in enumerate(tests) if may_try_again(test)]
    if len(failed) > TRIES_MAX:
        return
    for index in failed:
        second = try_again(tests[index], directory)
        passed = second is not None and second['result'] == 'OK'
        print(f'again: {name_of(tests[index])} failed, and when it was tried again, alone, '
              f'{"passed" if passed else "failed"}; the first time it said')
        show(tests[index])
        if passed:
            tests[index] = second
    testlog.write_text(''.join(json.dumps(test) + '\n' for test in tests))


if __name__ == '__main__':
    main()
