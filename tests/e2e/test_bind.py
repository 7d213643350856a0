"""Session-binds and logins that lie. The policy lets one host be logged in to, K, whose key is
public as all host keys are: nobody else may be taken for it, by nothing that a client can send."""

import unittest

import agent_client as wire
import guard
from agent_client import AgentClient, FAILURE, SIGN_RESPONSE, SUCCESS
from binds import Host, bind_body, login, send_bind, session_id, sshsig


class Bind(guard.GuardTest):
    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()
        key = self.keys.make()
        self.add(self.agent, key)
        self.key = self.keys.blob(key)
        self.known, self.other, self.relay = Host(), Host(), Host()
        self.policy = f'''
default_action: deny
rules: [{{name: known, match: {{dest_key: "{self.known.fingerprint}"}}, action: allow}}]
'''
        self.guard = self.start_guard(self.policy, upstream=self.agent)
        self.session = session_id()

    def connect(self):
        client = AgentClient(self.guard.socket)
        self.addCleanup(client.close)
        return client

    def connect_forwarded(self):
        """As a host that our ssh forwards the agent to."""
        client = self.connect()
        self.binds(client, self.relay.bind(session_id(), is_forwarding=True))
        return client

    def binds(self, client, body):
        self.assertEqual(send_bind(client, body), SUCCESS)

    def fails(self, client, body, reason):
        """Answered by failure, and the event says why."""
        before = len(self.guard.events(trigger='session-bind'))
        self.assertIn(send_bind(client, body), (FAILURE, wire.EXTENSION_FAILURE))
        event = self.guard.events(trigger='session-bind')[before]
        self.assertEqual((event['decision'], event['reason']), ('deny', reason))
        self.assertTrue(event['process_name'].startswith('python'), event)
        self.assertTrue(event['is_forwarded'])
        return event

    def sign(self, client, data, expected, **fields):
        """Returns the event, which has these fields (None: it has it not)."""
        before = len(self.guard.events(trigger='sign'))
        self.assertEqual(client.sign(self.key, data)[0], expected)
        event = self.guard.events(trigger='sign')[before]
        self.assertEqual({name: event.get(name) for name in fields}, fields)
        return event

    def refused(self, client, data, **fields):
        return self.sign(client, data, FAILURE, decision='deny', **fields)

    def to_known(self, session=None):
        return login(session or self.session, self.key, host=self.known.blob)

    # --- what is right

    def test_an_honest_login_is_signed(self):
        client = self.connect()
        self.binds(client, self.known.bind(self.session))
        self.sign(client, self.to_known(), SIGN_RESPONSE, decision='allow', rule='known',
                  ssh_user='alice', dest_evidence='verified', is_forwarded=None,
                  dest_key_fingerprint=self.known.fingerprint)

    def test_an_honest_login_over_a_forwarded_agent_is_signed(self):
        client = self.connect_forwarded()
        self.binds(client, self.known.bind(self.session))
        self.sign(client, self.to_known(), SIGN_RESPONSE, decision='allow', is_forwarded=True,
                  hops=1, forwarded_via=[self.relay.fingerprint], dest_evidence='verified')

    def test_where_no_known_hosts_are_read_nobody_waits_for_them(self):
        self.guard.stop()
        self.guard = self.start_guard(self.policy + 'known_hosts: {user: [], system: []}\n',
                                      upstream=self.agent)
        self.test_an_honest_login_is_signed()
        self.assertEqual(self.guard.events(trigger='known-hosts-failed'), [])

    def test_a_repeated_bind_changes_nothing(self):
        client = self.connect()
        body = self.relay.bind(session_id(), is_forwarding=True)
        self.binds(client, body)
        self.binds(client, body)
        self.binds(client, self.known.bind(self.session))
        self.sign(client, self.to_known(), SIGN_RESPONSE, hops=1)

    def test_a_hostile_user_stands_escaped_in_the_event(self):
        client = self.connect()
        self.binds(client, self.known.bind(self.session))
        user = b'\x1b[31m"\n...\n\xff'
        event = self.sign(client, login(self.session, self.key, user, self.known.blob),
                          SIGN_RESPONSE)
        self.assertEqual(event['ssh_user'], '\x1b[31m"\n...\n\\xff')

    # --- binds that lie

    def forged(self):
        host = self.known.blob
        session = self.session
        good = self.known.sign(session)
        return (bind_body(host, session, b''),
                bind_body(host, session, b'garbage'),
                bind_body(host, session, wire.string('ssh-ed25519') + wire.string(b'\0' * 64)),
                bind_body(host, session, good[:-1] + bytes([good[-1] ^ 1])),
                bind_body(host, session, self.other.sign(session)),
                bind_body(host, session, self.known.sign(session_id())))

    def test_a_forged_bind_proves_nothing_on_either_kind_of_connection(self):
        for body in self.forged():
            for client in (self.connect(), self.connect_forwarded()):
                event = self.fails(client, body, 'bind-bad-signature')
                self.assertIn(self.known.fingerprint, event['detail'])
                self.refused(client, self.to_known(), dest_evidence='none', is_forwarded=True,
                             dest_key_fingerprint=None)
                # Nor does a right one after it make that good.
                send_bind(client, self.known.bind(self.session))
                self.refused(client, self.to_known(), dest_evidence='none', is_forwarded=True)

    def test_a_bind_that_is_cut_short_proves_nothing(self):
        whole = self.known.bind(self.session)
        for length in (0, 3, 40, len(whole) - 1):
            client = self.connect()
            self.fails(client, whole[:length], 'bind-malformed')
            self.refused(client, self.to_known(), is_forwarded=True)

    def test_a_replayed_bind_of_another_session_lets_nobody_log_in_in_this_one(self):
        for client in (self.connect(), self.connect_forwarded()):
            self.binds(client, self.known.bind(session_id()))  # seen once, and kept
            self.refused(client, self.to_known(), reason='bind-mismatch',
                         dest_key_fingerprint=None)
            self.refused(client, login(self.session, self.key), reason='bind-mismatch')

    def test_a_bind_for_one_host_and_a_login_for_another_do_not_go_together(self):
        for client in (self.connect(), self.connect_forwarded()):
            self.binds(client, self.known.bind(self.session))
            self.refused(client, login(self.session, self.key, host=self.other.blob),
                         reason='bind-mismatch')
        client = self.connect()
        self.binds(client, self.other.bind(self.session))
        self.refused(client, self.to_known(), reason='bind-mismatch')

    def test_a_known_host_that_binds_the_session_of_another_is_not_the_destination(self):
        """K opens a connection to T, binds its session id in its own name, and asks for a login
        that does not name its host: T would take that."""
        client = self.connect_forwarded()
        self.binds(client, self.known.bind(self.session))
        self.refused(client, login(self.session, self.key), dest_evidence='none', rule='default',
                     dest_key_fingerprint=None, is_forwarded=True, missing_fact='dest_key')
        client = self.connect()  # nor where somebody carries the bytes who is no ssh
        self.binds(client, self.known.bind(self.session))
        self.refused(client, login(self.session, self.key), dest_evidence='none', rule='default',
                     dest_key_fingerprint=None, is_forwarded=None, missing_fact='dest_key')

    def test_a_session_has_one_host(self):
        client = self.connect()
        self.binds(client, self.other.bind(self.session, is_forwarding=True))
        self.fails(client, self.known.bind(self.session), 'bind-other-key')
        self.refused(client, self.to_known(), is_forwarded=True, dest_evidence='none')

    def test_sixteen_hosts_are_enough(self):
        client = self.connect()
        for _ in range(16):
            self.binds(client, self.relay.bind(session_id(), is_forwarding=True))
        self.fails(client, self.known.bind(self.session), 'bind-too-many')
        self.refused(client, self.to_known(), is_forwarded=True, hops=16, dest_evidence='none')

    def test_who_is_bound_to_log_in_goes_no_further(self):
        client = self.connect()
        self.binds(client, self.other.bind(session_id()))
        self.fails(client, self.known.bind(self.session), 'bind-after-login')
        self.refused(client, self.to_known(), reason='bind-mismatch')

    def test_what_was_forwarded_stays_forwarded(self):
        client = self.connect_forwarded()
        self.binds(client, self.other.bind(self.session, is_forwarding=False))
        self.refused(client, login(self.session, self.key, host=self.other.blob),
                     is_forwarded=True, hops=1, dest_evidence='verified')

    def test_a_login_that_was_never_bound_has_no_destination(self):
        self.refused(self.connect_forwarded(), self.to_known(), dest_evidence='none',
                     is_forwarded=True, dest_key_fingerprint=None, missing_fact='dest_key')
        # Nor did this program name a host, so somebody else may ask by it.
        self.refused(self.connect(), self.to_known(), dest_evidence='none', is_forwarded=True,
                     dest_key_fingerprint=None, missing_fact='dest_key')

    def test_binds_of_one_connection_count_on_no_other(self):
        self.binds(self.connect(), self.known.bind(self.session))
        self.refused(self.connect(), self.to_known(), dest_evidence='none')

    def test_a_host_key_that_we_cannot_verify_leaves_the_answer_to_the_agent(self):
        client = self.connect()
        blob = wire.string('ssh-new@example.com') + wire.string(b'key')
        self.assertIn(send_bind(client, bind_body(blob, self.session, b'signature')),
                      (FAILURE, wire.EXTENSION_FAILURE))
        event = self.guard.wait_event(trigger='session-bind', reason='bind-unverifiable')
        self.assertIn('ssh-new@example.com', event['detail'])
        self.assertEqual(event['decision'], 'allow')
        self.refused(client, self.to_known(), is_forwarded=True, dest_evidence='none')

    # --- bytes that look like something else

    def test_bytes_that_only_look_like_a_login_are_none(self):
        whole = self.to_known()
        other_key = wire.string('ssh-ed25519') + wire.string(b'k' * 32)
        client = self.connect()
        self.binds(client, self.known.bind(self.session))
        for data in (whole + b'\0', whole[:-1], b'\0\0\0\0' + whole[4:],
                     login(self.session, other_key, host=self.known.blob),
                     login(self.session, self.key, 'a\0b', self.known.blob),
                     login(self.session, self.key, host=self.known.blob, algorithm='ssh-rsa'),
                     login(b'', self.key, host=self.known.blob),
                     whole.replace(b'ssh-connection', b'ssh-Connection')):
            event = self.refused(client, data, sign_type='unknown', ssh_user=None,
                                 dest_evidence=None, payload_len=len(data))
            self.assertEqual(len(event['payload_sha256']), 64)
        self.sign(client, whole, SIGN_RESPONSE)

    def test_a_login_in_the_field_of_an_sshsig_and_the_other_way_round_are_what_is_outside(self):
        client = self.connect()
        self.binds(client, self.known.bind(self.session))
        whole = self.to_known()
        # Names have no NUL inside, as a login has many; what is hashed may be any bytes.
        self.refused(client, sshsig(whole), sign_type='unknown')
        inside = (b'SSHSIG' + wire.string('git') + wire.string(whole) + wire.string('sha512') +
                  wire.string(whole))
        self.refused(client, inside, sign_type='sshsig', namespace='git', dest_evidence=None,
                     dest_key_fingerprint=None)
        self.refused(client, sshsig('git') + whole, sign_type='unknown')
        self.refused(client, login(self.session, self.key, sshsig('git'), self.known.blob),
                     sign_type='unknown')
        self.refused(client, login(sshsig('git'), self.key, host=self.known.blob),
                     sign_type='ssh-login', reason='bind-mismatch')

    # --- a rule may ask for less, and for more

    def test_a_bind_alone_is_no_proof_of_one_who_may_speak_for_others(self):
        """See test_session for ssh itself."""
        self.guard.write_policy(f'''
default_action: deny
rules:
  - match: {{dest_key: "{self.known.fingerprint}", dest_evidence: [verified, bound]}}
    action: allow
''')
        self.guard.command('reload')
        for connect in (self.connect, self.connect_forwarded):
            client = connect()
            self.binds(client, self.known.bind(self.session))
            self.refused(client, login(self.session, self.key), dest_evidence='none')
            self.sign(client, self.to_known(), SIGN_RESPONSE)

    def test_keys_are_hidden_from_hosts_that_are_bound(self):
        self.guard.write_policy(f'''
default_action: deny
hide_denied_keys: false
rules:
  - match: {{operation: list, dest_key: "{self.other.fingerprint}"}}
    action: deny
''')
        self.guard.command('reload')
        for host, count in ((self.known, 1), (self.other, 0)):
            client = self.connect()
            self.binds(client, host.bind(session_id()))
            self.assertEqual(len(client.identities()), count)
        event = self.guard.wait_event(trigger='list', decision='deny')
        self.assertEqual(event['dest_key_fingerprint'], self.other.fingerprint)
        self.assertEqual(event['dest_evidence'], 'bound')


if __name__ == '__main__':
    unittest.main()
