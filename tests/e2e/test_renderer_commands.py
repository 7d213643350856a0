"""Renderers that a policy names: called as the older ssh-agent-guard called its own, and in nobody's
way."""

import os
import signal
import time
import unittest

import fuse
from agent_client import (IDENTITIES_ANSWER, REQUEST_IDENTITIES, SIGN_RESPONSE, AgentClient,
                          frame)
from guard import wait_until
from place import descendants, is_running, landlock_abi, without_landlock
from renderers import FIELDS, OLD_SCRIPT, POLICY, TMUX, RendererTest


class Command(RendererTest):
    def start(self, renderer=None, **options):
        listed = str(self.script) if renderer is None else renderer
        return super().start(f'status: {{renderers: [{listed}]}}\n', **options)

    def rendered(self):
        path = self.place.home / '.local/state/ssh-ag/rendered'
        lines = path.read_text().splitlines() if path.exists() else []
        return [dict(zip(FIELDS, line.split('|'))) for line in lines if line.count('|') >= 11]

    def setUp(self):
        super().setUp()
        # Where it may write.
        self.script.write_text(OLD_SCRIPT.replace('$HOME/rendered', '$STATE_DIR/rendered'))

    def wait_rendered(self, **expected):
        wait_until(lambda: self.rendered() and expected.items() <= self.rendered()[-1].items(),
                   f'rendered: {expected}, not {self.rendered()[-3:]}')
        return self.rendered()[-1]

    def write_script(self, text):
        self.script.write_text('#!/bin/sh\n' + text)

    def failures(self):
        return [event['detail'] for event in self.guard.events(trigger='renderer-failed')]


