"""Programs that would like to be taken for another one, each run by an unprivileged user. Beside the
attacks stands what is allowed, so that it is the guard that refuses and not a mistake of the test."""

import os
import pathlib
import shutil
import signal
import unittest

import guard
from agent_client import FAILURE, SIGN_RESPONSE
from attack import PYTHON, AttackTest
from guard import SSH, SSH_ADD
from place import wait_until
from sshd import Sshd

ROUNDS = 200
# The kernel has a connect() wait where more than LISTEN_BACKLOG (128, in src/agent/listener.h) of them
# have not been accepted, and a guard that is stopped accepts none.
AT_ONCE = 100
SLEEP = os.path.realpath(shutil.which('sleep') or '/bin/sleep')
SIGNED, REFUSED = str(SIGN_RESPONSE), str(FAILURE)


class Descriptors(AttackTest):
    """Connections that change hands."""

    def setUp(self):
        super().setUp()
        self.server = self.allow_only()

    def refused(self, **fields):
        return self.server.wait_event(trigger='sign', decision='deny', **fields)

    def test_the_allowed_program_itself_is_signed_for_and_the_denied_one_is_not(self):
        script = 's = connect(); s.sendall(REQUEST); say(answer(s))'
        self.assertEqual(self.attack(self.allowed, self.server, script), [SIGNED])
        self.assertEqual(self.attack(self.denied, self.server, script), [REFUSED])
        self.assertEqual(self.refused()['exe_path'], self.denied)

    def test_a_connection_that_an_allowed_program_passes_on_is_the_denied_ones(self):
        said = self.attack(self.allowed, self.server, '''
ours, theirs = socket.socketpair()
if fork() == 0:
    become(DENIED, 's = take(GIVEN[0]); s.sendall(REQUEST); say(answer(s))', theirs)
pass_on(ours, connect())
say(os.getpid())
os.wait()
''')
        self.assertIn(REFUSED, said)
        self.assertNotIn(SIGNED, said)
        event = self.refused()
        self.assertEqual(event['exe_path'], self.denied)
        self.assertIn('fd-passed', event['caller_integrity'])
        self.assertIn(str(event['connector_pid']), said)
        self.assertNotEqual(event['connector_pid'], event['local_pid'])

    def test_a_connection_that_a_child_inherits_is_the_childs(self):
        said = self.attack(self.allowed, self.server, '''
s = connect()
if fork() == 0:
    become(DENIED, 's, = GIVEN; s.sendall(REQUEST); say(answer(s))', s)
os.wait()
''')
        self.assertEqual(said, [REFUSED])
        event = self.refused()
        self.assertEqual(event['process_name'], 'denied')
        self.assertEqual(event['caller_integrity'],
                         ['writable-exe', 'fd-passed', 'fd-inherited'])

    def test_one_that_connects_and_becomes_an_allowed_program_has_no_executable(self):
        said = self.attack(self.denied, self.server, '''
become(ALLOWED, 's, = GIVEN; s.sendall(REQUEST); say(answer(s))', connect())
''')
        self.assertEqual(said, [REFUSED])
        event = self.refused()
        self.assertEqual((event['exe_path'], event['missing_fact']), (self.allowed, 'exe'))
        self.assertIn('fd-inherited', event['caller_integrity'])

    def test_a_message_of_two_programs_is_refused_whoever_begins(self):
        for begins, ends in (('allowed', 'denied'), ('denied', 'allowed')):
            with self.subTest(begins=begins):
                self.attack(getattr(self, begins), self.server, f'''
s = connect()
s.sendall(REQUEST[:20])
if fork() == 0:
    become({ends.upper()}, 's, = GIVEN; s.sendall(REQUEST[20:]); answer(s)', s)
os.wait()
''')
                wait_until(lambda: self.server.events(reason='mixed-writers'), 'it is refused')
        self.assertEqual(self.server.events(trigger='sign', decision='allow'), [])

    def test_a_message_that_one_process_ends_as_another_program_is_refused(self):
        said = self.attack(self.denied, self.server, '''
s = connect()
s.sendall(REQUEST[:20])
become(ALLOWED, 's, = GIVEN; s.sendall(REQUEST[20:]); say(answer(s))', s)
''')
        self.assertEqual(said, [REFUSED])
        self.assertIn('fd-inherited', self.refused()['caller_integrity'])

    def test_one_whose_parent_has_ended_has_another_parent(self):
        """A rule for what git starts is no rule for what git has started and left alone."""
        self.server.write_policy(f'''
default_action: deny
rules:
  - {{match: {{ancestor: {self.denied}, sign_type: unknown}}, action: allow}}
''')
        self.assertEqual(self.server.command('reload').returncode, 0)
        script = '''
ready, gone = os.pipe()
inner = """
if os.fork() == 0:
    if MORE[0] == 'orphan':
        os.close(int(MORE[2]))
        os.read(int(MORE[1]), 1)
    become(ALLOWED, 's = connect(); s.sendall(REQUEST); say(answer(s))')
if MORE[0] == 'child':
    os.wait()
"""
for fd in (ready, gone):
    os.set_inheritable(fd, True)
sys.argv += [str(ready), str(gone)]
if os.fork() == 0:
    become(DENIED, inner)
os.close(gone)
os.wait()
'''
        self.assertEqual(self.attack(self.allowed, self.server, script, 'child'), [SIGNED])
        self.attack(self.allowed, self.server, script, 'orphan')
        event = self.refused()
        self.assertEqual(event['exe_path'], self.allowed)
        self.assertNotIn(self.denied, [process.get('exe') for process in event['local_proc_tree']])


