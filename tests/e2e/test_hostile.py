"""Clients that do not keep to the protocol, or to good manners: each costs a bounded amount, and
nobody else notices."""

import contextlib
import os
import pathlib
import signal
import socket
import struct
import sys
import threading
import time
import unittest

import guard
from agent_client import (FAILURE, IDENTITIES_ANSWER, MESSAGE_LEN_MAX, REQUEST_IDENTITIES,
                          SIGN_RESPONSE, AgentClient, ask_once, count_descriptors, frame,
                          sign_request)
from place import wait_until

LIST = frame(REQUEST_IDENTITIES)
PYTHON = pathlib.Path(sys.executable).resolve()


@contextlib.contextmanager
def sending(client, data):
    """Sends from this same process, while the block takes what comes back."""
    thread = threading.Thread(target=client.socket.sendall, args=(data,), daemon=True)
    thread.start()
    yield
    thread.join()


class Hostile(guard.GuardTest):
    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()
        self.key = self.keys.make()
        self.blob = self.keys.blob(self.key)
        self.add(self.agent, self.key)
        self.guard = self.start_guard(upstream=self.agent)

    def assert_serves(self):
        with AgentClient(self.guard.socket) as client:
            self.assertEqual([blob for blob, _ in client.identities()], [self.blob])
            self.assertEqual(client.sign(self.blob)[0], SIGN_RESPONSE)

    def memory_kib(self):
        status = pathlib.Path(f'/proc/{self.guard.pid}/status').read_text()
        return int(status.split('VmRSS:')[1].split()[0])

    # --- bad messages

    def test_half_a_message_keeps_nobody_else_waiting(self):
        with AgentClient(self.guard.socket) as client:
            client.send(LIST[:3])
            self.assert_serves()
            client.send(LIST[3:])
            self.assertEqual(client.receive()[0], IDENTITIES_ANSWER)

    def test_a_hang_up_in_the_middle_of_a_message_is_forgotten(self):
        before = count_descriptors(self.guard.pid)
        for cut in range(1, 5):
            with AgentClient(self.guard.socket) as client:
                client.send(sign_request(self.blob, b'data')[:cut])
        wait_until(lambda: count_descriptors(self.guard.pid) <= before, 'connections are closed')
        self.assert_serves()
        self.assertEqual(self.guard.events(trigger='sign', decision='deny'), [])

    def test_a_length_of_zero_ends_the_connection_with_an_event(self):
        with AgentClient(self.guard.socket) as client:
            client.send(struct.pack('>I', 0) + LIST)
            answers = [client.receive(), client.receive()]
        self.assertIsNone(answers[-1])
        self.guard.wait_event(trigger='malformed')
        self.assert_serves()

    def test_a_message_above_the_limit_ends_the_connection_with_an_event(self):
        for length in (MESSAGE_LEN_MAX + 1, 0x7fffffff, 0xffffffff):
            with AgentClient(self.guard.socket) as client:
                client.send(struct.pack('>I', length) + b'\x0b')
                answer = client.receive()
                self.assertIn(answer, (None, bytes([FAILURE])))
                self.assertIsNone(client.receive())
        wait_until(lambda: len(self.guard.events(trigger='malformed', reason='too-large')) == 3,
                   'three events')
        self.assert_serves()

    def test_a_malformed_sign_request_is_refused_with_an_event(self):
        with AgentClient(self.guard.socket) as client:
            client.send(frame(13, struct.pack('>I', 1000) + self.blob))
            self.assertEqual(client.receive(), bytes([FAILURE]))
            self.assertEqual(client.sign(self.blob)[0], SIGN_RESPONSE)  # the stream goes on
        self.guard.wait_event(reason='malformed')

    # --- slow and silent clients

    def test_a_thousand_pipelined_requests_are_answered_in_order(self):
        data = [f'text {number}'.encode() for number in range(1000)]
        with AgentClient(self.agent.socket) as client:
            expected = [client.sign(self.blob, text) for text in data]
        self.assertEqual(len(set(expected)), 1000)
        with AgentClient(self.guard.socket) as client:
            with sending(client, b''.join(sign_request(self.blob, text) for text in data)):
                answers = [client.receive() for _ in data]
        self.assertEqual(answers, expected)
        self.assertEqual(len(self.guard.events(trigger='sign', decision='allow')), 1000)

    def test_silent_clients_keep_nobody_waiting(self):
        silent = [AgentClient(self.guard.socket) for _ in range(200)]
        self.assert_serves()
        for client in silent:
            client.close()

    def test_a_client_that_never_reads_costs_bounded_memory(self):
        before = self.memory_kib()
        with AgentClient(self.guard.socket) as client:
            client.socket.setblocking(False)
            sent = 0
            stalled = 0
            while sent < 64 << 20 and stalled < 20:
                try:
                    sent += client.socket.send(LIST * 1000)
                    stalled = 0
                except BlockingIOError:
                    stalled += 1
                    self.assert_serves()
            self.assertEqual(stalled, 20, 'the guard reads on although nobody takes its answers')
            self.assertLess(self.memory_kib() - before, 16 << 10)
        self.assert_serves()

    def test_one_who_stops_reading_gets_every_answer_later(self):
        count = 5000
        with AgentClient(self.guard.socket) as client:
            client.send(LIST)
            expected = client.receive()
            self.assertIn(self.blob, expected)
            with sending(client, LIST * count):
                self.assert_serves()
                for _ in range(count):
                    self.assertEqual(client.receive(), expected)

    def test_a_half_closed_client_still_gets_its_answer(self):
        with AgentClient(self.guard.socket) as client:
            client.send(sign_request(self.blob, b'data'))
            client.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(client.receive()[0], SIGN_RESPONSE)
            self.assertIsNone(client.receive())

    # --- an upstream that takes its time

    def stopped_upstream(self):
        self.agent.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.agent.process.send_signal, signal.SIGCONT)

    def test_a_client_that_hangs_up_while_the_agent_signs_leaves_an_event(self):
        client = AgentClient(self.guard.socket)
        self.assertEqual(client.sign(self.blob)[0], SIGN_RESPONSE)  # the upstream is connected
        self.stopped_upstream()
        client.send(sign_request(self.blob, b'never received'))
        client.close()
        # Whether its request had been forwarded already or not, the guard serves this after it.
        self.place.run_ok(self.place.program, 'status')
        self.agent.process.send_signal(signal.SIGCONT)
        wait_until(lambda: self.undelivered(), 'an event that says so')
        self.assert_serves()

    def undelivered(self):
        return [event for event in self.guard.events(trigger='sign')
                if event.get('delivered') is False or event.get('reason') == 'cancelled']

    def test_others_do_not_wait_for_a_slow_agents_answer_to_be_refused(self):
        self.stopped_upstream()
        with AgentClient(self.guard.socket) as client:
            client.send(sign_request(self.blob, b'slow'))
            self.guard.write_policy(guard.DENY_ALL)
            self.guard.process.send_signal(signal.SIGHUP)
            self.guard.wait_event(trigger='reload')
            with AgentClient(self.guard.socket) as other:
                self.assertEqual(other.sign(self.blob), bytes([FAILURE]))
            self.agent.process.send_signal(signal.SIGCONT)
            self.assertIsNotNone(client.receive())

    # --- descriptors

    def test_a_descriptor_whose_close_would_wait_keeps_nobody_waiting(self):
        """close() of a socket with SO_LINGER waits for a peer that never reads; of a file on FUSE,
        for its server. Whoever closes the last descriptor waits."""
        if [int(part) for part in os.uname().release.split('.')[:2]] < [6, 16]:
            self.skipTest('the kernel cannot keep descriptors out')
        with socket.socket() as server, AgentClient(self.guard.socket) as client:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            server.bind(('127.0.0.1', 0))
            server.listen()
            bait = socket.create_connection(server.getsockname())
            bait.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 20))
            bait.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    bait.send(b'x' * 65536)
            self.guard.process.send_signal(signal.SIGSTOP)  # so that we close before it does
            try:
                client.send_with_descriptors(LIST, [bait.fileno()])
            except PermissionError:
                # Nobody but us closes it, and without waiting.
                bait.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 0, 0))
            bait.close()
            begun = time.monotonic()
            self.guard.process.send_signal(signal.SIGCONT)
            self.assert_serves()
            self.assertLess(time.monotonic() - begun, 10)

    def test_descriptors_that_a_client_sends_along_are_closed(self):
        self.assert_serves()
        with AgentClient(self.guard.socket) as client:
            client.send(LIST)
            client.receive()
            before = count_descriptors(self.guard.pid)
            with open('/dev/null') as null:
                for _ in range(50):
                    try:
                        client.send_with_descriptors(LIST, [null.fileno()] * 10)
                    except PermissionError:
                        break  # SO_PASSRIGHTS is off: the kernel does not even take them
                    client.receive()
            wait_until(lambda: count_descriptors(self.guard.pid) <= before, 'none is kept')
        self.assert_serves()


