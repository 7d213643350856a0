"""A guard that a service manager has started tells it how far it is (sd_notify(3))."""

import os
import pathlib
import signal
import socket
import time
import unittest

import guard
import place
from guard import ALLOW_ALL, SSH_ADD
from place import wait_until

BAD = 'default_action: perhaps\n'


class Manager:
    """A socket as NOTIFY_SOCKET, and what was said to it."""

    def __init__(self, test, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        test.addCleanup(self.socket.close)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(name.replace('@', '\0', 1))
        if name[0] == '/' and test.place.person:
            os.chown(name, test.place.uid, -1)
        self.socket.settimeout(place.DEADLINE_S)
        self.senders = set()

    def receive(self):
        """The next thing that is said: {variable: value}."""
        text, credentials, *_ = self.socket.recvmsg(65536, 100)
        for *_, data in credentials:
            self.senders.add(int.from_bytes(data[:4], 'little'))
        lines = text.decode().splitlines()
        said = dict(line.split('=', 1) for line in lines)
        assert len(said) == len(lines), lines
        return said

    def wait(self, variable, value='1'):
        """What was said up to there, which includes it."""
        said = []
        while not said or said[-1].get(variable) != value:
            said.append(self.receive())
        return said


class Service(guard.GuardTest):
    as_person = True

    def setUp(self):
        super().setUp()
        self.name = str(self.place.path / 'notify')

    def start(self, **options):
        self.manager = Manager(self, self.name)
        return self.start_guard(wait=False, env={'NOTIFY_SOCKET': self.name}, **options)

    def test_it_is_ready_once_its_socket_answers(self):
        server = self.start()
        said = self.manager.wait('READY')
        self.assertTrue(place.socket_answers(server.socket))
        self.assertIn('no identities', self.place.run(SSH_ADD, '-l', env=server.env).stdout)
        for earlier in said[:-1]:
            self.assertNotIn('READY', earlier)
        self.assertEqual(self.manager.senders, {server.pid})
        self.assertEqual(said[-1]['STATUS'], f'serving {server.socket}')

    def test_by_an_abstract_name_too(self):
        self.name = f'@{self.place.path.name}'
        self.start()
        self.manager.wait('READY')

    def test_one_that_does_not_start_is_never_ready(self):
        server = self.start(policy=BAD)
        server.asked_to_end = True
        self.assertNotEqual(server.process.wait(place.DEADLINE_S), 0)
        self.manager.socket.setblocking(False)
        try:
            while True:
                self.assertNotIn('READY', self.manager.receive())
        except BlockingIOError:
            pass

    def test_while_it_reads_its_files_it_says_so(self):
        server = self.start()
        self.manager.wait('READY')
        for ask in (lambda: os.kill(server.pid, signal.SIGHUP),
                    lambda: server.command('reload')):
            for policy in ALLOW_ALL, BAD:  # of a bad one the old one stays in force
                server.write_policy(policy)
                before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
                ask()
                said = self.manager.wait('RELOADING')[-1]
                self.assertGreaterEqual(int(said['MONOTONIC_USEC']), before)
                self.assertNotIn('RELOADING', self.manager.wait('READY')[-1])
        self.wait_status('reload-error')

    def wait_status(self, word):
        while True:
            status = self.manager.receive().get('STATUS', '')
            if word in status:
                return status

    def test_its_end_is_told(self):
        server = self.start()
        self.manager.wait('READY')
        self.assertEqual(server.stop(), 0)
        said = self.manager.wait('STOPPING')
        self.assertNotIn('READY', said[-1])

    def test_what_it_starts_is_not_told_where(self):
        seen = self.place.home / '.local/state/ssh-ag/seen'
        script = self.place.write('bin/look', '#!/bin/sh\nenv > "$HOME/.local/state/ssh-ag/seen"\n',
                                  0o755)
        server = self.start(policy=f'status: {{renderers: [{{command: [{script}]}}]}}\n{ALLOW_ALL}')
        self.manager.wait('READY')
        wait_until(lambda: seen.exists() and 'HOME=' in seen.read_text(), 'a helper runs')
        self.assertNotIn('NOTIFY_SOCKET', seen.read_text())
        for pid in place.descendants(server.pid):
            command = place.command_line(pid)
            if not command or command[0] != b'ssh-agent':
                continue  # a child of the guard's own shows what that began with
            environment = pathlib.Path(f'/proc/{pid}/environ').read_bytes()
            self.assertNotIn(b'NOTIFY_SOCKET', environment)
            break
        else:
            self.fail('no managed agent was found')

    def test_a_manager_that_is_slow_hears_it_later(self):
        """Its queue is full while the guard starts."""
        self.manager = Manager(self, self.name)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.setblocking(False)
            full = 0
            try:
                while True:
                    other.sendto(b'X=1', self.name)
                    full += 1
            except BlockingIOError:
                pass
            server = self.start_guard(env={'NOTIFY_SOCKET': self.name})  # and serves
            self.assertTrue(place.socket_answers(server.socket))
            for _ in range(full):
                self.assertEqual(self.manager.receive(), {'X': '1'})
        self.manager.wait('READY')

    def test_names_that_are_none_keep_nobody_from_starting(self):
        for name in ('', 'relative', '/' + 'x' * 200, str(self.place.path / 'nobody')):
            server = self.start_guard(env={'NOTIFY_SOCKET': name})
            self.assertEqual(server.stop(), 0)

    def test_in_the_background_it_speaks_for_nobody(self):
        self.manager = Manager(self, self.name)
        self.place.write('policy.yaml', ALLOW_ALL)
        self.place.run_ok(self.place.program, 'start', '--policy', self.place.path / 'policy.yaml',
                          env={'NOTIFY_SOCKET': self.name})
        self.place.run_ok(self.place.program, 'stop')
        self.manager.socket.setblocking(False)
        self.assertRaises(BlockingIOError, self.manager.receive)


if __name__ == '__main__':
    unittest.main()