class Commands(Command):
    def test_it_is_called_as_the_older_one_was(self):
        self.start()
        first = self.wait_rendered(state='idle', text='serving', decision='')
        self.assertEqual((first['arguments'], first['input']), ('0', '0'))
        self.sign()
        self.wait_rendered(state='idle', text='ssh-keygen: sign for good', decision='allow',
                           sed_decision='allow', grep_state='idle')
        self.sign('other')
        self.wait_rendered(decision='deny')
        self.enroll_pin()
        asking = self.ask()
        self.wait_rendered(state='confirming', text='CONFIRM: ssh-keygen: sign for ask',
                           method='pin')
        self.guard.command('deny', '--all')
        asking.wait(30)
        self.wait_rendered(state='idle', decision='confirm-denied')
        self.guard.write_policy('nonsense\n')
        self.wait_rendered(state='reload-error', error='yes')
        self.guard.write_policy(self.guard.policy.read_text().replace(
            'nonsense\n', f'{POLICY}status: {{renderers: [{self.script}]}}\n'))
        self.wait_rendered(error='no')
        self.assertEqual(self.failures(), [])

    def test_where_the_state_is_there_itself_nothing_is_copied(self):
        old = self.place.make_directory(self.place.home / '.local/state/ssh-ag')
        self.start(arguments=('--state-dir', old))
        self.sign()
        self.guard.state = old
        self.wait_rendered(decision='allow')
        self.guard.stop()
        old.rename(self.place.home / '.local/state/other')
        old.symlink_to('other')
        self.start(arguments=('--state-dir', self.place.home / '.local/state/other'))
        self.guard.state = self.place.home / '.local/state/other'
        self.sign('other')
        self.wait_rendered(decision='deny')
        self.assertEqual(self.failures(), [])

    def test_what_others_may_write_to_is_not_used(self):
        old = self.place.make_directory(self.place.home / '.local/state/ssh-ag')
        old.chmod(0o777)
        self.start()
        wait_until(self.failures, 'it is said')
        self.assertIn('cannot be put into ~/.local/state/ssh-ag', self.failures()[0])
        self.assertEqual(list(old.iterdir()), [])

    def test_of_its_environment_it_gets_what_a_renderer_needs(self):
        self.write_script('env > "$HOME/.local/state/ssh-ag/env"\nid -G >> "$HOME/.local/state/ssh-ag/env"'
                          '\nls /proc/self/fd > "$HOME/.local/state/ssh-ag/fds"\n')
        self.start(env={'SECRET': 'x', 'LD_PRELOAD': '', 'TMUX_TMPDIR': '/tmp/x'})
        path = self.place.home / '.local/state/ssh-ag/fds'
        wait_until(lambda: path.exists() and path.read_text(), 'it was run')
        text = path.with_name('env').read_text()
        self.assertIn(f'HOME={self.place.home}\n', text)
        self.assertIn(f'SSH_AGENT_GUARD_STATE={self.guard.state}\n', text)
        self.assertIn('TMUX_TMPDIR=/tmp/x\n', text)
        for name in ('SECRET', 'LD_PRELOAD', 'SSH_AUTH_SOCK'):
            self.assertNotIn(name, text)
        # Beside the three, the one by which its end is known, and that of ls itself.
        self.assertLessEqual(len(path.read_text().split()), 5)

    def test_while_it_waits_for_a_file_it_holds_nobodys_connection(self):
        """Its files lie where nothing answers, and not even a kill ends it. A connection that the guard
        closes is closed for its client all the same."""
        fuse.own_mounts()
        files = fuse.FileSystem(self.place, self.script, keep=fuse.LOOKUP)
        self.addCleanup(files.end)
        self.place.make_directory(self.place.home / '.local/state')
        self.guard = self.start_guard(POLICY, upstream=self.agent)
        (self.place.home / '.local/state/ssh-ag').symlink_to(files.path('state'))
        with AgentClient(self.guard.socket) as client:
            client.send(frame(REQUEST_IDENTITIES))
            self.assertEqual(client.receive()[0], IDENTITIES_ANSWER)
            self.guard.write_policy(f'{POLICY}status: {{renderers: [{self.script}]}}\n')
            waiting = files.wait_kept()
            self.assertIn(waiting, descendants(self.guard.pid))
            self.assertEqual(sorted(os.listdir(f'/proc/{waiting}/fd'), key=int),
                             ['0', '1', '2', '3', '4'])
            client.send(b'\xff\xff\xff\xff')  # longer than any message
            self.assertIsNone(client.receive())
            self.assertTrue(is_running(waiting))

    def test_it_changes_files_only_where_it_may(self):
        cache = self.place.make_directory(self.place.home / 'cache')
        self.write_script('cd "$HOME"; for place in .local/state/ssh-ag cache .; do '
                          'echo x > $place/written; done 2>/dev/null\n'
                          'echo x > .local/state/ssh-ag/done\n')
        if landlock_abi() < 2:
            self.skipTest('no Landlock here that could do it')
        self.start(f'{{command: [{self.script}], writes: [{cache}]}}')
        wait_until((self.place.home / '.local/state/ssh-ag/done').exists, 'it was run')
        self.assertTrue((cache / 'written').exists())
        self.assertFalse((self.place.home / 'written').exists())

    def test_where_there_is_no_landlock_it_runs_all_the_same(self):
        self.start(spawn={'preexec_fn': without_landlock})
        self.sign()
        self.wait_rendered(decision='allow')
        self.assertEqual(self.failures(), [])

    @unittest.skipUnless(TMUX, 'needs tmux')
    def test_it_can_speak_with_tmux_and_clear_what_it_has_shown(self):
        """As the older scripts do: they set the option, and some seconds later, in a process that
        they leave behind, they clear it."""
        directory = self.place.path / 'tmp'
        env = {'TMUX_TMPDIR': str(directory), 'TERM': 'xterm'}
        words = [TMUX, '-f', '/dev/null']
        self.place.run_ok(*words, 'new-session', '-d', 'sleep 1000', env=env)
        pid = int(self.place.run_ok(*words, 'display-message', '-p', '#{pid}', env=env))
        self.addCleanup(os.kill, pid, signal.SIGKILL)

        def option():
            return self.place.run_ok(*words, 'show-options', '-gqv', '@ssh_ag_status', env=env)
        self.write_script('text=$(sed -n "s/^text: //p" "$HOME/.local/state/ssh-ag/current.yaml")\n'
                          'tmux set -g @ssh_ag_status "#[bold] $text #[default]"\n'
                          '(sleep 3; tmux set -g @ssh_ag_status "") &\n')
        self.start(env={'TMUX_TMPDIR': str(directory)})
        self.sign()
        wait_until(lambda: '#[bold] "ssh-keygen: sign for good" #[default]' in option(), 'it is set')
        wait_until(lambda: option().strip() == '', 'and cleared')
        self.assertEqual(self.failures(), [])

    def test_one_that_fails_is_told_of_once(self):
        self.write_script('exit 3\n')
        self.start()
        wait_until(self.failures, 'it is said')
        for _ in range(5):
            self.sign()
        self.assertEqual(self.failures(), [f'{self.script}: ended with exit status 3'])
        wait_until(lambda: 'exit status 3' in self.guard.status().get('renderer_failed', ''),
                   'the status says so')
        self.assertEqual(self.guard.output().count('exit status 3'), 1)
        self.write_script('exit 0\n')
        self.sign()
        wait_until(lambda: 'renderer_failed' not in self.guard.status(), 'it is well again')

    def test_one_that_is_not_there_is_told_of(self):
        self.start('/nonexistent/renderer')
        wait_until(self.failures, 'it is said')
        self.assertEqual(self.failures(), ['/nonexistent/renderer: cannot be run (see the policy)'])
        self.assertEqual(self.sign().returncode, 0)

    def test_one_that_hangs_is_ended_with_what_it_started(self):
        self.write_script('sleep 1000 & echo $$ $! > "$HOME/.local/state/ssh-ag/pids"; sleep 1000\n')
        self.start()
        path = self.place.home / '.local/state/ssh-ag/pids'
        wait_until(lambda: path.exists() and len(path.read_text().split()) == 2, 'it runs')
        pids = list(map(int, path.read_text().split()))
        self.assertEqual(self.sign().returncode, 0)
        self.guard.wait_event(trigger='sign', decision='allow')
        wait_until(self.failures, 'it is said')
        self.assertIn('took longer than 10 s', self.failures()[0])
        wait_until(lambda: not any(map(is_running, pids)), 'both are gone')

    def test_what_it_leaves_behind_is_ended_by_the_next_run(self):
        """As the older scripts do, which clear a line some seconds later."""
        self.write_script('sleep 1000 &\necho $! >> "$HOME/.local/state/ssh-ag/pids"\n')
        self.start()
        path = self.place.home / '.local/state/ssh-ag/pids'

        def pids():
            return list(map(int, path.read_text().split())) if path.exists() else []
        wait_until(pids, 'it has run')
        self.assertTrue(is_running(pids()[0]))
        for count in (2, 3):
            self.sign()
            wait_until(lambda: len(pids()) >= count, 'it has run again')
            wait_until(lambda: not any(map(is_running, pids()[:-1])), 'the ones before are gone')
        self.assertTrue(is_running(pids()[-1]))
        self.guard.stop()
        wait_until(lambda: not is_running(pids()[-1]), 'nothing is left')
        self.assertEqual(self.failures(), [])

    def test_another_policy_names_another(self):
        self.start()
        self.wait_rendered(state='idle')
        other = self.place.write('bin/other', '#!/bin/sh\necho x > "$HOME/.local/state/ssh-ag/other"\n',
                                 0o755)
        self.guard.write_policy(f'{POLICY}status: {{renderers: [[{other}, word]]}}\n')
        wait_until((self.place.home / '.local/state/ssh-ag/other').exists, 'it is run')
        count = len(self.rendered())
        self.sign()
        self.guard.wait_event(trigger='sign')
        self.guard.write_policy(POLICY)
        self.wait_state('reloaded')
        self.assertEqual(len(self.rendered()), count)

    def test_what_is_no_renderer_is_an_error_of_the_policy(self):
        for listed, said in (('waybar', 'waybar: is for whoever asks'), ('tmx', 'tmx: unknown'),
                             ('{writes: [/tmp]}', 'no command: in it'),
                             ('[render]', 'render: not an absolute path'),
                             ('{command: [/x], writes: [tmp]}', 'tmp: not an absolute path'),
                             ('{command: [/x], wrotes: [/tmp]}', 'wrotes: unknown field')):
            with self.subTest(listed):
                path = self.place.write('bad.yaml', 'default_action: deny\n'
                                        f'status: {{renderers: [{listed}]}}\n')
                done = self.place.run(self.place.program, 'policy', 'lint', path)
                self.assertEqual(done.returncode, 1)
                self.assertIn('bad.yaml:2:', done.stdout + done.stderr)
                self.assertIn(said, done.stdout + done.stderr)


