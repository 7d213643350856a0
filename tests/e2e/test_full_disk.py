"""What happens when an event cannot be written: nothing is signed that would leave no trace."""

import ctypes
import os
import subprocess
import unittest

import guard
from agent_client import FAILURE, SIGN_RESPONSE, AgentClient
from place import libc, wait_until

CLONE_NEWNS = 0x20000
MS_NOSUID, MS_NODEV, MS_REC, MS_PRIVATE = 2, 4, 0x4000, 0x40000


def setUpModule():
    """A mount namespace of this program's own, which ends with it. Everything that the tests start
    lives in it, so that to the guard its callers are neighbours as ever."""
    if os.getuid() != 0:
        # In a user namespace it could be done, but there / and /tmp belong to nobody known, and
        # the guard rightly puts no socket below them.
        raise unittest.SkipTest('mounting a small disk needs root')
    for done in (libc.unshare(CLONE_NEWNS),
                 libc.mount(b'none', b'/', b'none', MS_REC | MS_PRIVATE, None)):
        if done != 0:
            raise unittest.SkipTest(f'no private mounts: {os.strerror(ctypes.get_errno())}')


class FullDisk(guard.GuardTest):
    def setUp(self):
        super().setUp()
        agent = self.start_agent()
        key = self.keys.make()
        self.blob = self.keys.blob(key)
        self.add(agent, key)
        self.state = self.place.state / 'ssh-agent-guard'
        self.state.mkdir(mode=0o700)
        if libc.mount(b'tmpfs', os.fsencode(self.state), b'tmpfs', MS_NOSUID | MS_NODEV,
                      b'size=128k,mode=700') != 0:
            self.skipTest(f'no tmpfs: {os.strerror(ctypes.get_errno())}')
        self.addCleanup(libc.umount2, os.fsencode(self.state), 2)
        os.chmod(self.state, 0o700)
        self.agent = agent

    def sign(self, server):
        with AgentClient(server.socket) as client:
            return client.sign(self.blob)[0]

    def fill(self):
        path = self.state / 'filler'
        with open(path, 'wb', buffering=0) as filler:
            for size in (4096, 1):
                try:
                    while True:
                        filler.write(b'x' * size)
                except OSError:
                    pass
        return path

    def test_a_full_disk_refuses_signatures_until_there_is_room(self):
        server = self.start_guard(upstream=self.agent)
        self.assertEqual(self.sign(server), SIGN_RESPONSE)
        filler = self.fill()
        for _ in range(50):
            if self.sign(server) == FAILURE:
                break
        self.assertEqual(self.sign(server), FAILURE)
        self.assertEqual(self.sign(server), FAILURE)
        server.wait_output('No space left')
        status = server.command('status')
        self.assertIn('log-error', status.stdout)
        self.assertIn('text: "events cannot be written: the disk is full"', status.stdout)

        signed = len(server.events(trigger='sign', decision='allow'))
        filler.unlink()
        # The first one may only find out that there is room again.
        wait_until(lambda: self.sign(server) == SIGN_RESPONSE, 'signatures are given again')
        # Every document is whole, and the one that found room has been added.
        self.assertEqual(len(server.events(trigger='sign', decision='allow')), signed + 1)
        # And it tells how much is missing.
        self.assertRegex(server.wait_event(trigger='log-gap')['detail'],
                         r'^[1-9]\d* events could not be written before: No space left')

    def test_on_error_allow_signs_all_the_same(self):
        server = self.start_guard(guard.ALLOW_ALL + 'log:\n  on_error: allow\n',
                                  upstream=self.agent)
        self.fill()
        for _ in range(50):
            self.assertEqual(self.sign(server), SIGN_RESPONSE)
        server.wait_output('No space left')
        for event in server.events():
            self.assertIn('trigger', event)

    def test_a_log_directory_that_is_gone_is_made_again(self):
        server = self.start_guard(upstream=self.agent)
        subprocess.run(['rm', '-r', self.state / 'events'], check=True)
        self.assertEqual(self.sign(server), SIGN_RESPONSE)
        wait_until(lambda: server.events(trigger='sign', decision='allow'), 'the event is there')


if __name__ == '__main__':
    unittest.main()
