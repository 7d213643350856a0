"""The copies of events for syslog, where there is no journald: a socket at /dev/log, in a /dev of our
own, and a guard of an unprivileged user."""

import ctypes
import hashlib
import os
import pathlib
import re
import shutil
import socket
import tempfile
import unittest

import guard
import people
import place
from agent_client import SIGN_RESPONSE, AgentClient
from place import libc, wait_until
from test_full_disk import MS_NODEV, MS_NOSUID, MS_REC
from test_full_disk import setUpModule as own_mounts

MS_BIND = 4096
MS_MOVE = 8192
MNT_DETACH = 2
LOG = pathlib.Path('/dev/log')
INFO, WARNING = 10 * 8 + 6, 10 * 8 + 4  # of authpriv
LINE = re.compile(r'<(\d+)>([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d) ssh-agent-guard\[(\d+)\]: '
                  r'(.*) seq=(\d+) hash=([0-9a-f]{64})')
LINE_MAX = 1024  # RFC 3164


def mount(source, target, kind=None, flags=0, options=None):
    if libc.mount(os.fsencode(source), os.fsencode(target), kind, flags, options) != 0:
        raise unittest.SkipTest(f'no mount at {target}: {os.strerror(ctypes.get_errno())}')


def setUpModule():
    """A /run without journald, and a /dev with all that the machine's has, in which /dev/log is
    nobody else's."""
    people.fresh_person()  # by a lock in the machine's /run
    own_mounts()
    mount('tmpfs', '/run', b'tmpfs', MS_NOSUID | MS_NODEV, b'mode=755')
    ours = pathlib.Path(tempfile.mkdtemp(prefix='sag-dev-', dir='/tmp'))
    mount('tmpfs', ours, b'tmpfs', MS_NOSUID, b'mode=755')
    for entry in pathlib.Path('/dev').iterdir():
        there = ours / entry.name
        if entry == LOG:
            continue
        if entry.is_symlink():
            there.symlink_to(os.readlink(entry))
            continue
        if entry.is_dir():
            there.mkdir()
        else:
            there.touch()
        mount(entry, there, None, MS_BIND | MS_REC)
    mount(ours, '/dev', None, MS_MOVE)
    ours.rmdir()


def tearDownModule():
    libc.umount2(b'/dev', MNT_DETACH)
    libc.umount2(b'/run', MNT_DETACH)


class WithSyslog(guard.GuardTest):
    as_person = True

    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()
        self.key = self.keys.make()
        self.fingerprint = self.keys.fingerprint(self.key)
        self.add(self.agent, self.key)
        self.key.rename(self.place.path / 'away')

    def listen(self, path=LOG):
        """As a syslog daemon does."""
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(path.unlink, missing_ok=True)
        self.addCleanup(listener.close)
        listener.bind(str(path))
        path.chmod(0o666)
        listener.settimeout(place.DEADLINE_S)
        return listener

    def sign(self, server, status=0):
        done = self.place.run(guard.SSH_KEYGEN, '-Y', 'sign', '-n', 'file', '-f',
                              f'{self.key}.pub', input='text', env=server.env)
        self.assertEqual(done.returncode, status, done.stderr)

    def wait_line(self, log, text):
        """The next line with that in its message, apart."""
        while True:
            datagram = log.recv(1 << 20)
            self.assertLessEqual(len(datagram), LINE_MAX)
            self.assertRegex(datagram, rb'\A[ -~]*\Z', 'a line of printable ASCII')
            line = LINE.fullmatch(datagram.decode())
            self.assertIsNotNone(line, datagram)
            if text in line[4]:
                return line

    def documents(self, server):
        day = next((server.state / 'events').iterdir())
        return re.findall(rb'(?s)---\n.*?\n\.\.\.\n', day.read_bytes())


