"""The monitor's screen: guards that come, hang and go, every way out, every size, and what others
want to have on it."""

import os
import re
import shutil
import signal
import time

import guard
from guard import SSH
from place import children, is_running, process_state, wait_until
from screen import SETTLE_S, MonitorTest
from screen import needs_tmux as setUpModule
from test_confirm import PIN, POLICY

REMEMBER = POLICY + '    confirm: {remember: 300s, scope: [exe]}\n'


class Guards(MonitorTest):
    def test_it_waits_for_a_guard_and_takes_up_a_new_one(self):
        self.start()
        ssh = self.ask()
        self.guard.stop(signal.SIGTERM)
        self.wait_shown('no guard is running')
        self.assertNotEqual(ssh.wait(30), 0)
        self.wait_shown('Waiting for you', False)
        self.guard = self.start_guard(None, upstream=self.place.path / 'agent.sock')
        self.wait_shown('Nothing waits for you')
        # Its first request has the number of the one that was chosen.
        other = self.ssh()
        self.wait_shown('Waiting for you: 1')
        self.type('d', 'a')
        self.wait_shown('choose a request first')
        self.choose()
        self.allow()
        self.assertEqual(other.wait(30), 0)

    def test_a_guard_that_crashes_is_noticed_also_while_a_pin_is_typed(self):
        self.start()
        self.ask()
        self.type('a')
        self.wait_shown('PIN, to say yes')
        self.guard.asked_to_end = True
        self.place.end(self.guard.process, signal.SIGKILL)
        self.wait_shown('no guard is running')
        self.wait_shown('Request 1 is gone')
        self.type('q')
        time.sleep(SETTLE_S)
        self.type('Enter')
        self.wait_shown('is gone', False)
        self.type('q')
        self.wait_shown('shell$')

    def test_a_guard_that_hangs_is_told_apart(self):
        self.start()
        os.kill(self.guard.pid, signal.SIGSTOP)
        try:
            self.wait_shown('the guard does not answer')
            self.type('?')
            self.wait_shown('Keys (any key goes back)')
            self.type('?')
        finally:
            os.kill(self.guard.pid, signal.SIGCONT)
        self.wait_shown('Nothing waits for you')

    def test_it_starts_where_none_runs(self):
        self.guard.stop()
        self.start(wait=False)
        self.wait_shown('no guard is running')
        self.wait_shown('ssh-agent-guard start')


