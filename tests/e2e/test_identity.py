"""Who wrote a request, against programs of the same user that would like to be somebody else. Run as
a fresh unprivileged user where we are root; beside each attack stands what is allowed."""

import os
import shutil
import subprocess
from datetime import datetime, timedelta, timezone

import guard
from agent_client import FAILURE, SIGN_RESPONSE, sign_request

PYTHON = '/usr/bin/python3'

# Connects and writes a request, by a connection that an exec would leave open or not.
SIGN = """
import os, socket, sys
path, request, inherit = sys.argv[1], bytes.fromhex(sys.argv[2]), sys.argv[3]
s = socket.socket(socket.AF_UNIX)
s.connect(path)
copy = os.dup2(s.fileno(), 200, inheritable=inherit == 'yes')
reader = os.fork()
if reader == 0:
    answer = s.recv(5)
    print(answer[4] if len(answer) == 5 else 'closed', flush=True)
    os._exit(0)
os.write(s.fileno(), request)
os.waitpid(reader, 0)
"""


class Identity(guard.GuardTest):
    as_person = True

    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()
        key = self.key_path = self.keys.make()
        self.add(self.agent, key)
        self.request = sign_request(self.keys.blob(key), b'data').hex()

    def allow_only(self, program):
        return self.start_guard(f'''
default_action: deny
rules:
  - name: the-program
    match: {{exe: {program}, sign_type: unknown}}
    action: allow
''', upstream=self.agent)

    def attempt(self, server, inherit):
        """The type of the answer that the attacker reads, 0 where it got none."""
        with self.spawned(server, inherit) as process:
            line = process.stdout.readline().strip()
            process.terminate()
        return int(line) if line.isdigit() else 0

    def spawned(self, server, inherit):
        return self.place.spawn(PYTHON, '-c', SIGN, server.socket, self.request, inherit,
                                stdout=subprocess.PIPE)

    def test_the_surroundings_of_the_caller_are_in_its_events(self):
        server = self.start_guard('default_action: allow\n', upstream=self.agent)
        self.place.run_ok(guard.SSH_ADD, '-T', self.key_path,
                          env={**server.env, 'SSH_CONNECTION': '192.0.2.1 50022 192.0.2.2 22',
                               'CLAUDECODE': '1', 'SSH_EXAMPLE_TOKEN': 'hunter2', 'NOT_ASKED': 'x',
                               'LD_LIBRARY_PATH': '/nothing'})
        event = server.wait_event(trigger='sign')
        self.assertEqual(event['env']['CLAUDECODE'], '1')
        self.assertEqual(event['env']['SSH_EXAMPLE_TOKEN'], '(not shown)')
        self.assertNotIn('NOT_ASKED', event['env'])
        self.assertEqual((event['user_presence'], event['user_presence_evidence']),
                         ('remote', 'environment'))
        self.assertEqual(event['caller_integrity'], ['preloaded'])
        self.assertNotIn('caller_integrity_unknown', event)
        self.assertIs(event['is_container'], False)
        self.assertNotIn('namespace_mismatches', event)

    def test_each_process_above_the_caller_tells_when_it_was_started(self):
        server = self.start_guard('default_action: allow\n', upstream=self.agent)
        # To a hundredth of a second, and by a clock that may be corrected meanwhile.
        before, slack = datetime.now(timezone.utc), timedelta(seconds=1)
        self.place.run_ok('sh', '-c', f'{guard.SSH_ADD} -T {self.key_path}; true', env=server.env)
        tree = server.wait_event(trigger='sign')['local_proc_tree']
        started = [datetime.strptime(process['started'], '%Y-%m-%dT%H:%M:%S.%f%z')
                   for process in tree]
        self.assertGreaterEqual(len(started), 3)
        for time in started[:2]:  # ssh-add and the shell
            self.assertTrue(before - slack < time < datetime.now(timezone.utc) + slack, time)
        own = next(i for i, process in enumerate(tree) if process['pid'] == os.getpid())
        self.assertLess(started[own], before + slack)
        for child, parent in zip(started, started[1:]):
            self.assertLessEqual(parent, child + timedelta(milliseconds=20))

    def test_check_tells_all_of_a_process(self):
        server = self.start_guard('default_action: allow\n', upstream=self.agent)
        caller = self.place.spawn('sleep', '1000')
        shown = server.command('check', '--pid', caller.pid).stdout
        facts = dict(line.split(maxsplit=1) for line in shown.splitlines() if ' ' in line.strip())
        status = os.stat(facts['exe'])
        self.assertEqual(facts['process_name'], 'sleep')
        self.assertEqual(facts['exe_inode'], f'{status.st_ino}, on device {status.st_dev}')
        self.assertRegex(facts['process_age'], r'^[0-9]+\.[0-9]{3}s$')
        self.assertIn('unit', facts)
        self.assertNotIn('namespace_mismatches', facts)
        self.assertRegex(shown, rf'\(PID {os.getpid()}, since [0-9]{{4}}-[0-9-]+ [0-9:]{{8}}\)')
        self.assertRegex(facts['started'], r'^[0-9]{4}-[0-9-]+ [0-9:]{8}$')
        self.assertIn('default', facts['rule'])

    def test_a_caller_in_namespaces_of_its_own_is_named_as_that(self):
        if not shutil.which('unshare'):
            self.skipTest('needs unshare (package util-linux)')
        server = self.start_guard('default_action: allow\n', upstream=self.agent)
        done = self.place.run('unshare', '--user', '--map-current-user', '--pid', '--fork',
                              guard.SSH_ADD, '-T', self.key_path, env=server.env)
        if 'unshare failed' in done.stderr:
            self.skipTest('no user namespaces here')
        event = server.wait_event(trigger='sign')
        self.assertEqual(event['decision'], 'deny')
        self.assertIs(event['is_container'], True)
        self.assertEqual(event['namespace_mismatches'], ['pid', 'user'])

    def test_a_connection_that_an_exec_could_have_left_open_proves_no_executable(self):
        server = self.allow_only(os.path.realpath(PYTHON))
        self.assertEqual(self.attempt(server, 'no'), SIGN_RESPONSE)
        self.assertEqual(self.attempt(server, 'yes'), FAILURE)
        event = server.wait_event(trigger='sign', decision='deny')
        self.assertIn('fd-inherited', event['caller_integrity'])
        self.assertEqual(event['missing_fact'], 'exe')
