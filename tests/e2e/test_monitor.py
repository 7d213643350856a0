"""The monitor in a real terminal, which tmux is, with real ssh waiting for its person."""

import os
import re
import shutil
import signal
import time
import unittest

import guard
from guard import SSH
from place import is_running, process_state, wait_until
from test_confirm import PIN, POLICY, ConfirmTest
from test_touch import KEY_PIN, WITH_PIN, TouchTest

TMUX = shutil.which('tmux', path='/usr/bin:/bin:/usr/local/bin')
REMEMBER = POLICY + '    confirm: {remember: 300s, scope: [exe]}\n'
SETTLE_S = 0.7  # for which a request takes no key


def setUpModule():
    if not TMUX:
        raise unittest.SkipTest('needs tmux')


class Screen:
    """For a test that has a guard: a terminal in a tmux, and a person who reads and types."""

    columns, rows = 80, 24

    def setUp(self):
        super().setUp()
        self.tmux_socket = self.place.make_directory(self.place.path / 'tmux') / 'socket'
        self.addCleanup(self.place.run, TMUX, '-S', self.tmux_socket, 'kill-server')
        self.tmux('-f', '/dev/null', 'new-session', '-d', '-x', self.columns, '-y', self.rows,
                  "exec env -u TMUX PS1='shell$ ' PS2= sh -i")
        self.wait_shown('shell$')

    # --- the terminal

    def tmux(self, *words):
        return self.place.run_ok(TMUX, '-S', self.tmux_socket, *words,
                                 env={'TERM': 'xterm-256color', 'LC_ALL': 'C.UTF-8'})

    def screen(self):
        return self.tmux('capture-pane', '-p')

    def screen_lines(self):
        return self.screen().split('\n')[:self.rows]

    def type(self, *keys):
        self.tmux('send-keys', *keys)

    def write(self, text):
        self.tmux('send-keys', '-l', text)

    def command_line(self, line):
        self.write(line)
        self.type('Enter')

    def wait_shown(self, text, is_shown=True):
        def holds():
            shown = self.screen()
            return text in shown if isinstance(text, str) else bool(text.search(shown))
        try:
            wait_until(lambda: holds() == is_shown, '')
        except AssertionError:
            raise AssertionError(f'{text!r} is shown: {not is_shown}, in\n{self.screen()}') from None

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.tmux('resize-window', '-x', columns, '-y', rows)

    # --- the monitor

    def start(self, *words, wait=True):
        self.command_line(f'{self.guard.program} monitor {" ".join(map(str, words))}')
        if wait:
            self.wait_shown('Nothing waits for you')
        return self.monitor_pid()

    def monitor_pid(self):
        def find():
            pane = int(self.tmux('display-message', '-p', '#{pane_pid}'))
            children = self.place.run('pgrep', '-P', pane, '-f', ' monitor').stdout.split()
            return int(children[0]) if children else None
        return wait_until(find, 'the monitor runs')

    def ask(self, *words):
        """An ssh that waits, and is chosen."""
        ssh = self.ssh(*words)
        self.wait_shown('Waiting for you: 1')
        self.choose()
        return ssh

    def choose(self, text='rule: ask'):
        """The first request, once it takes keys."""
        self.type('Down')
        self.wait_shown(text)
        time.sleep(SETTLE_S)  # what is tested is that it takes none before

    def allow(self, pin=PIN):
        self.type('a')
        self.wait_shown('PIN, to say yes')
        self.write(pin)
        self.type('Enter')

    def pins_shown(self):
        return [pin for pin in (PIN, PIN[:7]) if pin in self.screen()]


class MonitorTest(Screen, ConfirmTest):
    pass


