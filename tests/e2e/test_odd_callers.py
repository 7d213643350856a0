"""Callers that write into /proc what they like, or that are hardly there: each is named rightly, or
refused, and what could not be learned of it is not made up."""

import os
import re
import shutil
import unittest

from agent_client import FAILURE, SIGN_RESPONSE
from attack import PYTHON, AttackTest
from guard import ALLOW_ALL
from place import DEADLINE_S

SIGNED, REFUSED = str(SIGN_RESPONSE), str(FAILURE)
SIGN = 's = connect(); s.sendall(REQUEST); say(answer(s))'


def original(text):
    """What an event's text was (docs/events.md)."""
    return re.sub(rb'\\x([0-9a-f]{2})', lambda m: bytes.fromhex(m[1].decode()), text.encode())


class OddCallers(AttackTest):
    def open_guard(self):
        return self.start_guard(ALLOW_ALL, upstream=self.agent)

    def test_names_of_programs_are_told_as_they_are(self):
        server = self.open_guard()
        for name in (b'a b', b'a) R 1 (b', b'a\nb: 1\n---', b'a\x1b[2J\x07b', b'\xc3\xbc\xff', b'\\x41',
                     b' ', b'"', b"'#- "):
            with self.subTest(name=name):
                program = os.fsencode(self.place.bin) + b'/' + name
                shutil.copyfile(PYTHON, program)
                os.chmod(program, 0o755)
                self.assertEqual(self.attack(os.fsdecode(program), server, SIGN), [SIGNED])
                event = server.wait_event(trigger='sign')
                self.assertEqual(original(event['process_name']), name)
                self.assertEqual(original(event['exe_path']), program)
                self.assertEqual(original(event['local_proc_tree'][0]['exe']), program)
        raw = b''.join(day.read_bytes() for day in (server.state / 'events').iterdir())
        self.assertEqual(re.findall(rb'[^\n -~]', raw), [])

    def test_a_program_whose_name_says_that_it_is_deleted_has_no_executable(self):
        program = self.place.copy_program(PYTHON, 'ssh (deleted)')
        server = self.start_guard(f'''
default_action: deny
rules: [{{match: {{exe: "{self.place.bin}/ssh*", sign_type: unknown}}, action: allow}}]
''', upstream=self.agent)
        self.assertEqual(self.attack(self.place.copy_program(PYTHON, 'ssh'), server, SIGN), [SIGNED])
        self.assertEqual(self.attack(program, server, SIGN), [REFUSED])
        event = server.wait_event(trigger='sign', decision='deny')
        self.assertNotIn('exe_path', event)
        self.assertEqual(event['missing_fact'], 'exe')

    def test_titles_that_look_like_the_rest_of_a_line_stay_titles(self):
        server = self.open_guard()
        for title in (b') Z 0 0 0', b'a\nPPid:\t1', b'((', b'\xff\x1b]0;'):
            with self.subTest(title=title):
                said = self.attack(PYTHON, server, f'libc.prctl(15, {title!r}, 0, 0, 0); {SIGN}')
                self.assertEqual(said, [SIGNED])
                event = server.wait_event(trigger='sign')
                self.assertEqual(original(event['process_title']), title[:15])
                self.assertEqual(event['exe_path'], PYTHON)
                self.assertGreater(len(event['local_proc_tree']), 1)

    def test_a_command_line_of_megabytes_is_cut(self):
        server = self.open_guard()
        self.assertEqual(self.attack(PYTHON, server, SIGN, *['x' * 1000] * 1500), [SIGNED])
        event = server.wait_event(trigger='sign')
        self.assertEqual(event['exe_path'], PYTHON)
        self.assertGreater(event['shortened']['command'], 4096)
        self.assertLess(len(' '.join(event['command'])), 8192)

    def test_no_command_line_at_all_is_no_reason_to_fail(self):
        server = self.open_guard()
        script = self.place.write('script.py', '\n'.join(
            ['import sys', f'sys.argv = {["", *map(str, self.words(server, "")[4:])]!r}',
             'exec(open(sys.argv[1]).read())', SIGN]), 0o644)
        said = self.attack(PYTHON, server, f'''
os.dup2(os.open({str(script)!r}, os.O_RDONLY), 0)
nothing = ctypes.c_void_p(None)
libc.execve(ALLOWED.encode(), ctypes.byref(nothing), ctypes.byref(nothing))
''')
        self.assertEqual(said, [SIGNED])
        event = server.wait_event(trigger='sign')
        self.assertEqual(event['exe_path'], PYTHON)
        self.assertIn(event.get('command', []), ([], ['']))

    def test_one_whose_first_thread_has_ended_is_refused(self):
        """The kernel calls it a zombie, and says no more of it, while another thread signs."""
        server = self.open_guard()
        said = self.attack(PYTHON, server, '''
import threading, time
def sign():
    while open(f'/proc/{os.getpid()}/stat').read().rpartition(')')[2].split()[0] != 'Z':
        time.sleep(0.01)
    s = connect()
    s.sendall(REQUEST)
    say(answer(s))
    os._exit(0)
threading.Thread(target=sign).start()
libc.syscall(60, 0) if os.uname().machine == 'x86_64' else libc.syscall(93, 0)
''')
        self.assertEqual(said, [REFUSED])
        event = server.wait_event(trigger='sign', decision='deny')
        self.assertNotIn('exe_path', event)
        self.assertIn(event['reason'], ('caller-changed', 'caller-unknown'))

    def test_writers_and_parents_that_end_meanwhile_are_named_rightly_or_refused(self):
        """Each writer leaves the connection to a child of its own, and ends; so has its parent."""
        server = self.open_guard()
        answers = self.attack(PYTHON, server, '''
libc.prctl(36, 1, 0, 0, 0)
for turn in range(100):
    ours, theirs = socket.socketpair()
    if os.fork() == 0:
        if os.fork() == 0:
            s = connect()
            s.sendall(REQUEST)
            if os.fork() == 0:
                pass_on(theirs, s)
                os._exit(0)
            os._exit(0)
        os._exit(0)
    say(answer(take(ours)))
''')
        self.assertEqual(len(answers), 100)
        self.assertLessEqual(set(answers), {SIGNED, REFUSED})
        for event in server.events(trigger='sign'):
            if 'exe_path' in event:
                self.assertEqual(event['exe_path'], PYTHON)
            if event['decision'] == 'deny':
                self.assertIn(event['reason'], ('caller-changed', 'caller-unknown'))

    def test_where_proc_hides_other_users_a_caller_shows_itself_and_no_more(self):
        if os.getuid() != 0:
            self.skipTest('needs root, to mount /proc with hidepid')
        for tool in ('unshare', 'setpriv', 'nsenter', 'mount'):
            if not shutil.which(tool):
                self.skipTest(f'needs {tool}')
        person = self.place.person
        become = ['setpriv', '--reuid', person.uid, '--regid', person.gid, '--clear-groups']
        hide = 'mount -t proc -o hidepid=2 proc /proc && exec "$@"'
        as_root = {'user': 0, 'group': 0}
        if self.place.run('unshare', '-m', 'sh', '-c', hide, 'sh', 'true', **as_root).returncode:
            self.skipTest('/proc cannot be mounted here')
        server = self.start_guard(ALLOW_ALL, upstream=self.agent, spawn=as_root,
                                  wrapper=['unshare', '-m', 'sh', '-c', hide, 'sh', *become])
        said = self.place.run('nsenter', '-m', '-t', server.pid, *become, PYTHON,
                              *self.words(server, SIGN), timeout=DEADLINE_S, **as_root)
        self.assertEqual(said.stdout.split(), [SIGNED], said.stderr)
        event = server.wait_event(trigger='sign')
        self.assertEqual(event['exe_path'], PYTHON)
        self.assertEqual([process['pid'] for process in event['local_proc_tree']],
                         [event['local_pid']])
        self.assertIs(event['local_proc_tree_complete'], False)


if __name__ == '__main__':
    unittest.main()
