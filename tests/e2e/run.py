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

    def startTest(self, test):
        super().startTest(test)
        self.errors_of_test, self.skip_reason = [], None

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.skip_reason = reason

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.errors_of_test.append(error)

    def addError(self, test, error):
        super().addError(test, error)
        self.errors_of_test.append(error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self.errors_of_test.append(error)

    def stopTest(self, test):
        super().stopTest(test)
        name = getattr(test, '_testMethodName', str(test)).removeprefix('test_').replace('_', ' ')
        ok = 'not ok' if self.errors_of_test else 'ok'
        skip = f' # SKIP {self.skip_reason}' if self.skip_reason else ''
        print(f'{ok} {self.testsRun} - {name}{skip}', flush=True)
        for error in self.errors_of_test:
            for line in ''.join(traceback.format_exception(*error)).splitlines():
                print(f'# {line}', flush=True)


def main():
    loader = unittest.TestLoader()
    module = sys.argv[1]
    names = [f'{module}.{name}' for name in sys.argv[2:]] or [module]
    suite = loader.loadTestsFromNames(names)
    print(f'1..{suite.countTestCases()}', flush=True)
    result = TapResult()

    def end(*_):
        """meson ends a test that takes too long by SIGTERM: it fails, and cleans up."""
        result.stop()
        raise TimeoutError('ended by SIGTERM')

    signal.signal(signal.SIGTERM, end)
    suite.run(result)
    return 0 if result.wasSuccessful() else 1


if __name__ == '__main__':
    sys.exit(main())
