"""A terminal of its own with a program in it, and a person who reads and types."""

import errno
import fcntl
import os
import pty
import select
import subprocess
import termios
import time

import place


class Terminal:
    def __init__(self, home, *argv, env=None, **options):
        self.master, slave = pty.openpty()

        def take_terminal():
            place._die_with_us()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.shown = ''
        if home.person:
            os.chown(os.ttyname(slave), home.person.uid, -1)
        self.process = home.spawn(*argv, env=env, stdin=slave, stdout=slave, stderr=slave,
                                  start_new_session=True, preexec_fn=take_terminal, **options)
        os.close(slave)

    def _read(self, timeout_s):
        if not select.select([self.master], [], [], timeout_s)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError as error:
            if error.errno == errno.EIO:  # nobody has it open any more
                return None
            raise
        self.shown += data.decode(errors='replace').replace('\r\n', '\n')
        return bool(data) or None

    def wait_for(self, text, times=1):
        """Reads on until the text is shown, so often."""
        end = time.monotonic() + place.DEADLINE_S
        while self.shown.count(text) < times:
            if self._read(0.1) is None or time.monotonic() > end:
                raise AssertionError(f'{text!r} is not shown, but:\n{self.shown}')

    def type(self, line):
        os.write(self.master, line.encode())

    def end_or_let_be(self, question):
        """As end(), of somebody who answers nothing where that is asked once more."""
        end = time.monotonic() + 2 * place.DEADLINE_S
        asked = self.shown.count(question)
        while self._read(0.1) is not None and self.process.poll() is None:
            if self.shown.count(question) > asked:
                self.type('\n')
                break
            if time.monotonic() > end:
                raise AssertionError(f'does not end; it shows:\n{self.shown}')
        return self.end()

    def end(self):
        """Exit status and all that was shown."""
        end = time.monotonic() + 2 * place.DEADLINE_S
        while self._read(0.1) is not None and self.process.poll() is None:
            if time.monotonic() > end:
                raise AssertionError(f'does not end; it shows:\n{self.shown}')
        while self._read(0):
            pass
        status = self.process.wait(place.DEADLINE_S)
        os.close(self.master)
        return status, self.shown
