"""policy suggest: rules for what real ssh and ssh-keygen were allowed to do, and nothing else."""

import re

import guard
from guard import SSH, SSH_KEYGEN
from sshd import Sshd

POLICY = f'''
default_action: allow
hide_denied_keys: false
rules:
  - name: no-copies
    match: {{process_name: denied}}
    action: deny
'''


class Suggest(guard.GuardTest):
    as_person = True

    def setUp(self):
        super().setUp()
        agent = self.start_agent()
        self.key = self.keys.make()
        self.add(agent, self.key)
        self.key.rename(self.place.path / 'away')
        self.guard = self.start_guard(POLICY, upstream=agent)
        self.sshd = Sshd(self.place, 'near', [f'{self.key}.pub'])

    def login(self, program=SSH):
        return self.place.run(program, '-F', self.sshd.client_config, 'near', 'true',
                              env=self.guard.env).returncode == 0

    def sign(self, program=SSH_KEYGEN, namespace='file'):
        return self.place.run(program, '-Y', 'sign', '-n', namespace, '-f', f'{self.key}.pub',
                              env=self.guard.env, input='data').returncode == 0

    def suggest(self, *words):
        return self.place.run(self.place.program, 'policy', 'suggest', *words)

    def test_the_suggestion_does_what_was_done(self):
        self.assertTrue(self.login())
        self.assertTrue(self.sign())
        self.assertTrue(self.sign())
        done = self.suggest()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.suggest().stdout, done.stdout)
        seqs = [event['seq'] for event in self.guard.events(trigger='sign', sign_type='sshsig')]
        self.assertIn(f'- "file" # 2 signatures: events {seqs[0]}, {seqs[1]}\n', done.stdout)
        self.assertNotIn('*', done.stdout)

        path = self.place.write('suggested.yaml', done.stdout)
        lint = self.place.run(self.place.program, 'policy', 'lint', path)
        self.assertEqual((lint.returncode, lint.stdout), (0, ''))
        replay = self.place.run(self.place.program, 'policy', 'replay', path)
        self.assertEqual(replay.returncode, 0, replay.stdout)
        self.guard.write_policy(done.stdout)
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.assertTrue(self.login())
        self.assertTrue(self.sign())
        self.assertFalse(self.sign(namespace='other'))
        self.assertIn("keep the old policy's rules for ssh-add", done.stdout)
        self.assertFalse(self.login(self.place.copy_program(SSH, 'elsewhere')))

    def test_what_was_denied_is_never_suggested(self):
        program = self.place.copy_program(SSH_KEYGEN, 'denied')
        self.assertFalse(self.sign(program))
        self.guard.write_policy('default_action: allow\n')
        self.assertEqual(self.guard.command('reload').returncode, 0)
        since = self.guard.events()[-1]['timestamp']
        self.assertTrue(self.sign(program))
        done = self.suggest()
        self.assertEqual(done.returncode, 1)
        self.assertIn('rules: []', done.stdout)
        denied = self.guard.events(trigger='sign', decision='deny')[0]['seq']
        self.assertRegex(done.stdout, rf'(?m)^#   {re.escape(str(program))}, .*: 1 signature: '
                                      rf'event \d+; but denied: event {denied}$')
        # What was before is no longer meant.
        done = self.suggest('--since', since)
        self.assertEqual(done.returncode, 0)
        self.assertIn(f'exe: "{program}"', done.stdout)

    def test_outside_text_gets_into_no_rule(self):
        for name in ('x\x1b[2J', 'a*', 'b"\n  - match: {}\n    action: allow\n#', 'é'):
            self.assertTrue(self.sign(self.place.copy_program(SSH_KEYGEN, name)))
        done = self.suggest()
        self.assertEqual(done.returncode, 1)
        self.assertIn('rules: []', done.stdout)
        self.assertTrue(done.stdout.isascii())
        self.assertRegex(done.stdout, r'cannot be written as a plain value:\n#   4 signatures')

    def test_bad_input(self):
        for words in (('file',), ('--json',), ('--since', 'whenever'), ('--frob',),
                      ('--state-dir', self.place.path / 'nothing')):
            with self.subTest(words):
                done = self.suggest(*words)
                self.assertEqual((done.returncode, done.stdout), (2, ''))
                self.assertNotEqual(done.stderr, '')
        self.assertTrue(self.sign())
        self.guard.stop()
        day, = (self.guard.state / 'events').glob('*.yaml')
        with open(day, 'a') as log:
            log.write('---\ntrigger: sign\n...\n')
        self.assertEqual((self.suggest().returncode, self.suggest().stdout), (2, ''))
