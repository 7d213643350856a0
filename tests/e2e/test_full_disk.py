"""What happens when an event cannot be written: nothing is signed that would leave no trace."""

import ctypes
import os
import subprocess
import unittest

import guard
from agent_client import FAILURE, SIGN_RESPONSE, AgentClient
from guard import SSH_KEYGEN
from place import libc, wait_until
from terminal import Terminal

PIN = 'correct horse 7'
OLD_PIN = 'The PIN that is set: '
ASK = f'''
default_action: deny
confirm: {{timeout: 600s, methods: pin}}
rules:
  - name: ask
    match: {{exe: {SSH_KEYGEN}}}
    action: confirm
'''

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


class SmallDisk(guard.GuardTest):
    def setUp(self):
        super().setUp()
        agent = self.start_agent()
        key = self.keys.make()
        self.public = f'{key}.pub'
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


class FullDisk(SmallDisk):
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
        # Nor does the file go on to say that all is well.
        current = server.state / 'current.yaml'
        wait_until(lambda: not current.exists() or 'state: log-error\n' in current.read_text(),
                   'bars are told')
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


class Enrolled(SmallDisk):
    """The PIN on a disk that is full: nothing is said yes to, nothing is lost, nobody is locked out."""

    def enroll(self, old=None, new=PIN):
        terminal = Terminal(self.place, self.server.program, 'enroll', 'pin')
        for question, pin in ((OLD_PIN, old), ('The new PIN: ', new), ('again: ', new)):
            if pin is not None:
                terminal.wait_for(question)
                terminal.type(pin + '\n')
        return terminal.end_or_let_be(OLD_PIN)

    def confirm(self, pin=PIN):
        question = 'PIN, to say yes'
        terminal = Terminal(self.place, self.server.program, 'confirm')
        terminal.wait_for(question)
        terminal.type(pin + '\n')
        return terminal.end_or_let_be(question)

    def test_the_pin_stays_and_is_locked_by_no_full_disk(self):
        self.server = self.start_guard(ASK, upstream=self.agent)
        self.assertEqual(self.enroll()[0], 0)
        pin = (self.state / 'pin').read_bytes()
        text = self.place.write('home/text', 'text')
        signs = self.place.spawn(SSH_KEYGEN, '-Y', 'sign', '-n', 'file', '-f', self.public, text,
                                 env=self.server.env, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        wait_until(lambda: 'request 1' in self.server.command('pending').stdout, 'it waits')
        filler = self.fill()
        # A right one and a wrong one come to the same, however often.
        for typed in (PIN, 'wrong one') * 3:
            status, shown = self.confirm(typed)
            self.assertEqual(status, 1)
            self.assertIn('the state directory cannot be written', shown)
        status, shown = self.enroll(PIN, 'another one')
        self.assertEqual(status, 1)
        self.assertIn('the state directory cannot be written', shown)
        self.assertIsNone(signs.poll())
        self.assertEqual((self.state / 'pin').read_bytes(), pin)
        filler.unlink()
        self.assertIn('4 more', self.confirm('wrong one')[1])
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(signs.wait(30), 0)
        self.assertEqual([path.name for path in self.state.iterdir() if 'pin' in path.name],
                         ['pin'])


if __name__ == '__main__':
    unittest.main()
