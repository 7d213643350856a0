"""What people are told: a refusal on the terminal of whoever was refused, and by commands."""

import json
import os
import shlex
import subprocess
import unittest

import events
import guard
from guard import SSH_ADD, SSH_KEYGEN, wait_until
from place import is_running
from terminal import Terminal

POLICY = f'''
default_action: deny
confirm: {{timeout: 1s}}
rules:
  - {{name: quiet, match: {{namespace: quiet}}, action: deny, notify: false}}
  - {{name: loud, match: {{namespace: loud}}, action: allow, notify: true}}
  - {{name: known, match: {{namespace: known}}, action: allow}}
  - {{name: ask, match: {{namespace: ask}}, action: confirm, confirm: askpass}}
  - {{name: never, match: {{exe: {SSH_KEYGEN}}}, action: deny}}
'''
LINE = ('ssh-agent-guard: sign is refused by rule never '
        '(see: ssh-agent-guard log --since 10m --decision deny)')
MARK = 'ssh-agent-guard: '


class TellTest(guard.GuardTest):
    as_person = True

    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()
        self.key = self.keys.make()
        self.add(self.agent, self.key)
        self.key.rename(self.place.path / 'away')
        self.data = self.place.write('home/data', 'data\n')

    def start(self, tell='', **options):
        self.guard = self.start_guard(POLICY + tell, upstream=self.agent, **options)

    def words(self, name_space='file'):
        return [SSH_KEYGEN, '-Y', 'sign', '-f', f'{self.key}.pub', '-n', name_space, self.data]

    def ask(self, name_space='file'):
        """Asks for a signature, without a terminal."""
        return self.place.run(*self.words(name_space), env=self.guard.env)

    def terminal(self, script):
        """A shell that runs it, and stays."""
        return Terminal(self.place, '/bin/sh', '-c', f'{script}; echo over; exec cat',
                        env=self.guard.env)

    def ask_in_terminal(self, name_space='file'):
        return self.terminal(shlex.join(map(str, self.words(name_space))))

    def close(self, terminal):
        terminal.type('\x04')
        return terminal.end()[1]


