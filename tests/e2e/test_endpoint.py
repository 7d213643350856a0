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
                           (self.text().replace('path', 'paht'), 'did you mean path')):
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
        self.guard.write_policy(self.text().replace('endpoint: ci, ', ''))
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.assertTrue(self.signs(self.ci))
        self.assertFalse(self.signs(self.ci, *unseen, **options), 'no rule names the endpoint')

    def test_another_user_may_not(self):
        if os.getuid() != 0:
            self.skipTest('only root can be another user')
        self.start()
        wait_until(lambda: place.socket_answers(self.ci), 'the endpoint answers')
        self.assertFalse(self.signs(self.ci, user=0, group=0))
        event = self.guard.wait_event(decision='deny')
        self.assertEqual((event['uid'], event['reason']), (0, 'other-uid'))