class Descriptors(guard.GuardTest):
    LIMIT = 160  # some are for the guard itself, and two for each client

    def test_without_descriptors_it_stops_accepting_and_recovers(self):
        agent = self.start_agent()
        key = self.keys.make()
        self.add(agent, key)
        server = self.start_guard(upstream=agent, wrapper=(
            'prlimit', f'--nofile={self.LIMIT}:{self.LIMIT}'))
        first = AgentClient(server.socket)
        self.assertEqual(len(first.identities()), 1)
        crowd = []
        for _ in range(self.LIMIT - 10):  # the queue of those who wait must have room for them
            client = AgentClient(server.socket)
            client.send(LIST)
            crowd.append(client)
        wait_until(lambda: server.events(trigger='accept-paused'), 'it accepts no more')
        # Who came early is still served, however many are at the door.
        for _ in range(10):
            self.assertEqual(len(first.identities()), 1)
        busy = self.cpu_ticks(server.pid)
        for _ in range(10):
            self.assertEqual(len(first.identities()), 1)
        self.assertIsNone(server.process.poll())
        self.assertLess(self.cpu_ticks(server.pid) - busy, 50, 'it spins')

        for client in crowd:
            client.close()
        self.assertEqual(ask_once(server.socket, REQUEST_IDENTITIES)[0], IDENTITIES_ANSWER)
        first.close()

    @staticmethod
    def cpu_ticks(pid):
        fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
        return int(fields[11]) + int(fields[12])


