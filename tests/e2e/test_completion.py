"""Completion in bash: it offers what there is, and nothing else."""

import re
import shutil
import unittest

import guard
from guard import SSH_KEYGEN
from place import wait_until
from terminal import Terminal

SCRIPT = '''
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_ssh_agent_guard "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
'''
ASK = 'default_action: confirm\n'


@unittest.skipUnless(shutil.which('bash'), 'there is no bash')
class Completion(guard.GuardTest):
    as_person = True

    def offered(self, *words):
        file = self.place.path / 'completion'
        if not file.exists():
            source = guard.SOURCE / 'contrib/completions/ssh-agent-guard.bash'
            self.place.write('completion', source.read_text())
        done = self.place.run('bash', '--norc', '-c', SCRIPT, 'bash', file, self.place.program, *words)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        return done.stdout.split()

    def help_of(self, *words):
        return self.place.run_ok(self.place.program, *words, '--help')

    def test_all_commands_are_offered_and_no_other_word(self):
        commands = re.findall(r'(?m)^  ([a-z]+) ', self.help_of())
        self.assertIn('monitor', commands)
        self.assertEqual(sorted(self.offered('')), sorted([*commands, '--help', '--version']))
        self.assertEqual(self.offered('mon'), ['monitor'])
        self.assertEqual(self.offered('frob'), [])

    def test_the_options_of_a_command_are_those_that_its_help_tells(self):
        for command in self.offered(''):
            if command.startswith('--'):
                continue
            told = set(re.findall(r'--[a-z][a-z0-9-]+', self.help_of(command)))
            self.assertEqual(set(self.offered(command, '--')), told, command)
        self.assertEqual(self.offered('exec', '--label', 'x', '--', '--'), [])
        self.assertEqual(self.offered('log', 'verify', '--app'), ['--approvals'])

    def test_the_words_behind_a_command_are_ones_that_it_takes(self):
        for command, words in (('panic', ['off']), ('log', ['verify']), ('grants', ['revoke']),
                               ('enroll', ['fido2', 'otp', 'pin']),
                               ('policy', ['accept', 'lint', 'replay', 'show', 'suggest'])):
            self.assertEqual(sorted(self.offered(command, '')), words)
            text = self.help_of(command)
            for word in words:
                self.assertRegex(text, rf'\b{word}\b')
        for option, words in (('--decision', ['allow', 'deny', 'confirmed', 'confirm-denied']),):
            self.assertEqual(self.offered('log', option, ''), words)
        server = self.start_guard()
        for form in self.offered('status', '--format', ''):
            self.assertEqual(server.command('status', '--format', form).returncode, 0, form)

    def test_what_waits_is_offered_by_its_number(self):
        server = self.start_guard(ASK)
        key = self.keys.make()
        self.assertEqual(self.offered('confirm', ''), [])
        terminal = Terminal(self.place, server.program, 'enroll', 'pin')
        terminal.wait_for('The new PIN: ')
        terminal.type('correct horse 7\n')
        terminal.wait_for('again: ')
        terminal.type('correct horse 7\n')
        self.assertEqual(terminal.end()[0], 0)
        server.write_policy(ASK + 'default_change_action: allow\n')
        self.assertEqual(server.command('reload').returncode, 0)
        self.add(server, key)
        self.place.spawn(SSH_KEYGEN, '-Y', 'sign', '-n', 'file', '-f', f'{key}.pub',
                         self.place.write('home/data', 'data'), env=server.env)
        wait_until(lambda: server.command('pending').stdout, 'a request waits')
        self.assertEqual(self.offered('confirm', ''), ['1'])
        self.assertEqual(self.offered('deny', ''), ['1'])
        self.assertEqual(server.command('deny').returncode, 0)
        shown = self.place.run_ok('bash', '--norc', '-c', SCRIPT, 'bash',
                                  self.place.path / 'completion', server.program, 'check', '--key', '',
                                  env=server.env).split()
        self.assertEqual(shown, [self.keys.fingerprint(key)])


if __name__ == '__main__':
    unittest.main()
