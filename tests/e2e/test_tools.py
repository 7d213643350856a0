"""What a person asks of a policy: check, test, policy lint, policy show. None needs a guard."""

import os
import re
import unittest

import guard
from guard import ALLOW_ALL, DENY_ALL

KEY = 'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU'


def rows(text):
    """The lines "name  value" of check as a dictionary; the first of each name."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(' ')
        found.setdefault(name, value.strip())
    return found


class Tool(guard.GuardTest):
    def tool(self, *words, **options):
        return self.place.run(self.place.program, *words, **options)

    def policy(self, text, name='policy.yaml'):
        return self.place.write(name, text)


class Check(Tool):
    def check(self, policy, *words, **options):
        return self.tool('check', '--policy', self.policy(policy), *words, **options)

    def test_the_exit_status_is_the_verdict(self):
        for text, status in ((ALLOW_ALL, 0), (DENY_ALL, 1), ('default_action: confirm\n', 1)):
            with self.subTest(text):
                done = self.check(text)
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertEqual(rows(done.stdout)['verdict'], text.split()[1])
                self.assertEqual(rows(done.stdout)['rule'], 'default')

    def test_it_reads_its_own_parent(self):
        done = self.check(ALLOW_ALL)
        self.assertEqual(rows(done.stdout)['process'], str(os.getpid()))
        self.assertRegex(rows(done.stdout)['process_name'], 'python')
        self.assertEqual(rows(done.stdout)['uid'], str(self.place.uid))

    def test_it_reads_the_process_that_is_named(self):
        program = self.place.copy_program('sleep', 'sleeper')
        process = self.place.spawn(program, '60', cwd=self.place.home)
        done = self.check('default_action: deny\nrules:\n'
                          f'  - {{name: ours, match: {{exe: {program}}}, action: allow}}\n'
                          '  - {name: late, match: {process_name: sleeper}, action: deny}\n',
                          '--pid', process.pid)
        found = rows(done.stdout)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual((found['exe'], found['process_name'], found['cwd'], found['command']),
                         (str(program), 'sleeper', str(self.place.home), f'{program} 60'))
        self.assertEqual((found['verdict'], found['rule']), ('allow', 'ours'))
        self.assertRegex(done.stdout, r'(?m)^=> ours +allow +fits$')
        self.assertRegex(done.stdout, r'(?m)^   late +deny +fits \(but an earlier rule')

    def test_it_names_the_field_and_the_missing_fact(self):
        text = ('default_action: allow\nrules:\n'
                '  - {name: other, match: {has_terminal: [true, false], exe: /x}, action: deny}\n'
                '  - {name: adds, match: {operation: add}, action: deny}\n'
                f'  - {{name: key, match: {{key: {KEY}}}, action: deny}}\n')
        done = self.check(text)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r'(?m)^   other +deny +does not fit: exe$')
        self.assertRegex(done.stdout, r'(?m)^   adds +deny +does not fit: .* sign$')
        self.assertRegex(done.stdout, r'(?m)^=> key +deny +could fit: key is not known$')
        self.assertEqual(rows(done.stdout)['missing_fact'], 'key')
        self.assertRegex(done.stdout, r'(?m)^key +\(not known\)$')

        done = self.check(text, '--key', KEY)
        self.assertRegex(done.stdout, r'(?m)^=> key +deny +fits$')
        self.assertNotIn('missing_fact', done.stdout)
        done = self.check(text, '--key', KEY[:-1] + 'V')
        self.assertEqual(done.returncode, 0, done.stdout)
        done = self.check(text, '--operation', 'add')
        self.assertEqual(rows(done.stdout)['rule'], 'adds')

    def test_what_a_process_calls_itself_reaches_no_terminal(self):
        program = self.place.copy_program('sleep', 'a\x1b[2J\nverdict allow')
        process = self.place.spawn(program, '60')
        done = self.check(DENY_ALL, '--pid', process.pid)
        self.assertEqual(done.returncode, 1)
        self.assertNotIn('\x1b', done.stdout)
        self.assertIn(r'a\x1b[2J\x0averdict allow', done.stdout)
        self.assertEqual(len(re.findall('(?m)^verdict', done.stdout)), 1)

    def test_wrong_usage_is_exit_status_2(self):
        for words in (['--pid', '0'], ['--pid', 'x'], ['--pid', '99999999'], ['--key', 'x'],
                      ['--key', 'SHA256:abc'], ['--operation', 'sing'], ['--frob'], ['--pid'],
                      ['more'], ['--policy', '']):
            with self.subTest(words):
                done = self.check(ALLOW_ALL, *words)
                self.assertEqual((done.returncode, done.stdout), (2, ''), done.stderr)
                self.assertTrue(done.stderr.startswith('ssh-agent-guard: '), done.stderr)

    def test_a_policy_that_cannot_be_used_is_exit_status_2(self):
        done = self.check('default_action: perhaps\n')
        self.assertEqual((done.returncode, done.stdout), (2, ''))
        self.assertRegex(done.stderr, r'policy\.yaml:1:17: .*perhaps')
        done = self.tool('check', '--policy', self.place.path / 'none.yaml')
        self.assertEqual(done.returncode, 2)
        self.assertIn('none.yaml', done.stderr)

    def test_without_a_policy_a_signature_needs_a_yes(self):
        done = self.tool('check')
        self.assertEqual(done.returncode, 1)
        self.assertEqual(rows(done.stdout)['verdict'], 'confirm')
        self.assertIn('not there', done.stderr)

    @unittest.skipUnless(os.getuid() == 0, 'only root can be another user')
    def test_a_process_of_somebody_else_is_not_identified(self):
        import people
        other = self.make_place(people.fresh_person())
        process = other.spawn('sleep', '60')
        done = self.check(ALLOW_ALL, '--pid', process.pid)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn('(not identified: other-uid', done.stdout)
        self.assertEqual(rows(done.stdout)['missing_fact'], 'caller')


if __name__ == '__main__':
    unittest.main()