class Syslog(WithSyslog):
    def test_each_event_is_a_line_with_its_place_in_the_chain(self):
        log = self.listen()
        server = self.start_guard(upstream=self.agent)
        self.assertEqual(int(self.wait_line(log, 'start')[3]), server.pid)
        self.sign(server)
        line = self.wait_line(log, 'allow sign by ')
        event = server.wait_event(trigger='sign')
        self.assertEqual(int(line[1]), INFO)
        self.assertEqual(line[4], f'allow sign by {event["exe_path"]} with {self.fingerprint}: '
                                  f'default')
        self.assertEqual(int(line[5]), event['seq'])
        document = self.documents(server)[event['seq'] - 1]
        self.assertEqual(line[6], hashlib.sha256(document).hexdigest())

    def test_a_refusal_is_a_warning(self):
        log = self.listen()
        server = self.start_guard(guard.DENY_ALL, upstream=self.agent)
        self.sign(server, status=255)
        line = self.wait_line(log, 'deny sign by ')
        self.assertEqual(int(line[1]), WARNING)

    def test_a_hostile_name_stays_one_line_of_text(self):
        log = self.listen()
        server = self.start_guard(guard.DENY_ALL, upstream=self.agent)
        name = b'x\n<0>Jan  1 00:00:00 login: \x1b[2J\r\xff' + '\u202e\u6f22'.encode()
        program = os.fsencode(self.place.bin) + b'/' + name
        shutil.copyfile(guard.SSH_ADD, program)
        os.chmod(program, 0o755)
        self.place.run(os.fsdecode(program), '-d', f'{self.key}.pub', env=server.env)
        line = self.wait_line(log, 'deny ')
        self.assertIn(r'/x\x0a<0>Jan  1 00:00:00 login: \x1b[2J\x0d\xff\xe2\x80\xae\xe6\xbc\xa2',
                      line[4])

    def test_a_path_without_end_leaves_room_for_the_hash(self):
        log = self.listen()
        server = self.start_guard(guard.DENY_ALL, upstream=self.agent)
        directory = self.place.bin
        for _ in range(6):
            directory = directory / ('\n' * 100 + 'd' * 100)
            directory.mkdir(mode=0o755)
        directory.chmod(0o755)
        program = directory / 'add'
        shutil.copyfile(guard.SSH_ADD, program)
        program.chmod(0o755)
        self.place.run(program, '-d', f'{self.key}.pub', env=server.env)
        line = self.wait_line(log, 'deny ')
        self.assertIn(r'\x0a\x0a', line[4])
        self.assertNotIn('/add with', line[4])  # it was cut

    def test_a_daemon_that_comes_or_begins_anew_gets_what_happens_from_then_on(self):
        server = self.start_guard(upstream=self.agent)
        self.sign(server)
        self.assertEqual(server.events(trigger='log-copies-dropped'), [])
        for _ in range(2):
            log = self.listen()
            log.settimeout(0.05)

            def gets_one():
                self.sign(server)
                try:
                    return log.recv(1 << 20)
                except TimeoutError:  # it looks again after some seconds
                    return None
            self.assertRegex(wait_until(gets_one, 'it is found'), rb'allow sign by ')
            log.close()
            self.sign(server)
        self.assertEqual(server.events(trigger='log-copies-dropped'), [])

    def test_where_there_is_journald_syslog_gets_nothing(self):
        pathlib.Path('/run/systemd/journal').mkdir(parents=True, exist_ok=True)
        journal = self.listen(pathlib.Path('/run/systemd/journal/socket'))
        log = self.listen()
        server = self.start_guard(upstream=self.agent)
        self.sign(server)
        while b'\nSSH_GUARD_TRIGGER=sign\n' not in journal.recv(1 << 20):
            pass
        server.stop()
        log.settimeout(0)
        with self.assertRaises(BlockingIOError):
            log.recv(1 << 20)

    def test_off_is_off(self):
        log = self.listen()
        server = self.start_guard(guard.ALLOW_ALL + 'log: {journal: off}\n', upstream=self.agent)
        self.sign(server)
        server.stop()
        log.settimeout(0)
        with self.assertRaises(BlockingIOError):
            log.recv(1 << 20)


class Flood(WithSyslog):
    """So many that a client of our own has to ask, which is nobody else's."""

    as_person = False

    def test_who_does_not_read_delays_no_answer_and_that_is_told(self):
        self.listen()
        server = self.start_guard(upstream=self.agent)
        blob = self.keys.blob(self.key)
        with AgentClient(server.socket) as client:
            for _ in range(700):  # more than a socket's queue holds
                self.assertEqual(client.sign(blob)[0], SIGN_RESPONSE)
        event = server.wait_event(trigger='log-copies-dropped')
        self.assertRegex(event['detail'], r'^\d+ events did not get into')
        self.assertEqual(len(server.events(trigger='sign')), 700)
