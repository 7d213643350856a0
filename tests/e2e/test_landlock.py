"""What Landlock does for an agent's socket, kernel by kernel, and what doctor says of it."""

import json
import platform
import re

import guard
from place import landlock_abi, without_landlock

PYTHON = '/usr/bin/python3'
EVERY_OLDER_RIGHT = {1: 13, 2: 14, 3: 15, 4: 15}  # by ABI: how many; 16 from 5 on
RESOLVE_UNIX = 1 << 16  # from ABI 9 on, Linux 7.1
CONFINED = r'''
import ctypes, errno, json, os, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

def call(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *map(ctypes.c_void_p, arguments))
    return errno.errorcode[ctypes.get_errno()] if result < 0 else result

def attempt(function, *arguments):
    try:
        function(*arguments)
    except OSError as error:
        return errno.errorcode[error.errno]
    return 'done'

path, rights = sys.argv[1], struct.pack('=Q', int(sys.argv[2]))
ruleset = call(444, ctypes.cast(rights, ctypes.c_void_p).value, len(rights), 0)
if isinstance(ruleset, int):
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    ruleset = call(446, ruleset, 0)
print(json.dumps({'confined': ruleset, 'connect': attempt(socket.socket(socket.AF_UNIX).connect, path),
                  'read': attempt(os.open, '/etc/passwd', os.O_RDONLY)}))
'''


class Landlock(guard.GuardTest):
    as_person = True

    def setUp(self):
        self.abi = landlock_abi()
        if self.abi < 1:
            self.skipTest('this kernel has no Landlock, or does not use it')
        super().setUp()
        self.server = self.start_guard()
        self.older = (1 << EVERY_OLDER_RIGHT.get(self.abi, 16)) - 1

    def confined(self, rights):
        """What a program can do that is denied all of these rights everywhere."""
        return json.loads(self.place.run_ok(PYTHON, '-c', CONFINED, self.server.socket, rights))

    def test_without_it_a_program_can_do_both(self):
        self.assertEqual(self.confined(1 << 63), {'confined': 'EINVAL', 'connect': 'done',
                                                  'read': 'done'})

    def test_every_right_to_files_is_denied_and_a_socket_answers_all_the_same(self):
        self.assertEqual(self.confined(self.older), {'confined': 0, 'connect': 'done',
                                                     'read': 'EACCES'})

    def test_only_the_right_to_reach_sockets_closes_them_where_there_is_one(self):
        release = tuple(map(int, re.findall(r'\d+', platform.release())[:2]))
        if release >= (7, 1):
            self.assertGreaterEqual(self.abi, 9)
        found = self.confined(self.older | RESOLVE_UNIX)
        if self.abi >= 9:
            self.assertEqual(found, {'confined': 0, 'connect': 'EACCES', 'read': 'EACCES'})
        else:
            self.assertEqual(found, {'confined': 'EINVAL', 'connect': 'done', 'read': 'done'})

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
