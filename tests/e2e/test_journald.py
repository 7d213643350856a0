"""The copies of events in the system's log, with a real journald and without one."""

import ctypes
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import unittest

import guard
import place
from agent_client import SIGN_RESPONSE, AgentClient
from place import libc, wait_until
from test_full_disk import MS_NODEV, MS_NOSUID
from test_full_disk import setUpModule as own_mounts

JOURNALD = '/usr/lib/systemd/systemd-journald'
RUN = pathlib.Path('/run')
MNT_DETACH = 2
SIGNATURE = 'a10c7a06700f461e9d668b3a8f55b67d'


def setUpModule():
    """A /run of our own, in which a journald can live."""
    own_mounts()
    if libc.mount(b'tmpfs', b'/run', b'tmpfs', MS_NOSUID | MS_NODEV, b'mode=755') != 0:
        raise unittest.SkipTest(f'no tmpfs: {os.strerror(ctypes.get_errno())}')


def tearDownModule():
    libc.umount2(b'/run', MNT_DETACH)


class WithJournal(guard.GuardTest):
    def setUp(self):
        super().setUp()
        shutil.rmtree(RUN / 'systemd', ignore_errors=True)
        (RUN / 'systemd/journal').mkdir(parents=True)
        self.agent = self.start_agent()
        key = self.keys.make()
        self.blob = self.keys.blob(key)
        self.fingerprint = self.keys.fingerprint(key)
        self.add(self.agent, key)

    def sign(self, server, count=1):
        with AgentClient(server.socket) as client:
            for _ in range(count):
                self.assertEqual(client.sign(self.blob)[0], SIGN_RESPONSE)


class Socket(WithJournal):
    """A socket where journald has its own."""

    def setUp(self):
        super().setUp()
        self.journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.journal.close)
        self.journal.bind('/run/systemd/journal/socket')
        self.journal.settimeout(place.DEADLINE_S)

    def test_each_event_comes_with_its_fields(self):
        server = self.start_guard(upstream=self.agent)
        self.sign(server)
        while b'\nSSH_GUARD_TRIGGER=sign\n' not in (datagram := self.journal.recv(1 << 20)):
            pass
        event = server.wait_event(trigger='sign')
        for name, value in (('MESSAGE_ID', SIGNATURE), ('SSH_GUARD_DECISION', 'allow'),
                            ('SSH_GUARD_RULE', 'default'), ('SSH_GUARD_PID', str(event['local_pid'])),
                            ('SSH_GUARD_KEY', self.fingerprint), ('PRIORITY', '6'),
                            ('SSH_GUARD_SEQ', str(event['seq']))):
            self.assertIn(f'\n{name}={value}\n'.encode(), datagram)
        self.assertIn(b'MESSAGE=allow sign ', datagram)

    def test_a_journal_that_takes_nothing_delays_no_answer_and_is_told(self):
        server = self.start_guard(upstream=self.agent)
        self.sign(server, 700)  # more than a socket's queue holds; nobody reads
        event = server.wait_event(trigger='log-copies-dropped')
        self.assertRegex(event['detail'], r'^\d+ events did not get into')
        self.assertEqual(len(server.events(trigger='sign')), 700)

    def test_off_is_off(self):
        server = self.start_guard(guard.ALLOW_ALL + 'log: {journal: off}\n', upstream=self.agent)
        self.sign(server)
        server.stop()
        self.journal.settimeout(0)
        with self.assertRaises(BlockingIOError):
            self.journal.recv(1 << 20)

    def test_without_one_nothing_is_missed(self):
        os.unlink('/run/systemd/journal/socket')
        server = self.start_guard(upstream=self.agent)
        self.sign(server, 3)
        self.assertEqual(server.events(trigger='log-copies-dropped'), [])


