"""Other users of the machine, and the guard of an unprivileged one. Beside each attack stands what
shows that it is the guard that refuses, and not the system or a mistake of the test."""

import os
import pathlib
import socket
import sys
import unittest

import guard
import place
from agent_client import FAILURE, SIGN_RESPONSE, AgentClient
from guard import SSH_ADD
from place import wait_until


class OtherUid(guard.GuardTest):
    """A fresh user's guard, and root, whom the kernel refuses nothing."""

    as_person = True

    def setUp(self):
        if os.getuid() != 0:
            self.skipTest('needs root, to act as two users')
        super().setUp()
        agent = self.start_agent()
        self.key = self.keys.make()
        self.blob = self.keys.blob(self.key)
        self.add(agent, self.key)
        self.guard = self.start_guard(upstream=agent)

    def test_a_client_of_another_user_is_refused_and_one_of_the_owner_is_not(self):
        with AgentClient(self.guard.socket) as client:  # we are root
            self.assertEqual(client.sign(self.blob), bytes([FAILURE]))
        event = self.guard.wait_event(trigger='sign', decision='deny', reason='other-uid')
        self.assertEqual(event['uid'], 0)

        self.place.run_ok(SSH_ADD, '-T', f'{self.key}.pub', env=self.guard.env)
        event = self.guard.wait_event(trigger='sign', decision='allow')
        self.assertEqual(event['uid'], self.place.uid)

    def test_another_user_sees_no_keys(self):
        self.assertIn(self.keys.fingerprint(self.key),
                      self.place.run_ok(SSH_ADD, '-l', env=self.guard.env))
        listed = self.place.run(SSH_ADD, '-l', env=self.guard.env, user=0, group=0)
        self.assertNotIn('SHA256', listed.stdout)

    def test_a_third_user_cannot_even_connect(self):
        stranger = 65534
        probe = ('import socket, sys; s = socket.socket(socket.AF_UNIX); '
                 's.settimeout(5); s.connect(sys.argv[1])')
        python = pathlib.Path('/usr/bin/python3')
        python = python if python.exists() else sys.executable
        path = self.place.path / 'open.sock'
        self.place.runtime.chmod(0o755)  # the socket's own mode must do
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            path.chmod(0o666)
            for target, status in ((path, 0), (self.guard.socket, 1)):
                with self.subTest(target=target):
                    done = self.place.run(python, '-c', probe, target, user=stranger,
                                          group=stranger, cwd='/')
                    self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn('PermissionError', done.stderr)

    def test_the_socket_directory_of_another_user_is_refused(self):
        other = self.place.path / 'not-mine'
        other.mkdir(mode=0o755)  # root's
        server = self.start_guard(socket=other / 'a.sock', wait=False,
                                  arguments=('--state-dir', self.place.home / 's'))
        server.asked_to_end = True
        self.assertEqual(server.process.wait(place.DEADLINE_S), 1, server.output())
        self.assertIn('not-mine', server.output())


class Unprivileged(guard.GuardTest):
    """The same as everywhere, but certainly not as root."""

    as_person = True

    def test_a_key_is_added_used_and_removed(self):
        server = self.start_guard()
        self.assertNotEqual(self.place.uid, 0)
        key = self.keys.make()
        self.add(server, key)
        self.place.run_ok(SSH_ADD, '-T', f'{key}.pub', env=server.env)
        event = server.wait_event(trigger='sign', decision='allow')
        self.assertEqual(event['exe_path'], SSH_ADD)
        self.place.run_ok(SSH_ADD, '-q', '-D', env=server.env)
        self.assertEqual(self.place.run(SSH_ADD, '-l', env=server.env).returncode, 1)

    def test_killed_it_takes_its_agent_along(self):
        server = self.start_guard()
        self.assertNotEqual(place.descendants() - {server.pid}, set())
        server.stop(9)
        wait_until(lambda: not place.descendants(), 'no process is left')

    def test_neither_guard_nor_agent_can_be_traced_by_their_user(self):
        server = self.start_guard()
        control = self.place.spawn('sleep', '600')
        pids = place.descendants(server.pid) | {server.pid}
        python = '/usr/bin/python3' if os.path.exists('/usr/bin/python3') else sys.executable
        probe = 'import sys; open(f"/proc/{sys.argv[1]}/mem", "rb").read(0)'
        readable = self.place.run(python, '-c', probe, control.pid)
        self.assertEqual(readable.returncode, 0, readable.stderr)
        for pid in pids:
            with self.subTest(command=place.command_line(pid)):
                self.assertNotEqual(self.place.run(python, '-c', probe, pid).returncode, 0)


if __name__ == '__main__':
    unittest.main()
