"""Facts that are looked up only where a rule asks for them."""

import hashlib
import os
import pathlib

import guard
from agent_client import AgentClient
from guard import SSH_ADD, SSH_KEYGEN

BY_HASH = '''
default_action: deny
rules:
  - name: known-program
    match: {{exe_sha256: {sha256}, sign_type: sshsig}}
    action: allow
'''

BY_COMMENT = '''
default_action: deny
rules:
  - name: work
    match: {key_comment: "work*"}
    action: allow
'''


class FieldsTest(guard.GuardTest):
    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()

    def start(self, text, *keys):
        self.add(self.agent, *keys)
        self.guard = self.start_guard(text, upstream=self.agent)

    def signs(self, key, program=SSH_KEYGEN):
        done = self.place.run(program, '-Y', 'sign', '-n', 'file', '-f', f'{key}.pub',
                              env=self.guard.env, input='data')
        return done.returncode == 0


class Secrets(FieldsTest):
    """A program above the caller, with a secret in its arguments, which is none to the log's readers
    then."""

    def test_secrets_in_arguments_of_caller_and_ancestors_are_not_written_down(self):
        key = self.keys.make()
        self.start(guard.ALLOW_ALL, key)
        key.rename(self.place.path / 'away')
        secrets = ['hunter2', 'ghp_16C7e42F292c6912E7710c838347Ae178B4a', 'open sesame',
                   'abracadabra']
        # A file of a name that looks like a setting, so that ssh-keygen has it in its arguments.
        self.place.write(f'home/API_TOKEN={secrets[3]}', 'data')
        script = (f': https://me:{secrets[0]}@example.org/a.git --password {secrets[3]}; '
                  f'export GH={secrets[1]} API_TOKEN="{secrets[2]}"; '
                  f'{SSH_KEYGEN} -Y sign -n file -f {key}.pub API_TOKEN={secrets[3]}; :')
        self.place.run_ok('sh', '-c', script, env=self.guard.env)
        event = self.guard.wait_event(trigger='sign', decision='allow')
        self.assertEqual(event['command'][-1], 'API_TOKEN=(not shown)')
        self.assertIn('https://me:(not shown)@example.org/a.git',
                      event['local_proc_tree'][1]['command'])
        day, = (self.guard.state / 'events').iterdir()
        for written in (day.read_text(), (self.guard.state / 'current.yaml').read_text()):
            for secret in secrets:
                self.assertNotIn(secret, written)


class Hash(FieldsTest):
    def test_a_program_is_known_by_its_bytes(self):
        key = self.keys.make()
        content = pathlib.Path(SSH_KEYGEN).read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        self.start(BY_HASH.format(sha256=sha256.upper()), key)
        # Moved away: ssh-keygen would sign with it, where the agent does not.
        key.rename(self.place.path / 'away')
        for _ in range(3):
            self.assertTrue(self.signs(key))
        event = self.guard.wait_event(trigger='sign', decision='allow')
        self.assertEqual((event['rule'], event['exe_sha256']), ('known-program', sha256))

    def test_a_copy_that_was_changed_is_another_program(self):
        key = self.keys.make()
        sha256 = hashlib.sha256(pathlib.Path(SSH_KEYGEN).read_bytes()).hexdigest()
        self.start(BY_HASH.format(sha256=sha256), key)
        key.rename(self.place.path / 'away')
        copy = pathlib.Path(self.place.copy_program(SSH_KEYGEN, 'ssh-keygen'))
        self.assertTrue(self.signs(key, copy), 'the same bytes elsewhere')
        with open(copy, 'ab') as file:
            file.write(b'x')
        self.assertFalse(self.signs(key, copy))
        event = self.guard.wait_event(trigger='sign', decision='deny')
        self.assertNotEqual(event['exe_sha256'], sha256)

    def test_check_knows_it_too(self):
        sha256 = hashlib.sha256(pathlib.Path('/proc/self/exe').read_bytes()).hexdigest()
        policy = self.place.write('check.yaml', BY_HASH.format(sha256=sha256))
        done = self.place.run(guard.PROGRAM, 'check', '--pid', str(os.getpid()), '--policy', policy)
        self.assertIn(sha256, done.stdout)
        policy = self.place.write('check.yaml', guard.DENY_ALL)
        done = self.place.run(guard.PROGRAM, 'check', '--pid', str(os.getpid()), '--policy', policy)
        self.assertNotIn(sha256, done.stdout)

    def test_nothing_is_hashed_unasked(self):
        key = self.keys.make()
        self.start(guard.ALLOW_ALL, key)
        key.rename(self.place.path / 'away')
        self.assertTrue(self.signs(key))
        self.assertNotIn('exe_sha256', self.guard.wait_event(trigger='sign', decision='allow'))


class Comment(FieldsTest):
    def test_a_key_is_known_by_its_comment_once_it_was_listed(self):
        work = self.keys.make('work', comment='work laptop')
        home = self.keys.make('home', comment='home')
        self.start(BY_COMMENT, work, home)
        for key in (work, home):
            key.rename(f'{key}.away')
        self.place.run_ok(SSH_ADD, '-l', env=self.guard.env)
        self.assertTrue(self.signs(work))
        self.assertFalse(self.signs(home))
        event = self.guard.wait_event(trigger='sign', decision='allow')
        self.assertEqual((event['rule'], event['key_comment']), ('work', 'work laptop'))
        self.assertEqual(self.guard.wait_event(trigger='sign', decision='deny')['key_comment'], 'home')

    def test_a_key_that_was_never_listed_has_none_that_is_known(self):
        work = self.keys.make('work', comment='work laptop')
        self.start(BY_COMMENT, work)
        with AgentClient(self.guard.socket) as client:
            client.sign(self.keys.blob(work))
        event = self.guard.wait_event(trigger='sign', decision='deny')
        self.assertEqual(event['missing_fact'], 'key_comment')
        self.assertNotIn('key_comment', event)
