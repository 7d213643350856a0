"""How the guard begins and ends, what becomes of its socket, and what happens when it, or the agent
behind it, is killed."""

import fcntl
import os
import pty
import signal
import socket
import stat
import struct
import termios
import time
import unittest

import guard
import place
from agent_client import FAILURE, SIGN_RESPONSE, AgentClient, sign_request
from guard import SSH_ADD
from place import is_running, wait_until


PATIENCE_S = 2 + 2  # for an agent that is asked for its keys, and then to end
RT_SIGQUEUEINFO = {'x86_64': 129, 'aarch64': 138, 'riscv64': 138}


class Start(guard.GuardTest):
    def fails(self, status, *arguments, policy=guard.ALLOW_ALL, **options):
        """Starts a guard that must end with this status, and returns what it said."""
        failed = self.start_guard(policy, arguments=arguments, wait=False, **options)
        failed.asked_to_end = True
        self.assertEqual(failed.process.wait(place.DEADLINE_S), status, failed.output())
        return failed.output()

    def test_the_socket_is_private_and_where_it_belongs(self):
        server = self.start_guard()
        self.assertEqual(server.socket, self.place.runtime / 'ssh-agent-guard.sock')
        mode = server.socket.stat()
        self.assertTrue(stat.S_ISSOCK(mode.st_mode))
        self.assertEqual(stat.S_IMODE(mode.st_mode), 0o600)
        for directory in (self.place.runtime / 'ssh-agent-guard', server.state,
                          server.state / 'events'):
            self.assertEqual(stat.S_IMODE(directory.stat().st_mode), 0o700, directory)
        for day in (server.state / 'events').iterdir():
            self.assertEqual(stat.S_IMODE(day.stat().st_mode), 0o600)
        server.wait_event(trigger='start')

    def test_listen_puts_the_socket_elsewhere(self):
        server = self.start_guard(socket=self.place.home / 'mine.sock')
        self.assertEqual(self.place.run(SSH_ADD, '-l', env=server.env).returncode, 1)

    def test_a_directory_that_others_may_write_to_is_refused(self):
        directory = self.place.home / 'open'
        directory.mkdir()
        directory.chmod(0o777)
        said = self.fails(1, socket=directory / 'a.sock')
        self.assertIn(str(directory), said)
        directory.chmod(0o700)
        self.start_guard(socket=directory / 'a.sock')

    def test_a_stale_socket_is_replaced(self):
        path = self.place.runtime / 'ssh-agent-guard.sock'
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(str(path))
            stale.listen()
        server = self.start_guard()
        self.assertEqual(self.place.run(SSH_ADD, '-l', env=server.env).returncode, 1)

    def test_what_is_no_socket_is_left_alone(self):
        path = self.place.write('runtime/ssh-agent-guard.sock', 'precious')
        self.assertIn(str(path), self.fails(1))
        self.assertEqual(path.read_text(), 'precious')

    def test_a_live_agent_is_not_displaced(self):
        agent = self.start_agent('live.sock')
        self.assertIn('live.sock', self.fails(1, socket=agent.socket))
        self.assertEqual(self.place.run(SSH_ADD, '-l', env=agent.env).returncode, 1)

    def test_a_second_guard_on_the_same_socket_is_refused(self):
        first = self.start_guard()
        said = self.fails(1, '--state-dir', self.place.home / 'other')
        self.assertIn('ssh-agent-guard.sock', said)
        self.assertEqual(self.place.run(SSH_ADD, '-l', env=first.env).returncode, 1)

    def test_a_second_guard_in_the_same_state_directory_is_refused(self):
        first = self.start_guard()
        said = self.fails(1, socket=self.place.home / 'other.sock')
        self.assertIn(f'{first.state}: a guard that runs uses it', said)
        self.assertIn('end it: ssh-agent-guard stop', said)
        self.assertFalse(place.socket_answers(self.place.home / 'other.sock'))
        self.assertEqual(self.place.run(SSH_ADD, '-l', env=first.env).returncode, 1)

    def test_an_upstream_that_is_the_guards_own_socket_is_refused(self):
        path = self.place.runtime / 'ssh-agent-guard.sock'
        self.assertIn('own', self.fails(2, upstream=path))
        link = self.place.home / 'link'
        link.symlink_to(path)
        self.assertIn('own', self.fails(2, upstream=link))

    def test_an_upstream_that_is_away_is_waited_for(self):
        path = self.place.path / 'agent.sock'
        server = self.start_guard(upstream=path)
        with AgentClient(server.socket) as client:
            self.assertEqual(client.ask(11), bytes([FAILURE]))
        agent = self.start_agent()
        self.assertEqual(agent.socket, path)
        self.assertEqual(self.place.run(SSH_ADD, '-l', env=server.env).returncode, 1)

    def test_unknown_options_and_words_are_wrong_usage(self):
        for words in (['run', '--no-such-option'], ['run', 'word'], ['no-such-command'],
                      ['run', '--policy'], ['stop', 'now']):
            with self.subTest(words):
                done = self.place.run(self.place.program, *words)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn('ssh-agent-guard: ', done.stderr)

    def test_the_limit_of_descriptors_is_raised(self):
        server = self.start_guard(wrapper=('prlimit', '--nofile=100:2000'))
        limits = open(f'/proc/{server.pid}/limits').read()
        line = next(line for line in limits.splitlines() if line.startswith('Max open files'))
        self.assertEqual(line.split()[3:5], ['2000', '2000'])


