"""ssh-keygen -Y sign with a key that only the agent has, and its verification."""

import unittest

import guard
from guard import SSH_KEYGEN


class Signatures(guard.GuardTest):
    POLICY = f'''
default_action: deny
rules:
  - name: real-ssh-keygen
    match: {{exe: {SSH_KEYGEN}}}
    action: allow
'''

    def setUp(self):
        super().setUp()
        agent = self.start_agent()
        self.key = self.keys.make()
        self.add(agent, self.key)
        self.fingerprint = self.keys.fingerprint(self.key)
        self.key.unlink()  # the agent alone can sign from here on
        self.guard = self.start_guard(self.POLICY, upstream=agent)
        self.text = self.place.write('home/text', 'what is signed\n')

    def sign(self, program):
        return self.place.run(program, '-Y', 'sign', '-n', 'file', '-f', f'{self.key}.pub',
                              self.text, env=self.guard.env)

    def verify(self):
        public = (self.place.home / 'id.pub').read_text()
        signers = self.place.write('home/signers', f'me@example.org {public}')
        with open(self.text) as text:
            return self.place.run(SSH_KEYGEN, '-Y', 'verify', '-f', signers, '-I',
                                  'me@example.org', '-n', 'file', '-s', f'{self.text}.sig',
                                  stdin=text)

    def test_a_file_is_signed_and_the_signature_verifies(self):
        signed = self.sign(SSH_KEYGEN)
        self.assertEqual(signed.returncode, 0, signed.stderr)
        verified = self.verify()
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
        event = self.guard.wait_event(trigger='sign', decision='allow', rule='real-ssh-keygen')
        self.assertEqual(event['process_name'], 'ssh-keygen')
        self.assertEqual(event['exe_path'], SSH_KEYGEN)
        self.assertEqual(event['key_fingerprint'], self.fingerprint)

    def test_a_signature_does_not_verify_another_text(self):
        self.assertEqual(self.sign(SSH_KEYGEN).returncode, 0)
        self.text.write_text('something else\n')
        self.assertNotEqual(self.verify().returncode, 0)

    def test_another_program_gets_no_signature(self):
        impostor = self.place.copy_program(SSH_KEYGEN)
        self.assertNotEqual(self.sign(impostor).returncode, 0)
        self.assertFalse((self.place.home / 'text.sig').exists())
        event = self.guard.wait_event(trigger='sign', decision='deny', rule='default')
        self.assertEqual(event['exe_path'], str(impostor))
        self.assertEqual(event['process_name'], 'ssh-keygen')


if __name__ == '__main__':
    unittest.main()