class OnTheTerminal(TellTest):
    def test_a_refusal_says_which_rule_and_where_to_look(self):
        self.start()
        terminal = self.ask_in_terminal()
        terminal.wait_for(LINE)
        terminal.wait_for('agent refused operation')
        self.assertEqual(self.close(terminal).count(MARK), 1)

    def test_a_reason_is_told(self):
        self.start()
        terminal = self.ask_in_terminal('ask')
        terminal.wait_for('sign is refused by rule ask: nothing is set up by which you '
                          'could say yes (ssh-agent-guard enroll pin, or enroll fido2) (see: ssh-agent-guard log '
                          '--since 10m --decision confirm-denied)')
        self.close(terminal)

    def test_the_hint_leads_to_this_guards_log(self):
        state = self.place.make_directory(self.place.path / 'elsewhere')
        self.start(arguments=('--state-dir', state))
        terminal = self.ask_in_terminal()
        terminal.wait_for(f'--decision deny --state-dir {state})')
        self.close(terminal)

    def test_changes_of_the_agent_are_told_as_well(self):
        self.start()
        terminal = self.terminal(f'{SSH_ADD} -D')
        terminal.wait_for('ssh-agent-guard: remove-all is refused by rule default')
        self.close(terminal)

    def test_it_can_be_turned_off_by_policy_and_rule(self):
        self.start()
        terminal = self.ask_in_terminal('quiet')
        terminal.wait_for('over')
        self.assertEqual(self.guard.wait_event(trigger='sign')['rule'], 'quiet')
        self.sees_nothing(terminal)
        self.guard.stop()
        self.start('tell: {terminal: false}\n')
        terminal = self.ask_in_terminal()
        terminal.wait_for('over')
        self.sees_nothing(terminal)

    def sees_nothing(self, terminal):
        """Another refusal that is told comes later than one that would have been told."""
        policy = self.guard.policy.read_text()
        self.guard.write_policy(POLICY)
        wait_until(lambda: self.guard.events(trigger='reload') or policy == POLICY, 'it is loaded')
        other = self.ask_in_terminal()
        other.wait_for(LINE)
        self.close(other)
        self.assertNotIn(MARK, self.close(terminal))

    def test_nobody_is_told_on_a_terminal_that_is_not_his_own(self):
        """A caller without one, started from a shell with one."""
        self.start()
        command = shlex.join(map(str, self.words()))
        terminal = self.terminal(f'setsid -w {command}')
        terminal.wait_for('over')
        self.sees_nothing(terminal)

    @unittest.skipIf(os.getuid() != 0, 'needs another user')
    def test_a_terminal_of_another_user_is_not_written_to(self):
        self.start()
        terminal = self.terminal(f'read word; {shlex.join(map(str, self.words()))}')
        os.chown(self.slave_of(terminal), 0, -1)
        os.chmod(self.slave_of(terminal), 0o622)
        terminal.type('go\n')
        terminal.wait_for('over')
        self.sees_nothing(terminal)

    @staticmethod
    def slave_of(terminal):
        import fcntl
        import struct
        import termios
        number = fcntl.ioctl(terminal.master, termios.TIOCGPTN, b'\0' * 4) \
            if hasattr(termios, 'TIOCGPTN') else fcntl.ioctl(terminal.master, 0x80045430, b'\0' * 4)
        return f'/dev/pts/{struct.unpack("I", number)[0]}'

    def test_a_stopped_terminal_stops_nobody(self):
        self.start()
        stopped = self.terminal('echo ready; read word; '
                                f'while true; do {shlex.join(map(str, self.words()))} '
                                '>/dev/null 2>&1; done')
        stopped.wait_for('ready')
        stopped.type('go\n')
        stopped.wait_for(LINE)
        stopped.type('\x13')
        before = len(self.guard.events(trigger='sign'))
        wait_until(lambda: len(self.guard.events(trigger='sign')) > before + 10,
                   'it goes on being refused')
        other = self.ask_in_terminal()
        other.wait_for(LINE)
        self.close(other)
        self.assertEqual(self.ask('known').returncode, 0)
        stopped.process.kill()
        stopped.end()


HOOK = '''#!/usr/bin/env python3
import json, os, sys
path = sys.argv[1] + '/' + str(os.getpid())
with open(path + '.new', 'w') as file:
    json.dump({'argv': sys.argv[2:], 'env': dict(os.environ), 'cwd': os.getcwd(),
               'fds': sorted(int(fd) for fd in os.listdir('/proc/self/fd')),
               'input': sys.stdin.read()}, file)
os.rename(path + '.new', path + '.told')
'''


