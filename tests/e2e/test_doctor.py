"""doctor: what it finds is there, and what is not there it does not find."""

import json
import os
import socket
import threading
import time
import unittest

import guard
import place
from guard import SSH, SSH_ADD, SSH_KEYGEN
from place import wait_until
from sshd import Sshd


class Doctor(guard.GuardTest):
    as_person = True

    def examine(self, *words, env=None, **options):
        done = self.place.run(self.place.program, 'doctor', '--json', *words, env=env, **options)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        findings = [json.loads(line) for line in done.stdout.splitlines()]
        bad = [finding for finding in findings if finding['grade'] == 'bad']
        self.assertEqual(done.returncode, 1 if bad else 0)
        for finding in findings:  # each with what to do
            self.assertTrue(finding['grade'] == 'ok' or finding.get('advice'), finding)
        return findings

    def of(self, findings, area, grade=None):
        return [finding['text'] for finding in findings if finding['area'] == area
                and grade in (None, finding['grade'])]

    def ssh_directory(self):
        return self.place.make_directory(self.place.home / '.ssh')

    def test_without_a_guard_it_says_so(self):
        findings = self.examine()
        self.assertIn('none is running', self.of(findings, 'guard', 'bad')[0])

    def test_a_guard_and_a_session_that_uses_it_are_well(self):
        server = self.start_guard()
        wait_until(lambda: (server.state / 'current.yaml').exists(), 'its status')
        findings = self.examine(env=server.env)
        self.assertEqual(self.of(findings, 'guard'), ['it serves'])
        self.assertEqual(self.of(findings, 'session', 'bad'), [])
        self.assertIn("SSH_AUTH_SOCK is the guard's", self.of(findings, 'session', 'ok'))
        hidden = not server.status()['upstream_reachable']
        self.assertEqual(len(self.of(findings, 'upstream', 'ok' if hidden else 'bad')), 1)
        # The guard itself is no agent without a guard.
        self.assertNotIn(str(server.socket), str(self.of(findings, 'agents')))
        self.assertEqual(len(self.of(findings, 'log', 'ok')), 1)

    def test_a_kernel_that_tells_no_holder_of_a_connection_is_found(self):
        server = self.start_guard('default_action: deny\n')
        self.place.run(SSH_ADD, '-D', env=server.env)
        marks = server.wait_event(trigger='remove-all').get('caller_integrity', [])
        found = [text for text in self.of(self.examine(), 'kernel', 'bad')
                 if 'who holds a connection' in text]
        self.assertEqual(len(found), 1 if 'fd-inherited' in marks else 0)

    def test_an_upstream_with_a_path_is_no_promise(self):
        agent = self.start_agent()
        server = self.start_guard(upstream=agent)
        found = self.of(self.examine(env=server.env), 'upstream', 'bad')
        self.assertIn(str(agent.socket), found[0])

    def test_an_agent_that_listens_where_none_usually_does_is_found(self):
        agent = self.start_agent('elsewhere-agent')
        server = self.start_guard()
        self.add(agent, self.keys.make())
        found = self.of(self.examine(env=server.env), 'agents', 'bad')
        self.assertEqual([text for text in found if str(self.place.path) in text],
                         [f'an agent without a guard has 1 key: {agent.socket}'])

    def bind_many(self, owner):
        for i in range(130):  # nobody listens there, so that it takes no time
            one = socket.socket(socket.AF_UNIX)
            self.addCleanup(one.close)
            one.bind(f'{self.place.runtime}/agent{i}')
            os.chown(f'{self.place.runtime}/agent{i}', owner, -1)

    def test_no_number_of_sockets_keeps_it_from_its_end(self):
        server = self.start_guard()
        self.bind_many(self.place.uid)
        found = self.of(self.examine(env=server.env), 'agents', 'note')
        self.assertTrue(any('more than 100 sockets' in text for text in found), found)

    @unittest.skipUnless(os.getuid() == 0, 'needs root, to give sockets to others')
    def test_those_of_other_users_hide_no_agent(self):
        self.bind_many(65534)
        agent = self.start_agent('zz-agent')
        self.add(agent, self.keys.make())
        found = self.of(self.examine(), 'agents')
        self.assertIn(f'an agent without a guard has 1 key: {agent.socket}', found)
        self.assertFalse(any('more than 100 sockets' in text for text in found), found)

    @unittest.skipUnless(os.getuid() == 0, 'needs root, to give sockets to others')
    def test_an_agent_of_another_user_is_none_of_this_account(self):
        agent = self.start_agent('elsewhere-agent')
        self.add(agent, self.keys.make())
        os.chown(agent.socket, 65534, -1)
        self.assertNotIn(str(agent.socket), str(self.examine()))

    def test_one_that_never_comes_to_an_end_is_left(self):
        path = self.place.runtime / 'slow-agent'
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            os.chown(path, self.place.uid, -1)
            done = threading.Event()

            def dribble():
                client = listener.accept()[0]
                while not done.wait(0.2):
                    try:
                        client.send(b'\0')
                    except OSError:
                        return

            thread = threading.Thread(target=dribble)
            thread.start()
            began = time.monotonic()
            self.examine()
            done.set()
            thread.join()
            self.assertLess(time.monotonic() - began, 20)

    def test_an_endpoint_of_the_guard_is_no_other_agent(self):
        door = self.place.runtime / 'ssh-door.sock'
        server = self.start_guard(f'{guard.ALLOW_ALL}endpoints: {{people: {{path: {door}}}}}\n')
        wait_until(lambda: place.socket_answers(door), 'the endpoint is there')
        self.add(server, self.keys.make())
        self.assertNotIn(str(door), str(self.of(self.examine(env=server.env), 'agents')))

    def test_an_endpoint_where_somebody_else_listens_is_a_promise_that_does_not_hold(self):
        door = self.place.runtime / 'door.sock'
        text = f'{guard.ALLOW_ALL}endpoints: {{people: {{path: {door}}}}}\n'
        policy = self.place.write('config/ssh-agent-guard/policy.yaml', guard.ALLOW_ALL)
        server = self.start_guard(guard.ALLOW_ALL)
        self.assertEqual(self.of(self.examine(env=server.env), 'endpoints'), [])
        policy.write_text(text)  # which no guard has in force
        self.assertEqual(self.of(self.examine(env=server.env), 'endpoints'), [])
        found = self.of(self.examine('--policy', policy, env=server.env), 'endpoints', 'bad')
        self.assertEqual(found, ['the guard does not listen at the endpoint people of the policy: '
                                 f'{door}'])
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(door))
            door.chmod(0o777)
            other.listen()
            self.assertEqual(len(self.of(self.examine('--policy', policy, env=server.env),
                                         'endpoints', 'bad')), 1)
        door.unlink()
        server.write_policy(text)
        wait_until(lambda: place.socket_answers(door), 'the endpoint is there')
        self.assertEqual(len(self.of(self.examine(env=server.env), 'endpoints', 'ok')), 1)

    def test_what_the_guards_process_keeps_from_others_is_tried(self):
        server = self.start_guard()
        findings = self.examine(env=server.env)
        found = self.of(findings, 'process', 'ok')
        self.assertIn('the guard runs under a filter of system calls, and gets no new privileges',
                      found)
        self.assertTrue(any(text.startswith('nothing can be taken of the guard and its ssh-agent')
                            for text in found), found)
        self.assertEqual(self.of(findings, 'process', 'bad'), [])

    def test_the_program_is_told_from_one_that_root_installed(self):
        self.assertIn(str(self.place.program), self.of(self.examine(), 'install', 'note')[0])

    def test_a_session_that_goes_round_the_guard_is_found(self):
        agent = self.start_agent()
        self.start_guard()
        self.add(agent, self.keys.make())
        findings = self.examine(env=agent.env)
        self.assertIn(str(agent.socket), self.of(findings, 'session', 'bad')[0])
        self.assertIn('1 key', self.of(findings, 'agents', 'bad')[0])

    def test_what_launchd_gives_its_programs_is_asked(self):
        server = self.start_guard()
        launchctl = self.place.bin / 'launchctl'  # there is none on Linux
        path = f'{self.place.bin}:{self.place.env["PATH"]}'
        for value, grade in ((server.socket, 'ok'), (f'{server.socket}.other', 'bad'), ('', 'note')):
            self.place.write('bin/launchctl', f'#!/bin/sh\n[ "$*" = "getenv SSH_AUTH_SOCK" ] && '
                                              f'printf %s "{value}"\n', 0o755)
            found = self.of(self.examine(env={**server.env, 'PATH': path}), 'session', grade)
            self.assertTrue(any('launchd' in text for text in found), (launchctl, grade, found))

    def test_a_private_key_without_a_passphrase_is_found(self):
        directory = self.ssh_directory()
        for name, passphrase in (('open', ''), ('closed', 'a passphrase')):
            self.place.run_ok(SSH_KEYGEN, '-q', '-t', 'ed25519', '-N', passphrase, '-f',
                              directory / name)
        found = self.of(self.examine(), 'keys', 'bad')
        self.assertEqual(len(found), 1)
        self.assertIn('~/.ssh/open', found[0])
        (directory / 'open').unlink()
        found = self.of(self.examine(), 'keys', 'ok')
        self.assertIn('1 with one', found[0])
        (directory / 'closed').chmod(0o644)
        self.assertIn('others may read', self.of(self.examine(), 'keys', 'bad')[0])

    def test_so_is_one_in_a_directory_of_its_own(self):
        self.ssh_directory()
        self.place.run_ok(SSH_KEYGEN, '-q', '-t', 'ed25519', '-N', '', '-f',
                          self.place.make_directory(self.ssh_directory() / 'work') / 'open')
        self.assertIn('~/.ssh/work/open', self.of(self.examine(), 'keys', 'bad')[0])

    def test_an_open_connection_of_ssh_elsewhere_is_known_by_what_it_says(self):
        key = self.keys.make()
        host = Sshd(self.place, 'a', [f'{key}.pub'])
        path = self.place.runtime / 'ssh-to-a'
        self.place.spawn(SSH, '-F', host.client_config, '-o', f'IdentityFile={key}', '-o',
                         'IdentitiesOnly=yes', '-N', '-M', '-S', path, 'a')
        wait_until(path.exists, 'the connection is shared')
        found = self.of(self.examine(), 'shared connections', 'note')
        self.assertEqual([text for text in found if text.endswith(f': {path}')], found)
        self.assertEqual(len(found), 1)

    def test_an_open_connection_of_ssh_is_found(self):
        path = self.ssh_directory() / 'master-git@host:22'
        self.assertEqual(self.of(self.examine(), 'shared connections'), [])
        with socket.socket(socket.AF_UNIX) as master:
            master.bind(str(path))
            path.chmod(0o777)
            master.listen()
            self.assertIn(str(path), self.of(self.examine(), 'shared connections', 'note')[0])

    def test_hashed_names_of_hosts_are_told(self):
        self.ssh_directory()
        self.place.write('home/.ssh/known_hosts', '|1|aaaa|bbbb ssh-ed25519 AAAA\nhost x y\n')
        self.assertIn('1 of 2', self.of(self.examine(), 'known_hosts', 'note')[0])

    def test_it_says_what_a_lock_is_worth(self):
        self.assertEqual(self.of(self.examine(), 'lock', 'note'), [])
        self.place.write('config/ssh-agent-guard/policy.yaml', 'default_action: deny\nlock: true\n'
                                                               'rules: []\n')
        self.assertIn('evidence of tampering at best', self.of(self.examine(), 'lock', 'note')[0])

    def test_a_policy_that_cannot_be_used_is_found(self):
        self.place.write('config/ssh-agent-guard/policy.yaml', 'default_action: maybe\n')
        self.assertIn('maybe', self.of(self.examine(), 'policy', 'bad')[0])

    def test_the_policy_that_is_looked_at_is_the_one_of_the_guard_that_runs(self):
        self.place.write('config/ssh-agent-guard/policy.yaml', guard.DENY_ALL)
        self.assertEqual(self.of(self.examine(), 'policy', 'note'), [])
        server = self.start_guard(guard.ALLOW_ALL)
        text, = self.of(self.examine(), 'policy', 'note')
        self.assertIn(f'{server.policy} may not mean what you want', text)
        other = self.place.path / 'config/ssh-agent-guard/policy.yaml'
        self.assertEqual(self.of(self.examine('--policy', other), 'policy', 'note'), [])

    def test_events_that_were_changed_are_found(self):
        server = self.start_guard()
        self.place.run(SSH_ADD, '-l', env=server.env)
        server.stop()
        self.assertEqual(self.of(self.examine(), 'log', 'bad'), [])
        for path in (server.state / 'events').iterdir():
            path.write_text(path.read_text().replace('trigger: "start"', 'trigger: "sturt"'))
        self.assertIn('changed', self.of(self.examine(), 'log', 'bad')[0])

    def test_what_it_prints_moves_no_terminal(self):
        directory = self.ssh_directory()
        self.place.run_ok(SSH_KEYGEN, '-q', '-t', 'ed25519', '-N', '', '-f', directory / 'x')
        os.rename(directory / 'x', directory / 'x\x1b[2J')
        done = self.place.run(self.place.program, 'doctor')
        self.assertNotIn('\x1b', done.stdout)
        self.assertIn(r'\x1b', done.stdout)
        self.assertRegex(done.stdout.splitlines()[-1], r'^\d+ of \d+ findings say')

    def test_wrong_usage_is_said(self):
        for words in (['--nonsense'], ['operand'], ['--listen']):
            done = self.place.run(self.place.program, 'doctor', *words)
            self.assertEqual(done.returncode, 2)
            self.assertTrue(done.stderr.startswith('ssh-agent-guard: doctor: '), done.stderr)


if __name__ == '__main__':
    unittest.main()
