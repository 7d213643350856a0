"""An upstream that is away, slow, dies in the middle or speaks nonsense. The agent that misbehaves
is ours, on a real socket: no real one can be made to."""

import contextlib
import os
import signal
import socket
import struct
import threading

import agent_client as wire
from agent_client import AgentClient, frame, string
from guard import ALLOW_ALL, GuardTest
from place import is_running, wait_until

BIND = string('session-bind@openssh.com')
BLOB = string('ssh-ed25519') + string(b'k' * 32)


class FakeAgent:
    """Answers each message by answer(connection_number, message), a list of byte strings to send;
    None closes the connection. Keeps all that it was asked."""

    def __init__(self, path, answer):
        self.socket_path = path
        self.answer = answer
        self.asked = []
        self.connections = 0
        self.open = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def socket(self):
        return self.socket_path

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                self.open.append(connection)
                threading.Thread(target=self._serve, args=(connection, self.connections),
                                 daemon=True).start()

    def _serve(self, connection, number):
        data = b''
        with contextlib.suppress(OSError):
            while True:
                more = connection.recv(65536)
                if not more:
                    return
                data += more
                while len(data) >= 4 and len(data) >= 4 + struct.unpack('>I', data[:4])[0]:
                    length = 4 + struct.unpack('>I', data[:4])[0]
                    message, data = data[4:length], data[length:]
                    self.asked.append((number, message))
                    answers = self.answer(number, message)
                    if answers is None:
                        connection.close()
                        return
                    for answer in answers:
                        connection.sendall(answer)

    def drop(self):
        """Closes what is open, as an agent that restarts."""
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.open.clear()

    def close(self):
        self.listener.close()
        self.drop()


def success(_number, _message):
    return [frame(wire.SUCCESS)]


def good(_number, message):
    """An agent without keys that accepts everything."""
    if message[0] == wire.REQUEST_IDENTITIES:
        return [frame(wire.IDENTITIES_ANSWER, struct.pack('>I', 0))]
    if message[0] == wire.SIGN_REQUEST:
        return [frame(wire.SIGN_RESPONSE, string(string('ssh-ed25519') + string(b's' * 64)))]
    return [frame(wire.SUCCESS)]


