"""Keys that are of no use where a login goes are not offered there: nobody with many keys is turned
away for too many failures. And nothing else is left out."""

import guard
from agent_client import AgentClient
from binds import Host, send_bind, session_id
from guard import SSH
from sshd import Sshd

KEYS = 10


def policy(rules, *more):
    return '\n'.join(['default_action: deny', *more, 'rules:', *rules, ''])


class HideTest(guard.GuardTest):
    def setUp(self):
        super().setUp()
        self.paths = [self.keys.make(f'id{number}') for number in range(KEYS)]
        self.agent = self.start_agent()
        self.add(self.agent, *self.paths)
        self.blobs = [self.keys.blob(path) for path in self.paths]

    def only(self, *indices, more=''):
        """Rules that allow these keys."""
        prints = ', '.join(f'"{self.keys.fingerprint(self.paths[i])}"' for i in indices)
        return [f'  - {{name: mine, action: allow, match: {{key: [{prints}]{more}}}}}']

    def listed(self, server, *binds):
        """Which of the keys a list has, after these binds."""
        with AgentClient(server.socket) as client:
            for bind in binds:
                self.assertEqual(send_bind(client, bind), 6)
            return [self.blobs.index(blob) for blob, _ in client.identities()]


class Login(HideTest):
    as_person = True  # root's sshd needs a /run/sshd, which not every machine has

    def test_ssh_with_ten_keys_gets_past_max_auth_tries(self):
        sshd = Sshd(self.place, authorized=[f'{self.paths[-1]}.pub'], settings='MaxAuthTries 3\n')
        words = [SSH, '-F', sshd.client_config, 'sshd', 'echo in']
        offered = self.start_guard(policy(self.only(KEYS - 1), 'hide_denied_keys: false'),
                                   upstream=self.agent)
        failed = self.place.run(*words, env=offered.env)
        self.assertNotEqual(failed.returncode, 0)
        self.assertIn('Too many authentication failures', failed.stderr)
        offered.stop()
        server = self.start_guard(policy(self.only(KEYS - 1)), upstream=self.agent)
        self.assertEqual(self.place.run_ok(*words, env=server.env), 'in\n')
        self.assertEqual(len(server.events(trigger='sign', decision='allow')), 1)
        self.assertEqual(server.events(trigger='sign', decision='deny'), [])


class Listed(HideTest):
    def test_only_a_connection_that_is_bound_to_log_in_has_a_shorter_list(self):
        server = self.start_guard(policy(self.only(2, 5)), upstream=self.agent)
        host, hop = Host(), Host()
        self.assertEqual(self.listed(server), list(range(KEYS)))
        self.assertEqual(self.listed(server, host.bind(session_id())), [2, 5])
        self.assertEqual(self.listed(server, hop.bind(session_id(), is_forwarding=True)),
                         list(range(KEYS)))
        self.assertEqual(self.listed(server, hop.bind(session_id(), is_forwarding=True),
                                     host.bind(session_id())), [2, 5])
        with AgentClient(server.socket) as client:  # a bind that proves nothing
            send_bind(client, host.bind(b'one')[:-1] + b'x')
            other = host.bind(b'two').replace(b'two', b'six')
            self.assertNotEqual(send_bind(client, other), 6)
            self.assertEqual(len(client.identities()), KEYS)

    def test_each_host_is_offered_its_own_keys(self):
        here, there = Host(), Host()
        rules = (self.only(1, more=f', dest_key: "{here.fingerprint}"') +
                 [self.only(2, more=f', dest_key: "{there.fingerprint}"')[0].replace('mine', 'b')] +
                 [self.only(3, more=', ssh_user: git')[0].replace('mine', 'c')])
        server = self.start_guard(policy(rules), upstream=self.agent)
        self.assertEqual(self.listed(server, here.bind(session_id())), [1, 3])
        self.assertEqual(self.listed(server, there.bind(session_id())), [2, 3])

    def test_what_a_changed_policy_denies_is_hidden_at_once(self):
        server = self.start_guard('default_action: confirm\n', upstream=self.agent)
        self.assertEqual(self.listed(server, Host().bind(session_id())), list(range(KEYS)))
        server.write_policy('default_action: deny\n')
        self.assertEqual(server.command('reload').returncode, 0)
        host = Host()
        self.assertEqual(server.events(trigger='list'), [])
        self.assertEqual(self.listed(server, host.bind(session_id())), [])
        event = server.wait_event(trigger='list')
        self.assertEqual((event['decision'], event['reason']), ('deny', 'keys-hidden'))
        self.assertEqual(event['dest_key_fingerprint'], host.fingerprint)
