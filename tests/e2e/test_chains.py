"""The agent forwarded over real hosts, used there as it is meant to be, and by whoever has taken
over such a host."""

import re
import shlex
import unittest

import agent_client as wire
from agent_client import FAILURE, SIGN_RESPONSE, SUCCESS, AgentClient
from binds import Host, bind_body, login, send_bind, session_id, sshsig
from chains import ChainTest, wait_until
from guard import SSH, SSH_KEYGEN
from test_upstream import FakeAgent


def only(*matches):
    """A policy with one rule for each match, named rule-1 and so on."""
    rules = ''.join(f'  - {{match: {{{match}}}, action: allow}}\n' for match in matches)
    return f'default_action: deny\nrules:\n{rules}'


class Chains(ChainTest):
    def direct(self, name):
        """A match for logging in to that host from here."""
        return f'dest_key: "{self.host_keys[name]}", is_forwarded: false'

    def assert_over(self, event, last, *via, **fields):
        self.assert_fields(event, sign_type='ssh-login', dest_evidence='verified',
                           dest_key_fingerprint=self.host_keys[last], is_forwarded=True,
                           hops=len(via), forwarded_via=list(via),
                           forwarded_via_keys=[self.host_keys[name] for name in via], **fields)

    # --- as it is meant to be

    def test_each_login_over_three_hosts_shows_its_own_chain(self):
        self.start(only(self.direct('a'), f'dest_key: "{self.host_keys["b"]}", hops: 1',
                        f'dest_key: "{self.host_keys["c"]}", hops: 2, is_forwarded: true'))
        done = self.over('a', 'b', 'c')
        self.assertEqual(done.stdout, 'arrived\n', done.stderr)
        first, second, third = self.signed()
        self.assert_fields(first, rule='rule-1', is_forwarded=False, hops=None,
                           dest_key_fingerprint=self.host_keys['a'])
        self.assert_over(second, 'b', 'a', rule='rule-2', outcome='success')
        self.assert_over(third, 'c', 'a', 'b', rule='rule-3', outcome='success')

    def test_a_destination_may_be_reached_by_one_way_and_not_by_another(self):
        self.start(only(self.direct('a'), self.direct('b'),
                        f'dest_key: "{self.host_keys["b"]}"',
                        f'dest_key: "{self.host_keys["c"]}", hops: 2'))
        self.assertFalse(self.arrives('a', 'c'))
        self.assert_over(self.signed()[-1], 'c', 'a', decision='deny', rule='default')
        self.assertFalse(self.arrives('c'))
        self.assert_fields(self.signed()[-1], decision='deny', is_forwarded=False)
        self.assertTrue(self.arrives('a', 'b', 'c'))
        self.assert_over(self.signed()[-1], 'c', 'a', 'b', rule='rule-4')

    def test_forwarding_ends_where_a_rule_says_so(self):
        self.start('''
default_action: allow
rules: [{name: far, match: {hops: 2}, action: deny}]
''')
        self.assertTrue(self.arrives('a', 'b'))
        self.assertFalse(self.arrives('a', 'b', 'c'))
        self.assert_over(self.signed()[-1], 'c', 'a', 'b', decision='deny', rule='far')

    def test_a_host_that_nobody_knows_is_told_by_its_key(self):
        del self.hosts['c']
        unknown = self.hosts.pop('b')
        known = f'\nknown_hosts: {{user: [{self.known_names()}], system: []}}\n'
        self.hosts['b'] = unknown
        self.start(only(self.direct('a')) + known)
        self.hosts['b'].known_hosts.write_text('')
        options = ['-o', 'StrictHostKeyChecking=no']
        inner = shlex.join([SSH, '-F', str(self.hosts['b'].client_config), *options, 'b',
                            'echo arrived'])
        self.assertNotIn('arrived', self.over('a', then=inner, options=['-A']).stdout)
        self.assert_over(self.signed()[-1], 'b', 'a', decision='deny', rule='default')
        self.guard.write_policy(only(self.direct('a'), f'dest_key: "{self.host_keys["b"]}"') + known)
        self.guard.command('reload')
        done = self.over('a', then=inner, options=['-A'])
        self.assertEqual(done.stdout, 'arrived\n', done.stderr)

    def test_a_session_of_a_control_master_is_forwarded_as_any_other(self):
        self.start(only(self.direct('a'), f'dest_key: "{self.host_keys["b"]}", hops: 1'))
        control = self.place.path / 'control'
        words = [SSH, '-F', self.hosts['a'].client_config, '-S', control]
        master = self.place.spawn(*words, '-MNA', 'a', env=self.guard.env)
        wait_until(control.exists, 'the control master answers')
        for name, arrives in (('b', True), ('c', False)):
            inner = shlex.join(self.words_over(name))
            # The master has our agent; this client has none at all.
            done = self.place.run(*words, '-A', 'a', inner)
            self.assertEqual(done.stdout == 'arrived\n', arrives, done.stderr)
            self.assert_over(self.signed()[-1], name, 'a', local_pid=master.pid,
                             decision='allow' if arrives else 'deny')
        self.assertEqual(len(self.signed()), 3)

    def test_git_signs_commits_on_a_far_host_where_a_rule_says_so(self):
        self.start(only(self.direct('a'), 'namespace: git, hops: 1'))
        repository = self.place.home / 'repository'
        self.place.run_ok('git', 'init', '-q', repository)
        settings = [f'user.signingkey={self.key}.pub', 'gpg.format=ssh', 'user.name=A',
                    'user.email=a@example']
        words = [word for setting in settings for word in ('-c', setting)]
        commit = shlex.join(['git', '-C', str(repository), *words, 'commit', '-qS',
                             '--allow-empty', '-m', 'signed'])
        done = self.over('a', then=commit, options=['-A'])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_fields(self.signed()[-1], rule='rule-2', sign_type='sshsig', namespace='git',
                           is_forwarded=True, hops=1, dest_key_fingerprint=None)
        public = self.key.with_suffix('.pub').read_text()
        signers = self.place.write('signers', f'a@example {public}')
        verified = self.place.run_ok('git', '-C', repository, '-c',
                                     f'gpg.ssh.allowedSignersFile={signers}', 'log', '-1',
                                     '--format=%G?')
        self.assertEqual(verified, 'G\n')
        message = self.place.write('home/message', 'a message\n')
        file = shlex.join([SSH_KEYGEN, '-Y', 'sign', '-n', 'file', '-f', f'{self.key}.pub',
                           str(message)])
        self.assertNotEqual(self.over('a', then=file, options=['-A']).returncode, 0)
        self.assert_fields(self.signed()[-1], decision='deny', namespace='file')

    # --- by whoever has taken over a host

    def prepare_attack(self):
        """B may be logged in to over A. What A's owner asks for is never in the policy."""
        self.other = Host()  # somebody's machine, whose private key A's owner has
        self.start(only(self.direct('a'), f'dest_key: "{self.host_keys["b"]}", hops: 1'))
        self.b = self.keys.blob(self.hosts['b'].host_key)
        self.blob = self.keys.blob(self.key)
        self.session = session_id()

    def refused(self, client, data, **fields):
        self.assertEqual(client.sign(self.blob, data), bytes([FAILURE]))
        self.assert_fields(self.signed()[-1], decision='deny', process_name='ssh', **fields)

    def to_b(self):
        return login(self.session, self.blob, self.place.user_name, self.b)

    def test_what_comes_over_a_forwarded_agent_is_so_whatever_it_says_of_itself(self):
        self.prepare_attack()
        socket = self.forwarded()
        unproved = dict(is_forwarded=True, dest_evidence='none', dest_key_fingerprint=None)
        with AgentClient(socket) as client:  # no bind, as by an old or a lying client
            for data in (self.to_b(), login(self.session, self.blob)):
                self.refused(client, data, hops=1, missing_fact='dest_key', **unproved)
            self.refused(client, sshsig('git'), sign_type='sshsig', is_forwarded=True)
            self.refused(client, b'anything', sign_type='unknown', is_forwarded=True)
        with AgentClient(socket) as client:  # B's public key, and a signature that is not B's
            forged = bind_body(self.b, self.session, self.other.sign(self.session))
            self.assertNotEqual(send_bind(client, forged), SUCCESS)
            event = self.guard.events(trigger='session-bind')[-1]
            self.assert_fields(event, decision='deny', reason='bind-bad-signature')
            self.assertIn(self.host_keys['b'], event['detail'])
            self.refused(client, self.to_b(), **unproved)
        with AgentClient(socket) as client:  # another host stands in for B
            self.assertEqual(send_bind(client, self.other.bind(self.session)), SUCCESS)
            self.refused(client, self.to_b(), reason='bind-mismatch')
            self.refused(client, login(self.session, self.blob), rule='default', **unproved)
            honest = login(self.session, self.blob, host=self.other.blob)
            self.refused(client, honest, rule='default', is_forwarded=True,
                         dest_key_fingerprint=self.other.fingerprint)
        self.assertEqual([event['decision'] for event in self.signed()].count('allow'), 1)
        self.assertTrue(self.arrives('a', 'b'))  # and the right way is still open

    def test_the_binds_of_one_who_logs_in_are_of_no_use_to_another(self):
        """A sees the binds and the logins that pass by it, and sends them again."""
        self.prepare_attack()
        seen = []
        real = self.forwarded()
        between = self.place.path / 'between.sock'
        relay(self, between, real, seen)
        done = self.place.run(*self.words_over('b'), env={'SSH_AUTH_SOCK': str(between)})
        self.assertEqual(done.stdout, 'arrived\n', done.stderr)
        binds = [body for body in seen if body[0] == wire.EXTENSION]
        logins = [body for body in seen if body[0] == wire.SIGN_REQUEST]
        self.assertEqual((len(binds), len(logins)), (1, 1))
        count = len(self.signed(decision='allow'))
        with AgentClient(real) as client:
            self.assertEqual(client.ask(binds[0][0], binds[0][1:]), bytes([SUCCESS]))
            self.refused(client, self.to_b(), reason='bind-mismatch')
            # The same login again says nothing new: it is good for that session of B alone.
            self.assertEqual(client.ask(logins[0][0], logins[0][1:])[0], SIGN_RESPONSE)
        with AgentClient(real) as client:
            self.assertEqual(client.ask(logins[0][0], logins[0][1:]), bytes([FAILURE]))
            self.assert_fields(self.signed()[-1], decision='deny', dest_evidence='none')
        self.assertEqual(len(self.signed(decision='allow')), count + 1)

    def test_a_socket_that_was_taken_along_proves_no_destination(self):
        self.prepare_attack()
        far = self.place.path / 'taken.sock'
        socket = self.brought('-R', f'{far}:{self.guard.socket}', 'a',
                              f'echo at {far}; exec sleep 600', what='-R')
        with AgentClient(socket) as client:
            for data in (self.to_b(), login(self.session, self.blob)):
                self.refused(client, data, dest_evidence='none', dest_key_fingerprint=None,
                             missing_fact='dest_key')
        with AgentClient(socket) as client:
            self.assertNotEqual(send_bind(client, bind_body(self.b, self.session, b'')), SUCCESS)
            self.refused(client, self.to_b(), is_forwarded=True, dest_evidence='none')
        # OpenSSH's client tells there of its own login alone, which then looks like one from here.
        done = self.place.run(*self.words_over('b'), env={'SSH_AUTH_SOCK': socket})
        self.assertNotIn('arrived', done.stdout)
        self.assert_fields(self.signed()[-1], decision='deny', dest_evidence='verified',
                           dest_key_fingerprint=self.host_keys['b'], process_name='ssh')


def relay(test, path, to, seen):
    """A socket there that passes every message on, and keeps it."""
    links = {}

    def answer(number, message):
        if number not in links:
            links[number] = AgentClient(to)
            test.addCleanup(links[number].close)
        seen.append(message)
        answered = links[number].ask(message[0], message[1:])
        return None if answered is None else [wire.string(answered)]

    fake = FakeAgent(path, answer)
    test.addCleanup(fake.close)
    path.chmod(0o666)


if __name__ == '__main__':
    unittest.main()