class Exec(AttackTest):
    """Programs that write, and are the allowed one by the time somebody looks."""

    def setUp(self):
        super().setUp()
        self.server = self.allow_only(SLEEP)

    # Its child connects, hands the connection over, and writes and executes in this order; where it
    # lies in its memory by then is where the program that it becomes will lie (MORE[1] is "layout"),
    # or depends on the round.
    WRITER = '''
first = fork()
if first == 0:
    fix_addresses()
    os.execv(ALLOWED, [ALLOWED, '1000'])
while os.readlink(f'/proc/{first}/exe') != ALLOWED:
    pass
layout = layout_of(first)

def start(turn):
    ours, theirs = socket.socketpair()
    pid = fork()
    if pid == 0:
        if turn % 2 or MORE[1] == 'layout':
            fix_addresses()
        if MORE[1] == 'layout':
            say('moved' if take_layout(layout) else 'unmoved')
        s = connect()
        os.set_inheritable(s.fileno(), turn % 4 < 2)
        pass_on(theirs, s)
        s.sendall(REQUEST)
        os.execv(ALLOWED, [ALLOWED, '1000'])
    return pid, take(ours)

def end(pid):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
'''
    ONE_BY_ONE = WRITER + '''
for turn in range(int(MORE[0])):
    pid, s = start(turn)
    say(answer(s))
    end(pid)
end(first)
'''
    # Each line of standard input has a number of them started, who are another program by "all"; the
    # next one has their answers told.
    MANY = WRITER + '''
for line in sys.stdin:
    started = [start(turn) for turn in range(int(line))]
    for pid, _ in started:
        while os.readlink(f'/proc/{pid}/exe') != ALLOWED:
            pass
    say('all')
    sys.stdin.readline()
    for pid, s in started:
        say(answer(s))
        end(pid)
    say('told')
end(first)
'''

    def test_a_writer_that_becomes_an_allowed_program_is_never_signed_for(self):
        answers = self.attack(PYTHON, self.server, self.ONE_BY_ONE, ROUNDS, 'as-it-is')
        self.assert_never_signed(self.server, answers, ROUNDS)

    def test_nor_is_one_that_lies_in_memory_as_that_program_does(self):
        said = self.attack(PYTHON, self.server, self.ONE_BY_ONE, ROUNDS, 'layout')
        if 'unmoved' in said:
            self.skipTest('this kernel has no PR_SET_MM_MAP')
        self.assertEqual(said.count('moved'), ROUNDS)
        self.assert_never_signed(self.server, [word for word in said if word != 'moved'], ROUNDS)

    def test_nor_is_one_that_is_another_long_before_the_guard_can_look(self):
        attack = self.start_attack(PYTHON, self.server, self.MANY, ROUNDS, 'as-it-is', stdin=-1)
        self.addCleanup(attack.stdout.close)
        self.addCleanup(attack.stdin.close)
        answers = []
        while len(answers) < ROUNDS:
            answers += self.stopped(attack, min(AT_ONCE, ROUNDS - len(answers)))
        self.assert_never_signed(self.server, answers, ROUNDS)
        event = self.server.wait_event(trigger='sign', decision='deny')
        self.assertIn('fd-inherited', event['caller_integrity'])

    def stopped(self, attack, count):
        """What so many of them are answered that come while the guard is stopped."""
        os.kill(self.server.pid, signal.SIGSTOP)
        try:
            self.go(attack, count)
            self.assertEqual(attack.stdout.readline(), b'all\n')
        finally:
            os.kill(self.server.pid, signal.SIGCONT)
        self.go(attack)
        return [line.decode().strip() for line in iter(attack.stdout.readline, b'told\n')]

    @staticmethod
    def go(attack, word=''):
        attack.stdin.write(f'{word}\n'.encode())
        attack.stdin.flush()

    def test_one_whose_child_connected_is_itself(self):
        """The child hands the connection over, and is an allowed program or gone when we write."""
        answers = self.attack(self.denied, self.server, '''
for turn in range(int(MORE[0])):
    ours, theirs = socket.socketpair()
    pid = fork()
    if pid == 0:
        s = connect()
        os.set_inheritable(s.fileno(), True)
        pass_on(theirs, s)
        if turn % 4 == 2:
            s.sendall(REQUEST)
        if turn % 2:
            os._exit(0)
        os.execv(ALLOWED, [ALLOWED, '1000'])
    s = take(ours)
    if turn % 4 != 2:
        s.sendall(REQUEST)
    say(answer(s))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
''', ROUNDS)
        self.assert_never_signed(self.server, answers, ROUNDS)


