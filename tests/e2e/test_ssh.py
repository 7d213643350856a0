"""ssh to a real sshd with a key that only the agent has: logins, forwarding, ControlMaster."""

import unittest

import guard
from guard import SSH, SSH_ADD, wait_until
from sshd import Sshd


class Ssh(guard.GuardTest):
    as_person = True
    POLICY = f'''
default_action: deny
hide_denied_keys: false
rules:
  - name: real-ssh
    match: {{process_name: ssh, exe: {SSH}}}
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
        self.sshd = Sshd(self.place, 'near', [f'{self.key}.pub'])

    def ssh(self, *words, program=SSH, server=None, **options):
        config = (server or self.sshd).client_config
        return self.place.run(program, '-F', config, *words, env=self.guard.env, **options)

    def signed(self, **fields):
        return self.guard.events(trigger='sign', **fields)

    def test_a_login_works_and_leaves_an_event(self):
        done = self.ssh('near', 'echo hello')
        self.assertEqual(done.stdout, 'hello\n', done.stderr)
        event = self.guard.wait_event(trigger='sign', decision='allow', rule='real-ssh')
        self.assertEqual(event['process_name'], 'ssh')
        self.assertEqual(event['exe_path'], SSH)
        self.assertEqual(event['key_fingerprint'], self.fingerprint)
        self.assertEqual(event['outcome'], 'success')
        self.assertEqual(event['uid'], self.place.uid)
        self.assertNotIn('caller_integrity', event)
        self.assertNotIn('connector_pid', event)
        self.assertEqual(len(self.signed()), 1)

    def test_a_copy_of_ssh_cannot_log_in(self):
        impostor = self.place.copy_program(SSH)
        done = self.ssh('near', 'echo hello', program=impostor)
        self.assertEqual(done.returncode, 255)
        self.assertEqual(done.stdout, '')
        self.assertIn('Permission denied', done.stderr)
        event = self.guard.wait_event(trigger='sign', decision='deny', rule='default')
        self.assertEqual(event['exe_path'], str(impostor))
        self.assertEqual(event['process_name'], 'ssh')
        self.assertEqual(event['key_fingerprint'], self.fingerprint)
        self.assertEqual(self.signed(decision='allow'), [])

    def test_a_name_alone_opens_nothing(self):
        impostor = self.place.copy_program(SSH)
        done = self.ssh('near', 'true', program=SSH, executable=impostor)  # argv[0] is /usr/bin/ssh
        self.assertEqual(done.returncode, 255)
        self.assertEqual(self.signed(decision='allow'), [])

    def test_sessions_through_a_control_master_ask_once(self):
        path = self.place.path / 'master'
        master = self.place.spawn(SSH, '-F', self.sshd.client_config, '-MNS', path, 'near',
                                  env=self.guard.env)
        wait_until(path.exists, 'the master listens')
        for number in range(3):
            done = self.ssh('-S', path, 'near', f'echo {number}')
            self.assertEqual(done.stdout, f'{number}\n', done.stderr)
        signed = self.signed()
        self.assertEqual(len(signed), 1)
        self.assertEqual(signed[0]['local_pid'], master.pid)
        self.assertEqual(signed[0]['decision'], 'allow')

    def test_a_copy_of_ssh_makes_no_control_master(self):
        path = self.place.path / 'master'
        done = self.ssh('-MNS', path, 'near', program=self.place.copy_program(SSH))
        self.assertEqual(done.returncode, 255)
        self.assertFalse(path.exists())
        self.guard.wait_event(trigger='sign', decision='deny', rule='default')

    def hop(self):
        """The words that, run on the first host, log in to a second."""
        self.far = Sshd(self.place, 'far', [f'{self.key}.pub'])
        return f'{SSH} -F {self.far.client_config} far echo arrived'

    def test_a_forwarded_agent_logs_in_to_the_next_host(self):
        done = self.ssh('-A', 'near', self.hop())
        self.assertEqual(done.stdout, 'arrived\n', done.stderr)
        signed = self.signed()
        self.assertEqual([event['decision'] for event in signed], ['allow', 'allow'])
        # Who wrote the second request to our socket is the ssh here, not the one over there.
        self.assertEqual(signed[0]['local_pid'], signed[1]['local_pid'])

    def test_without_forwarding_the_next_host_is_out_of_reach(self):
        done = self.ssh('near', self.hop())
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(len(self.signed()), 1)

    def test_a_copy_of_ssh_forwards_an_agent_that_refuses(self):
        words = self.hop()
        impostor = self.place.copy_program(SSH)
        for program, arrives in ((SSH, True), (impostor, False)):
            # The first login uses the key file, so that the second alone depends on the guard.
            done = self.ssh('-A', '-o', f'IdentityFile={self.place.path}/away', '-o',
                            'IdentitiesOnly=yes', '-o', f'IdentityAgent={self.guard.socket}',
                            'near', words, program=program)
            with self.subTest(program=program):
                self.assertEqual(done.stdout == 'arrived\n', arrives, done.stderr)
        denied = self.guard.wait_event(trigger='sign', decision='deny', rule='default')
        self.assertEqual(denied['exe_path'], str(impostor))

    def test_keys_of_a_forwarded_agent_can_be_listed(self):
        done = self.ssh('-A', 'near', f'{SSH_ADD} -l')
        self.assertIn(self.fingerprint, done.stdout, done.stderr)


if __name__ == '__main__':
    unittest.main()
