"""Heads of the log that the real agent has signed: who else could have written this log?"""

import base64
import re
import unittest

import guard
from agent_client import FAILURE, SIGN_RESPONSE, AgentClient, string
from place import wait_until

NAMESPACE = 'ssh-agent-guard-log'


def sshsig_data(namespace, rest=b'\0\0\0\0' + string('sha512') + string(b'h' * 64)):
    return b'SSHSIG' + string(namespace) + rest


class WithHeads(guard.GuardTest):
    kind = ('ed25519',)

    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()
        self.key = self.keys.make('id', *self.kind)
        self.fingerprint = self.keys.fingerprint(self.key)
        self.blob = self.keys.blob(self.key)
        self.add(self.agent, self.key)
        self.policy = (guard.ALLOW_ALL + 'log: {journal: off, sign_heads: '
                       f'{{key: "{self.fingerprint}", every: 10}}}}\n')

    def sign(self, server, count=1, data=b'data', expected=SIGN_RESPONSE):
        with AgentClient(server.socket) as client:
            for _ in range(count):
                self.assertEqual(client.sign(self.blob, data)[0], expected)

    def start_and_sign_heads(self, heads=2):
        server = self.start_guard(self.policy, upstream=self.agent)
        for number in range(1, heads + 1):
            self.sign(server, 12)
            wait_until(lambda: len(server.events(trigger='log-head')) >= number, 'a head')
        return server

    def day(self, server):
        return sorted((server.state / 'events').iterdir())[-1]

    def documents(self, server):
        return re.findall(rb'(?s)---\n.*?\n\.\.\.\n', self.day(server).read_bytes())

    def verify(self, server, *words, status=0):
        done = server.command('log', 'verify', *words)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def save_heads(self, server):
        done = server.command('log', '--yaml', '--field', 'trigger=log-head')
        return self.place.write('saved.yaml', done.stdout)

    def rewrite(self, server):
        """The whole log as another guard would have written it, without that key."""
        other = self.place.path / 'other'
        second = guard.Guard(self.place, guard.ALLOW_ALL + 'log: {journal: off}\n',
                             upstream=self.agent, arguments=['--state-dir', other])
        self.sign(second, 60)
        second.stop()
        self.day(server).write_bytes(next((other / 'events').iterdir()).read_bytes())


