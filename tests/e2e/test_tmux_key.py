"""The key that contrib/tmux binds: a person in a tmux, which runs in another one, because a popup is
seen by the terminal around it alone."""

import shutil
import unittest

import guard
from place import wait_until
from test_confirm import PIN, ConfirmTest

TMUX = shutil.which('tmux', path='/usr/bin:/bin:/usr/local/bin')
CONFIG = guard.SOURCE / 'contrib' / 'tmux' / 'ssh-agent-guard.conf'


def setUpModule():
    if not TMUX:
        raise unittest.SkipTest('needs tmux')


class TmuxKey(ConfirmTest):
    def setUp(self):
        super().setUp()
        sockets = self.place.make_directory(self.place.path / 'tmux')
        self.inner, self.outer = sockets / 'inner', sockets / 'outer'
        config = self.place.write('tmux.conf', CONFIG.read_text())
        for socket in (self.inner, self.outer):
            self.addCleanup(self.place.run, TMUX, '-S', socket, 'kill-server')
        path = f'{self.place.program.parent}:/usr/bin:/bin'
        self.tmux(self.inner, '-f', config, 'new-session', '-d', '-s', 'work', 'exec cat',
                  env={'PATH': path})
        self.tmux(self.outer, '-f', '/dev/null', 'new-session', '-d', '-x', '150', '-y', '50',
                  f'TERM=screen exec env -u TMUX {TMUX} -S {self.inner} attach')
        wait_until(lambda: self.tmux(self.inner, 'list-clients'), 'somebody looks at it')

    def tmux(self, socket, *words, env=None):
        return self.place.run_ok(TMUX, '-S', socket, *words,
                                 env={'TERM': 'xterm', 'LC_ALL': 'C.UTF-8', **(env or {})})

    def type(self, *keys):
        self.tmux(self.outer, 'send-keys', *keys)

    def wait_shown(self, text, is_shown=True):
        return wait_until(lambda: (text in self.tmux(self.outer, 'capture-pane', '-p')) == is_shown,
                          f'{text!r} is shown: {is_shown}')

    def test_the_key_shows_what_waits_and_takes_the_pin(self):
        ssh = self.ssh()
        self.wait_pending()
        self.type('C-b', 'y')
        self.wait_shown(f'(pid {ssh.pid})')
        self.wait_shown('PIN, to say yes')
        # A popup is no pane.
        self.assertEqual(len(self.tmux(self.inner, 'list-panes', '-a').splitlines()), 1)
        self.type('-l', PIN)
        self.type('Enter')
        self.assertEqual(ssh.wait(30), 0)
        self.assertEqual(self.signed()[0]['confirm_via'], 'control')
        self.wait_shown('PIN, to say yes', False)

    def test_without_a_request_it_says_so_until_it_is_closed(self):
        self.type('C-b', 'y')
        self.wait_shown('nothing waits for a confirmation')
        self.type('C-c')
        self.wait_shown('nothing waits for a confirmation', False)

    def test_an_old_tmux_has_a_pane_for_it(self):
        """Not every one takes its braces, but every one with popups takes the way without."""
        command = CONFIG.read_text().split('bind-key y ')[2].splitlines()[0]
        config = self.place.write('old.conf', f'bind-key y {command}\n')
        self.tmux(self.inner, 'source-file', config)
        ssh = self.ssh()
        self.wait_pending()
        self.type('C-b', 'y')
        self.wait_shown('PIN, to say yes')
        self.type('-l', PIN)
        self.type('Enter')
        self.assertEqual(ssh.wait(30), 0)
