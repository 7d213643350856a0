"""Policies from a user's point of view: the one that ships, and those with mistakes."""

import os
import unittest

import guard
import place
from guard import SSH_ADD, SSH_KEYGEN


class Mistakes(guard.GuardTest):
    def refused(self, text, where, what):
        """The guard does not start with this policy, and names the place of the mistake."""
        server = self.start_guard(text, wait=False)
        server.asked_to_end = True
        self.assertEqual(server.process.wait(place.DEADLINE_S), 2, server.output())
        self.assertRegex(server.output(), rf'policy\.yaml:{where}: .*{what}')
        self.assertFalse(server.socket.exists())
        self.assertEqual(server.events(trigger='start'), [])

    def test_a_mistake_is_named_with_file_line_and_column(self):
        for text, where, what in (
                ('default_action: allow\nno_such: 1\n', '2:1', 'no_such'),
                ('default_action: perhaps\n', r'1:17', 'perhaps'),
                ('default_action: [allow]\n', r'1:17', ''),
                ('default_action: allow\ndefault_action: deny\n', r'2:1', 'default_action'),
                ('rules:\n  - action: allow\n    match: {procss_name: ssh}\n', r'3:13',
                 'procss_name'),
                ('rules:\n  - name: default\n    action: allow\n    match: {process_name: a}\n',
                 r'2:\d+', 'default'),
                ('rules: {a: b}\n', r'1:8', ''),
                ('default_action: "allow\n', r'\d+:\d+', ''),
                ('a: &a [x]\nb: *a\n', r'\d+:\d+', '')):
            with self.subTest(text):
                self.refused(text, where, what)

    def test_an_anchor_bomb_is_refused_at_once(self):
        lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
        lines += [f'a{n}: &a{n} [{", ".join([f"*a{n - 1}"] * 10)}]' for n in range(1, 10)]
        self.refused('\n'.join(lines) + '\n', r'\d+:\d+', '')

    def test_a_policy_that_others_may_write_is_refused(self):
        self.place.write('policy.yaml', guard.ALLOW_ALL).chmod(0o666)
        server = self.start_guard(policy=None, wait=False)
        server.asked_to_end = True
        self.assertEqual(server.process.wait(place.DEADLINE_S), 2, server.output())
        self.assertIn('policy.yaml', server.output())
        (self.place.path / 'policy.yaml').chmod(0o600)
        self.start_guard(policy=None)

    def test_a_policy_that_is_no_file_does_not_hang_the_start(self):
        os.mkfifo(self.place.path / 'policy.yaml')
        server = self.start_guard(policy=None, wait=False)
        server.asked_to_end = True
        self.assertEqual(server.process.wait(place.DEADLINE_S), 2, server.output())


class Starter(guard.GuardTest):
    """The first five minutes, with the policy that ./dev run uses."""

    def setUp(self):
        super().setUp()
        self.guard = self.start_guard((guard.SOURCE / 'policy/starter.yaml').read_text())
        self.key = self.keys.make()

    def test_ssh_add_from_a_terminal_loads_a_key(self):
        done = self.place.run_in_terminal(SSH_ADD, '-q', self.key, env=self.guard.env)
        self.assertEqual(done.returncode, 0, done.stderr)
        listed = self.place.run(SSH_ADD, '-l', env=self.guard.env)
        self.assertIn(self.keys.fingerprint(self.key), listed.stdout)

    def test_ssh_add_without_a_terminal_loads_nothing(self):
        done = self.place.run(SSH_ADD, '-q', self.key, env=self.guard.env, start_new_session=True)
        self.assertNotEqual(done.returncode, 0)
        self.guard.wait_event(trigger='add', decision='deny')

    def test_an_unknown_program_gets_no_signature(self):
        self.place.run_in_terminal(SSH_ADD, '-q', self.key, env=self.guard.env)
        text = self.place.write('home/text', 'text')
        impostor = self.place.copy_program(SSH_KEYGEN, 'unheard-of')
        done = self.place.run(impostor, '-Y', 'sign', '-n', 'file', '-f', f'{self.key}.pub', text,
                              env=self.guard.env, start_new_session=True)
        self.assertNotEqual(done.returncode, 0)


if __name__ == '__main__':
    unittest.main()
