"""Where a login goes, and over which hosts, with real ssh, sshd, git and agents."""

import pathlib
import shutil
import subprocess
import unittest

import guard
import place
from guard import ALLOW_ALL, SSH, SSH_ADD, SSH_KEYGEN, wait_until
from sshd import Sshd

GPG_AGENT = shutil.which('gpg-agent')
PINENTRY = '''#!/bin/sh
echo OK
while read -r command _; do
	[ "$command" = GETPIN ] && echo "D correct-horse-battery-1"
	echo OK
	[ "$command" = BYE ] && exit
done
'''


def only_to(fingerprint, more=''):
    return f'''
default_action: deny
hide_denied_keys: false
rules:
  - name: known
    match: {{dest_key: "{fingerprint}"{more}}}
    action: allow
'''


class Chains(guard.GuardTest):
    as_person = True

    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()
        self.key = self.keys.make()
        self.add(self.agent, self.key)
        self.near = Sshd(self.place, 'near', [f'{self.key}.pub'])
        self.far = Sshd(self.place, 'far', [f'{self.key}.pub'])
        self.near_key = self.keys.fingerprint(self.near.host_key)
        self.far_key = self.keys.fingerprint(self.far.host_key)
        self.away = self.place.path / 'away'
        self.key.rename(self.away)  # the agent alone can sign from here on

    def host_line(self, name, host_key):
        return f'{name} ' + ' '.join(pathlib.Path(f'{host_key}.pub').read_text().split()[:2])

    def start(self, policy=ALLOW_ALL, upstream=None, *lines):
        """Hosts are known by the names that are typed: else nobody can say who asked."""
        known = self.place.write('known', '\n'.join(
            [self.host_line('near', self.near.host_key), self.host_line('far', self.far.host_key),
             *lines]) + '\n')
        policy += f'\nknown_hosts: {{user: [{known}], system: []}}\n'
        self.guard = self.start_guard(policy, upstream=upstream or self.agent)

    def ssh(self, *words, server=None, env=None):
        config = (server or self.near).client_config
        return self.place.run(SSH, '-F', config, *words, env=env or self.guard.env)

    def far_from_near(self):
        """The words that, run on the first host, log in to the second."""
        return f'{SSH} -F {self.far.client_config} far echo arrived'

    def signed(self, **fields):
        return self.guard.events(trigger='sign', **fields)

    def assert_fields(self, event, **fields):
        self.assertEqual({name: event.get(name) for name in fields}, fields)

    # --- logins

    def assert_direct(self, event, host_key):
        self.assert_fields(event, decision='allow', sign_type='ssh-login',
                           ssh_user=self.place.user_name, dest_key_fingerprint=host_key,
                           dest_evidence='verified', is_forwarded=False, hops=None,
                           forwarded_via=None, outcome='success')

    def test_a_direct_login_is_verified(self):
        self.start(only_to(self.near_key, ', is_forwarded: false, dest_evidence: verified, '
                                          f'ssh_user: {self.place.user_name}, hops: 0'))
        done = self.ssh('near', 'echo hello')
        self.assertEqual(done.stdout, 'hello\n', done.stderr)
        self.assert_direct(self.signed()[0], self.near_key)
        self.assertEqual(self.guard.events(trigger='session-bind'), [])
        done = self.ssh('far', 'true', server=self.far)
        self.assertEqual(done.returncode, 255)
        self.assert_fields(self.signed()[1], decision='deny', dest_key_fingerprint=self.far_key)

    def test_a_forwarded_agent_shows_the_whole_chain(self):
        self.start()
        done = self.ssh('-A', 'near', self.far_from_near())
        self.assertEqual(done.stdout, 'arrived\n', done.stderr)
        first, second = self.signed()
        self.assert_direct(first, self.near_key)
        self.assert_fields(second, decision='allow', sign_type='ssh-login', is_forwarded=True,
                           hops=1, forwarded_via=['near'], dest_evidence='verified',
                           forwarded_via_keys=[self.near_key],
                           dest_key_fingerprint=self.far_key)

    def test_a_rule_for_one_host_keeps_it_from_using_the_agent_for_another(self):
        self.start(only_to(self.near_key))
        done = self.ssh('-A', 'near', self.far_from_near())
        self.assertNotIn('arrived', done.stdout)
        self.assertEqual([event['decision'] for event in self.signed()], ['allow', 'deny'])
        self.assert_fields(self.signed()[1], rule='default', dest_key_fingerprint=self.far_key,
                           is_forwarded=True)

    def test_a_rule_for_the_far_host_lets_it_be_reached_over_the_near_one(self):
        self.start(f'''
default_action: deny
hide_denied_keys: false
rules:
  - {{name: from-here, match: {{exe: {SSH}, is_forwarded: false}}, action: allow}}
  - {{name: over-near, match: {{dest_key: "{self.far_key}", hops: 1}}, action: allow}}
''')
        done = self.ssh('-A', 'near', self.far_from_near())
        self.assertEqual(done.stdout, 'arrived\n', done.stderr)
        self.assertEqual([event['rule'] for event in self.signed()], ['from-here', 'over-near'])

    def test_forwarded_use_can_be_denied(self):
        self.start('''
default_action: allow
hide_denied_keys: false
rules: [{name: forwarded, match: {is_forwarded: true}, action: deny}]
''')
        done = self.ssh('-A', 'near', self.far_from_near())
        self.assertNotIn('arrived', done.stdout)
        self.assertEqual([event['rule'] for event in self.signed()], ['default', 'forwarded'])

    def test_a_login_by_a_jump_is_direct(self):
        self.start()
        config = self.place.write('both', self.near.client_config.read_text() +
                                  self.far.client_config.read_text())
        done = self.place.run(SSH, '-F', config, '-J', 'near', 'far', 'echo arrived',
                              env=self.guard.env)
        self.assertEqual(done.stdout, 'arrived\n', done.stderr)
        for event, host_key in zip(self.signed(), (self.near_key, self.far_key), strict=True):
            self.assert_direct(event, host_key)

    def test_a_host_certificate_is_its_plain_key(self):
        authority = self.place.home / 'authority'
        self.place.run_ok(SSH_KEYGEN, '-q', '-t', 'ed25519', '-N', '', '-f', authority)
        certificate = self.place.path / 'certified' / 'host_key-cert.pub'

        def certify(host_key):
            self.place.run_ok(SSH_KEYGEN, '-q', '-s', authority, '-I', 'id', '-h', '-n',
                              '127.0.0.1,certified', f'{host_key}.pub')
        server = Sshd(self.place, 'certified', [f'{self.key}.pub'],
                      f'HostCertificate {certificate}', certify)
        public = pathlib.Path(f'{authority}.pub').read_text()
        self.place.write('certified/known_hosts', f'@cert-authority * {public}')
        self.start(ALLOW_ALL, None, f'@cert-authority certified {public}')
        done = self.ssh('certified', 'echo hello', server=server)
        self.assertEqual(done.stdout, 'hello\n', done.stderr)
        self.assert_direct(self.signed()[0], self.keys.fingerprint(server.host_key))

    def test_a_rule_that_says_so_takes_less_than_proof_from_here_alone(self):
        """Without the host in the signed bytes (as before OpenSSH 8.9) the bind is all there is."""
        self.start(f'''
default_action: deny
hide_denied_keys: false
rules:
  - {{name: far, match: {{dest_key: "{self.far_key}", dest_evidence: [verified, bound]}}, action: allow}}
  - {{name: near, match: {{dest_key: "{self.near_key}"}}, action: allow}}
''')
        unbound = ['-o', 'PubkeyAuthentication=unbound']
        done = self.ssh(*unbound, 'far', 'echo arrived', server=self.far)
        self.assertEqual(done.stdout, 'arrived\n', done.stderr)
        self.assert_fields(self.signed()[-1], rule='far', dest_evidence='bound', is_forwarded=False)
        inner = self.far_from_near().replace(' far ', f' {" ".join(unbound)} far ')
        done = self.ssh('-A', 'near', inner)
        self.assertNotIn('arrived', done.stdout)
        self.assert_fields(self.signed()[-1], rule='default', dest_evidence='none',
                           is_forwarded=True)
        # A name that nobody knows may be anybody's: then it is no longer sure that we asked.
        self.place.write('alias', self.far.client_config.read_text().replace('Host far', 'Host it'))
        done = self.place.run(SSH, '-F', self.place.path / 'alias', *unbound, 'it', 'echo arrived',
                              env=self.guard.env)
        self.assertNotIn('arrived', done.stdout)
        self.assert_fields(self.signed()[-1], rule='default', dest_evidence='none',
                           is_forwarded=None)

    # --- other signatures

    def sign_file(self):
        """The words that sign a file for git by the agent's key."""
        message = self.place.write('home/message', 'a message\n')
        public = self.place.home / 'id.pub'
        return [SSH_KEYGEN, '-Y', 'sign', '-n', 'git', '-f', str(public), str(message)]

    def test_git_signs_for_git(self):
        self.start('''
default_action: deny
hide_denied_keys: false
rules: [{name: git, match: {sign_type: sshsig, namespace: git}, action: allow}]
''')
        repository = self.place.home / 'repository'
        self.place.run_ok('git', 'init', '-q', repository)
        settings = [f'user.signingkey={self.key}.pub', 'gpg.format=ssh', 'user.name=A',
                    'user.email=a@example']
        words = [word for setting in settings for word in ('-c', setting)]
        self.place.run_ok('git', '-C', repository, *words, 'commit', '-qS', '--allow-empty', '-m',
                          'signed', env=self.guard.env)
        event, = self.signed()
        self.assert_fields(event, decision='allow', rule='git', sign_type='sshsig',
                           namespace='git', is_forwarded=None, dest_evidence=None, ssh_user=None)
        done = self.ssh('near', 'true')
        self.assertEqual(done.returncode, 255)

    def test_a_signature_over_a_forwarded_agent_has_hops_and_no_destination(self):
        self.start(only_to(self.near_key))
        words = ' '.join(self.sign_file())
        done = self.ssh('-A', 'near', words)
        self.assertNotEqual(done.returncode, 0)
        self.assert_fields(self.signed()[1], decision='deny', sign_type='sshsig', namespace='git',
                           is_forwarded=True, hops=1, forwarded_via=['near'],
                           forwarded_via_keys=[self.near_key], dest_key_fingerprint=None)
        self.guard.write_policy(ALLOW_ALL)
        self.guard.command('reload')
        done = self.ssh('-A', 'near', words)
        self.assertEqual(done.returncode, 0, done.stderr)

    # --- the real agents' own constraints

    def restrict(self, server, *constraints):
        hosts = [self.host_line(name, key)
                 for name, key in (('near', self.near.host_key), ('far', self.far.host_key))]
        names = self.place.write('names', '\n'.join(hosts) + '\n')
        self.place.run_ok(SSH_ADD, '-qD', env=server.env)
        self.place.run_ok(SSH_ADD, '-q', '-H', names,
                          *[word for constraint in constraints for word in ('-h', constraint)],
                          self.away, env=server.env)

    def reaches(self, env):
        """Which of the logins work: near, far, and far over near."""
        return (self.ssh('near', 'echo arrived', env=env).stdout == 'arrived\n',
                self.ssh('far', 'echo arrived', server=self.far, env=env).stdout == 'arrived\n',
                self.ssh('-A', 'near', self.far_from_near(), env=env).stdout == 'arrived\n')

    def test_destination_constraints_work_as_without_us(self):
        self.start()
        for constraints, expected in ((['near'], (True, False, False)),
                                      (['near', 'near>far'], (True, False, True))):
            for server in (self.agent, self.guard):
                with self.subTest(constraints=constraints, server=type(server).__name__):
                    self.restrict(server, *constraints)
                    self.assertEqual(self.reaches(server.env), expected)

    @unittest.skipUnless(GPG_AGENT, 'gpg-agent is not installed')
    def test_a_login_is_verified_before_an_agent_that_refuses_all_binds(self):
        home = self.place.make_directory(self.place.home / 'gnupg')
        pinentry = self.place.write('bin/pinentry', PINENTRY, 0o755)
        words = ['gpg-agent', '--homedir', home]
        sockets = self.place.run_ok('gpgconf', '--homedir', home, '--list-dirs', 'agent-ssh-socket')
        socket = pathlib.Path(sockets.strip())
        self.place.spawn(*words, '--daemon', '--no-detach', '--enable-ssh-support',
                         '--pinentry-program', pinentry, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
        wait_until(lambda: place.socket_answers(socket), 'gpg-agent answers')
        self.place.run_ok(SSH_ADD, '-q', self.away, env={'SSH_AUTH_SOCK': str(socket)})
        self.start(only_to(self.near_key), upstream=socket)
        done = self.ssh('near', 'echo hello')
        self.assertEqual(done.stdout, 'hello\n', done.stderr)
        self.assert_direct(self.signed()[0], self.near_key)
        done = self.ssh('-A', 'near', self.far_from_near())
        self.assertNotIn('arrived', done.stdout)
        self.assert_fields(self.signed()[-1], decision='deny', is_forwarded=True, hops=1,
                           dest_key_fingerprint=self.far_key)


if __name__ == '__main__':
    unittest.main()
