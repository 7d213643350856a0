"""What Landlock closes of the ways to an agent's keys, kernel by kernel, and what doctor says."""

import json
import platform
import re
import socket
import subprocess

import guard
from place import landlock_abi, without_landlock

PYTHON = '/usr/bin/python3'
EVERY_OLDER_RIGHT = {1: 13, 2: 14, 3: 15, 4: 15}  # to files, by ABI: how many; 16 from 5 on
RESOLVE_UNIX = 1 << 16  # from ABI 9 on, Linux 7.1
CONFINED = r"""
import ctypes, errno, json, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = libc.ptrace.restype = ctypes.c_long

def call(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *map(ctypes.c_void_p, arguments))
    return errno.errorcode[ctypes.get_errno()] if result < 0 else result

def attempt(function, *arguments):
    try:
        function(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return 'done'

def ask(fd):
    os.write(fd, bytes([0, 0, 0, 1, 11]))
    if os.read(fd, 5)[4:] != b'\x0c':
        raise OSError(errno.EPROTO, 'no list of keys')

def trace(pid):
    if libc.ptrace(0x4206, ctypes.c_long(pid), None, None) < 0:  # PTRACE_SEIZE
        raise OSError(ctypes.get_errno(), 'ptrace')

path, abstract, given, guard, other, key, *denied = sys.argv[1:]
denied = struct.pack('=3Q', *map(int, denied))
buffer = ctypes.create_string_buffer(denied)
ruleset = call(444, ctypes.addressof(buffer), len(denied), 0)
if isinstance(ruleset, int):
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    ruleset = call(446, ruleset, 0)
connect = socket.socket(socket.AF_UNIX).connect
print(json.dumps({'confined': ruleset, 'connect': attempt(connect, path),
                  'abstract': attempt(socket.socket(socket.AF_UNIX).connect, '\0' + abstract),
                  'given': attempt(ask, int(given)), 'signal': attempt(os.kill, int(guard), 0),
                  'trace': attempt(trace, int(other)),
                  'key': attempt(os.open, key, os.O_RDONLY)}))
"""
# A process that does not close itself to others, and opens itself where Yama would.
OTHER = """
import ctypes, signal
ctypes.CDLL(None).prctl(0x59616d61, ctypes.c_long(-1), 0, 0, 0)  # PR_SET_PTRACER
print(flush=True)
signal.pause()
"""
WAYS = 'connect', 'abstract', 'given', 'signal', 'trace', 'key'  # to an agent's keys


class Landlock(guard.GuardTest):
    as_person = True

    def setUp(self):
        self.abi = landlock_abi()
        if self.abi < 1:
            self.skipTest('this kernel has no Landlock, or does not use it')
        super().setUp()
        self.server = self.start_guard()
        self.key = self.keys.make()
        self.other = self.place.spawn(PYTHON, '-c', OTHER, stdout=subprocess.PIPE)
        self.addCleanup(self.other.stdout.close)
        self.other.stdout.readline()
        self.abstract = socket.socket(socket.AF_UNIX)
        self.addCleanup(self.abstract.close)
        self.abstract.bind(f'\0{self.place.path.name}')
        self.abstract.listen()
        # Everything that this kernel can deny, but RESOLVE_UNIX.
        self.files = (1 << EVERY_OLDER_RIGHT.get(self.abi, 16)) - 1
        self.more = (3 if self.abi >= 4 else 0,  # to TCP: bind and connect
                     3 if self.abi >= 6 else 0)  # scopes: abstract sockets and signals

    def confined(self, files, network=0, scopes=0):
        """What a program can do that is denied all of these rights everywhere."""
        with socket.socket(socket.AF_UNIX) as given:
            given.connect(str(self.server.socket))
            return json.loads(self.place.run_ok(
                PYTHON, '-c', CONFINED, self.server.socket, self.place.path.name, given.fileno(),
                self.server.pid, self.other.pid, self.key, files, network, scopes,
                pass_fds=(given.fileno(),)))

    def expected(self, connect):
        scoped = 'EPERM' if self.abi >= 6 else 'done'
        return {'confined': 0, 'connect': connect, 'abstract': scoped, 'given': 'done',
                'signal': scoped, 'trace': 'EPERM', 'key': 'EACCES'}

    def test_without_it_a_program_can_do_all_of_this(self):
        self.assertEqual(self.confined(1 << 63),
                         {'confined': 'EINVAL', **dict.fromkeys(WAYS, 'done')})

    def test_every_right_to_files_is_denied_and_a_socket_answers_all_the_same(self):
        self.assertEqual(self.confined(self.files, *self.more), self.expected('done'))

    def test_only_the_right_to_reach_sockets_closes_them_where_there_is_one(self):
        release = tuple(map(int, re.findall(r'\d+', platform.release())[:2]))
        if release >= (7, 1):
            self.assertGreaterEqual(self.abi, 9)
        found = self.confined(self.files | RESOLVE_UNIX, *self.more)
        if self.abi >= 9:
            self.assertEqual(found, self.expected('EACCES'))
        else:
            self.assertEqual((found['confined'], found['connect']), ('EINVAL', 'done'))

    def doctor_says(self, **options):
        done = self.place.run(self.place.program, 'doctor', '--json', **options)
        return [finding for finding in map(json.loads, done.stdout.splitlines())
                if 'Landlock' in finding['text']]

    def test_doctor_says_where_there_is_none(self):
        finding, = self.doctor_says(preexec_fn=without_landlock)
        self.assertEqual(finding['grade'], 'note')
        self.assertIn('no Landlock', finding['text'])

    def test_doctor_says_what_it_is_worth(self):
        said = self.doctor_says()
        if self.abi >= 9:
            self.assertEqual(said, [])
        else:
            self.assertEqual([finding['grade'] for finding in said], ['note'])
            self.assertIn(f'(ABI {self.abi})', said[0]['text'])
            self.assertIn('keeps no program from connecting to a socket', said[0]['text'])
