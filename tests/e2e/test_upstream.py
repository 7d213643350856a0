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
from binds import BIND, Host, send_bind, session_id
from place import is_running, wait_until

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
        self.assertIn('late.sock: nothing can be reached there by now', guard.output())
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

    # --- session-binds: what the real agent knows of them, and what it says

    def hops(self, count):
        """The bodies of as many forwarding binds, each of a host and session of its own."""
        return [Host().bind(session_id(), is_forwarding=True) for _ in range(count)]

    def replayed(self, fake, connection=2):
        """The bodies of the binds that the fake agent saw on that connection."""
        return [message[1 + len(BIND):] for number, message in fake.asked
                if number == connection and message[0] == wire.EXTENSION]

    @staticmethod
    def refusing(*bodies):
        def answer(number, message):
            if message[0] == wire.EXTENSION and message[1 + len(BIND):] in bodies:
                return [frame(wire.FAILURE)]
            return good(number, message)
        return answer

    def test_a_lost_connection_is_made_again_with_its_binds_in_order(self):
        fake, guard = self.start_pair(good)
        one, two = self.hops(2)
        with AgentClient(guard.socket) as client:
            for body in (one, two, one):
                self.assertEqual(send_bind(client, body), wire.SUCCESS)
            fake.drop()
            self.assertEqual(client.sign(BLOB)[0], wire.SIGN_RESPONSE)
        self.assertEqual(self.replayed(fake), [one, two])
        self.assertEqual(fake.asked[-1][1][0], wire.SIGN_REQUEST)

    def test_the_agents_refusal_does_not_change_our_answer_and_is_not_replayed(self):
        bad, fine = self.hops(2)
        fake, guard = self.start_pair(self.refusing(bad))
        with AgentClient(guard.socket) as client:
            self.assertEqual(send_bind(client, bad), wire.SUCCESS)
            self.assertEqual(send_bind(client, fine), wire.SUCCESS)
            fake.drop()
            self.assertEqual(client.sign(BLOB)[0], wire.SIGN_RESPONSE)
        self.assertEqual(self.replayed(fake, 1), [bad, fine])
        self.assertEqual(self.replayed(fake), [fine])

    def test_a_bind_that_we_refuse_is_passed_on_and_fails_whatever_the_agent_says(self):
        fake, guard = self.start_pair(self.refusing(b'two'))
        with AgentClient(guard.socket) as client:
            self.assertEqual(send_bind(client, b'one'), wire.EXTENSION_FAILURE)
            self.assertEqual(send_bind(client, b'two'), wire.FAILURE)  # the agent's own word
        self.assertEqual(self.replayed(fake, 1), [b'one', b'two'])
        guard.wait_event(trigger='session-bind', decision='deny', reason='bind-malformed')

    def test_a_bind_is_good_while_the_agent_is_away_and_reaches_it_later(self):
        path = self.place.path / 'late.sock'
        guard = self.start_guard(upstream=path)
        taken, refused, last = self.hops(3)
        with AgentClient(guard.socket) as client:
            self.assertEqual(send_bind(client, taken), wire.SUCCESS)
            self.assertEqual(send_bind(client, refused), wire.SUCCESS)
            fake = FakeAgent(path, self.refusing(refused))
            self.addCleanup(fake.close)
            self.assertEqual(send_bind(client, last), wire.SUCCESS)
            self.assertEqual(client.sign(BLOB)[0], wire.SIGN_RESPONSE)
            self.assertEqual(self.replayed(fake, 1), [taken, refused, last])
            # It refused one, as it might have before: that is no agent that has forgotten. One that
            # it took it has to take again.
            fake.answer = self.refusing(taken)
            fake.drop()
            self.refused(guard, 'bind-refused', client)

    def test_a_bind_that_is_refused_the_second_time_ends_all_signing_on_the_connection(self):
        fake, guard = self.start_pair(
            lambda number, message: [frame(wire.FAILURE)]
            if number > 1 and message[0] == wire.EXTENSION else good(number, message))
        with AgentClient(guard.socket) as client:
            self.assertEqual(send_bind(client, self.hops(1)[0]), wire.SUCCESS)
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
                send_bind(client, bytes([i]))
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
        self.refused(guard, 'upstream-loop')

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
        self.assertRegex(status, r'(?m)^notice: .*ssh-add')
        self.assertIn('upstream_restarts: 1', status)
        self.add(guard, key)  # which the status tells of, too
        self.assertNotRegex(self.place.run_ok(self.place.program, 'status'), r'(?m)^notice: ')

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
        again = self.start_guard()
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