class Upstream(GuardTest):
    def start_pair(self, answer, **options):
        fake = FakeAgent(self.place.path / 'fake.sock', answer)
        self.addCleanup(fake.close)
        return fake, self.start_guard(ALLOW_ALL, upstream=fake, **options)

    def refused(self, guard, reason, client=None):
        """A signature is answered FAILURE, and the event says why."""
        with contextlib.ExitStack() as stack:
            client = client or stack.enter_context(AgentClient(guard.socket))
            self.assertEqual(client.sign(BLOB), bytes([wire.FAILURE]))
        guard.wait_event(trigger='sign', decision='deny', reason=reason)

    def test_an_upstream_that_is_away_is_a_failure_and_works_when_it_comes(self):
        path = self.place.path / 'late.sock'
        guard = self.start_guard(upstream=path)
        with AgentClient(guard.socket) as client:
            self.refused(guard, 'upstream-down', client)
            guard.wait_event(trigger='upstream-lost')
            fake = FakeAgent(path, good)
            self.addCleanup(fake.close)
            # The same connection: its client need not notice.
            self.assertEqual(client.sign(BLOB)[0], wire.SIGN_RESPONSE)
        guard.wait_event(trigger='upstream-back')

    def test_an_upstream_that_hangs_up_on_a_request_is_a_failure(self):
        fake, guard = self.start_pair(
            lambda number, message: None if number == 1 else good(number, message))
        with AgentClient(guard.socket) as client:
            self.refused(guard, 'upstream-down', client)
            self.assertEqual(client.sign(BLOB)[0], wire.SIGN_RESPONSE)

    def test_an_upstream_that_does_not_answer_is_a_failure_after_its_time(self):
        fake, guard = self.start_pair(
            lambda number, message: [] if number == 1 else good(number, message),
            arguments=['--answer-timeout', '1'])
        with AgentClient(guard.socket) as client:
            self.refused(guard, 'upstream-timeout', client)
            # The late answer belonged to another connection, and cannot be taken for this one's.
            self.assertEqual(client.sign(BLOB)[0], wire.SIGN_RESPONSE)
        self.assertEqual(fake.connections, 2)

    def nonsense(self, *answers):
        fake, guard = self.start_pair(
            lambda number, message: list(answers) if number == 1 else good(number, message))
        with AgentClient(guard.socket) as client:
            self.refused(guard, 'upstream-nonsense', client)
            self.assertEqual(client.sign(BLOB)[0], wire.SIGN_RESPONSE)

    def test_an_answer_of_another_kind_is_nonsense(self):
        self.nonsense(frame(wire.IDENTITIES_ANSWER, struct.pack('>I', 0)))

    def test_success_is_no_signature(self):
        self.nonsense(frame(wire.SUCCESS))

    def test_an_answer_longer_than_any_message_is_nonsense(self):
        self.nonsense(struct.pack('>I', 0x7fffffff) + b'x' * 100)

    def test_an_empty_answer_is_nonsense(self):
        self.nonsense(struct.pack('>I', 0))

    def test_two_answers_to_one_request_are_nonsense(self):
        answer = frame(wire.SIGN_RESPONSE, string(string('a') + string('b')))
        self.nonsense(answer + answer)

    def test_a_signature_that_is_not_well_formed_is_nonsense(self):
        self.nonsense(frame(wire.SIGN_RESPONSE, struct.pack('>I', 500) + b'short'))

    def test_an_answer_that_nobody_asked_for_is_dropped(self):
        fake, guard = self.start_pair(good)
        with AgentClient(guard.socket) as client:
            self.assertEqual(client.sign(BLOB)[0], wire.SIGN_RESPONSE)
            fake.open[0].sendall(frame(wire.SUCCESS))
            # Whether the guard has read it before or reads it instead of an answer: no client ever
            # gets it.
            answer = client.sign(BLOB)
            self.assertIn(answer[0], (wire.SIGN_RESPONSE, wire.FAILURE))
            self.assertEqual(client.sign(BLOB)[0], wire.SIGN_RESPONSE)

    # --- session-binds

    def bind(self, client, body=b'one'):
        return client.ask(wire.EXTENSION, BIND + body)

    def test_a_lost_connection_is_made_again_with_its_binds_in_order(self):
        fake, guard = self.start_pair(good)
        with AgentClient(guard.socket) as client:
            for body in (b'one', b'two', b'one'):
                self.bind(client, body)
            fake.drop()
            self.assertEqual(client.sign(BLOB)[0], wire.SIGN_RESPONSE)
        again = [message for number, message in fake.asked if number == 2]
        bodies = [message[1 + len(BIND):] for message in again[:-1]]
        self.assertEqual(bodies, [b'one', b'two'])
        self.assertEqual(again[-1][0], wire.SIGN_REQUEST)

    def test_a_bind_that_was_refused_is_not_replayed(self):
        def picky(number, message):
            if message[0] == wire.EXTENSION and message.endswith(b'bad'):
                return [frame(wire.FAILURE)]
            return good(number, message)
        fake, guard = self.start_pair(picky)
        with AgentClient(guard.socket) as client:
            self.assertEqual(self.bind(client, b'bad')[0], wire.FAILURE)
            fake.drop()
            self.assertEqual(client.sign(BLOB)[0], wire.SIGN_RESPONSE)
        self.assertEqual([message[0] for number, message in fake.asked if number == 2],
                         [wire.SIGN_REQUEST])

    def test_a_bind_that_is_refused_the_second_time_ends_all_signing_on_the_connection(self):
        fake, guard = self.start_pair(
            lambda number, message: [frame(wire.FAILURE)]
            if number > 1 and message[0] == wire.EXTENSION else good(number, message))
        with AgentClient(guard.socket) as client:
            self.assertEqual(self.bind(client)[0], wire.SUCCESS)
            fake.drop()
            self.refused(guard, 'bind-refused', client)
            self.assertEqual(client.sign(BLOB), bytes([wire.FAILURE]))
            self.assertEqual(client.ask(wire.REQUEST_IDENTITIES), bytes([wire.FAILURE]))
        self.assertEqual([m for _, m in fake.asked if m[0] == wire.SIGN_REQUEST], [])
        with AgentClient(guard.socket) as client:  # and on no other
            self.assertEqual(client.sign(BLOB)[0], wire.SIGN_RESPONSE)

    def test_more_binds_than_can_be_kept_forbid_a_second_connection(self):
        fake, guard = self.start_pair(good)
        with AgentClient(guard.socket) as client:
            for i in range(17):
                self.bind(client, bytes([i]))
            self.assertEqual(client.sign(BLOB)[0], wire.SIGN_RESPONSE)
            fake.drop()
            wait_until(lambda: client.sign(BLOB) == bytes([wire.FAILURE]), 'a refusal')
        self.assertEqual(fake.connections, 1)

    # --- clients that leave

    def test_a_client_that_leaves_while_the_agent_signs_is_told_of_in_the_event(self):
        asked, go = threading.Event(), threading.Event()

        def slow(number, message):
            if message[0] == wire.SIGN_REQUEST:
                asked.set()
                go.wait(30)
            return good(number, message)
        fake, guard = self.start_pair(slow)
        client = AgentClient(guard.socket)
        client.send(wire.sign_request(BLOB, b'data'))
        self.assertTrue(asked.wait(30))
        client.close()
        # The guard serves this after the hang-up, which was there before.
        self.place.run_ok(self.place.program, 'status')
        go.set()
        guard.wait_event(trigger='sign', decision='allow', delivered=False)

    def test_a_half_closed_client_still_gets_its_answers(self):
        fake, guard = self.start_pair(good)
        with AgentClient(guard.socket) as client:
            client.send(wire.sign_request(BLOB, b'data') * 3)
            client.socket.shutdown(socket.SHUT_WR)
            for _ in range(3):
                self.assertEqual(client.receive()[0], wire.SIGN_RESPONSE)
            self.assertIsNone(client.receive())

    def test_others_are_served_while_one_waits_for_the_agent(self):
        def slow_data(number, message):
            return [] if message.find(b'slow') >= 0 else good(number, message)
        fake, guard = self.start_pair(slow_data)
        with AgentClient(guard.socket) as waiting, AgentClient(guard.socket) as other:
            waiting.send(wire.sign_request(BLOB, b'slow'))
            wait_until(lambda: fake.asked, 'the slow request is out')
            for _ in range(20):
                self.assertEqual(other.sign(BLOB)[0], wire.SIGN_RESPONSE)

    # --- the guard itself as its upstream

    def test_the_guards_own_socket_is_no_upstream(self):
        path = self.place.runtime / 'ssh-agent-guard.sock'
        link = self.place.path / 'link.sock'
        for upstream in (path, self.place.runtime / '..' / 'runtime' / path.name):
            done = self.place.run(self.place.program, 'run', '--policy',
                                  self.place.write('policy.yaml', ALLOW_ALL), '--upstream',
                                  upstream)
            self.assertEqual(done.returncode, 2)
            self.assertIn('own socket', done.stderr)
        # One that is made to lead there later is seen when it is used.
        guard = self.start_guard(upstream=link)
        link.symlink_to(path)
        self.refused(guard, 'upstream-down')

    # --- the managed one

    def managed_agent(self, guard):
        return wait_until(lambda: [int(pid) for pid in os.listdir('/proc') if pid.isdigit()
                                   and parent(pid) == guard.pid and argv(pid).startswith(b'ssh-agent\0')],
                          'the managed agent')[0]

    def test_a_managed_agent_that_dies_is_started_again_empty_and_the_user_is_told(self):
        guard = self.start_guard()
        key = self.keys.make()
        self.add(guard, key)
        agent = self.managed_agent(guard)
        with AgentClient(guard.socket) as client:
            self.assertEqual(len(client.identities()), 1)
            os.kill(agent, signal.SIGKILL)
            guard.wait_event(trigger='upstream-lost')
            wait_until(lambda: len(guard.events(trigger='upstream-started')) == 2, 'a new agent')
            self.assertEqual(client.identities(), [])
        status = self.place.run_ok(self.place.program, 'status')
        self.assertIn('ssh-add', status)
        self.assertIn('upstream_restarts: 1', status)
        self.add(guard, key)
        self.assertNotIn('ssh-add', self.place.run_ok(self.place.program, 'status'))

    def test_a_managed_agent_is_a_sealed_copy_and_ends_with_a_killed_guard(self):
        guard = self.start_guard()
        agent = self.managed_agent(guard)
        if os.getuid() == 0:
            self.assertIn('memfd:', os.readlink(f'/proc/{agent}/exe'))
            mode = os.stat(f'/proc/{agent}/exe').st_mode
            self.assertEqual(mode & 0o7777, 0o100)
        else:  # not even its name is shown to its user
            with self.assertRaises(PermissionError):
                os.readlink(f'/proc/{agent}/exe')
        guard.stop(signal.SIGKILL)
        wait_until(lambda: not is_running(agent), 'the agent ended with its guard')
        # What a killed guard leaves behind is in nobody's way, and cleared away.
        again = self.start_guard()
        left = list((self.place.runtime / 'ssh-agent-guard').glob('agent-*'))
        self.assertEqual(len(left), 1)
        self.assertNotEqual(self.managed_agent(again), agent)


def parent(pid):
    with contextlib.suppress(OSError):
        with open(f'/proc/{pid}/stat') as stat:
            return int(stat.read().rpartition(')')[2].split()[1])
    return 0


def argv(pid):
    with contextlib.suppress(OSError):
        with open(f'/proc/{pid}/cmdline', 'rb') as line:
            return line.read()
    return b''
