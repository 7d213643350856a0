"""The bar of `log`, seen on a terminal while a large log is read."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import guard
import place
from place import process_state, wait_until

# As the guard writes it; many of them make a log that takes more than a moment, on any machine that
# stands still now and then, for which the test sees.
EVENT = '''---
timestamp: "2026-03-01T09:30:12.{number:06}Z"
trigger: "sign"
decision: "allow"
rule: "ssh"
process_name: "ssh"
local_pid: 4711
exe_path: "/usr/bin/ssh"
key_fingerprint: "SHA256:mVPwvezndPv/ARoIadVY98vAC0g+P/5633yTC4d/wXE"
ssh_dest: "git@example.org"
...
'''
COUNT = 200_000
BAR = re.compile(r'\rreading \[(#*\.*)\] (\d+) %\x1b\[K')
ERASE = '\r\x1b[K'


class Progress(guard.GuardTest):
    def setUp(self):
        super().setUp()
        self.state = self.place.make_directory(self.place.state / 'large')
        self.make_log(COUNT)

    def make_log(self, count):
        text = ''.join(EVENT.format(number=number) for number in range(count))
        half = text.index('---', len(text) // 2)
        self.place.write(self.state / 'events' / '2026-03-01.yaml', text[:half])
        self.place.write(self.state / 'events' / '2026-03-01p002.yaml', text[half:])

    def spawn(self, *words, columns=80, stdout=None, stderr=None, env=None):
        """`log` with standard error, and what else is not given, on a terminal of its own."""
        self.master, slave = pty.openpty()
        self.addCleanup(os.close, self.master)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('4H', 24, columns, 0, 0))

        def take_terminal():
            place._die_with_us()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        self.shown = ''
        process = self.place.spawn(
            self.place.program, 'log', '--state-dir', self.state, *words,
            env={'TERM': 'xterm', **(env or {})}, stdin=slave,
            stdout=slave if stdout is None else stdout,
            stderr=slave if stderr is None else stderr,
            start_new_session=True, pass_fds=(slave,), preexec_fn=take_terminal)
        os.close(slave)
        return process

    def read_shown(self, timeout_s=0.0):
        while select.select([self.master], [], [], timeout_s)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:  # nobody has it open any more
                return
            if not data:
                return
            self.shown += data.decode()

    def wait_end(self, process):
        def ended():
            self.read_shown()
            return process.poll() is not None
        wait_until(ended, 'it ends')
        self.read_shown()
        return process.returncode

    def stop_for_a_second(self, process):
        """Holds it in the middle of its work, so that its reading takes that long."""
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: process_state(process.pid) in 'TZ', 'it stands still')
        time.sleep(1.1)
        process.send_signal(signal.SIGCONT)

    def read_slowly(self, process):
        """Until there is a bar, or it is done."""
        while process.poll() is None and not BAR.search(self.shown):
            self.stop_for_a_second(process)
            self.read_shown(0.05)

    def with_bar(self, *words, **options):
        """A run that showed one: it may be quicker than we are, before."""
        for _ in range(20):
            process = self.spawn(*words, **options)
            self.read_slowly(process)
            if BAR.search(self.shown):
                return process
            self.wait_end(process)
        self.fail(f'there is no bar in 20 runs, but {self.shown[-200:]!r}')

    def test_it_is_shown_while_reading_takes_over_a_second_and_then_gone(self):
        process = self.with_bar('--field', 'rule=none-has-it')
        self.assertEqual(self.wait_end(process), 0)
        bars = BAR.findall(self.shown)
        percents = [int(percent) for _, percent in bars]
        self.assertEqual(percents, sorted(percents))
        for bar, percent in bars:
            self.assertEqual(len(bar), 40)
            self.assertEqual(bar.count('#'), 40 * int(percent) // 100)
            self.assertLessEqual(int(percent), 100)
        left = BAR.sub('', self.shown)
        self.assertTrue(left.startswith(ERASE), left)
        self.assertNotIn('reading', left)

    def test_json_in_a_pipe_is_the_same_with_and_without_it(self):
        plain = self.place.path / 'plain'
        with plain.open('wb') as out:
            done = subprocess.run([self.place.program, 'log', '--state-dir', self.state, '--json'],
                                  env=self.place.env, stdout=out, stderr=subprocess.PIPE,
                                  check=True)
        self.assertEqual(done.stderr, b'')
        with_bar = self.place.path / 'with-bar'
        out = with_bar.open('wb')
        self.addCleanup(out.close)
        process = self.with_bar('--json', stdout=out)
        self.assertEqual(self.wait_end(process), 0)
        self.assertTrue(BAR.search(self.shown))
        self.assertTrue(self.shown.endswith(ERASE), self.shown[-80:])
        # Runs that showed none wrote the same before.
        size = plain.stat().st_size
        with with_bar.open('rb') as file:
            file.seek(-size, os.SEEK_END)
            self.assertTrue(file.read() == plain.read_bytes())

    def test_rows_on_the_same_terminal_stand_on_lines_of_their_own(self):
        process = self.with_bar('--stats')
        self.assertEqual(self.wait_end(process), 0)
        left = BAR.sub('', self.shown)
        self.assertTrue(left.startswith(ERASE), left[:80])
        self.assertIn(str(COUNT), left)

    def test_a_narrow_terminal_has_a_short_one(self):
        for columns, pattern in ((30, r'\rreading \[[#.]{13}\] \d+ %\x1b\[K'),
                                 (10, r'\r\d+ %\x1b\[K')):
            for _ in range(20):
                process = self.spawn('--field', 'rule=x', columns=columns)
                while process.poll() is None and not re.search(pattern, self.shown):
                    self.stop_for_a_second(process)
                    self.read_shown(0.05)
                self.wait_end(process)
                if re.search(pattern, self.shown):
                    break
            self.assertRegex(self.shown, pattern)

    def test_an_interrupt_takes_it_away(self):
        process = self.with_bar('--field', 'rule=x')
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGCONT)
        status = self.wait_end(process)
        self.assertIn(status, (0, -signal.SIGINT))
        self.assertIn(ERASE, BAR.sub('', self.shown))

    def test_without_need_there_is_none(self):
        self.make_log(10)
        self.assertEqual(self.wait_end(self.spawn()), 0)
        self.assertNotIn('reading', self.shown)
        self.assertNotIn(ERASE, self.shown)

    def test_where_standard_error_is_no_terminal_there_is_none(self):
        errors = (self.place.path / 'errors').open('wb+')
        self.addCleanup(errors.close)
        for env, stderr in (({}, errors), ({'TERM': 'dumb'}, None)):
            process = self.spawn('--field', 'rule=x', stderr=stderr, env=env)
            for _ in range(3):
                if process.poll() is None:
                    self.stop_for_a_second(process)
                self.read_shown(0.05)
            self.assertEqual(self.wait_end(process), 0)
            self.assertNotIn('reading [', self.shown)
        errors.seek(0)
        self.assertNotIn(b'reading [', errors.read())
