"""Ways out of `exec` that need something prepared: a second program in a directory that the first one
can write, and the kernel's keys of the session."""

import os
import unittest

import guard
import place
import test_exec
from place import KEYCTL, wait_until, without_keyctl
from test_exec import PYTHON

# Exchanges a directory and a link, again and again: renameat2(2), RENAME_EXCHANGE.
EXCHANGE = r'''
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
os.makedirs('sub', exist_ok=True)
os.symlink(sys.argv[1], 'other')
open('began', 'w').close()
while not os.path.exists('end'):
    libc.renameat2(-100, b'sub', -100, b'other', 2)
'''

REPOSITORY = r'''
import os, sys
NAME = '.git/modules/group'
os.makedirs(NAME)
with open('.git/HEAD', 'w') as head:
    head.write('ref: refs/heads/main')
'''


class Exchanged(test_exec.ExecTest):
    TRIES = guard.repetitions(40)

    def exchange(self, target):
        self.place.write('home/work/exchange.py', EXCHANGE)
        self.place.spawn(self.place.program, *self.exec, '--', PYTHON, 'exchange.py', target,
                         cwd=self.work)
        wait_until((self.work / 'began').exists, 'the first program runs')

    def enter(self):
        """Into the directory, by whatever name it has."""
        while True:
            fd = os.open(self.work / 'sub', os.O_PATH)
            if os.fstat(fd).st_ino == self.inode:
                return fd
            os.close(fd)

    def test_a_working_directory_that_becomes_a_link_is_not_followed(self):
        self.place.make_directory(self.work / 'sub')
        self.inode = (self.work / 'sub').stat().st_ino
        self.start()
        self.exchange(self.ssh)
        for _ in range(self.TRIES):
            fd = self.enter()
            try:
                done = self.inside('cat id authorized_keys; echo key > authorized_keys; ls -A .',
                                   cwd=f'/proc/self/fd/{fd}', pass_fds=(fd,))
            finally:
                os.close(fd)
            self.assertNotIn('PRIVATE', done.stdout)
            self.assertFalse((self.ssh / 'authorized_keys').exists())
        (self.work / 'end').touch()

    def test_nor_is_another_directory_that_it_may_write(self):
        self.place.make_directory(self.work / 'sub')
        here = self.place.make_directory(self.place.home / 'here')
        self.start()
        self.exchange(self.ssh)
        for _ in range(self.TRIES):
            # While it is a link, it is refused.
            self.inside(f'for name in sub other; do echo key > {self.work}/$name/authorized_keys; '
                        'done', '--allow-write', self.work / 'sub', cwd=here)
            self.assertFalse((self.ssh / 'authorized_keys').exists())
        (self.work / 'end').touch()

    def test_nor_are_the_names_of_its_repository(self):
        """Which the first program makes, where there was none when it began."""
        self.start()
        self.place.write('home/work/exchange.py', REPOSITORY + EXCHANGE.replace(
            "b'sub'", 'NAME.encode()').replace("'sub'", 'NAME'))
        first = self.place.spawn(self.place.program, *self.exec, '--', PYTHON, 'exchange.py',
                                 self.ssh, cwd=self.work)
        wait_until((self.work / 'began').exists, 'the first program runs')
        for _ in range(self.TRIES):
            done = self.inside('for turn in 1 2 3 4 5 6 7 8 9; do cat .git/modules/group/id other/id; '
                               'echo key > .git/modules/group/authorized_keys; done; exit 0')
            self.assertNotIn('PRIVATE', done.stdout)
            self.assertFalse((self.ssh / 'authorized_keys').exists())
        (self.work / 'end').touch()
        self.assertEqual(first.wait(place.DEADLINE_S), 0)

    def test_what_it_is_held_by_is_not_left_to_the_program(self):
        self.start()
        script = ('for fd in /proc/[0-9]*/fd/*; do cat $fd/../.ssh/id $fd/.ssh/id; done; exit 0')
        for options in (), ('--allow-nested',):
            done = self.inside(script, *options, '--allow-write',
                               self.place.make_directory(self.place.home / 'more'))
            self.assertEqual(self.ok(done), '')


ADD_KEY = {'x86_64': 248, 'aarch64': 217, 'riscv64': 217}
SESSION, USER = -3, -4  # KEY_SPEC_SESSION_KEYRING, KEY_SPEC_USER_KEYRING

# Reads each key by its number, and by its name from all keyrings.
READ_KEYS = r'''
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
KEYCTL, numbers = int(sys.argv[1]), [int(word) for word in sys.argv[2:]]
for ring in -1, -2, -3, -4, -5:
    for name in b'of the session', b'of the user':
        numbers.append(libc.syscall(KEYCTL, 10, ring, b'user', name, 0))
for number in numbers:
    room = ctypes.create_string_buffer(100)
    if number > 0 and libc.syscall(KEYCTL, 11, number, room, 100) > 0:
        print(room.value.decode())
'''


@unittest.skipUnless(os.uname().machine in ADD_KEY, 'whose system calls have numbers here')
class Keyrings(test_exec.ExecTest):
    def test_the_kernels_keys_of_the_session_are_not_to_be_had(self):
        add_key, keyctl = ADD_KEY[os.uname().machine], KEYCTL[os.uname().machine]
        code = ('import ctypes, os, sys\n'
                'libc = ctypes.CDLL(None)\n'
                f'if libc.syscall({keyctl}, 1, None) < 0: sys.exit(77)\n'
                f'numbers = [libc.syscall({add_key}, b"user", name, b"SECRET", 6, ring) for name, '
                f'ring in ((b"of the session", {SESSION}), (b"of the user", {USER}))]\n'
                'os.execv(sys.argv[1], sys.argv[1:] + [str(number) for number in numbers])\n')
        self.start()
        read = (PYTHON, '-c', READ_KEYS, keyctl)
        outside = self.place.run(PYTHON, '-c', code, *read)
        if outside.returncode == 77:
            self.skipTest('there are no keyrings here')
        self.assertIn('SECRET', outside.stdout)
        for options in (), ('--allow-nested',):
            inside = self.place.run(PYTHON, '-c', code, self.place.program, *self.exec, *options,
                                    '--', *read, cwd=self.work)
            self.assertEqual(self.ok(inside), '')

    def test_where_nobody_may_ask_for_keys_it_runs_all_the_same(self):
        self.start()
        self.assertEqual(self.ok(self.inside('echo done', preexec_fn=without_keyctl)), 'done\n')


if __name__ == '__main__':
    unittest.main()