class Heads(WithHeads):
    def test_a_head_is_what_ssh_keygen_calls_a_good_signature(self):
        server = self.start_and_sign_heads(1)
        head = server.events(trigger='log-head')[0]
        self.assertEqual(head['key_fingerprint'], self.fingerprint)
        blob = base64.b64decode(head['head_signature'])
        armour = ('-----BEGIN SSH SIGNATURE-----\n' + base64.encodebytes(blob).decode() +
                  '-----END SSH SIGNATURE-----\n')
        signature = self.place.write('head.sig', armour)
        signers = self.place.write('signers', f'me namespaces="{NAMESPACE}" ' +
                                   open(f'{self.key}.pub').read())
        self.place.run_ok(guard.SSH_KEYGEN, '-Y', 'verify', '-f', signers, '-I', 'me', '-n',
                          NAMESPACE, '-s', signature,
                          input=f'{head["head_seq"]} {head["head_hash"]}\n')

    def test_verify_says_which_head_it_had(self):
        server = self.start_and_sign_heads()
        self.sign(server, 3)
        server.stop()
        last = server.events(trigger='log-head')[-1]['head_seq']
        text = self.verify(server, '--signed-by', self.fingerprint)
        self.assertIn(f'anchor:  2 signed heads in the log, the newest of event {last}, by '
                      f'{self.fingerprint}\n', text)
        self.assertIn(f'signed:  up to event {last}; ', text)
        self.assertIn('every event is as it was written', text)
        self.assertNotIn('anchor:  none', text)

    def test_a_log_that_was_written_anew_is_found_by_the_heads_that_it_lacks(self):
        server = self.start_and_sign_heads()
        saved = self.save_heads(server)
        server.stop()
        self.rewrite(server)
        self.assertIn('FAULT:   unsigned', self.verify(server, '--signed-by', self.fingerprint,
                                                       status=1))
        self.assertIn('FAULT:   rewritten', self.verify(server, '--heads', saved, status=1))
        # Without a word on who signs, there is nothing to find it by, and that is said.
        self.assertIn('anchor:  none', self.verify(server))

    def test_an_old_head_in_a_log_that_was_written_anew_does_not_fit(self):
        server = self.start_and_sign_heads()
        head = next(document for document in self.documents(server) if b'"log-head"' in document)
        server.stop()
        self.rewrite(server)
        documents = self.documents(server)
        # Put where its number and hash fit, by whoever can compute hashes.
        link = re.match(rb'---\n(seq: .*\nprev: .*\n)', documents[-1])[1]
        moved = re.sub(rb'seq: .*\nprev: .*\n', lambda _: link, head, count=1)
        self.day(server).write_bytes(b''.join([*documents[:-1], moved]))
        self.assertIn('FAULT:   rewritten', self.verify(server, status=1))

    def test_a_cut_end_is_found_against_a_head_that_was_saved(self):
        server = self.start_and_sign_heads()
        saved = self.save_heads(server)
        last = server.events(trigger='log-head')[-1]['head_seq']
        server.stop()
        documents = self.documents(server)
        self.day(server).write_bytes(b''.join(documents[:last - 2]))
        text = self.verify(server, '--heads', saved, '--signed-by', self.fingerprint, status=1)
        self.assertIn('that were saved', text)
        self.assertIn('FAULT:   cut off', text)

    def test_a_head_that_another_key_has_signed_is_none_of_that_key(self):
        server = self.start_and_sign_heads()
        saved = self.save_heads(server)
        server.stop()
        other = 'SHA256:' + 'A' * 43
        self.assertIn('unsigned', self.verify(server, '--signed-by', other, status=1))
        self.assertIn('signed by that key', self.verify(server, '--heads', saved, '--signed-by',
                                                         other, status=2))

    def test_a_changed_head_is_named(self):
        server = self.start_and_sign_heads(1)
        server.stop()
        head = server.events(trigger='log-head')[0]
        day = self.day(server)
        text = day.read_text()
        good = head['head_signature']
        self.assertIn(good, text)
        day.write_text(text.replace(good, good[:60] + ('A' if good[60] != 'A' else 'B') +
                                    good[61:]))
        self.assertIn('FAULT', self.verify(server, status=1))
        saved = self.place.write('saved.yaml', day.read_text())
        self.assertIn('not signed by the key', self.verify(server, '--heads', saved, status=2))

    def test_an_agent_without_the_key_is_told_once(self):
        server = self.start_guard(self.policy.replace(self.fingerprint, 'SHA256:' + 'A' * 43),
                                  upstream=self.agent)
        self.sign(server, 60)
        self.assertIn('has not the key', server.wait_event(trigger='log-head-failed')['detail'])
        self.assertEqual(len(server.events(trigger='log-head-failed')), 1)

    def test_no_client_gets_a_signature_of_that_namespace(self):
        server = self.start_guard(guard.ALLOW_ALL, upstream=self.agent)
        for data in (sshsig_data(NAMESPACE), sshsig_data(NAMESPACE, b''),
                     sshsig_data(NAMESPACE) + b'more', b'SSHSIG' + string(NAMESPACE)):
            self.sign(server, data=data, expected=FAILURE)
            event = server.wait_event(trigger='sign')
            self.assertEqual((event['decision'], event['reason']), ('deny', 'log-namespace'))
        for near in (NAMESPACE + 's', NAMESPACE[:-1], NAMESPACE + '\0', 'git'):
            self.sign(server, data=sshsig_data(near))
        # And by the program that makes them.
        text = self.place.write('home/text', 'x')
        done = self.place.run(guard.SSH_KEYGEN, '-Y', 'sign', '-n', NAMESPACE, '-f',
                              f'{self.key}.pub', text, env=server.env)
        self.assertNotEqual(done.returncode, 0)


class RsaHeads(WithHeads):
    kind = ('rsa', '-b', '2048')

    def test_an_rsa_key_signs_heads_too(self):
        server = self.start_and_sign_heads(1)
        self.assertIn('signed head in the log', self.verify(server, '--signed-by',
                                                            self.fingerprint))


if __name__ == '__main__':
    unittest.main()