class Journald(WithJournal):
    """A real one, whose journal is an anchor."""

    def setUp(self):
        if not os.access(JOURNALD, os.X_OK) or not shutil.which('journalctl'):
            self.skipTest('needs systemd-journald')
        super().setUp()
        shutil.rmtree(RUN / 'log', ignore_errors=True)
        (RUN / 'log/journal').mkdir(parents=True)
        self.journald = self.place.spawn(JOURNALD, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: place.process_state(self.journald.pid) in ('', 'Z') or
                       os.path.exists('/run/systemd/journal/socket'), 'journald is there')
        except AssertionError:
            self.skipTest('journald does not start here')
        if self.journald.poll() is not None:
            self.skipTest('journald does not start here')
        self.server = self.start_guard(upstream=self.agent)
        self.sign(self.server, 5)
        wait_until(lambda: len(self.entries('SSH_GUARD_TRIGGER=sign')) == 5, 'all are told')

    def entries(self, *words):
        text = self.place.run_ok('journalctl', '-o', 'json', '--all', '--no-pager',
                                 'SYSLOG_IDENTIFIER=ssh-agent-guard',
                                 f'SSH_GUARD_STATE={self.server.state}', *words)
        return [json.loads(line) for line in text.splitlines()]

    def day(self):
        return next((self.server.state / 'events').iterdir())

    def documents(self):
        return re.findall(rb'(?s)---\n.*?\n\.\.\.\n', self.day().read_bytes())

    def verify(self, status=0):
        done = self.server.command('log', 'verify')
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        if 'built without' in done.stdout:
            self.skipTest('built without libsystemd')
        return done.stdout

    def test_the_journal_has_every_event_whole(self):
        entries = self.entries()
        self.assertEqual([entry['SSH_GUARD_EVENT'].encode() for entry in entries],
                         self.documents())
        last = [entry for entry in entries if entry['SSH_GUARD_TRIGGER'] == 'sign'][-1]
        self.assertEqual(last['MESSAGE_ID'], SIGNATURE)
        import hashlib
        self.assertEqual(last['SSH_GUARD_HASH'],
                         hashlib.sha256(last['SSH_GUARD_EVENT'].encode()).hexdigest())

    def test_the_journal_is_an_anchor(self):
        self.server.stop()
        count = len(self.documents())
        wait_until(lambda: len(self.entries()) == count, 'all are told')
        text = self.verify()
        self.assertIn(f"anchor:  the system's journal, which has {count} of its events, up to "
                      f'event {count}\n', text)
        self.assertNotIn('the guard that runs', text)
        self.assertIn('every event is as it was written', text)

    def test_a_cut_end_is_found_against_the_journal(self):
        self.server.stop()
        documents = self.documents()
        self.day().write_bytes(b''.join(documents[:-2]))
        wait_until(lambda: len(self.entries()) == len(documents), 'all are told')
        self.assertRegex(self.verify(1), rf'FAULT: +cut off: .*\nplace: .*event {len(documents) - 1}\n')

    def test_a_log_that_was_written_anew_is_found_against_the_journal(self):
        self.server.stop()
        # By a guard of the same user elsewhere, of which the journal knows nothing.
        other = self.place.path / 'other'
        second = guard.Guard(self.place, guard.ALLOW_ALL + 'log: {journal: off}\n',
                             upstream=self.agent, arguments=['--state-dir', other])
        self.sign(second, 20)
        second.stop()
        self.day().write_bytes(next((other / 'events').iterdir()).read_bytes())
        self.assertIn('FAULT:   rewritten', self.verify(1))

    def test_what_another_user_writes_is_no_anchor(self):
        self.server.stop()
        before = self.verify()
        forged = ('MESSAGE=x\nSYSLOG_IDENTIFIER=ssh-agent-guard\n'
                  f'SSH_GUARD_STATE={self.server.state}\nSSH_GUARD_SEQ=99\n'
                  f'SSH_GUARD_HASH={"0" * 64}\n')
        self.place.run_ok('setpriv', '--reuid', '12345', '--clear-groups', 'logger', '--journald',
                          input=forged, cwd='/')
        wait_until(lambda: self.entries('SSH_GUARD_SEQ=99'), 'it is there')
        self.assertEqual(self.verify(), before)


if __name__ == '__main__':
    unittest.main()
