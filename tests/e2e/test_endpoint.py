"""Sockets of their own for some of the work, by the policy: made and taken away with it."""

import os
import shutil
import stat

import guard
import place
from guard import SSH_KEYGEN
from place import wait_until

RULES = '''
default_action: deny
rules:
  - name: from-ci
    match: {{endpoint: ci, sign_type: sshsig}}
    action: allow
endpoints:
  {name}: {{path: {path}}}
'''


class EndpointTest(guard.GuardTest):
    as_person = True

    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()
        self.key = self.keys.make()
        self.add(self.agent, self.key)
        self.key.rename(self.place.path / 'away')  # the agent alone can sign from here on
        self.ci = self.place.runtime / 'ci.sock'

    def start(self, name='ci', path=None):
        self.guard = self.start_guard(self.text(name, path), upstream=self.agent)
        return self.guard

    def text(self, name='ci', path=None):
        return RULES.format(name=name, path=path or self.ci)

    def signs(self, socket, *wrapper, **options):
        done = self.place.run(*wrapper, SSH_KEYGEN, '-Y', 'sign', '-n', 'file', '-f',
                              f'{self.key}.pub', env={'SSH_AUTH_SOCK': str(socket)}, input='data',
                              **options)
        return done.returncode == 0


class Lives(EndpointTest):
    def test_a_rule_speaks_of_one_socket_alone(self):
        self.start()
        wait_until(lambda: place.socket_answers(self.ci), 'the endpoint answers')
        self.assertEqual(stat.S_IMODE(self.ci.stat().st_mode), 0o600)
        self.assertTrue(self.signs(self.ci))
        event = self.guard.wait_event(trigger='sign', decision='allow')
        self.assertEqual((event['endpoint'], event['rule']), ('ci', 'from-ci'))
        self.assertFalse(self.signs(self.guard.socket))

    def test_it_has_the_mode_that_the_policy_says(self):
        self.start()
        wait_until(lambda: place.socket_answers(self.ci), 'the endpoint answers')
        self.guard.write_policy(self.text().replace('.sock}', '.sock, mode: 0666}'))
        self.assertEqual(self.guard.command('reload').returncode, 0)
        wait_until(lambda: stat.S_IMODE(self.ci.stat().st_mode) == 0o666, 'it has another mode')
        self.assertTrue(self.signs(self.ci))
        self.assertEqual(stat.S_IMODE(self.guard.socket.stat().st_mode), 0o600)

    def test_a_rule_says_what_its_events_hold(self):
        self.start()
        self.guard.write_policy(self.text().replace('sign_type: sshsig}', 'sign_type: sshsig}\n'
                                                    '    log: brief\n    notify: true'))
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.assertTrue(self.signs(self.ci))
        event = self.guard.wait_event(trigger='sign', decision='allow')
        self.assertEqual((event['brief'], event['notify'], event['process_name']),
                         (True, True, 'ssh-keygen'))
        self.assertNotIn('command', event)
        self.assertNotIn('local_proc_tree', event)
        self.assertFalse(self.signs(self.guard.socket))
        event = self.guard.wait_event(trigger='sign', decision='deny')
        self.assertIn('command', event, 'the default is not brief')

    def test_one_for_containers_refuses_who_is_in_none(self):
        self.start()
        self.guard.write_policy(self.text().replace('.sock}', '.sock, from: container}'))
        self.assertEqual(self.guard.command('reload').returncode, 0)
        wait_until(lambda: place.socket_answers(self.ci), 'the endpoint answers')
        self.assertFalse(self.signs(self.ci))
        event = self.guard.wait_event(endpoint='ci', decision='deny')
        self.assertEqual(event['reason'], 'not-in-container')

    def test_it_comes_and_goes_with_the_policy(self):
        self.start(name='other')
        wait_until(lambda: place.socket_answers(self.ci), 'the endpoint answers')
        self.assertFalse(self.signs(self.ci), 'it has another name')
        self.guard.write_policy(self.text())
        self.assertEqual(self.guard.command('reload').returncode, 0)
        wait_until(lambda: self.signs(self.ci), 'it has a new name')
        second = self.place.runtime / 'second.sock'
        self.guard.write_policy(self.text(path=second))
        self.assertEqual(self.guard.command('reload').returncode, 0)
        wait_until(lambda: not self.ci.exists(), 'the old one is gone')
        self.assertTrue(self.signs(second))
        self.guard.write_policy('endpoints: [')
        self.assertEqual(self.guard.command('reload').returncode, 1)
        self.assertTrue(self.signs(second), 'a bad policy takes nothing away')
        self.guard.stop()
        self.assertFalse(second.exists())

    def test_what_lies_at_its_place_stays(self):
        self.ci.write_text('mine')
        self.start()
        event = self.guard.wait_event(trigger='endpoint-failed')
        self.assertIn('no socket', event['detail'])
        self.assertEqual(self.ci.read_text(), 'mine')
        for path in (self.agent.socket, self.guard.socket,
                     self.place.runtime / 'ssh-agent-guard/control.sock'):
            before = path.stat().st_ino
            self.guard.write_policy(self.text(path=path))
            self.assertEqual(self.guard.command('reload').returncode, 0)
            wait_until(lambda: any(str(path) in event['detail'] for event in
                                   self.guard.events(trigger='endpoint-failed')), 'it is told')
            self.assertEqual(path.stat().st_ino, before)
        self.assertIn('endpoint', self.guard.status()['notice'])
        self.guard.write_policy(self.text(path=self.place.runtime / 'free.sock'))
        self.assertEqual(self.guard.command('reload').returncode, 0)
        wait_until(lambda: 'notice' not in self.guard.status(), 'it is settled')

    def test_what_cannot_be_an_endpoint_is_told(self):
        self.start()
        for text, what in ((self.text(name='default'), 'own socket'),
                           (self.text(name='"exec:x"'), 'letters'),
                           (self.text(path='relative'), 'from / or ~/'),
                           (self.text().replace('path', 'paht'), 'did you mean path'),
                           (self.text().replace('.sock}', '.sock, mode: 0777}'), 'write 0600'),
                           (self.text().replace('.sock}', '.sock, mode: 0066}'), 'write 0600'),
                           (self.text().replace('.sock}', '.sock, from: afar}'), 'anywhere or'),
                           (self.text().replace('path: ', 'mode: 0600, from: '), 'path: missing')):
            self.guard.write_policy(text)
            done = self.guard.command('reload')
            self.assertEqual(done.returncode, 1)
            self.assertIn(what, done.stderr)