class Terminal(MonitorTest):
    """On every way out the terminal is as it was."""

    def stty(self, name):
        path = self.place.path / 'tmp' / name
        self.command_line(f'stty -g > {path}.new; mv {path}.new {path}')
        wait_until(path.exists, 'stty has told')
        return path.read_text()

    def check_restored(self, name, end):
        self.command_line('clear; echo what was there')
        self.wait_shown('what was there')
        before = self.stty(f'{name}-before')
        pid = self.start()
        self.wait_shown('what was there', False)
        end(pid)
        wait_until(lambda: not is_running(pid), 'it has ended')
        self.wait_shown('what was there')
        self.wait_shown('shell$')
        self.assertEqual(self.stty(f'{name}-after'), before)
        self.assertEqual(self.tmux('display-message', '-p',
                                   '#{alternate_on} #{cursor_flag}').strip(), '0 1')

    def test_on_every_way_out(self):
        self.check_restored('q', lambda pid: self.type('q'))
        self.check_restored('int', lambda pid: self.type('C-c'))
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGINT):
            self.check_restored(number.name, lambda pid, number=number: os.kill(pid, number))

    def type_half_a_pin(self):
        ssh = self.ssh()
        self.wait_shown('Waiting for you: 1')
        self.choose()
        self.type('a')
        self.wait_shown('PIN, to say yes')
        self.write(PIN[:4])
        return ssh

    def test_while_a_pin_is_typed(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            def end(pid):
                ssh = self.type_half_a_pin()
                os.kill(pid, number)
                ssh.kill()
            self.check_restored(f'pin-{number.name}', end)
            wait_until(lambda: not self.pending(), 'nothing waits')

    def test_where_who_asks_for_the_pin_is_killed_the_keys_are_its_own_again(self):
        def end(pid):
            ssh = self.type_half_a_pin()
            os.kill(*children(pid), signal.SIGKILL)
            self.wait_shown('PIN, to say yes', False)
            self.type('?')
            self.wait_shown('Keys (any key goes back)')
            self.type('?', 'd')
            self.assertNotEqual(ssh.wait(30), 0)
            self.wait_shown('Nothing waits for you')
            self.type('q')
        self.check_restored('asker', end)

    def test_where_the_guard_goes_while_a_pin_is_typed(self):
        def end(pid):
            self.type_half_a_pin()
            self.guard.asked_to_end = True
            self.place.end(self.guard.process, signal.SIGKILL)
            self.wait_shown('Request 1 is gone')
            time.sleep(SETTLE_S)
            self.type('Enter')
            self.wait_shown('is gone', False)
            self.type('q')
        self.check_restored('guard', end)

    def test_stopped_and_resumed(self):
        before = self.stty('before')
        pid = self.start()
        self.type('C-z')
        self.wait_shown(re.compile('(?i)stopped'))
        self.assertEqual(process_state(pid), 'T')
        self.assertEqual(self.stty('stopped'), before)
        self.command_line('fg')
        self.wait_shown('Nothing waits for you')
        ssh = self.ask()
        # Half a PIN is none.
        self.type('a')
        self.wait_shown('PIN, to say yes')
        self.write(PIN[:4])
        self.type('C-z')
        self.wait_shown(re.compile('(?i)stopped'))
        self.assertEqual(self.stty('again'), before)
        self.command_line('fg')
        self.wait_shown('Waiting for you: 1')
        self.wait_shown('PIN, to say yes', False)
        self.allow()
        self.assertEqual(ssh.wait(30), 0)
        self.type('q')
        self.wait_shown('shell$')
        self.assertEqual(self.stty('after'), before)

    def test_a_terminal_that_goes_ends_it(self):
        pid = self.start()
        self.tmux('kill-server')
        wait_until(lambda: not is_running(pid), 'it has ended')

    def test_without_a_terminal_or_of_an_unknown_kind_it_says_so(self):
        done = self.guard.command('monitor')
        self.assertEqual(done.returncode, 2)
        self.assertIn('needs a terminal', done.stderr)
        self.command_line(f'TERM=no-such-kind {self.guard.program} monitor; echo status $?')
        self.wait_shown('nothing is known of this kind of terminal')
        self.wait_shown('status 1')
        done = self.guard.command('monitor', 'now')
        self.assertEqual(done.returncode, 2)
        self.assertIn('does not know what to do with now', done.stderr)
        self.assertIn('unknown option', self.guard.command('monitor', '--foo').stderr)
        self.assertIn('Tab', self.guard.command('monitor', '--help').stdout)


class Sizes(MonitorTest):
    POLICY = REMEMBER

    def check_window(self):
        """A line more than the window has would have scrolled the first one away."""
        lines = self.screen_lines()
        self.assertIn('ssh-agent-guard', lines[0], self.screen())
        self.assertRegex(lines[self.rows - 1], r'a allow|choose|request|not answered|wrong')

    def test_each_size_and_changes_between_them(self):
        self.start()
        ssh = self.ask()
        for columns, rows in ((80, 24), (40, 10), (200, 60), (40, 10), (20, 5), (80, 24)):
            with self.subTest(f'{columns}x{rows}'):
                self.resize(columns, rows)
                wait_until(lambda: 'ssh-agent-guard' in self.screen_lines()[0] and
                           self.screen_lines()[rows - 1].strip(), 'it is drawn anew')
                if rows >= 10:
                    self.wait_shown('Waiting for you: 1')
                    self.wait_shown(re.compile(r'> 1 +\d+ s +log in as'))
                    self.check_window()
                if rows >= 24:
                    self.wait_shown('rule: ask')
                    self.wait_shown('DECISION')
        self.allow()
        self.assertEqual(ssh.wait(30), 0)

    def test_a_small_window_says_what_does_not_fit_and_takes_the_pin(self):
        self.resize(40, 10)
        self.start()
        ssh = self.ssh()
        self.wait_shown('Waiting for you: 1')
        self.type('Down')
        self.wait_shown('> 1')
        self.wait_shown('not all of it fits')
        time.sleep(SETTLE_S)
        self.type('a')
        self.wait_shown('enlarge the window')
        self.wait_shown('PIN, to say yes')
        # Enlarged while it is asked, all is seen.
        self.resize(120, 40)
        self.wait_shown('enlarge the window', False)
        self.wait_shown('rule: ask')
        self.resize(40, 10)
        self.wait_shown('enlarge the window')
        self.write(PIN)
        self.type('Enter')
        self.assertEqual(ssh.wait(30), 0)
        self.wait_shown('Grants: 1')

    def test_the_window_counts_and_not_what_the_environment_says_of_it(self):
        self.command_line('LINES=10 COLUMNS=40; export LINES COLUMNS')
        self.start()
        wait_until(lambda: 'q quit' in self.screen_lines()[self.rows - 1], 'it fills the window')
        self.assertRegex(self.screen_lines()[0], r'^.{60,}q quit')

    def test_help(self):
        for columns, rows in ((80, 24), (40, 10)):
            self.resize(columns, rows)
            self.start()
            self.type('?')
            self.wait_shown('Keys (any key goes back)')
            self.wait_shown('q, Ctrl-C')
            self.type('x')
            self.wait_shown('Keys (any key goes back)', False)
            self.type('q')
            self.wait_shown('shell$')
            self.command_line('clear')


class Hostile(MonitorTest):
    NAMES = {
        'escapes': b'\x1b]0;owned\x07\x1b[2J\x1b[31mred',
        'bidi': 'a\u202egnp.exe'.encode(),
        'zero width': 'in\u200bvisible\ufeff'.encode(),
        'wide': '\u6f22\u5b57\u30c6\u30b9\u30c8'.encode(),
        'combining': 'o\u0301\u0301\u0301'.encode(),
        'no utf-8': b'\xff\xfe\x80bytes',
        'newline': b'one\ntwo\rthree\ttab',
        'hebrew': '\u05d0\u05d1\u05d2'.encode(),
        'format': b'%s%n#(touch owned)#[fg=red]',
    }

    def test_names_of_programs_reach_the_terminal_as_text(self):
        self.start()
        for name in self.NAMES.values():
            program = os.fsencode(self.place.bin) + b'/' + name.replace(b'/', b'_')
            shutil.copyfile(guard.SSH_ADD, program)
            os.chmod(program, 0o755)
            # Refused, and so written down with its name.
            self.place.run(guard.SSH_KEYGEN, '-Y', 'sign', '-n', 'x', '-f',
                           f'{self.key}.pub', self.place.path / 'policy.yaml',
                           env=self.guard.env, executable=program)
            self.place.run(os.fsdecode(program), '-d', f'{self.key}.pub', env=self.guard.env)
        for columns, rows in ((80, 24), (40, 10), (200, 60)):
            self.resize(columns, rows)
            self.wait_shown(re.compile('deny'))
            shown = self.screen()
            for character in '\u202e\u200b\ufeff\x1b\x07\u05d0':
                self.assertNotIn(character, shown)
            self.assertIn('ssh-agent-guard', self.screen_lines()[0])
        self.wait_shown('\\x1b]0;owned')
        self.wait_shown('\u6f22\u5b57')
        self.assertNotEqual(self.tmux('display-message', '-p', '#{pane_title}').strip(), 'owned')

    def test_a_request_with_a_hostile_name_is_shown_as_text(self):
        name = self.NAMES['escapes'].replace(b'/', b'_') + '\u202e\u6f22'.encode()
        program = os.fsencode(self.place.bin) + b'/' + name
        shutil.copyfile(SSH, program)
        os.chmod(program, 0o755)
        self.guard.write_policy('default_action: confirm\nconfirm: {timeout: 60s}\n')
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.start()
        ssh = self.ssh(executable=program)
        self.wait_shown('Waiting for you: 1')
        self.choose('\\x1b]0;owned')
        self.allow()
        self.wait_shown('\\x1b]0;owned')
        self.assertEqual(ssh.wait(30), 0)
        for character in '\u202e\x1b\x07':
            self.assertNotIn(character, self.screen())


class Guarded(MonitorTest):
    """What watches does not weaken what is watched."""

    def test_both_its_processes_are_closed_to_tracing(self):
        pid = self.start()
        self.ask()
        self.type('a')
        self.wait_shown('PIN, to say yes')
        self.write(PIN)
        asker, = children(pid)
        for process in (pid, asker):
            done = self.place.run('cat', f'/proc/{process}/maps')
            self.assertNotEqual(done.returncode, 0, 'another program of the user reads it')
        self.type('Enter')
        wait_until(self.signed, 'it is answered')

    def test_an_impostor_at_the_control_socket_gets_no_pin(self):
        # What is seen of another program than ours is refused by the one that asks.
        self.guard.stop()
        impostor = self.place.write('impostor.py', IMPOSTOR)
        control = self.place.runtime / 'ssh-agent-guard' / 'control.sock'
        got = self.place.path / 'tmp' / 'got'
        self.place.spawn('/usr/bin/python3', impostor, control, got)
        wait_until(control.exists, 'the impostor listens')
        self.start(wait=False)
        self.wait_shown('Waiting for you: 1')
        self.choose('what: whatever')
        self.type('a')
        self.wait_shown('PIN, to say yes')
        self.write(PIN)
        self.type('Enter')
        self.wait_shown('another program than this one')
        self.assertNotIn(PIN.encode(), got.read_bytes())

    def test_it_costs_nothing_while_nothing_happens(self):
        pid = self.start()
        ticks = os.sysconf('SC_CLK_TCK')

        def used_s():
            fields = open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / ticks
        before = used_s()
        time.sleep(6)  # it asks anew within
        self.assertLess(used_s() - before, 0.3)


IMPOSTOR = '''
import socket, sys
control, got = sys.argv[1:]
listener = socket.socket(socket.AF_UNIX)
listener.bind(control)
listener.listen(16)
answers = {
    b'status': b'ok\\n---\\nstate: "confirming"\\npid: 1\\nsince: "x"\\n...\\n',
    b'pending': b'ok\\nrequest 1, since 2026, for another 59 s\\n  what: whatever\\n',
    b'prompt': b'ok\\n1 ' + b'0' * 32 + b' pin\\nrequest 1\\n  what: whatever\\n',
}
while True:
    client, _ = listener.accept()
    said = client.recv(4096)
    with open(got, 'ab') as file:
        file.write(said)
    try:
        client.sendall(answers.get(said.split()[0] if said.strip() else b'', b'ok\\n'))
    except BrokenPipeError:  # who looked at us went away
        pass
    client.close()
'''
