"""git over ssh, and commits signed with an SSH key, with keys that only the agent has."""

import unittest

import guard
from guard import SSH, SSH_KEYGEN
from sshd import Sshd


class Git(guard.GuardTest):
    as_person = True
    POLICY = f'''
default_action: deny
hide_denied_keys: false
rules:
  - name: git-over-ssh
    match: {{exe: {SSH}, ancestor: git}}
    action: allow
  - name: commits
    match: {{exe: {SSH_KEYGEN}, ancestor: git}}
    action: allow
'''

    def setUp(self):
        super().setUp()
        agent = self.start_agent()
        self.key = self.keys.make()
        self.add(agent, self.key)
        self.fingerprint = self.keys.fingerprint(self.key)
        self.key.rename(self.place.path / 'away')  # the agent alone can sign from here on
        self.guard = self.start_guard(self.POLICY, upstream=agent)
        self.place.write('home/.gitconfig', '''
[user]
    name = A Tester
    email = me@example.org
[init]
    defaultBranch = main
''')

    def git(self, *words, cwd=None, ssh=SSH):
        env = dict(self.guard.env)
        if hasattr(self, 'sshd'):
            env['GIT_SSH_COMMAND'] = f'{ssh} -F {self.sshd.client_config}'
        return self.place.run('git', *words, cwd=cwd or self.place.home, env=env)

    def git_ok(self, *words, **options):
        done = self.git(*words, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def make_remote(self):
        """A repository with one commit, and the URL by which sshd gives it."""
        self.sshd = Sshd(self.place, 'host', [f'{self.key}.pub'])
        source = self.place.home / 'source'
        self.git_ok('init', '-q', source)
        self.git_ok('commit', '-q', '--allow-empty', '-m', 'first', cwd=source)
        self.git_ok('clone', '-q', '--bare', source, self.place.home / 'bare.git')
        return f'host:{self.place.home}/bare.git'

    def test_clone_and_push_over_ssh_work_and_leave_events(self):
        url = self.make_remote()
        self.git_ok('clone', '-q', url, 'copy')
        event = self.guard.wait_event(trigger='sign', decision='allow', rule='git-over-ssh')
        self.assertEqual(event['process_name'], 'ssh')
        self.assertEqual(event['key_fingerprint'], self.fingerprint)

        copy = self.place.home / 'copy'
        self.git_ok('commit', '-q', '--allow-empty', '-m', 'second', cwd=copy)
        self.git_ok('push', '-q', cwd=copy)
        log = self.git_ok('log', '--format=%s', cwd=self.place.home / 'bare.git')
        self.assertEqual(log, 'second\nfirst\n')
        self.assertEqual(len(self.guard.events(trigger='sign', decision='allow')), 2)

    def test_with_a_copy_of_ssh_neither_clone_nor_push_work(self):
        url = self.make_remote()
        impostor = self.place.copy_program(SSH)
        self.assertNotEqual(self.git('clone', '-q', url, 'copy', ssh=impostor).returncode, 0)
        event = self.guard.wait_event(trigger='sign', decision='deny', rule='default')
        self.assertEqual(event['exe_path'], str(impostor))
        self.assertFalse((self.place.home / 'copy').exists())

        self.git_ok('clone', '-q', url, 'copy')
        copy = self.place.home / 'copy'
        self.git_ok('commit', '-q', '--allow-empty', '-m', 'second', cwd=copy)
        self.assertNotEqual(self.git('push', '-q', cwd=copy, ssh=impostor).returncode, 0)
        log = self.git_ok('log', '--format=%s', cwd=self.place.home / 'bare.git')
        self.assertEqual(log, 'first\n')

    def test_ssh_without_git_above_it_is_another_matter(self):
        self.make_remote()
        done = self.place.run(SSH, '-F', self.sshd.client_config, 'host', 'true',
                              env=self.guard.env)
        self.assertEqual(done.returncode, 255)
        self.guard.wait_event(trigger='sign', decision='deny', rule='default', process_name='ssh')

    def repository(self, signer):
        public = (self.place.home / 'id.pub').read_text()
        signers = self.place.write('home/signers', f'me@example.org {public}')
        self.git_ok('init', '-q', 'signed')
        directory = self.place.home / 'signed'
        for name, value in (('gpg.format', 'ssh'), ('user.signingKey', f'{self.key}.pub'),
                            ('gpg.ssh.allowedSignersFile', signers), ('commit.gpgSign', 'true'),
                            ('gpg.ssh.program', signer)):
            self.git_ok('config', name, value, cwd=directory)
        return directory

    def test_a_commit_is_signed_and_verifies(self):
        directory = self.repository(SSH_KEYGEN)
        self.git_ok('commit', '-q', '--allow-empty', '-m', 'signed', cwd=directory)
        self.git_ok('verify-commit', 'HEAD', cwd=directory)
        event = self.guard.wait_event(trigger='sign', decision='allow', rule='commits')
        self.assertEqual(event['process_name'], 'ssh-keygen')
        self.assertEqual(event['key_fingerprint'], self.fingerprint)

    def test_a_copy_of_ssh_keygen_signs_no_commit(self):
        impostor = self.place.copy_program(SSH_KEYGEN)
        directory = self.repository(impostor)
        done = self.git('commit', '-q', '--allow-empty', '-m', 'signed', cwd=directory)
        self.assertNotEqual(done.returncode, 0)
        self.assertNotEqual(self.git('rev-parse', '-q', '--verify', 'HEAD',
                                     cwd=directory).returncode, 0)
        event = self.guard.wait_event(trigger='sign', decision='deny', rule='default')
        self.assertEqual(event['exe_path'], str(impostor))


if __name__ == '__main__':
    unittest.main()
