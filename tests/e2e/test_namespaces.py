"""Callers in namespaces of their own, where they can have much their own way: their PIDs, their
mounts, and what their exe link says."""

import os
import shutil
import signal
import socket
import unittest

from agent_client import FAILURE, SIGN_RESPONSE, sign_request
from attack import PYTHON, AttackTest
from guard import ALLOW_ALL

FORGER = os.environ.get('GUARD_FORGE_EXE', '')
SIGNED, REFUSED = str(SIGN_RESPONSE), str(FAILURE)
SIGN = 's = connect(); s.sendall(REQUEST); say(answer(s))'
OWN_USER = ('unshare', '--user', '--map-root-user')
OWN_PID = ('unshare', '--pid', '--fork', '--kill-child', '--mount-proc')
OWN_USER_AND_PID = (*OWN_PID, '--user', '--map-root-user')


def has_pidfds():
    """Whether the kernel gives a handle on who is at the other end of a connection."""
    near, far = socket.socketpair()
    with near, far:
        try:
            os.close(near.getsockopt(socket.SOL_SOCKET, 77))  # SO_PEERPIDFD, Linux 6.5
        except OSError:
            return False
    return True


class Namespaces(AttackTest):
    def setUp(self):
        super().setUp()
        if self.place.run(*OWN_USER_AND_PID, 'true').returncode:
            self.skipTest('no user namespaces here')

    def attack_within(self, wrapper, server, script, *more, program=PYTHON):
        done = self.place.run(*wrapper, program, *self.words(server, script, *more))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.split()

    def refused(self, server, **fields):
        return server.wait_event(trigger='sign', decision='deny', **fields)

    def test_what_bubblewrap_contains_is_contained(self):
        bwrap = shutil.which('bwrap')
        if not bwrap:
            self.skipTest('needs bwrap (package bubblewrap)')
        server = self.start_guard(ALLOW_ALL, upstream=self.agent)
        wrapper = (bwrap, '--unshare-user', '--unshare-pid', '--unshare-net', '--dev-bind', '/',
                   '/', '--proc', '/proc')
        self.assertEqual(self.attack_within(wrapper, server, SIGN), [REFUSED])
        event = self.refused(server)
        self.assertIs(event['is_container'], True)
        self.assertEqual(event['namespace_mismatches'], ['mnt', 'net', 'pid', 'user'])
        self.assertNotIn('exe_path', event)

    def test_one_that_claims_the_pid_of_another_is_not_that_one(self):
        """Whoever is root in a PID namespace may say which process of it wrote."""
        server = self.start_guard(ALLOW_ALL, upstream=self.agent)
        said = self.attack_within(OWN_USER_AND_PID, server, '''
sibling = fork()
if sibling == 0:
    become(ALLOWED, 'signal.pause()')
s = connect()
s.sendmsg([REQUEST], [(socket.SOL_SOCKET, socket.SCM_CREDENTIALS,
                       struct.pack('3i', sibling, os.getuid(), os.getgid()))])
say(answer(s))
os.kill(sibling, signal.SIGKILL)
''')
        self.assertEqual(said, [REFUSED])
        event = self.refused(server)
        self.assertEqual(event['reason'], 'caller-unknown')
        self.assertIs(event['is_container'], True)

    def test_one_that_has_no_pid_here_is_in_a_container(self):
        """A guard in a PID namespace, and a caller outside of it."""
        server = self.start_guard(ALLOW_ALL, upstream=self.agent, spawn=self.as_root(),
                                  wrapper=(*OWN_PID, *self.become_person()))
        self.assertEqual(self.attack(PYTHON, server, SIGN), [REFUSED])
        event = self.refused(server, reason='caller-unknown')
        self.assertNotIn('local_pid', event)
        self.assertIs(event['is_container'], True)
        server.asked_to_end = True  # unshare says nothing of how it ended
        self.place.end(server.process, signal.SIGKILL)

    def as_root(self):
        if os.getuid() != 0:
            self.skipTest('needs root, to make a PID namespace in our user namespace')
        return {'user': 0, 'group': 0}

    def become_person(self):
        person = self.place.person
        return ('setpriv', '--reuid', person.uid, '--regid', person.gid, '--clear-groups')

    # Run by root, in a PID namespace that has the guard in it, too. As often as PIDs go round where
    # there are few: the denied program writes and ends, and then the allowed one has its number.
    REUSE = """
import time
USER, PROGRAM, POLICY, AGENT = MORE
fork_with_our_end = fork

def fork(pid=0):
    number = ctypes.c_int(pid)
    args = (ctypes.c_uint64 * 11)()
    args[4], args[8], args[9] = signal.SIGCHLD, ctypes.addressof(number), 1
    child = libc.syscall(435, ctypes.byref(args), 88) if pid else fork_with_our_end()
    if child == 0:
        os.setgid(int(USER))
        os.setuid(int(USER))
    return child

def close_on_exec(path):
    try:
        return int(open(path).read().split('flags:')[1].split()[0], 8) & 0o2000000
    except FileNotFoundError:
        return False

guard = fork()
if guard == 0:
    os.dup2(2, 1)
    os.execv(PROGRAM, [PROGRAM, 'run', '--policy', POLICY, '--upstream', AGENT])
while True:
    try:
        connect().close()
        break
    except OSError:
        time.sleep(0.01)
for program in (ALLOWED, DENIED):
    if fork() == 0:
        become(program, 's = connect(); s.sendall(REQUEST); say(answer(s))')
    os.wait()
for turn in range(20):
    ours, theirs = socket.socketpair()
    os.kill(guard, signal.SIGSTOP)
    writer = fork()
    if writer == 0:
        s = connect()
        s.sendall(REQUEST)
        pass_on(theirs, s)
        os._exit(0)
    s = take(ours)
    os.waitpid(writer, 0)
    successor = fork(writer)
    if successor == 0:
        os.dup2(s.fileno(), 100)
        become(ALLOWED, 'os.set_inheritable(100, False); say("ready"); signal.pause()')
    assert successor == writer, (successor, writer)
    while not close_on_exec(f'/proc/{successor}/fdinfo/100'):  # it runs, and holds the connection
        time.sleep(0.01)
    os.kill(guard, signal.SIGCONT)
    say(answer(s))
    os.kill(successor, signal.SIGKILL)
    os.waitpid(successor, 0)
os.kill(guard, signal.SIGTERM)
os.waitpid(guard, 0)
"""

    def test_a_pid_that_is_used_again_is_another_process(self):
        as_root = self.as_root()
        server = self.allow_only()
        server.stop()
        done = self.place.run(*OWN_PID, PYTHON,
                              *self.words(server, self.REUSE, self.place.uid, self.place.program,
                                          server.policy, self.agent.socket),
                              timeout=120, **as_root)
        self.assertEqual(done.returncode, 0, done.stderr)
        answers = [word for word in done.stdout.split() if word != 'ready']
        self.assertEqual(answers[:2], [SIGNED, REFUSED])
        self.assertEqual(len(answers), 22)
        self.assertNotIn(SIGNED, answers[2:])
        if has_pidfds():  # else it is named as what it is now, and is refused as that
            # Older ones give no handle on who is gone by then (seen on Linux 6.12).
            reasons = {event.get('reason') for event in server.events()}
            self.assertTrue(reasons & {'caller-changed', 'caller-unknown'}, reasons)

    def test_a_mount_over_an_allowed_program_makes_no_other_one_that(self):
        as_root = self.as_root()
        server = self.allow_only()
        mount = 'mount --bind "$0" "$1" && shift && exec "$@"'
        done = self.place.run('unshare', '-m', 'sh', '-c', mount, self.denied, PYTHON,
                              *self.become_person(), PYTHON, *self.words(server, SIGN), **as_root)
        self.assertEqual(done.stdout.split(), [REFUSED], done.stderr)
        event = self.refused(server)
        self.assertEqual(event['missing_fact'], 'exe')
        self.assertNotIn('exe_path', event)
        self.assertEqual(event['namespace_mismatches'], ['mnt'])
        # The same in a user namespace of its own takes no root at all.
        bind = (*OWN_USER, '--mount', 'sh', '-c', mount, self.denied, PYTHON)
        self.assertEqual(self.attack_within(bind, server, SIGN), [REFUSED])

    def test_an_exe_link_that_is_forged_names_no_program(self):
        if not FORGER:
            self.skipTest('GUARD_FORGE_EXE does not say where the forger is')
        server = self.allow_only()
        forger = self.place.copy_program(FORGER, 'forger')
        request = sign_request(self.keys.blob(self.key), b'data').hex()
        done = self.place.run(*OWN_USER, forger, PYTHON, server.socket, request)
        if 'PR_SET_MM_MAP' in done.stderr:
            self.skipTest('this kernel has no PR_SET_MM_MAP')
        self.assertEqual(done.stdout.split(), [REFUSED], done.stderr)
        event = self.refused(server)
        self.assertNotIn('exe_path', event)
        self.assertEqual(event['namespace_mismatches'], ['user'])


if __name__ == '__main__':
    unittest.main()