class Speed(AttackTest):
    def test_processes_that_come_and_go_are_named_rightly_or_refused(self):
        server = self.allow_only()
        script = '''
children = []
for turn in range(int(MORE[0])):
    children.append(fork())
    if children[-1] == 0:
        s = connect()
        s.sendall(REQUEST)
        if turn % 4 == 0:
            say('answer', answer(s))
        os._exit(0)
    say('child', children[-1])
for pid in children:
    os.waitpid(pid, 0)
'''
        attacks = {exe: self.start_attack(exe, server, script, ROUNDS // 2)
                   for exe in (self.allowed, self.denied)}
        of_pid, answers = {}, {self.allowed: [], self.denied: []}
        for exe, attack in attacks.items():
            for line in attack.communicate(timeout=120)[0].decode().splitlines():
                kind, number = line.split()
                if kind == 'child':
                    of_pid[int(number)] = exe
                else:
                    answers[exe].append(number)
        self.assertIn(SIGNED, answers[self.allowed])
        self.assertEqual(set(answers[self.denied]), {REFUSED})
        self.assertEqual(len(of_pid), ROUNDS)
        for event in server.events(trigger='sign'):
            self.assertIn(event.get('local_pid', next(iter(of_pid))), of_pid)
            if 'exe_path' in event and 'local_pid' in event:
                self.assertEqual(event['exe_path'], of_pid[event['local_pid']], event)
            if event['decision'] == 'allow':
                self.assertEqual(of_pid[event['local_pid']], self.allowed)


class Programs(AttackTest):
    """Programs that look like ssh, and ssh that is not itself."""

    POLICY = '''
default_action: deny
rules:
  - {{name: marked, match: {{caller_integrity: [traced, preloaded]}}, action: deny}}
  - {{name: ssh, match: {{process_name: [ssh, ssh-add], exe: {exes},
                        sign_type: [ssh-login, unknown]}}, action: allow}}
'''

    def setUp(self):
        super().setUp()
        exes = [os.path.realpath(SSH), os.path.realpath(SSH_ADD)]
        self.server = self.start_guard(self.POLICY.format(exes=exes), upstream=self.agent)

    def sign(self, program=SSH_ADD, env=None):
        """Whether it got its signature, and the event of it."""
        done = self.place.run(program, '-T', f'{self.key}.pub', env={**self.server.env,
                                                                     **(env or {})})
        return done.returncode == 0, self.server.wait_event(trigger='sign')

    def test_another_program_that_calls_itself_ssh_is_that_other_program(self):
        said = self.attack(self.denied, self.server, f'''
become(DENIED, 'libc.prctl(15, b"ssh", 0, 0, 0); s = connect(); s.sendall(REQUEST); say(answer(s))',
       argv0={SSH!r})
''')
        self.assertEqual(said, [REFUSED])
        event = self.server.wait_event(trigger='sign')
        self.assertEqual((event['process_name'], event['exe_path']), ('denied', self.denied))
        self.assertEqual((event['process_title'], event['command'][0]), ('ssh', SSH))
        self.assertIn('argv-mismatch', event['caller_integrity'])

    def test_a_copy_of_it_in_the_home_is_another_program(self):
        self.assertTrue(self.sign()[0])
        copy = self.place.home / 'ssh-add'
        shutil.copyfile(os.path.realpath(SSH_ADD), copy)
        copy.chmod(0o755)
        signed, event = self.sign(copy)
        self.assertFalse(signed)
        self.assertEqual((event['process_name'], event['exe_path']), ('ssh-add', str(copy)))
        self.assertIn('writable-exe', event['caller_integrity'])

    def test_a_library_that_is_put_before_its_own_is_a_mark(self):
        library = next(pathlib.Path('/usr/lib').glob('*/libm.so.6'), None)
        if not library:
            self.skipTest('no library to preload')
        signed, event = self.sign(env={'LD_PRELOAD': str(library)})
        self.assertFalse(signed)
        self.assertEqual((event['rule'], event['caller_integrity']), ('marked', ['preloaded']))

    def test_one_that_is_traced_is_a_mark(self):
        self.sshd = Sshd(self.place, 'near', [f'{self.key}.pub'])
        self.assertTrue(self.ssh_login())
        self.assertEqual(self.server.wait_event(trigger='sign')['rule'], 'ssh')
        self.assertFalse(self.ssh_login(PYTHON, '-I', '-S', '-c', TRACER))
        # It is offered no key at all.
        event = self.server.wait_event(process_name='ssh', decision='deny')
        self.assertEqual(event['caller_integrity'], ['traced'])

    def ssh_login(self, *wrapper):
        done = self.place.run(*wrapper, SSH, '-F', self.sshd.client_config, 'near', 'true',
                              env=self.server.env)
        return done.returncode == 0


# Runs a program under ptrace, as a debugger does that lets it run.
TRACER = '''
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
TRACEME, CONT = 0, 7
pid = os.fork()
if pid == 0:
    libc.ptrace(TRACEME, 0, None, None)
    os.execv(sys.argv[1], sys.argv[1:])
status, is_first = 0, True
while True:
    _, status = os.waitpid(pid, 0)
    if not os.WIFSTOPPED(status):
        sys.exit(os.waitstatus_to_exitcode(status) != 0)
    number = 0 if is_first else os.WSTOPSIG(status)
    is_first = False
    libc.ptrace(CONT, pid, None, number)
'''


if __name__ == '__main__':
    unittest.main()
