"""In a user namespace of the guard's own user nothing can be hidden from that user: a guard does not
start where it cannot tell users apart, and otherwise says that its agent is open, which it is."""

import json
import shutil
import signal
import stat
import unittest

import guard
import own_namespace
import place
import test_isolation
from guard import SSH_ADD
from place import wait_until
from racers import LISTS_NO_KEYS, keeping, racing


class NamespaceTest(test_isolation.Isolation):
    def start(self, policy=None, **options):
        return own_namespace.start_guard(self, policy, **options)

    def agent_sockets(self):
        return list(self.place.runtime.glob('ssh-agent-guard/agent-*/*'))

    def assert_told(self, server):
        """It never says that something is hidden, and says why nothing is."""
        told = [event['detail'] for event in server.events(trigger='upstream-started')]
        for text in (*told, server.output(), server.status()['upstream_reachable_why']):
            self.assertIn('user namespace that belongs to its own user', text)
        for text in told:
            self.assertIn('other programs of this user can reach ssh-agent', text)
        self.assertNotEqual(told, [])
        self.assertTrue(server.status()['upstream_reachable'])


@unittest.skipUnless(shutil.which('unshare'), 'needs unshare (package util-linux)')
class Refused(NamespaceTest):
    """What any user can make by himself: root, who owns the paths, has no number there."""

    def setUp(self):
        super().setUp()
        done = self.place.run('unshare', '-U', 'true')
        if done.returncode != 0:
            self.skipTest(f'no user namespaces here: {done.stderr.strip()}')

    def refused(self, how, *words):
        server = self.start_guard(LISTS_NO_KEYS, wait=False, wrapper=('unshare', how))
        server.asked_to_end = True
        self.assertEqual(server.process.wait(place.DEADLINE_S), 1, server.output())
        for word in words:
            self.assertIn(word, server.output())
        self.assertFalse(server.socket.exists())
        self.assertEqual(self.agent_sockets(), [])
        self.assertEqual(server.events(trigger='upstream-started', detail='only the guard can '
                                       'reach ssh-agent'), [])
        return server

    def test_no_one_who_watches_a_guard_that_cannot_tell_users_apart_gets_anything(self):
        starts, taken, kept = guard.starts(4), 0, 0
        for _ in starts:
            with racing(self.place) as race, keeping(self.place) as keep:
                server = self.refused('-U', 'has no number in this user namespace')
                found, held = race(), keep()
            self.assertEqual([win for win in found['wins']
                              if win[0] == server.pid or win[1] == 'socket'], [])
            self.assertEqual(held['answers'], 0)
            taken += found['held']
            kept += held['held']
        guard.tell(f'{len(starts)} starts, each refused: {taken} handles on processes, {kept} on '
                   'sockets and directories were taken, and none led to a process or an agent')
        self.assertGreater(taken, len(starts))

    def test_nor_is_there_a_start_where_the_paths_owners_have_no_number(self):
        for how in ('-Ur', '-Uc'):
            self.refused(how, '/tmp belongs to somebody else')


class Told(NamespaceTest):
    def test_whoever_watches_the_start_has_the_agent_and_each_start_says_so(self):
        key, starts, guards, agents, keys = self.keys.make(), guard.starts(4), 0, 0, 0
        for _ in starts:
            with keeping(self.place) as keep:
                server = self.start(LISTS_NO_KEYS)
                socket, = wait_until(self.agent_sockets, 'its agent')
                self.assert_told(server)
                self.place.run_ok(SSH_ADD, '-q', key, env={'SSH_AUTH_SOCK': str(socket)})
                guards += 'readv' in self.pry(server.pid)
                agents += 'readv' in self.pry(self.agent_of(server))
                keys += keep()['keys'] > 0
            server.stop()
        guard.tell(f'{len(starts)} starts, each told as open: the memory of {guards} guards and of '
                   f'{agents} agents was read, and in {keys} of them their key was had')
        self.assertGreater(min(guards, agents, keys), 0)

    def test_doctor_says_so_to_whoever_is_outside(self):
        server = self.start()
        wait_until(self.agent_sockets, 'its agent')
        done = self.place.run(self.place.program, 'doctor', '--json', env=server.env)
        self.assertEqual(done.returncode, 1)
        bad = [(finding['area'], finding['text']) for finding
               in map(json.loads, done.stdout.splitlines()) if finding['grade'] == 'bad']
        self.assertIn('user namespace', dict(bad)['upstream'])
        taken = ' '.join(text for area, text in bad if area == 'process')
        for whose in ('the guard', 'ssh-agent'):
            self.assertRegex(taken, f'other programs of this user can take [^.]* of {whose}')

    def test_its_agent_is_in_a_directory_closed_to_others(self):
        server = self.start()
        found, = wait_until(self.agent_sockets, 'its socket')
        self.assertEqual(stat.S_IMODE(found.parent.stat().st_mode), 0o700)
        server.stop()
        self.assertFalse(found.exists())
        self.assertFalse(found.parent.exists())

    def test_what_a_killed_guard_leaves_behind_is_cleared_away(self):
        server = self.start()
        old = wait_until(self.agent_sockets, 'its socket')
        server.stop(signal.SIGKILL)
        self.start()
        new = wait_until(lambda: [path for path in self.agent_sockets() if path not in old],
                         'another one')
        self.assertEqual(self.agent_sockets(), new)

    def test_an_agent_that_nobody_can_reach_is_replaced(self):
        server = self.start()
        for path in wait_until(self.agent_sockets, 'its socket'):
            path.unlink()
        wait_until(lambda: server.status().get('upstream_restarts'), 'there is another agent')


if __name__ == '__main__':
    unittest.main()