class Answers(MonitorTest):
    POLICY = REMEMBER

    def test_a_yes_with_the_pin_lets_ssh_log_in(self):
        self.start()
        ssh = self.ask()
        self.wait_shown(f'program: {SSH} (pid {ssh.pid})')
        self.wait_shown('what: log in as ')
        self.type('a')
        self.wait_shown('PIN, to say yes')
        self.wait_shown(f'program: {SSH} (pid {ssh.pid})')
        self.wait_shown('(what you type is not shown)')
        self.write(PIN)
        self.assertEqual(self.pins_shown(), [])
        self.type('Enter')
        self.assertEqual(ssh.wait(30), 0)
        self.wait_shown('Nothing waits for you')
        self.assertEqual(self.pins_shown(), [])
        event, = self.signed()
        self.assertEqual((event['decision'], event['confirm_method'], event['confirm_via']),
                         ('confirmed', 'pin', 'control'))
        # And it is seen what happened, and what holds from here on.
        self.wait_shown(re.compile(r'confirmed +sign +ssh'))
        self.wait_shown('Grants: 1')
        self.wait_shown('signed 1 ')

    def test_a_grant_is_revoked(self):
        self.start()
        ssh = self.ask()
        self.allow()
        self.assertEqual(ssh.wait(30), 0)
        self.wait_shown('Grants: 1')
        self.assertEqual(self.ssh().wait(30), 0)  # it holds
        self.type('r')
        self.wait_shown('choose a grant first')
        self.type('Tab')
        self.choose()
        self.type('r')
        self.wait_shown('grant 1: taken back')
        self.wait_shown('No grants')
        self.guard.wait_event(trigger='grants-revoked')
        self.ssh()
        self.wait_shown('Waiting for you: 1')

    def test_a_wrong_pin_says_so_and_a_right_one_still_can(self):
        self.start()
        ssh = self.ask()
        self.allow('wrong one')
        self.wait_shown('wrong PIN; 4 more')
        self.assertNotIn('wrong one', self.screen())
        self.guard.wait_event(trigger='pin-wrong')
        self.allow()
        self.assertEqual(ssh.wait(30), 0)

    def test_a_no_refuses(self):
        self.start()
        ssh = self.ask()
        self.type('d')
        self.assertNotEqual(ssh.wait(30), 0)
        self.wait_shown('request 1: denied')
        self.wait_shown('Nothing waits for you')
        self.wait_shown(re.compile(r'confirm-den\S* +sign +ssh'))
        self.assertEqual(self.signed()[0]['reason'], 'denied')

    def test_no_answer_is_none(self):
        self.start()
        ssh = self.ask()
        for keys in (['Enter'], ['C-c'], ['1', '2', 'C-u', 'Enter']):
            self.type('a')
            self.wait_shown('PIN, to say yes')
            self.type(*keys)
            self.wait_shown('not answered')
            self.wait_shown('PIN, to say yes', False)
            self.type('Tab', 'Tab')
            self.wait_shown('not answered', False)
        self.assertEqual(self.guard.events(trigger='pin-wrong'), [])
        self.allow()
        self.assertEqual(ssh.wait(30), 0)


class Touch(Screen, TouchTest):
    """Where a key is to be touched there is nothing to type, or the key's PIN."""

    def test_a_touch_needs_no_key_of_the_keyboard(self):
        self.start()
        ssh = self.ask()
        self.wait_shown('touch: touch the security key to say yes')
        self.type('a')
        self.wait_shown('Touch the security key to say yes.')
        self.wait_shown('PIN', False)
        self.softkeys['one'].touch()
        self.assertEqual(ssh.wait(30), 0)
        self.wait_shown('Nothing waits for you')


class TouchWithPin(Screen, TouchTest):
    POLICY = WITH_PIN
    keys_there = {'one': ('--pin', KEY_PIN)}
    enrolled = {'one': KEY_PIN}

    def test_the_pin_of_the_key_then_a_touch(self):
        self.start()
        ssh = self.ask()
        def pin_was_typed():
            self.type('a')
            self.wait_shown('PIN of the security key')
            self.write(KEY_PIN)
            self.type('Enter')
            self.wait_shown(re.compile('Now touch the security key|not ready'))
            return 'not ready' not in self.screen()
        wait_until(pin_was_typed, 'the key is found')
        # The keyboard is the monitor's meanwhile.
        self.type('?')
        self.wait_shown('Keys (any key goes back)')
        self.type('?')
        self.softkeys['one'].touch()
        self.assertEqual(ssh.wait(30), 0)
        self.wait_shown('Nothing waits for you')
        self.assertNotIn(KEY_PIN, self.screen())


