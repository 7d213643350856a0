#!/usr/bin/env python3
"""Counts what ./dev check ran, and says what failed and what was skipped, and why.

usage: summary.py RESULTS. RESULTS holds for each step NAME.status (an exit status, or "skip: why")
with NAME.log, or NAME.testlog.json of meson, in which each line of TAP counts for itself. A test
program that crashed, ran out of time or broke off its plan has failed, whatever it said before.
"""

import json
import pathlib
import re
import sys

LOG_LINES_MAX = 80  # of a failed program's output: the end tells most
TAP_LINE = re.compile(r'(?P<no>not )?ok\b\s*\d*\s*(?:- )?(?P<name>[^#]*)(?:#\s*(?P<note>.*))?$')
TAP_PLAN = re.compile(r'1\.\.(\d+)\s*(?:#\s*(.*))?$')


class Summary:
    def __init__(self):
        self.passed = 0
        self.failures = []  # (what, output)
        self.skips = {}  # (what, why) -> configurations

    def skip(self, where, what, why):
        self.skips.setdefault((what, why), []).append(where)

    def fail(self, what, output):
        self.failures.append((what, output))

    def add_step(self, status_file):
        name = status_file.name.removesuffix('.status')
        status = status_file.read_text().strip()
        if status.startswith('skip:'):
            self.skip('', name, status.removeprefix('skip:').strip())
        elif status == '0':
            self.passed += 1
        else:
            log = status_file.with_suffix('.log')
            output = log.read_text(errors='replace') if log.exists() else ''
            self.fail(f'{name}: exit status {status}', output)

    def add_testlog(self, testlog):
        where = testlog.name.removesuffix('.testlog.json')
        lines = testlog.read_text().splitlines()
        if not lines:
            self.fail(f'{where}: no test ran', '')
        for line in lines:
            self.add_program(where, json.loads(line))

    def add_program(self, where, test):
        """One test program, as a line of meson's testlog.json tells of it."""
        name = test['name'].split(' / ')[-1].removeprefix('ssh-agent-guard:')
        output = test.get('stdout', '') + test.get('stderr', '')
        planned, why_none, seen, failed = None, None, 0, []
        for line in test.get('stdout', '').splitlines():
            if plan := TAP_PLAN.match(line):
                planned, why_none = int(plan[1]), plan[2]
            elif result := TAP_LINE.match(line):
                seen += 1
                note = result['note'] or ''
                skipped = note[:4].upper() == 'SKIP'
                title, why = result['name'].strip(), note[4:].strip()
                if skipped and not title:  # cmocka puts the test's name in the reason's place
                    title, why = why, ''
                subtest = f'{name}: {title.replace("_", " ")}'
                if skipped:
                    self.skip(where, subtest, why or 'cannot be done here (it says no more)')
                elif result['no']:
                    failed.append(f'{where}: {subtest}')
                else:
                    self.passed += 1
        if planned == 0 and why_none:
            self.skip(where, name, re.sub(r'^skip\S*\s*', '', why_none, flags=re.I))
        broken = self.why_broken(test, planned, seen, failed)
        if broken:
            failed.append(f'{where}: {name}: {broken}')
        for what in failed[:-1]:
            self.fail(what, '')
        if failed:
            self.fail(failed[-1], output)

    @staticmethod
    def why_broken(test, planned, seen, failed):
        if test['result'] in ('TIMEOUT', 'INTERRUPT'):
            return f'ended by meson ({test["result"].lower()}) after {test["duration"]:.0f} s'
        if planned is None:
            return f'no plan (exit status {test["returncode"]})'
        if planned != seen:
            return f'reported {seen} of {planned} tests (exit status {test["returncode"]})'
        if test['returncode'] != 0 and not failed:
            return f'exit status {test["returncode"]} although no test failed'
        return None

    def print(self):
        for (what, why), where in sorted(self.skips.items()):
            where = ', '.join(filter(None, where))
            print(f'skipped: {what}{f" ({where})" if where else ""}: {why}')
        for what, output in self.failures:
            print(f'\nFAILED: {what}')
            lines = output.splitlines()
            if len(lines) > LOG_LINES_MAX:
                print(f'    ... {len(lines) - LOG_LINES_MAX} lines before')
            for line in lines[-LOG_LINES_MAX:]:
                print(f'    {line}')
        skipped = sum(len(where) for where in self.skips.values())
        print(f'{self.passed} passed, {len(self.failures)} failed, {skipped} skipped')


def main():
    results = pathlib.Path(sys.argv[1])
    summary = Summary()
    for status_file in sorted(results.glob('*.status')):
        summary.add_step(status_file)
    for testlog in sorted(results.glob('*.testlog.json')):
        summary.add_testlog(testlog)
    if not summary.passed and not summary.failures and not summary.skips:
        summary.fail('nothing ran', '')
    summary.print()
    return 1 if summary.failures else 0


if __name__ == '__main__':
    sys.exit(main())
