"""Ways round the guard that programs of its own user try at its paths, at its start and by washing
off where they come from. Ways into its processes are in test_isolation.py."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import unittest

import guard
import place
from agent_client import FAILURE, IDENTITIES_ANSWER, REQUEST_IDENTITIES, string
from guard import SSH_ADD, SSH_KEYGEN
from place import wait_until
from racers import LISTS_NO_KEYS, PYTHON, keeping

# Opens connections until it has as many as it was told: silent ones, ones with half a message, and
# ones that ask again and again and never read an answer.
FLOOD = r'''
import resource, socket, sys, time
path, count = sys.argv[1], int(sys.argv[2])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
clients = []
for number in range(min(count, hard - 32)):
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)
    client.setblocking(False)
    try:
        if number % 3 == 1:
            client.send(bytes([0, 0, 1, 0, 13, 0]))
        if number % 3 == 2:
            client.send(bytes([0, 0, 0, 1, 11]) * 100)
    except OSError:
        pass
    clients.append(client)
print(len(clients), flush=True)
while True:
    for client in clients[2:90:3]:
        try:
            client.send(bytes([0, 0, 0, 1, 11]))
        except OSError:
            pass
    time.sleep(0.05)
'''


class RoundTest(guard.GuardTest):
    as_person = True

    def lists(self, server):
        done = self.place.run(SSH_ADD, '-l', env=server.env)
        return done.stdout


class Start(RoundTest):
    def test_whoever_keeps_every_new_socket_gets_no_key(self):
        key, starts, held, answers = self.keys.make(), guard.starts(4), 0, 0
        for _ in starts:
            with keeping(self.place) as told:
                server = self.start_guard(LISTS_NO_KEYS)
                if server.status()['upstream_reachable']:
                    self.skipTest('this system gives no hidden directory')
                self.add(server, key)
                found = told()
            self.assertEqual(found['keys'], 0)
            held += found['held']
            answers += found['answers']
            server.stop()
        guard.tell(f'{len(starts)} starts: {held} sockets and directories were kept, '
                   f'{answers} of them answered, none with a key')
        self.assertGreaterEqual(answers, len(starts))  # he did get the guard's own socket

    def test_a_link_at_the_sockets_place_is_not_followed(self):
        agent = self.start_agent()
        inode = agent.socket.stat().st_ino
        target = self.place.home / 'target'
        for to in (agent.socket, target, self.place.write('home/precious', 'text')):
            path = self.place.runtime / 'ssh-agent-guard.sock'
            path.symlink_to(to)
            server = self.start_guard(wait=False)
            server.asked_to_end = True
            self.assertEqual(server.process.wait(place.DEADLINE_S), 1, to)
            self.assertIn(str(path), server.output())
            self.assertTrue(path.is_symlink())
            path.unlink()
        self.assertFalse(target.exists())
        self.assertEqual((self.place.home / 'precious').read_text(), 'text')
        self.assertEqual(agent.socket.stat().st_ino, inode)


class Path(RoundTest):
    def test_a_link_that_is_put_there_later_is_taken_away(self):
        agent = self.start_agent()
        server = self.start_guard()
        other = self.place.runtime / 'link'
        other.symlink_to(agent.socket)
        other.rename(server.socket)
        server.wait_event(trigger='socket-replaced')
        wait_until(lambda: not server.socket.is_symlink() and server.socket.is_socket(),
                   'its own socket is back')
        self.assertTrue(place.socket_answers(agent.socket))

    def test_whoever_poses_as_a_killed_guard_can_sign_nothing(self):
        server = self.start_guard()
        key = self.keys.make()
        self.add(server, key)
        blob = self.keys.blob(key)
        self.place.run_ok(SSH_ADD, '-T', f'{key}.pub', env=server.env)
        server.stop(signal.SIGKILL)
        server.socket.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as impostor:
            impostor.bind(str(server.socket))
            server.socket.chmod(0o777)
            impostor.listen()
            asked = []

            def pose():
                while True:
                    try:
                        client = impostor.accept()[0]
                    except OSError:
                        return
                    with client:
                        while header := client.recv(4, socket.MSG_WAITALL):
                            kind = client.recv(int.from_bytes(header, 'big'),
                                               socket.MSG_WAITALL)[0]
                            asked.append(kind)
                            answer = (bytes([IDENTITIES_ANSWER, 0, 0, 0, 1]) + string(blob) +
                                      string('a key') if kind == REQUEST_IDENTITIES
                                      else bytes([FAILURE]))
                            client.sendall(string(answer))

            thread = threading.Thread(target=pose)
            thread.start()
            try:
                self.assertIn('a key', self.lists(server))  # anybody can say so
                done = self.place.run(SSH_ADD, '-T', f'{key}.pub', env=server.env)
                self.assertNotEqual(done.returncode, 0)
                # A new guard does not put up with that.
                again = self.start_guard(wait=False)
                again.asked_to_end = True
                self.assertEqual(again.process.wait(place.DEADLINE_S), 1)
            finally:
                impostor.shutdown(socket.SHUT_RDWR)
                thread.join()
        self.assertGreater(len(asked), 1)

    def test_a_flood_of_one_users_connections_keeps_nobody_from_signing(self):
        server = self.start_guard()
        key = self.keys.make()
        self.add(server, key)
        flood = self.place.spawn(PYTHON, '-c', FLOOD, server.socket, '600',
                                 stdout=subprocess.PIPE)
        self.addCleanup(flood.stdout.close)
        self.assertGreater(int(flood.stdout.readline()), 300)
        for _ in range(3):
            self.place.run_ok(SSH_ADD, '-T', f'{key}.pub', env=server.env, timeout=120)
        self.assertIsNone(flood.poll())
        self.place.end(flood, signal.SIGKILL)
        self.place.run_ok(SSH_ADD, '-T', f'{key}.pub', env=server.env)


class WashTest(RoundTest):
    """Somebody who starts what he wants signed so that nobody knows whose it is."""

    RULES = '''
default_action: deny
default_change_action: allow
endpoints:
  people: {{path: {path}}}
rules:
  - {{name: agents, match: {{is_coding_agent: true}}, action: deny}}
  - {{name: signs, match: {{sign_type: sshsig{more}}}, action: {action}}}
'''

    def start(self, more='', action='allow'):
        self.door = self.place.runtime / 'people.sock'
        self.server = self.start_guard(self.RULES.format(path=self.door, more=more,
                                                         action=action))
        self.key = self.keys.make()
        self.add(self.server, self.key)
        self.key.unlink()
        self.text = self.place.write('home/text', 'text')
        self.signature = self.place.home / 'text.sig'

    def sign(self, *before, env=None, times=1):
        """Whether that is signed for, however it is started."""
        self.signature.unlink(missing_ok=True)
        n_before = len(self.server.events(trigger='sign'))
        self.place.run(*before, SSH_KEYGEN, '-q', '-Y', 'sign', '-n', 'file', '-f',
                       f'{self.key}.pub', self.text, env={**self.server.env, **(env or {})})
        return wait_until(lambda: self.server.events(trigger='sign')[n_before:],
                          'there is an event')[-1]

    def wash(self):
        return ('setsid', '--fork', 'env', '-i', f'SSH_AUTH_SOCK={self.server.socket}')

    AGENT = {'CLAUDECODE': '1'}


class Washed(WashTest):
    """What ancestry and environment tell stops accidents; other facts stop the intent, too."""

    def test_what_a_coding_agent_starts_is_refused_and_what_it_washes_is_not(self):
        self.start()
        event = self.sign(env=self.AGENT)
        self.assertEqual((event['decision'], event['rule']), ('deny', 'agents'))
        event = self.sign(*self.wash(), env=self.AGENT)
        self.assertEqual((event['decision'], event['rule']), ('allow', 'signs'))

    @unittest.skipUnless(shutil.which('tmux'), 'needs tmux')
    def test_so_is_what_tmux_starts_for_it(self):
        self.start()
        tmux = ('tmux', '-S', self.place.runtime / 'tmux.sock', '-f', '/dev/null')
        self.place.run_ok(*tmux, 'new-session', '-d', env=self.server.env)
        self.addCleanup(self.place.run, *tmux, 'kill-server')
        command = f'{SSH_KEYGEN} -q -Y sign -n file -f {self.key}.pub {self.text}'
        self.place.run_ok(*tmux, 'run-shell', command, env=self.AGENT)
        event = self.server.wait_event(trigger='sign')
        self.assertEqual((event['decision'], event['rule']), ('allow', 'signs'))

    def test_an_endpoint_is_not_washed_off(self):
        self.start(more=', endpoint: people')
        self.assertEqual(self.sign(*self.wash(), env=self.AGENT)['decision'], 'deny')
        event = self.sign(env={'SSH_AUTH_SOCK': str(self.door)})
        self.assertEqual((event['decision'], event['endpoint']), ('allow', 'people'))

    def test_a_persons_yes_is_not_washed_off(self):
        self.start(action='confirm')
        self.assertNotIn(self.sign(*self.wash(), env=self.AGENT)['decision'],
                         ('allow', 'confirmed'))
        self.assertFalse(self.signature.exists())

    def test_nor_is_where_a_login_goes(self):
        self.start(more=', ssh_dest: "*"')
        self.assertEqual(self.sign(*self.wash(), env=self.AGENT)['decision'], 'deny')


if __name__ == '__main__':
    unittest.main()
