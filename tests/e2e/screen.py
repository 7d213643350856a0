"""The monitor on a real terminal, which tmux is, and a person who reads and types there."""

import re
import shutil
import time
import unittest

from place import children, command_line, wait_until
from test_confirm import PIN, ConfirmTest

TMUX = shutil.which('tmux', path='/usr/bin:/bin:/usr/local/bin')
SETTLE_S = 0.7  # for which a request takes no key


def needs_tmux():
    if not TMUX:
        raise unittest.SkipTest('needs tmux')


class Screen:
    """For a test that has a guard."""

    columns, rows = 80, 24

    def setUp(self):
        super().setUp()
        self.tmux_socket = self.place.make_directory(self.place.path / 'tmux') / 'socket'
        self.addCleanup(self.place.run, TMUX, '-S', self.tmux_socket, 'kill-server')
        self.tmux('-f', '/dev/null', 'new-session', '-d', '-x', self.columns, '-y', self.rows,
                  "exec env -u TMUX PS1='shell$ ' PS2= sh -i")
        self.wait_shown('shell$')

    # --- the terminal

    def tmux(self, *words):
        return self.place.run_ok(TMUX, '-S', self.tmux_socket, *words,
                                 env={'TERM': 'xterm-256color', 'LC_ALL': 'C.UTF-8'})

    def screen(self):
        return self.tmux('capture-pane', '-p')

    def screen_lines(self):
        return self.screen().split('\n')[:self.rows]

    def type(self, *keys):
        self.tmux('send-keys', *keys)

    def write(self, text):
        self.tmux('send-keys', '-l', text)

    def command_line(self, line):
        self.write(line)
        self.type('Enter')

    def wait_shown(self, text, is_shown=True):
        def holds():
            shown = self.screen()
            return text in shown if isinstance(text, str) else bool(text.search(shown))
        try:
            wait_until(lambda: holds() == is_shown, '')
        except AssertionError:
            raise AssertionError(f'{text!r} is shown: {not is_shown}, in\n{self.screen()}') from None

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.tmux('resize-window', '-x', columns, '-y', rows)

    # --- the monitor

    def start(self, *words, wait=True):
        self.command_line(f'{self.guard.program} monitor {" ".join(map(str, words))}')
        if wait:
            self.wait_shown('Nothing waits for you')
        return self.monitor_pid()

    def monitor_pid(self):
        def find():
            pane = int(self.tmux('display-message', '-p', '#{pane_pid}'))
            return next((pid for pid in children(pane) if b'monitor' in command_line(pid)), None)
        return wait_until(find, 'the monitor runs')

    def ask(self, *words):
        """An ssh that waits, and is chosen."""
        ssh = self.ssh(*words)
        self.wait_shown('Waiting for you: 1')
        self.choose()
        return ssh

    def choose(self, text='rule: ask'):
        """The first request, once it takes keys."""
        self.type('Down')
        self.wait_shown(text)
        time.sleep(SETTLE_S)  # what is tested is that it takes none before

    def allow(self, pin=PIN):
        self.type('a')
        self.wait_shown('PIN, to say yes')
        self.write(pin)
        self.type('Enter')

    def pins_shown(self):
        return [pin for pin in (PIN, PIN[:7]) if pin in self.screen()]


class MonitorTest(Screen, ConfirmTest):
    pass
