#!/usr/bin/env python3
"""Runs one module of end-to-end tests and prints TAP, so that meson runs modules side by side and
each test counts for itself. usage: run.py MODULE [UNITTEST NAME...]"""

import os
import signal
import sys
import traceback
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))


class TapResult(unittest.TestResult):
    """One line for each test, whatever goes wrong in it, in its subtests and in its clean-up."""

    def __init__(self):
        super().__init__()
        self.module_skip_reason, self.module_errors = None, []

    def startTest(self, test):
        super().startTest(test)
        self.errors_of_test, self.skip_reason = [], None

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if hasattr(test, '_testMethodName'):
            self.skip_reason = reason
        else:  # setUpModule
            self.module_skip_reason = reason

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.errors_of_test.append(error)

    def addError(self, test, error):
        super().addError(test, error)
        of_test = hasattr(test, '_testMethodName')
        (self.errors_of_test if of_test else self.module_errors).append(error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.errors_of_test.append(error)

    def stopTest(self, test):
        super().stopTest(test)
        self.print_line(self.testsRun, test, self.errors_of_test, self.skip_reason)

    @staticmethod
    def print_line(number, test, errors, skip_reason):
        name = test._testMethodName.removeprefix('test_').replace('_', ' ')
        skip = f' # SKIP {skip_reason}' if skip_reason else ''
        print(f'{"not ok" if errors else "ok"} {number} - {name}{skip}', flush=True)
        for error in errors:
            for line in ''.join(traceback.format_exception(*error)).splitlines():
                print(f'# {line}', flush=True)


def tests_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        else:
            yield test


def main():
    loader = unittest.TestLoader()
    module = sys.argv[1]
    names = [f'{module}.{name}' for name in sys.argv[2:]] or [module]
    suite = loader.loadTestsFromNames(names)
    tests = list(tests_of(suite))  # the suite forgets those that ran
    print(f'1..{len(tests)}', flush=True)
    result = TapResult()

    def end(*_):
        """meson ends a test that takes too long by SIGTERM: it fails, and cleans up."""
        result.stop()
        raise TimeoutError('ended by SIGTERM')

    signal.signal(signal.SIGTERM, end)
    suite.run(result)
    if not result.testsRun:  # setUpModule has spoken for all of them
        for number, test in enumerate(tests, 1):
            result.print_line(number, test, result.module_errors, result.module_skip_reason)
    return 0 if result.wasSuccessful() else 1


if __name__ == '__main__':
    sys.exit(main())
