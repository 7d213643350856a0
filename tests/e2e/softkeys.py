"""Security keys in software (tests/support/softkey), and the guard that knows no others."""

import os
import select
import subprocess
import time

import place

GUARD_PROGRAM = os.environ.get('GUARD_SOFTKEY_PROGRAM', '')
PROGRAM = os.environ.get('SOFTKEY_PROGRAM', '')


class Softkey:
    """A key that is plugged in, at home.path/NAME.key. Options are those of the program."""

    def __init__(self, home, name, *options, program):
        self.path = home.path / f'{name}.key'
        self.device = f'ctaphid+unix:{self.path}'
        self.reported = []
        self.rest = b''
        self.process = home.spawn(program, '--socket', self.path, '--secret', name, *options,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.wait('ready')

    def say(self, line):
        self.process.stdin.write(line.encode() + b'\n')
        self.process.stdin.flush()

    def _read(self, timeout_s):
        if not select.select([self.process.stdout], [], [], timeout_s)[0]:
            return
        data = os.read(self.process.stdout.fileno(), 4096)
        if not data:
            raise AssertionError(f'the softkey has ended; it said {self.reported}')
        *lines, self.rest = (self.rest + data).split(b'\n')
        self.reported += [line.decode() for line in lines]

    def wait(self, beginning):
        """Takes its report up to a line that begins so."""
        end = time.monotonic() + place.DEADLINE_S
        while True:
            while self.reported:
                line = self.reported.pop(0)
                if line.startswith(beginning):
                    return line
            if time.monotonic() > end:
                raise AssertionError(f'the softkey does not say {beginning!r}')
            self._read(0.1)

    def said(self):
        """What it has reported since, and taken."""
        self._read(0)
        lines, self.reported = self.reported, []
        return lines

    def touch(self, what='get'):
        """As a person does who sees it blink."""
        self.wait(f'waiting {what}')
        self.say('touch')