class Writers(guard.GuardTest):
    """Who wrote the bytes decides, not who connected."""

    # Writes its standard input to the descriptor it is given, and prints the answer.
    WRITER = ('import os, sys; fd = int(sys.argv[1]); os.set_inheritable(fd, False);'
              'os.write(fd, sys.stdin.buffer.read()); print(os.read(fd, 5)[4])')

    def setUp(self):
        super().setUp()
        agent = self.start_agent()
        key = self.keys.make()
        self.blob = self.keys.blob(key)
        self.add(agent, key)
        self.guard = self.start_guard(f'''
default_action: deny
rules:
  - name: this-python
    match: {{exe: {PYTHON}, sign_type: unknown}}
    action: allow
''', upstream=agent)

    def test_two_halves_of_one_writer_are_signed_and_of_two_are_not(self):
        request = sign_request(self.blob, b'data')
        for children, expected in ((0, SIGN_RESPONSE), (1, FAILURE)):
            with AgentClient(self.guard.socket) as client:
                client.send(request[:20])
                if children:
                    pid = os.fork()
                    if pid == 0:
                        try:
                            client.send(request[20:])
                        finally:
                            os._exit(0)
                    os.waitpid(pid, 0)
                else:
                    client.send(request[20:])
                answer = client.receive()
            with self.subTest(children=children):
                self.assertEqual(answer[0], expected)
        self.guard.wait_event(trigger='sign', decision='deny', reason='mixed-writers')

    def test_a_descriptor_handed_on_does_not_carry_its_identity(self):
        impostor = self.place.copy_program(PYTHON, 'python')
        for program, expected in ((PYTHON, SIGN_RESPONSE), (impostor, FAILURE)):
            with self.subTest(program=program), AgentClient(self.guard.socket) as client:
                client.socket.settimeout(None)  # or the descriptor would not wait over there
                descriptor = client.socket.fileno()
                answer = self.place.run_ok(program, '-c', self.WRITER, descriptor,
                                           pass_fds=(descriptor,),
                                           env={'PYTHONHOME': sys.base_prefix},
                                           input=sign_request(self.blob, b'data'))
                self.assertEqual(int(answer), expected)
        self.guard.wait_event(trigger='sign', decision='deny', exe_path=str(impostor))


if __name__ == '__main__':
    unittest.main()