class Unseen(EndpointTest):
    def test_one_who_cannot_be_seen_may_come_where_a_rule_says_so(self):
        if os.getuid() != 0 or not shutil.which('unshare') or not shutil.which('setpriv'):
            self.skipTest('a PID namespace takes root, unshare and setpriv (util-linux)')
        self.start()
        wait_until(lambda: place.socket_answers(self.ci), 'the endpoint answers')
        unseen = ('unshare', '--pid', '--fork', 'setpriv', '--reuid', str(self.place.uid),
                  '--regid', str(self.place.uid), '--clear-groups', '--')
        options = {'user': 0, 'group': 0}
        self.assertFalse(self.signs(self.guard.socket, *unseen, **options))
        event = self.guard.wait_event(trigger='list', decision='deny')
        self.assertEqual(event['reason'], 'caller-unknown')
        self.assertTrue(self.signs(self.ci, *unseen, **options))
        event = self.guard.wait_event(trigger='sign', decision='allow')
        self.assertEqual((event['endpoint'], event['caller_reason']), ('ci', 'caller-unknown'))
        self.guard.write_policy(self.text().replace('.sock}', '.sock, from: container}'))
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.assertTrue(self.signs(self.ci, *unseen, **options))
        self.guard.write_policy(self.text().replace('endpoint: ci, ', ''))
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.assertTrue(self.signs(self.ci))
        self.assertFalse(self.signs(self.ci, *unseen, **options), 'no rule names the endpoint')

    def test_a_sandbox_that_has_its_directory_comes_by_it(self):
        sandbox = ('bwrap', '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc',
                   '--unshare-user', '--unshare-pid', '--tmpfs', '/mnt')
        if self.place.run(*sandbox, 'true').returncode != 0:
            self.skipTest('no sandbox can be made here (bubblewrap)')
        door = self.place.make_directory(self.place.runtime / 'door')
        self.start(path=door / 'ci.sock')
        self.guard.write_policy(self.text(path=door / 'ci.sock')
                                .replace('.sock}', '.sock, from: container}'))
        self.guard.wait_event(trigger='reload')
        mounted = (*sandbox, '--bind', door, '/mnt/door')
        wait_until(lambda: self.signs('/mnt/door/ci.sock', *mounted), 'it signs from inside')
        event = self.guard.wait_event(trigger='sign', decision='allow')
        self.assertEqual((event['endpoint'], event['is_container']), ('ci', True))
        self.assertFalse(self.signs(door / 'ci.sock'))

    def test_another_user_may_not(self):
        if os.getuid() != 0:
            self.skipTest('only root can be another user')
        self.start()
        wait_until(lambda: place.socket_answers(self.ci), 'the endpoint answers')
        self.assertFalse(self.signs(self.ci, user=0, group=0))
        event = self.guard.wait_event(decision='deny')
        self.assertEqual((event['uid'], event['reason']), (0, 'other-uid'))