class End(guard.GuardTest):
    def test_sigterm_and_sigint_end_it_and_remove_the_socket(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(how):
                server = self.start_guard()
                self.assertEqual(server.stop(how), 0, server.output())
                self.assertFalse(server.socket.exists())
                self.assertEqual(place.descendants(), set())
                server.wait_event(trigger='stop')
                self.assertEqual(server.status()['state'], 'stopped')

    def stopped(self, server):
        """What the last event says."""
        server.asked_to_end = True
        self.assertEqual(server.process.wait(place.DEADLINE_S), 0, server.output())
        return server.wait_event(trigger='stop')['detail']

    def test_the_event_says_which_process_asked_for_its_end(self):
        server = self.start_guard(upstream=self.start_agent())
        stop = self.place.spawn(server.program, 'stop')
        self.assertEqual(self.stopped(server), f'asked for by process {stop.pid}')
        self.assertEqual(stop.wait(30), 0)

    def test_the_event_says_which_process_sent_the_signal(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            server = self.start_guard(upstream=self.start_agent())
            server.process.send_signal(how)
            self.assertEqual(self.stopped(server), f'{how.name}, sent by process {os.getpid()} '
                                                   f'of user {os.getuid()}')

    def test_a_sender_that_writes_another_ones_name_below_is_not_believed(self):
        """As sigqueue() lets him."""
        server = self.start_guard(upstream=self.start_agent())
        forged = struct.pack('=iiixxxxiI', signal.SIGTERM, 0, -1, 1, 0).ljust(128, b'\0')
        self.assertEqual(place.libc.syscall(RT_SIGQUEUEINFO[os.uname().machine], server.pid,
                                            int(signal.SIGTERM), forged), 0)
        self.assertEqual(self.stopped(server), 'SIGTERM, sent by an unknown process')

    def test_the_event_says_that_a_key_of_its_terminal_did_it(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)

        def take_terminal():
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # whoever runs the tests in background
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        server = self.start_guard(upstream=self.start_agent(),
                                  spawn={'start_new_session': True, 'pass_fds': (slave,),
                                         'preexec_fn': take_terminal})
        os.close(slave)
        os.write(master, b'\x03')
        self.assertEqual(self.stopped(server), 'SIGINT, sent by a terminal or the system')

    def test_a_client_that_is_connected_does_not_keep_it_alive(self):
        server = self.start_guard()
        with AgentClient(server.socket) as client:
            client.identities()
            self.assertEqual(server.stop(), 0, server.output())
            self.assertIsNone(client.receive())

    def test_a_broken_pipe_does_not_end_it(self):
        server = self.start_guard()
        server.process.send_signal(signal.SIGPIPE)
        self.assertEqual(self.place.run(SSH_ADD, '-l', env=server.env).returncode, 1)

    def test_a_socket_of_somebody_else_is_not_removed_at_the_end(self):
        server = self.start_guard(socket=self.place.home / 'a.sock')
        server.process.send_signal(signal.SIGSTOP)
        server.socket.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(server.socket))
            server.process.send_signal(signal.SIGTERM)
            server.process.send_signal(signal.SIGCONT)
            self.assertEqual(server.stop(), 0)
            # Taken back before the end, and then removed; or left as it was: never half of it.
            if server.socket.exists():
                self.assertFalse(place.socket_answers(server.socket))

    def test_the_end_of_its_terminal_ends_it(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)

        def take_terminal():
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests by nohup(1)
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        server = self.start_guard(spawn={'start_new_session': True, 'pass_fds': (slave,),
                                         'preexec_fn': take_terminal})
        os.close(slave)
        server.process.send_signal(signal.SIGHUP)  # as long as it is there, this reloads
        server.wait_event(trigger='reload')
        self.assertIsNone(server.process.poll())
        # What is left of the terminal on our side is closed: the kernel says so by SIGHUP.
        os.dup2(os.open('/dev/null', os.O_RDWR), master)
        server.asked_to_end = True
        self.assertEqual(server.process.wait(place.DEADLINE_S), 0, server.output())
        self.assertFalse(server.socket.exists())
        self.assertIn('its terminal was closed', server.wait_event(trigger='stop')['detail'])

    def test_killed_it_takes_its_agent_along(self):
        server = self.start_guard()
        self.assertNotEqual(place.descendants() - {server.pid}, set())
        server.stop(signal.SIGKILL)
        wait_until(lambda: not place.descendants(), 'no process is left')

        # A user starts it again, in the same place, and it works.
        again = self.start_guard()
        self.assertEqual(self.place.run(SSH_ADD, '-l', env=again.env).returncode, 1)

    def test_killed_at_any_moment_of_its_start_it_leaves_no_process(self):
        for number in range(20):
            server = self.start_guard(wait=False)
            if number > 3:
                wait_until(lambda: len(place.descendants()) > number % 2, 'it has begun')
            server.stop(signal.SIGKILL)
            wait_until(lambda: not place.descendants(), 'no process is left')
        self.start_guard()


class ManagedAgent(guard.GuardTest):
    def agent_pid(self, server):
        """The one child whose name is ssh-agent."""
        def find():
            return [pid for pid in place.descendants(server.pid)
                    if place.command_line(pid)[:1] and
                    place.command_line(pid)[0].endswith(b'ssh-agent')]
        return wait_until(find, 'the guard has an agent')[0]

    def stop(self, server, how=signal.SIGTERM):
        """What the last event says of the agent."""
        self.assertEqual(server.stop(how), 0, server.output())
        return server.wait_event(trigger='stop')['detail'].partition('; ')[2]

    def test_at_its_end_the_guard_says_how_many_keys_go_with_it(self):
        for count, words in ((0, 'it listed no keys'), (1, 'so does the one key in it'),
                             (3, 'so do the 3 keys in it')):
            with self.subTest(count):
                server = self.start_guard()
                for number in range(count):
                    self.add(server, self.keys.make(f'id{count}{number}'))
                self.assertEqual(self.stop(server), f'ssh-agent goes with it, and {words}')
                said = f'stop: ssh-agent goes with the guard, and {words} ' \
                       '(after the next start: ssh-add)'
                self.assertEqual(said in server.output(), count > 0)

    def test_an_agent_that_does_not_answer_does_not_keep_the_guard_from_its_end(self):
        words = 'ssh-agent goes with it, and so do its keys, it did not say how many'
        server = self.start_guard()
        os.kill(self.agent_pid(server), signal.SIGSTOP)
        self.assertEqual(self.stop(server), words)
        self.assertIn('so do its keys', server.output())

    def test_whoever_asks_twice_does_not_wait_for_the_agent(self):
        def seconds():
            server = self.start_guard()
            os.kill(self.agent_pid(server), signal.SIGSTOP)
            asked = time.monotonic()
            server.process.send_signal(signal.SIGINT)
            self.stop(server)
            return time.monotonic() - asked

        # A busy machine may be as slow as that by itself, but not always.
        self.assertTrue(any(seconds() < PATIENCE_S for _ in range(5)))

    def test_an_agent_that_is_killed_comes_back_empty_and_a_user_is_told(self):
        server = self.start_guard()
        key = self.keys.make()
        self.add(server, key)
        server.wait_event(trigger='upstream-started')
        old = self.agent_pid(server)
        with AgentClient(server.socket) as client:
            self.assertEqual(len(client.identities()), 1)
            os.kill(old, signal.SIGKILL)
            wait_until(lambda: not is_running(old), 'the agent is dead')
            # A client that was connected works again, too.
            wait_until(lambda: client.ask(11) != bytes([FAILURE]), 'the new agent answers')
            self.assertEqual(client.identities(), [])
        self.assertNotEqual(self.agent_pid(server), old)
        server.wait_event(trigger='upstream-lost')
        wait_until(lambda: len(server.events(trigger='upstream-started')) == 2, 'an event')
        status = wait_until(lambda: server.status().get('upstream_restarts') and server.status(),
                            'the status tells of it')
        self.assertIn('notice', status)
        self.add(server, key)
        with AgentClient(server.socket) as client:
            self.assertEqual(client.sign(self.keys.blob(key))[0], SIGN_RESPONSE)

    def test_an_agent_that_never_starts_gives_failures_and_no_busy_loop(self):
        server = self.start_guard()
        for _ in range(3):
            os.kill(self.agent_pid(server), signal.SIGKILL)
        with AgentClient(server.socket) as client:
            wait_until(lambda: client.ask(11) != bytes([FAILURE]), 'it has come back')
        self.assertLess(len(server.events(trigger='upstream-started')), 6)


class ForeignAgent(guard.GuardTest):
    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()
        self.key = self.keys.make()
        self.blob = self.keys.blob(self.key)
        self.add(self.agent, self.key)
        self.guard = self.start_guard(upstream=self.agent)

    def test_a_killed_agent_means_failure_until_it_is_back(self):
        with AgentClient(self.guard.socket) as client:
            self.assertEqual(client.sign(self.blob)[0], SIGN_RESPONSE)
            self.place.end(self.agent.process, signal.SIGKILL)
            self.assertEqual(client.sign(self.blob), bytes([FAILURE]))
            self.guard.wait_event(trigger='upstream-lost')
            event = self.guard.wait_event(trigger='sign', outcome=None, reason='upstream-down')
            self.assertEqual(event['decision'], 'deny')
            wait_until(lambda: self.guard.status()['state'] == 'upstream-down', 'a red status')

            self.agent.start()
            self.add(self.agent, self.key)
            self.assertEqual(client.sign(self.blob)[0], SIGN_RESPONSE)
        wait_until(lambda: self.guard.status()['state'] == 'idle', 'the status is good again')

    def test_an_agent_that_dies_while_it_signs_means_failure(self):
        with AgentClient(self.guard.socket) as client:
            self.assertEqual(client.sign(self.blob)[0], SIGN_RESPONSE)
            self.agent.process.send_signal(signal.SIGSTOP)
            client.send(sign_request(self.blob, b'never signed'))
            self.place.end(self.agent.process, signal.SIGKILL)
            self.assertEqual(client.receive(), bytes([FAILURE]))


class Log(guard.GuardTest):
    def test_a_log_that_may_not_grow_refuses_signatures_and_nothing_else_breaks(self):
        agent = self.start_agent()
        key = self.keys.make()
        self.add(agent, key)
        server = self.start_guard(upstream=agent, wrapper=('prlimit', '--fsize=8192:8192'))
        with AgentClient(server.socket) as client:
            answers = [client.sign(self.keys.blob(key))[0] for _ in range(50)]
            self.assertEqual(answers[0], SIGN_RESPONSE)
            self.assertEqual(answers[-1], FAILURE)
            self.assertEqual(len(client.identities()), 1)
        signed = answers.count(SIGN_RESPONSE)
        self.assertEqual(len(server.events(trigger='sign', decision='allow')), signed)
        wait_until(lambda: server.status()['state'] == 'log-error', 'a red status')


class Path(guard.GuardTest):
    """The guard's own path, when somebody else puts a socket there."""

    def test_a_socket_put_in_its_place_is_an_event_and_taken_back(self):
        server = self.start_guard(socket=self.place.home / 'a.sock')
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(self.place.home / 'b.sock'))
            other.listen()
            other_inode = (self.place.home / 'b.sock').stat().st_ino
            (self.place.home / 'b.sock').rename(server.socket)
            server.wait_event(trigger='socket-replaced')
            wait_until(lambda: server.socket.exists() and
                       server.socket.stat().st_ino != other_inode, 'the path is taken back')
            wait_until(lambda: place.socket_answers(server.socket), 'it answers there')
        self.assertEqual(self.place.run(SSH_ADD, '-l', env=server.env).returncode, 1)
        wait_until(lambda: server.status().get('notice'), 'the status tells of it')

    def test_a_socket_that_was_removed_comes_back(self):
        server = self.start_guard(socket=self.place.home / 'a.sock')
        with AgentClient(server.socket) as client:
            server.socket.unlink()
            wait_until(lambda: place.socket_answers(server.socket), 'it is there again')
            self.assertEqual(client.identities(), [])  # and nobody lost a connection
        server.wait_event(trigger='socket-replaced')


if __name__ == '__main__':
    unittest.main()
