"""The tmux window that a caller runs in: asked of the user's own tmux, and of nothing else that a
caller names. Beside each false server stands the real one."""

import os
import pathlib
import shutil
import signal
import unittest

import guard
from false_server import FalseServer
from place import wait_until

TMUX = shutil.which('tmux', path='/usr/bin:/bin:/usr/local/bin')


def setUpModule():
    if not TMUX:
        raise unittest.SkipTest('needs tmux')


class Tmux(guard.GuardTest):
    as_person = True

    def setUp(self):
        super().setUp()
        self.directory = self.place.make_directory(self.place.path / 'tmp')
        self.env = {'TMUX_TMPDIR': str(self.directory)}
        self.own = self.place.make_directory(self.directory / f'tmux-{self.place.uid}')
        agent = self.start_agent()
        self.key = self.keys.make()
        self.add(agent, self.key)
        self.server = self.start_guard('default_action: allow\n', upstream=agent, env=self.env)

    def tmux(self, *words, program=TMUX):
        return self.place.run_ok(program, '-f', '/dev/null', *words,
                                 env={**self.env, **self.server.env, 'TERM': 'xterm'})

    def start(self, *words, name='default', program=TMUX):
        """A session with a window; returns the server's PID."""
        socket_path = self.own / name
        self.tmux('-S', socket_path, 'new-session', '-d', '-s', 'work', '-n', 'deploy', *words,
                  program=program)
        pid = int(self.tmux('-S', socket_path, 'display-message', '-p', '#{pid}', program=program))
        self.addCleanup(self.end, pid)
        return pid

    @staticmethod
    def end(pid):
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGKILL)

    def sign_as(self, tmux, pane='%0', **options):
        """The event of a signature for somebody who says that he is in that tmux."""
        before = len(self.server.events(trigger='sign'))
        self.place.run(guard.SSH_ADD, '-T', self.key,
                       env={**self.server.env, 'TMUX': tmux, 'TMUX_PANE': pane}, **options)
        return wait_until(lambda: self.server.events(trigger='sign')[before:], 'an event')[0]

    def window(self):
        """Which one is named. On a busy machine tmux may not answer in time, and be asked again."""
        return wait_until(lambda: self.sign_as(f'{self.own}/default,1,0').get('tmux_window'),
                          'a window is named')

    def test_the_window_of_a_caller_is_named(self):
        self.start(f'while sleep 0.1; do {guard.SSH_ADD} -T {self.key}; done')
        event = wait_until(lambda: self.server.events(trigger='sign', tmux_window='work:deploy'),
                           'its window is named')[0]
        self.assertEqual(event['env']['TMUX_PANE'], '%0')
        self.assertEqual(event['tmux_pane'], '%0')

    def test_a_rule_can_name_the_window(self):
        self.server.stop()
        server = self.start_guard('default_action: deny\nrules:\n'
                                  '- {name: ours, match: {tmux_window: "work:*", sign_type: unknown},'
                                  ' action: allow}\n',
                                  upstream=self.place.path / 'agent.sock', env=self.env)
        self.start('sleep 1000')
        self.server = server
        self.assertEqual(self.window(), 'work:deploy')
        self.assertEqual(server.events(tmux_window='work:deploy')[0]['rule'], 'ours')

    def test_whoever_is_in_no_tmux_is_in_no_window(self):
        self.start('sleep 1000')
        self.assertNotIn('tmux_window', self.sign_as(''))

    def test_a_pane_that_there_is_not_has_no_window(self):
        self.start('sleep 1000')
        for pane in ('%7', '', 'work', '%0;kill-server', '%', '-h', '%99999999999'):
            with self.subTest(pane):
                event = self.sign_as(f'{self.own}/default,1,0', pane)
                self.assertFalse({'tmux_window', 'tmux_pane'} & set(event), event)
        self.assertEqual(self.window(), 'work:deploy')

    def test_a_server_outside_of_the_users_directory_is_not_contacted(self):
        self.start('sleep 1000')
        other = self.place.make_directory(self.place.home / f'tmux-{self.place.uid}')
        (self.own / 'sub').mkdir()
        for path in (other / 'default', self.own / 'sub' / 'default'):
            false = FalseServer(path)
            self.addCleanup(false.close)
            os.chown(path, self.place.uid, -1)
            (self.own / 'link').unlink(missing_ok=True)
            (self.own / 'link').symlink_to(path)
            for name in (path, self.own / 'link', f'{self.own}/sub/default',
                         f'{self.own}/../../home/tmux-{self.place.uid}/default'):
                self.assertNotIn('tmux_window', self.sign_as(f'{name},1,0'))
            self.assertEqual(false.heard, [])
        self.assertEqual(self.window(), 'work:deploy')

    def test_a_false_server_in_the_users_directory_hears_nothing(self):
        false = FalseServer(self.own / 'false')
        self.addCleanup(false.close)
        os.chown(false.path, self.place.uid, -1)
        self.assertNotIn('tmux_window', self.sign_as(f'{self.own}/false,1,0'))
        self.assertEqual(set(false.heard) - {b''}, set())

    def test_a_tmux_that_is_not_roots_is_not_asked(self):
        copy = self.place.copy_program(TMUX, 'tmux')
        self.start('sleep 1000', name='copy', program=copy)
        self.assertNotIn('tmux_window', self.sign_as(f'{self.own}/copy,1,0'))

    def test_a_directory_that_others_may_enter_is_not_used(self):
        self.start('sleep 1000')
        self.own.chmod(0o750)
        self.assertNotIn('tmux_window', self.sign_as(f'{self.own}/default,1,0'))

    def test_a_tmux_that_does_not_answer_keeps_nobody_from_signing(self):
        pid = self.start('sleep 1000')
        os.kill(pid, signal.SIGSTOP)
        self.assertNotIn('tmux_window', self.sign_as(f'{self.own}/default,1,0'))
        self.assertNotIn('tmux_window', self.sign_as(f'{self.own}/default,1,0'))

    def test_a_caller_in_another_namespace_is_in_no_window_of_ours(self):
        self.start('sleep 1000')
        tmux = {**self.server.env, 'TMUX': f'{self.own}/default,1,0', 'TMUX_PANE': '%0'}
        done = self.place.run('unshare', '--user', '--map-current-user', '--net', guard.SSH_ADD,
                              '-T', self.key, env=tmux)
        if 'unshare failed' in done.stderr:
            self.skipTest('no user namespaces here')
        self.assertNotIn('tmux_window', self.server.wait_event(trigger='sign'))

    def test_the_status_line_shows_what_is_wrong_until_it_is_settled(self):
        inner, outer = self.own / 'default', self.own / 'outer'
        self.start()
        self.tmux('-S', inner, 'set-option', '-g', 'status-interval', '1')
        self.tmux('-S', inner, 'set-option', '-g', 'status-right',
                  f'#({self.server.program} status --format tmux)|end')
        # A client needs a terminal: the pane of another tmux, whose screen can be read.
        self.start('-x', '120', '-y', '24', f'TMUX= {TMUX} -S {inner} attach-session', name='outer')

        def shows(condition, what):
            wait_until(lambda: condition(self.tmux('-S', outer, 'capture-pane', '-p')), what)

        shows(lambda text: '|end' in text and 'ssh:' not in text, 'nothing while all is well')
        self.assertEqual(self.server.command('panic').returncode, 0)
        shows(lambda text: ' ssh: locked |end' in text, 'a badge that tells of the lock')
        self.assertEqual(self.server.command('panic', 'off').returncode, 0)
        shows(lambda text: '|end' in text and 'ssh:' not in text, 'the badge has gone')
        self.server.stop()
        shows(lambda text: ' ssh: stopped |end' in text, 'a badge that tells of no guard')

    def test_no_client_is_left_behind(self):
        self.start('sleep 1000')
        for _ in range(3):
            self.sign_as(f'{self.own}/default,1,0')

        def children():
            found = pathlib.Path(f'/proc/{self.server.pid}/task/{self.server.pid}/children')
            return found.read_text().split()
        wait_until(lambda: len(children()) <= 1, 'only the reader is left')
