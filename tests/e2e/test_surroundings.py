"""What a guard inherits from whoever starts it, and what becomes of the places it lives in: none of
it is under its control, and none of it may do harm."""

import contextlib
import fcntl
import os
import pathlib
import pty
import signal
import socket
import stat
import struct
import subprocess
import termios
import time
import unittest

import agent_client
import guard
import place
from agent_client import FAILURE, SIGN_RESPONSE, AgentClient, sign_request
from guard import SSH_ADD
from place import wait_until


def with_us(prepare):
    """For preexec_fn: prepares the process, which also dies with us."""
    def run():
        place._die_with_us()
        prepare()
    return run


class Inherited(guard.GuardTest):
    def setUp(self):
        super().setUp()
        self.policy = self.place.write('config/ssh-agent-guard/policy.yaml', guard.ALLOW_ALL)

    def spawn(self, prepare, *words, **options):
        return self.place.spawn(self.place.program, *words, preexec_fn=with_us(prepare), **options)

    def serves(self, path=None):
        path = path or self.place.runtime / 'ssh-agent-guard.sock'
        wait_until(lambda: place.socket_answers(path), 'it answers')
        with AgentClient(path) as client:
            return client.identities() == []

    def test_closed_standard_descriptors_stand_open_to_nothing(self):
        for closed in ((0, 1, 2), (2,), (0,), (0, 1)):
            with self.subTest(closed=closed):
                process = self.spawn(lambda: [os.close(fd) for fd in closed],
                                     stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
                self.assertTrue(self.serves())
                for fd in closed:
                    self.assertEqual(os.readlink(f'/proc/{process.pid}/fd/{fd}'), '/dev/null')
                self.assertEqual(self.place.end(process), 0)

    def test_start_with_closed_standard_descriptors_starts(self):
        process = self.spawn(lambda: [os.close(fd) for fd in (0, 1, 2)], 'start')
        process.wait(place.DEADLINE_S)
        self.assertTrue(self.serves())
        self.place.run_ok(self.place.program, 'stop')

    def test_start_keeps_no_standard_error_of_its_caller_open(self):
        process = self.place.spawn(self.place.program, 'start', stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        output, _ = process.communicate(timeout=place.DEADLINE_S)  # waits for the end of file
        self.assertIn(b'SSH_AUTH_SOCK=', output)
        self.place.run_ok(self.place.program, 'stop')

    def test_shells_that_start_it_at_the_same_time_all_get_its_socket(self):
        starts = [self.place.spawn(self.place.program, 'start', stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE) for _ in range(8)]
        results = [(process.communicate(timeout=place.DEADLINE_S), process.returncode)
                   for process in starts]
        for (out, err), status in results:
            self.assertEqual(status, 0, err)
            self.assertEqual(out, results[0][0][0])
            self.assertIn(b'SSH_AUTH_SOCK=', out)
        self.place.run_ok(self.place.program, 'stop')

    def test_blocked_signals_still_end_it_and_its_agent_is_still_seen_to_die(self):
        everything = range(1, signal.NSIG)
        process = self.spawn(lambda: signal.pthread_sigmask(signal.SIG_BLOCK, everything),
                             stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.assertTrue(self.serves())
        agents = [pid for pid in place.descendants(process.pid)
                  if place.command_line(pid)[:1] == [b'ssh-agent']]
        self.assertEqual(len(agents), 1)
        os.kill(agents[0], signal.SIGKILL)
        with AgentClient(self.place.runtime / 'ssh-agent-guard.sock') as client:
            wait_until(lambda: client.ask(11) == bytes([FAILURE]), 'its end is seen')
            wait_until(lambda: client.ask(11) != bytes([FAILURE]), 'there is another one')
        self.assertEqual(self.place.end(process), 0)

    def test_ignored_signals_change_nothing(self):
        def ignore():
            for number in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
        process = self.spawn(ignore, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.assertTrue(self.serves())
        self.assertEqual(self.place.end(process), 0)
        started = self.spawn(ignore, 'start', stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = started.communicate(timeout=place.DEADLINE_S)
        self.assertEqual(started.returncode, 0, err)
        self.assertIn(b'SSH_AUTH_SOCK=', out)
        self.place.run_ok(self.place.program, 'stop')

    def test_start_says_how_it_failed_where_sigchld_is_ignored(self):
        self.policy.write_text('nonsense: 1\n')
        started = self.spawn(lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN), 'start',
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        started.communicate(timeout=place.DEADLINE_S)
        self.assertEqual(started.returncode, 2)

    def test_a_terminal_that_takes_nothing_keeps_nobody_waiting(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        terminal = os.open(os.ttyname(slave), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        self.addCleanup(os.close, terminal)
        self.place.spawn(self.place.program, stdout=subprocess.DEVNULL, stderr=slave)
        os.close(slave)
        self.assertTrue(self.serves())
        self.fill(terminal)
        # Each reload says a line, for which there is no room.
        for _ in range(20):
            done = agent_client.control(self.place.runtime / 'ssh-agent-guard/control.sock',
                                        'reload')
            self.assertEqual(done, b'ok\n')
        self.assertTrue(self.serves())
        # Room for some of them, and it is used up.
        os.read(master, 256)
        for _ in range(20):
            done = agent_client.control(self.place.runtime / 'ssh-agent-guard/control.sock',
                                        'reload')
            self.assertEqual(done, b'ok\n')
        self.assertTrue(self.serves())

    @staticmethod
    def fill(terminal):
        for size in (256, 1):  # what is too long for the rest may be refused as a whole
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(terminal, b'x' * size)

    def test_a_guard_whose_terminal_is_closed_ends(self):
        master, slave = pty.openpty()

        def take_terminal():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        process = self.spawn(take_terminal, stdin=slave, stdout=slave, stderr=slave,
                             pass_fds=(slave,))
        os.close(slave)
        self.assertTrue(self.serves())
        os.close(master)
        self.assertEqual(process.wait(place.DEADLINE_S), 0)
        self.assertEqual(place.descendants(), set())

    def test_strange_places_work(self):
        for name in ('new\nline', 'a "quote" \'d\' $(x) \\', 'ü\udcff'):
            directory = self.place.make_directory(self.place.path / name)
            done = self.place.run(self.place.program, 'start', '--listen', directory / 's',
                                  '--state-dir', directory / 'state')
            self.assertEqual(done.returncode, 0, done.stderr)
            shown = self.place.run('sh', '-c', f'{done.stdout}\nprintf %s "$SSH_AUTH_SOCK"')
            self.assertEqual(shown.stdout, str(directory / 's'))
            self.place.run_ok(self.place.program, 'stop', '--listen', directory / 's')
            wait_until(lambda: not place.descendants(), 'no process is left')

    def test_a_runtime_directory_in_the_hands_of_others_is_refused(self):
        # Whoever can rename the directory of the managed agent can put an agent of his own there.
        shared = self.place.make_directory(self.place.path / 'shared')
        for mode, works in ((0o777, False), (0o1777, True), (0o755, True)):
            with self.subTest(mode=oct(mode)):
                shared.chmod(mode)
                words = ('start', '--listen', self.place.home / 's')
                done = self.place.run(self.place.program, *words,
                                      env={'XDG_RUNTIME_DIR': str(shared)})
                self.assertEqual(done.returncode, 0 if works else 1, done.stderr)
                if works:
                    self.place.run_ok(self.place.program, 'stop', *words[1:])
                else:
                    self.assertIn(str(shared), done.stderr)


class Umask(guard.GuardTest):
    as_person = True

    def test_no_umask_opens_or_closes_what_it_makes(self):
        for mask in (0, 0o777):
            for _ in range(2):  # the second one finds what the first one left
                with self.subTest(mask=oct(mask)):
                    process = self.place.spawn(
                        self.place.program, 'run', '--policy',
                        self.place.write('policy.yaml', guard.ALLOW_ALL),
                        preexec_fn=with_us(lambda: os.umask(mask)), stderr=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL)
                    path = self.place.runtime / 'ssh-agent-guard.sock'
                    wait_until(lambda: process.poll() is not None or place.socket_answers(path),
                               'it answers')
                    self.assertIsNone(process.poll())
                    self.assertEqual(self.place.end(process), 0)
                    for path in (*self.place.state.rglob('*'), *self.place.runtime.rglob('*')):
                        self.assertEqual(stat.S_IMODE(path.stat().st_mode),
                                         0o700 if path.is_dir() else 0o600, path)


class Places(guard.GuardTest):
    def test_what_went_with_the_runtime_directory_is_made_again(self):
        """As a logout takes /run/user/UID away, and the next login brings an empty one."""
        server = self.start_guard()
        key = self.keys.make()
        self.add(server, key)
        self.place.runtime.rename(self.place.path / 'gone')
        wait_until(lambda: place.socket_answers(server.socket), 'it answers again')
        with AgentClient(server.socket) as client:
            self.assertEqual(client.sign(self.keys.blob(key))[0], SIGN_RESPONSE)
        self.assertIn('state: ', server.command('status').stdout)
        server.asked_to_end = True
        self.assertEqual(server.command('stop').returncode, 0)
        wait_until(lambda: not place.descendants(), 'no process is left')

    def test_a_control_socket_that_was_removed_comes_back(self):
        server = self.start_guard()
        control = self.place.runtime / 'ssh-agent-guard/control.sock'
        control.unlink()
        wait_until(control.exists, 'it is there again')
        self.assertIn('state: ', server.command('status').stdout)
        self.assertEqual(stat.S_IMODE(control.stat().st_mode), 0o600)

    def test_a_directory_high_above_the_socket_that_is_exchanged_is_noticed(self):
        deep = self.place.make_directory(self.place.home / 'a/b/c/d')
        server = self.start_guard(socket=deep / 's')
        false = self.place.make_directory(self.place.home / 'false/b/c/d')
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(false / 's'))
            other.listen()
            (self.place.home / 'a').rename(self.place.home / 'moved')
            (self.place.home / 'false').rename(self.place.home / 'a')
            server.wait_event(trigger='socket-replaced')
            other.setblocking(False)
        wait_until(lambda: place.socket_answers(deep / 's'), 'it is taken back')
        self.assertEqual(self.place.run(SSH_ADD, '-l', env=server.env).returncode, 1)

    def test_without_descriptors_a_control_client_at_the_door_costs_no_time(self):
        # Without a descriptor LeakSanitizer cannot look for leaks at the end.
        leaks = self.place.env.get('ASAN_OPTIONS', '') + ':detect_leaks=0'
        server = self.start_guard(env={'ASAN_OPTIONS': leaks})
        with AgentClient(server.socket) as client:
            client.identities()
            # Whoever is of our uid can do that to us.
            self.place.run_ok('prlimit', '--pid', server.pid, '--nofile=4:4')
            with socket.socket(socket.AF_UNIX) as control:
                control.connect(str(self.place.runtime / 'ssh-agent-guard/control.sock'))
                control.sendall(b'status\n')
                before = self.cpu_ticks(server.pid)
                time.sleep(1)  # so much it would have taken
                self.assertLess(self.cpu_ticks(server.pid) - before, 20)

    @staticmethod
    def cpu_ticks(pid):
        fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
        return int(fields[11]) + int(fields[12])


if __name__ == '__main__':
    unittest.main()