class Fingers(MonitorTest):
    """What is typed counts for what was seen."""

    def test_a_request_that_comes_is_not_chosen(self):
        self.start()
        self.ssh()
        self.wait_shown('Waiting for you: 1')
        self.type('a', 'd')
        self.wait_shown('choose a request first')
        self.assertEqual(len(self.pending()), 1)

    def test_keys_at_once_after_it_came_do_nothing(self):
        """Typed without looking, so that some arrive as soon as it can be chosen."""
        self.start()
        for number in range(1, 11):
            self.ssh()
            gap_s = self.type_until(lambda: 'only just come' in self.screen() or
                                    self.signed() and len(self.signed()) == number)
            if 'only just come' in self.screen():
                self.assertIn(number, self.pending())
                return
            # A key that came late enough was one for what was seen.
            self.assertGreater(gap_s, SETTLE_S / 2, 'a key denied it before it could be seen')
        self.skipTest('this machine is too busy to type fast')

    def type_until(self, condition):
        """The longest time between two keys."""
        longest_s, last = 0, time.monotonic()
        while not condition():
            self.type('Down', 'd')
            now = time.monotonic()
            longest_s, last = max(longest_s, now - last), now
        return longest_s

    def test_another_request_takes_neither_the_place_nor_the_keys(self):
        self.start()
        first = self.ask()
        second = self.ssh()
        self.wait_shown('Waiting for you: 2')
        self.wait_shown(f'program: {SSH} (pid {first.pid})')
        self.type('d')
        self.assertNotEqual(first.wait(30), 0)
        self.wait_shown('Waiting for you: 1')
        # With the one that was chosen gone, nothing is.
        self.type('d', 'a')
        self.wait_shown('choose a request first')
        self.assertEqual(list(self.pending()), [2])
        self.choose(f'program: {SSH} (pid {second.pid})')
        self.allow()
        self.assertEqual(second.wait(30), 0)

    def test_a_pin_for_a_request_that_goes_meanwhile_does_nothing(self):
        self.start()
        first = self.ask()
        self.type('a')
        self.wait_shown('PIN, to say yes')
        other = self.ssh()
        wait_until(lambda: len(self.pending()) == 2, 'both wait')
        self.write(PIN[:4])
        first.kill()
        self.wait_shown('Request 1 is gone')
        # The rest of the PIN, which is full of keys that mean something elsewhere.
        self.write('qdajra?')
        self.type('Enter')
        self.wait_pending()
        self.assertEqual(self.pins_shown(), [])
        time.sleep(SETTLE_S)
        self.type('Enter')
        self.wait_shown('Request 1 is gone', False)
        self.wait_shown('Waiting for you: 1')
        self.assertEqual(self.guard.events(trigger='pin-wrong'), [])
        self.choose(f'program: {SSH} (pid {other.pid})')
        self.allow()
        self.assertEqual(other.wait(30), 0)

    def test_what_is_typed_ahead_is_no_pin(self):
        self.start()
        ssh = self.ask()
        self.write('a' + PIN)  # at once, before it can have been asked for
        self.wait_shown('PIN, to say yes')
        self.type('Enter')
        self.wait_shown('not answered')
        self.assertEqual(self.guard.events(trigger='pin-wrong'), [])
        self.allow()
        self.assertEqual(ssh.wait(30), 0)


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

    def test_while_a_pin_is_typed(self):
        def end(pid):
            self.ssh()
            self.wait_shown('Waiting for you: 1')
            self.choose()
            self.type('a')
            self.wait_shown('PIN, to say yes')
            os.kill(pid, signal.SIGTERM)
        self.check_restored('pin', end)

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
        asker, = map(int, self.place.run_ok('pgrep', '-P', pid).split())
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
