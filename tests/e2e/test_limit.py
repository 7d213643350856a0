"""A rule with a limit lets through so many, and no more, however many processes ask."""

import guard
from guard import SSH_KEYGEN

POLICY = '''
default_action: deny
rules:
  - name: few
    match: {sign_type: sshsig}
    action: allow
    limit: 3/hour
'''


class Limit(guard.GuardTest):
    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()
        self.key = self.keys.make()
        self.add(self.agent, self.key)
        self.guard = self.start_guard(POLICY, upstream=self.agent)

    def signs(self, program=SSH_KEYGEN):
        done = self.place.run(program, '-Y', 'sign', '-n', 'file', '-f', f'{self.key}.pub',
                              env=self.guard.env, input='data')
        return done.returncode == 0

    def test_new_processes_and_a_reload_do_not_start_anew(self):
        self.assertEqual([self.signs() for _ in range(5)], [True] * 3 + [False] * 2)
        event = self.guard.wait_event(trigger='sign', decision='deny')
        self.assertEqual((event['rule'], event['reason']), ('few', 'rate-limited'))
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.assertFalse(self.signs())
        # Another program counts for itself.
        self.assertTrue(self.signs(self.place.copy_program(SSH_KEYGEN, 'other')))

    def test_what_cannot_be_a_limit_is_told(self):
        for text, what in ((POLICY.replace('3/hour', '3/fortnight'), 'unknown period'),
                           (POLICY.replace('3/hour', '0/hour'), 'deny everything'),
                           (POLICY.replace('action: allow', 'action: deny'), 'lets nothing')):
            self.guard.write_policy(text)
            done = self.guard.command('reload')
            self.assertEqual(done.returncode, 1)
            self.assertIn(what, done.stderr)