class ByCommands(TellTest):
    def setUp(self):
        super().setUp()
        self.told_at = self.place.make_directory(self.place.path / 'told')
        self.hook = self.place.write('bin/hook', HOOK, 0o700)

    def told(self, count):
        """The oldest first."""
        files = wait_until(lambda: (found := list(self.told_at.glob('*.told')))
                           and len(found) >= count and found, f'{count} are told')
        self.assertEqual(len(files), count)
        return [json.loads(path.read_text())
                for path in sorted(files, key=lambda path: path.stat().st_mtime_ns)]

    def tell(self, name, *words):
        return f'tell: {{{name}: [{self.hook}, {self.told_at}, {", ".join(words)}]}}\n'

    def test_a_result_comes_as_its_event(self):
        self.start(self.tell('on_result', 'a b', "'$(c)'"), env={'SECRET': 'x', 'LANG': 'C'})
        self.ask()
        told, = self.told(1)
        self.assertEqual(told['argv'], ['a b', '$(c)'])
        self.assertEqual(told['cwd'], '/')
        self.assertEqual(told['env']['HOME'], str(self.place.home))
        self.assertEqual(told['env']['LANG'], 'C')
        self.assertNotIn('SECRET', told['env'])
        self.assertNotIn('SSH_AUTH_SOCK', told['env'])
        event, = events.read_documents(told['input'])
        self.assertEqual(event['decision'], 'deny')
        self.assertEqual(event['rule'], 'never')
        self.assertEqual(event['process_name'], 'ssh-keygen')
        # 3 is what lists them.
        self.assertLessEqual(set(told['fds']), {0, 1, 2, 3, 4})

    def test_what_is_allowed_is_told_where_the_rule_says_so(self):
        self.start(self.tell('on_result'))
        for name_space in ('known', 'quiet', 'loud'):
            self.ask(name_space)
        event, = events.read_documents(self.told(1)[0]['input'])
        self.assertEqual((event['decision'], event['rule']), ('allow', 'loud'))

    def test_a_request_that_waits_is_told_without_what_could_answer_it(self):
        script = self.place.write('bin/askpass', '#!/bin/sh\nexec sleep 60\n', 0o700)
        self.start(self.tell('on_pending'), env={'SSH_ASKPASS': str(script)})
        asking = self.place.spawn(*self.words('ask'), env=self.guard.env,
                                  stderr=subprocess.DEVNULL)
        request, = events.read_documents(self.told(1)[0]['input'])
        self.assertEqual(request['id'], 1)
        self.assertEqual(request['rule'], 'ask')
        self.assertEqual(request['what'], 'sign data for the namespace ask')
        self.assertEqual(request['answer'], 'ssh-agent-guard confirm')
        self.assertNotIn('nonce', request)
        asking.wait(30)

    def test_a_command_that_hangs_delays_no_answer_and_is_ended(self):
        pids = self.place.make_directory(self.place.path / 'pids')
        hook = self.place.write('bin/hang', '#!/bin/sh\nsleep 600 &\n'
                                f'echo > {pids}/$$; echo > {pids}/$!; exec sleep 600\n', 0o700)
        self.start(f'tell: {{on_result: [{hook}]}}\n')
        for _ in range(40):
            self.assertNotEqual(self.ask().returncode, 0)
        self.assertEqual(self.ask('known').returncode, 0)
        started = wait_until(lambda: len(found := list(pids.iterdir())) >= 8 and found,
                             'as many run as may')  # where it takes longer, some more after them
        wait_until(lambda: not any(is_running(int(path.name)) for path in started),
                   'all are ended, and what they started')
        self.guard.wait_output('on_result: is ended, because it took longer than 10 s')
        more = wait_until(lambda: len(found := set(pids.iterdir()) - set(started)) >=
                          16 - len(started) and found, 'those that waited run')
        self.guard.stop()
        wait_until(lambda: not any(is_running(int(path.name)) for path in more),
                   'and end with the guard')

    def test_a_command_that_does_not_read_or_cannot_run_hurts_nobody(self):
        self.start('tell: {on_result: [/bin/true]}\n')
        for _ in range(3):
            self.ask()
        self.guard.stop()
        self.start(f'tell: {{on_result: [{self.place.path}/nothing]}}\n')
        self.ask()
        self.guard.wait_output('on_result: its program cannot be run')
        self.assertEqual(self.ask('known').returncode, 0)


class InThePolicy(TellTest):
    def test_a_command_has_to_be_a_list_with_an_absolute_path(self):
        self.start()
        for bad, why in (('[notify-send]', 'not an absolute path'),
                         ('/usr/bin/true', 'not a list of a program'),
                         ('[]', 'not a list of a program'),
                         ('[/bin/true, [a]]', 'an argument is not one value')):
            path = self.place.write('bad.yaml', POLICY + f'tell: {{on_result: {bad}}}\n')
            result = self.guard.command('policy', 'lint', path)
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(why, result.stdout + result.stderr)

    def test_show_writes_it_out(self):
        self.start('tell: {terminal: false, on_result: [/bin/true, a]}\n')
        shown = self.guard.command('policy', 'show', self.guard.policy).stdout
        self.assertIn('tell:\n  terminal: false\n  on_result: ["/bin/true", "a"]\n', shown)