class Burst(Command):
    """Many signatures, by one client that is as fast as it can be."""

    as_person = False

    def setUp(self):
        super().setUp()
        self.blob = self.keys.blob(self.key)

    def sign_many(self, count=200):
        """How long the slowest one took."""
        slowest = 0
        with AgentClient(self.guard.socket) as client:
            for _ in range(count):
                began = time.monotonic()
                self.assertEqual(client.sign(self.blob)[0], SIGN_RESPONSE)
                slowest = max(slowest, time.monotonic() - began)
        return slowest

    def allow_all(self, renderer):
        self.guard = self.start_guard(f'default_action: allow\nstatus: {{renderers: [{renderer}]}}\n',
                                      upstream=self.agent, env={'TMUX_TMPDIR': str(self.place.path / 'tmp')})

    def test_a_burst_is_rendered_by_few_runs_and_the_last_state_wins(self):
        self.allow_all(self.script)
        self.wait_rendered(state='idle')
        before, began = len(self.rendered()), time.monotonic()
        self.sign_many()
        self.guard.command('panic')
        self.wait_rendered(state='locked')
        elapsed = time.monotonic() - began
        self.assertLessEqual(len(self.rendered()) - before, elapsed / 0.5 + 2)

    def test_renderers_that_hang_delay_no_signature(self):
        """A program that never ends, and a tmux that is stopped."""
        self.write_script('exec sleep 1000\n')
        if TMUX:
            own = self.place.make_directory(self.place.path / 'tmp' / f'tmux-{self.place.uid}')
            words = [TMUX, '-f', '/dev/null', '-S', own / 'default']
            self.place.run_ok(*words, 'new-session', '-d', 'sleep 1000', env={'TERM': 'xterm'})
            pid = int(self.place.run_ok(*words, 'display-message', '-p', '#{pid}'))
            self.addCleanup(os.kill, pid, signal.SIGKILL)
            os.kill(pid, signal.SIGSTOP)
        self.allow_all(f'tmux, {self.script}')
        count = len(descendants(self.guard.pid))
        # Less than tmux is given, and much less than a program is. On a busy machine one signature
        # may take a tenth of a second by itself, so the best of some tries counts.
        self.assertLess(min(self.sign_many() for _ in range(3)), 0.6)
        # One program with its watcher, and one tmux with its own.
        self.assertLessEqual(len(descendants(self.guard.pid)), count + 5)
