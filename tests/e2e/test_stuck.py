"""Callers that hang whoever reads them: by a file system of their own that has stopped, or by an exec
that does not come to its end. They are refused, and while they hang everybody else is served."""

import os
import signal
import subprocess
import unittest

import fuse
from agent_client import FAILURE, SIGN_RESPONSE, AgentClient
from attack import PYTHON, AttackTest
from guard import ALLOW_ALL, GuardTest

REFUSED = str(FAILURE)

# Has all of its own executable in memory, so that it runs without its file system.
TOUCH = '''
def touch():
    own = os.readlink('/proc/self/exe')
    memory = os.open('/proc/self/mem', os.O_RDONLY)
    for line in open('/proc/self/maps').read().splitlines():
        start, end = (int(number, 16) for number in line.split()[0].split('-'))
        if line.endswith(own) and line.split()[1][0] == 'r':
            os.pread(memory, end - start, start)
touch()
'''
ASK = '''
say('ready')
os.read(0, 1)
s = connect()
s.sendall(REQUEST)
say(answer(s))
'''


def setUpModule():
    fuse.own_mounts()


class Stuck(AttackTest):
    def setUp(self):
        super().setUp()
        self.server = self.start_guard(ALLOW_ALL, upstream=self.agent)

    def mount(self, *files, **options):
        files = files or (self.denied,)
        self.files = fuse.FileSystem(self.place, *files, **options)
        self.addCleanup(self.files.end)

    def start(self, program, script, *more):
        """An attack that has got as far as to say that it is ready."""
        attack = self.start_attack(program, self.server, script, *more, stdin=subprocess.PIPE)
        self.addCleanup(attack.stdout.close)
        self.addCleanup(attack.stdin.close)
        self.assertEqual(attack.stdout.readline(), b'ready\n')
        return attack

    def go(self, attack):
        attack.stdin.write(b'x')
        attack.stdin.flush()

    def said(self, attack):
        return attack.stdout.readline().decode().strip()

    def assert_others_are_served(self):
        person = self.attack(PYTHON, self.server, '''
for turn in range(5):
    s = connect()
    s.sendall(REQUEST)
    say(answer(s))
''')
        self.assertEqual(person, [str(SIGN_RESPONSE)] * 5)

    def assert_unreadable(self, attack):
        """It is refused while it still hangs, and so are those who come after it; others are not."""
        self.assert_others_are_served()
        self.assertEqual(self.said(attack), REFUSED)
        event = self.server.wait_event(trigger='sign', decision='deny')
        self.assertEqual(event['reason'], 'caller-unreadable')
        self.assertNotIn('exe_path', event)
        self.assert_others_are_served()

    def test_an_executable_whose_file_system_has_stopped(self):
        self.mount()
        attack = self.start(self.files.path('denied'), TOUCH + ASK)
        self.files.stop()
        self.go(attack)
        self.assert_unreadable(attack)

    def test_whoever_looks_at_one_is_kept_waiting_no_more_than_the_guard(self):
        self.mount()
        attack = self.start(self.files.path('denied'), TOUCH + ASK)
        self.files.stop()
        checked = self.server.command('check', '--pid', attack.pid)
        self.assertEqual(checked.returncode, 1)
        self.assertIn('not identified: caller-unreadable', checked.stdout)
        self.place.end(attack, signal.SIGKILL)

    def test_an_ancestors_executable_whose_file_system_has_stopped(self):
        self.mount()
        attack = self.start(self.files.path('denied'), TOUCH + '''
if fork() == 0:
    become(ALLOWED, %r)
signal.pause()
''' % ASK)
        self.files.stop()
        self.go(attack)
        self.assert_unreadable(attack)

    def test_an_exec_that_waits_for_a_flush(self):
        self.mount(keep=fuse.FLUSH)
        attack = self.start(PYTHON, f'''
s = connect()
say('ready')
os.read(0, 1)
if fork() == 0:
    say(answer(s))
    os._exit(0)
held = os.open({str(self.files.path('denied'))!r}, os.O_RDONLY)
s.sendall(REQUEST)
os.execv(ALLOWED, [ALLOWED, '-c', ''])
''')
        os.kill(self.server.pid, signal.SIGSTOP)
        try:
            self.go(attack)
            self.files.wait_kept()
            readable = self.is_readable(attack.pid)
        finally:
            os.kill(self.server.pid, signal.SIGCONT)
        if readable:
            self.skipTest('on this kernel such an exec keeps nobody waiting')
        self.assert_unreadable(attack)

    def test_a_connection_that_an_exec_has_not_closed_yet_is_not_the_new_programs(self):
        """An exec closes descriptors in their order when the program is the new one already. A flush
        has it wait before it has come to the connection, which looks well held."""
        self.mount(keep=fuse.FLUSH)
        self.server.stop()
        self.server = self.allow_only()
        attack = self.start(self.denied, f'''
place = os.open('/dev/null', os.O_RDONLY)
s = connect()
say('ready')
os.read(0, 1)
if fork() == 0:
    say(answer(s))
    os._exit(0)
os.close(place)
held = os.open({str(self.files.path('denied'))!r}, os.O_RDONLY)
assert held < s.fileno() and not os.get_inheritable(s.fileno())
s.sendall(REQUEST)
os.execv(ALLOWED, [ALLOWED, '-c', ''])
''')
        os.kill(self.server.pid, signal.SIGSTOP)
        try:
            self.go(attack)
            self.files.wait_kept()
        finally:
            os.kill(self.server.pid, signal.SIGCONT)
        self.assertEqual(self.said(attack), REFUSED)
        event = self.server.wait_event(trigger='sign', decision='deny')
        self.assertTrue(event.get('reason') == 'caller-unreadable' or
                        'fd-inherited' in event.get('caller_integrity', []), event)
        self.assert_others_are_served()

    def test_an_exec_of_an_ancestor_that_waits_for_a_flush(self):
        self.mount(keep=fuse.FLUSH)
        attack = self.start(PYTHON, f'''
if fork() == 0:
    become(ALLOWED, %r)
held = os.open({str(self.files.path('denied'))!r}, os.O_RDONLY)
os.execv(ALLOWED, [ALLOWED, '-c', ''])
''' % ASK)
        self.files.wait_kept()
        if self.is_readable(attack.pid):
            self.skipTest('on this kernel such an exec keeps nobody waiting')
        self.go(attack)
        self.assert_unreadable(attack)

    def is_readable(self, pid):
        """Whether what is read of it comes at once. timeout, for whoever reads may hang."""
        paths = [f'/proc/{pid}/{name}' for name in ('stat', 'cmdline')]
        done = self.place.run('timeout', '-s', 'KILL', '5', 'sh', '-c',
                              'cat "$@" && readlink "$0"', f'/proc/{pid}/exe', *paths)
        return done.returncode == 0

    def test_whoever_hangs_again_and_again_keeps_nobody_waiting(self):
        self.mount()
        attacks = [self.start(self.files.path('denied'), TOUCH + ASK) for _ in range(4)]
        self.files.stop()
        with AgentClient(self.server.socket):
            for attack in attacks:
                self.go(attack)
            for attack in attacks:
                self.assert_others_are_served()
                self.assertEqual(self.said(attack), REFUSED)


class Start(GuardTest):
    """A guard that finds nothing enrolled looks at what the older one has left in the home."""

    as_person = True

    def assert_starts(self, **options):
        files = fuse.FileSystem(self.place, self.place.write('some', 'x'),
                                at='home/.local/state/ssh-ag', **options)
        self.addCleanup(files.end)
        if not options:
            files.stop()
        server = self.start_guard()
        self.assertIn('its file system does not answer', server.output())
        with AgentClient(server.socket) as client:
            self.assertEqual(client.identities(), [])
        self.assertEqual(server.stop(), 0)

    def test_it_starts_where_that_file_system_has_stopped(self):
        self.assert_starts()

    def test_it_starts_where_who_looks_there_cannot_be_ended(self):
        self.assert_starts(keep=fuse.LOOKUP)


if __name__ == '__main__':
    unittest.main()
