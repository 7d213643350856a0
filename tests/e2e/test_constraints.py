"""A key that was added for some destinations only (ssh-add -h) is used for no other, whichever
agent is behind us."""

import pathlib
import unittest

import chains
from agent_client import (ADD_IDENTITY, ADD_IDENTITY_CONSTRAINED, EXTENSION, FAILURE,
                          IDENTITIES_ANSWER, LOCK, REQUEST_IDENTITIES, SUCCESS, UNLOCK, AgentClient,
                          frame, string)
from chains import ChainTest
from guard import ALLOW_ALL, SSH_ADD
from test_upstream import FakeAgent


class Constraints(ChainTest):
    def listed(self, server):
        """How many keys are in it."""
        done = self.place.run(SSH_ADD, '-l', env=server.env)
        return done.stdout.count('SHA256:')

    def assert_as_without_us(self, constraints, expected, names=None):
        """expected: which ways work, through the guard and without it."""
        for server in (self.agent, self.guard):
            with self.subTest(constraints=constraints, server=type(server).__name__):
                self.place.run_ok(SSH_ADD, '-qD', env=server.env)
                done = self.restrict(server, *constraints, names=names)
                self.assertEqual(done.returncode, 0, done.stderr)
                ways = {way: self.arrives(*way.split('>'), env=server.env) for way in expected}
                self.assertEqual(ways, expected)

    def test_they_hold_over_several_hops_as_without_us(self):
        self.start()
        self.assert_as_without_us(['a', 'a>b', 'b>c'], {'a': True, 'b': False, 'a>b': True,
                                                        'a>c': False, 'a>b>c': True})
        self.assert_as_without_us(['a', 'a>b'], {'a>b': True, 'a>b>c': False})
        event = self.guard.wait_event(trigger='add', decision='allow')
        self.assertEqual(event['key_fingerprint'], self.keys.fingerprint(self.key))

    def test_they_hold_for_users_and_wildcards_as_without_us(self):
        self.start()
        me = self.place.user_name
        self.assert_as_without_us([f'{me[:3]}*@a', f'nobody@b', 'a>*@c'],
                                  {'a': True, 'b': False, 'c': False, 'a>c': True, 'a>b': False})

    def test_they_hold_for_hosts_with_a_certificate_as_without_us(self):
        directory = self.place.path / 'certified'
        self.hosts['certified'] = host = self.make_host(
            'certified', settings=f'HostCertificate {directory}/host_key-cert.pub',
            prepare=self.certify_host)
        authority = pathlib.Path(f'{self.authority}.pub').read_text().strip()
        host.known_hosts.write_text(f'@cert-authority * {authority}\n')
        names = self.known_names(f'@cert-authority certified {authority}')
        lines = [line for line in names.read_text().splitlines()
                 if not line.startswith('certified ')]
        names.write_text('\n'.join(lines) + '\n')
        self.start()
        self.assert_as_without_us(['certified'], {'certified': True, 'a': False}, names)
        self.assert_as_without_us(['certified', 'certified>b'],
                                  {'certified>b': True, 'certified>a': False}, names)

    # --- agents that drop them

    def refused(self, upstream):
        server = self.start_guard(ALLOW_ALL, upstream=upstream)
        self.guard = server
        before = self.listed(server)
        done = self.restrict(server, 'a')
        self.assertNotEqual(done.returncode, 0)
        event = server.wait_event(trigger='add', reason='constraint-unenforced')
        self.assertEqual(event['decision'], 'deny')
        self.assertEqual(event['key_fingerprint'], self.keys.fingerprint(self.key))
        self.assertIn('session-bind', event['detail'])
        self.assertEqual(self.listed(server), before)

    @unittest.skipUnless(chains.GPG_AGENT, 'gpg-agent is not installed')
    def test_gpg_agent_is_not_given_a_key_whose_constraint_it_would_drop(self):
        socket = self.start_gpg_agent()
        self.refused(socket)
        # What it does keep to is passed on, and so is a key without any.
        self.place.run_ok(SSH_ADD, '-q', '-t', '600', self.away, env=self.guard.env)
        self.assertEqual(self.listed(self.guard), 1)
        self.assertTrue(self.arrives('a'))
        # Without us it says that it took the key, and the key is good for any host.
        env = {'SSH_AUTH_SOCK': str(socket)}
        self.place.run_ok(SSH_ADD, '-qD', env=env)
        self.place.run_ok(SSH_ADD, '-q', '-H', self.known_names(), '-h', 'a', self.away, env=env)
        self.assertTrue(self.arrives('b', env=env))

    def fake(self, name, answer):
        fake = FakeAgent(self.place.path / name, answer)
        self.addCleanup(fake.close)
        fake.socket.chmod(0o666)
        return fake

    def assert_not_given_a_key(self, fake):
        kinds = [message[0] for _, message in fake.asked]
        self.assertNotIn(ADD_IDENTITY, kinds)
        self.assertNotIn(ADD_IDENTITY_CONSTRAINED, kinds)

    def test_an_agent_that_takes_every_bind_does_not_look_at_them(self):
        def agreeable(_number, message):
            if message[0] == REQUEST_IDENTITIES:
                return [frame(IDENTITIES_ANSWER, bytes(4))]
            return [frame(SUCCESS)]
        fake = self.fake('agreeable', agreeable)
        self.refused(fake)
        self.assert_not_given_a_key(fake)

    def test_an_agent_that_goes_away_while_it_is_found_out_about_gets_no_key(self):
        fake = self.fake('fleeting', lambda _number, message: None)
        self.start(upstream=fake)
        self.assertNotEqual(self.restrict(self.guard, 'a').returncode, 0)
        self.guard.wait_event(trigger='add', decision='deny', reason='upstream-down')
        self.assert_not_given_a_key(fake)

    def test_a_client_that_leaves_meanwhile_adds_nothing(self):
        fake = self.fake('silent', lambda _number, message: [])
        self.start(upstream=fake)
        client = self.place.spawn(SSH_ADD, '-q', '-H', self.known_names(), '-h', 'a', self.away,
                                  env=self.guard.env)
        chains.wait_until(lambda: fake.asked, 'the agent is asked')
        self.place.end(client)
        self.guard.wait_event(trigger='add', decision='deny', reason='cancelled')
        self.assertEqual([message[0] for _, message in fake.asked], [EXTENSION])

    def test_a_locked_agent_takes_no_key(self):
        self.start()
        with AgentClient(self.agent.socket) as client:
            self.assertEqual(client.ask(LOCK, string('p')), bytes([SUCCESS]))
            self.assertNotEqual(self.restrict(self.guard, 'a').returncode, 0)
            # OpenSSH 10.6 takes binds while it is locked, and then no key; older ones take neither.
            event = self.guard.wait_event(trigger='add')
            self.assertIn(event.get('reason'), ('constraint-unenforced', None))
            self.assertEqual(client.ask(UNLOCK, string('p')), bytes([SUCCESS]))
        self.assertEqual(self.restrict(self.guard, 'a').returncode, 0)

    def test_what_the_policy_denies_is_not_asked_of_the_agent(self):
        fake = self.fake('unasked', lambda _number, message: [frame(FAILURE)])
        self.start('default_action: allow\ndefault_change_action: deny\n', upstream=fake)
        self.assertNotEqual(self.restrict(self.guard, 'a').returncode, 0)
        self.guard.wait_event(trigger='add', decision='deny', rule='default')
        self.assertEqual(fake.asked, [])


if __name__ == '__main__':
    unittest.main()
