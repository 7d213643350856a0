"""A human's yes: real ssh waits while a person looks at the request, and answers."""

import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import time
import unittest

import agent_client
import events
import guard
from guard import SSH, SSH_ADD, SSH_KEYGEN, wait_until
from place import FSYNC, is_running, landlock_abi, without_fsync, without_landlock
from sshd import Sshd
from terminal import Terminal

PIN = 'correct horse 7'
POLICY = f'''
default_action: deny
confirm: {{timeout: 60s}}
rules:
  - name: ask
    match: {{exe: [{SSH}, {SSH_KEYGEN}]}}
    action: confirm
'''

SETTLED_S = 2.5  # a little longer than src/agent/own_file.c has it
OLD_PIN = 'The PIN that is set: '


class ConfirmTest(guard.GuardTest):
    as_person = True
    POLICY = POLICY
    pin = PIN

    def setUp(self):
        super().setUp()
        agent = self.start_agent()
        self.key = self.keys.make()
        self.add(agent, self.key)
        self.key.rename(self.place.path / 'away')
        self.guard = self.start_guard(self.POLICY, upstream=agent)
        self.sshd = Sshd(self.place, 'near', [f'{self.key}.pub'])
        if self.pin:
            status, shown = self.enroll(self.pin)
            self.assertEqual(status, 0, shown)

    def enroll(self, pin, old=None):
        terminal = Terminal(self.place, self.guard.program, 'enroll', 'pin')
        if old is not None:
            terminal.wait_for(OLD_PIN)
            terminal.type(old + '\n')
        terminal.wait_for('The new PIN: ')
        terminal.type(pin + '\n')
        terminal.wait_for('again: ')
        terminal.type(pin + '\n')
        status, shown = terminal.end_or_let_be(OLD_PIN)
        self.assertNotIn(pin, shown)
        return status, shown

    def ssh(self, *words, **options):
        """A login that waits."""
        return self.place.spawn(SSH, '-F', self.sshd.client_config, 'near', *(words or ('true',)),
                                env=self.guard.env, stderr=subprocess.DEVNULL, **options)

    def sign(self, name, **options):
        """ssh-keygen that signs a file of its own: never one question with another."""
        text = self.place.write(f'home/{name}', name)
        return self.place.spawn(SSH_KEYGEN, '-Y', 'sign', '-n', 'file', '-f', f'{self.key}.pub',
                                text, env=self.guard.env, stdout=subprocess.DEVNULL,
                                stderr=subprocess.DEVNULL, **options)

    def pending(self):
        """{id: text} of what waits."""
        text = self.guard.command('pending').stdout
        parts = re.split(r'(?m)^request (\d+)', text)
        return dict(zip(map(int, parts[1::2]), parts[2::2]))

    def wait_pending(self, count=1):
        wait_until(lambda: len(self.pending()) == count, f'{count} requests wait')
        return self.pending()

    def confirm(self, pin=PIN, *words):
        """What a person sees who answers with this PIN."""
        terminal = Terminal(self.place, self.guard.program, 'confirm', *words)
        terminal.wait_for('PIN, to say yes')
        terminal.type(pin + '\n')
        status, shown = terminal.end_or_let_be('PIN, to say yes')
        if pin:
            self.assertNotIn(pin, shown)
        return status, shown

    def signed(self, **fields):
        return self.guard.events(trigger='sign', **fields)


class Answers(ConfirmTest):
    def test_a_yes_lets_ssh_log_in(self):
        ssh = self.ssh('echo hello', stdout=(out := (self.place.path / 'out').open('w+')))
        text = self.wait_pending()[1]
        self.assertIn(f'program: {SSH} (pid {ssh.pid})', text)
        self.assertIn('what: log in as ', text)
        self.assertIn(f'{self.keys.fingerprint(self.key)} (a key)', text)
        self.assertIn(f'(verified)', text)
        self.assertIn('rule: ask', text)
        self.assertIn('methods: pin (weak)', text)
        wait_until(lambda: self.guard.status()['state'] == 'confirming', 'the status says so')
        self.assertEqual(self.guard.status()['waiting'], 1)
        status, shown = self.confirm()
        self.assertEqual(status, 0, shown)
        self.assertIn(f'program: {SSH} (pid {ssh.pid})', shown)
        self.assertEqual(ssh.wait(30), 0)
        out.seek(0)
        self.assertEqual(out.read(), 'hello\n')
        event, = self.signed()
        self.assertEqual(event['decision'], 'confirmed')
        self.assertEqual(event['confirm_method'], 'pin')
        self.assertEqual(event['confirm_via'], 'control')
        self.assertIs(event['confirm_weak'], True)
        self.assertEqual(event['rule'], 'ask')
        self.assertEqual(event['outcome'], 'success')
        self.assertGreater(event['waited_ms'], 0)
        wait_until(lambda: self.guard.status()['state'] == 'idle', 'the status says so')

    def test_a_no_refuses(self):
        for words in ((), ('--all',)):
            with self.subTest(words):
                ssh = self.ssh()
                self.wait_pending()
                deny = self.place.spawn(self.guard.program, 'deny', *words)
                self.assertEqual(deny.wait(30), 0)
                self.assertNotEqual(ssh.wait(30), 0)
                event = self.signed()[-1]
                self.assertEqual((event['decision'], event['reason']),
                                 ('confirm-denied', 'denied'))
                # Any program of this account can say it, so which one did is written down.
                self.assertEqual((event['denied_via'], event['denied_by']), ('control', deny.pid))
                self.assertNotIn('confirm_via', event)

    @unittest.skipUnless(os.uname().machine in FSYNC, 'not known how to play such a disk')
    def test_what_comes_of_a_pin_is_told_once_its_try_is_on_the_disk(self):
        """Else whoever can have the machine lose power tries as often as he likes."""
        self.guard.stop()
        self.guard = self.start_guard(self.POLICY, upstream=self.place.path / 'agent.sock',
                                      spawn={'preexec_fn': without_fsync})
        ssh = self.ssh()
        self.wait_pending()
        for pin in ('wrong one', PIN):
            status, shown = self.confirm(pin)
            self.assertEqual(status, 1)
            self.assertIn('the state directory cannot be written', shown)
        self.assertIsNone(ssh.poll())
        self.assertEqual(self.signed(), [])
        self.assertEqual(self.guard.events(trigger='pin-wrong'), [])
        ssh.kill()

    def test_a_wrong_pin_says_nothing_and_a_right_one_still_can(self):
        ssh = self.ssh()
        self.wait_pending()
        status, shown = self.confirm('wrong one')
        self.assertEqual(status, 1)
        self.assertIn('wrong PIN; 4 more', shown)
        self.assertEqual(len(self.pending()), 1)
        self.guard.wait_event(trigger='pin-wrong')
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(ssh.wait(30), 0)

    def test_five_wrong_ones_lock_the_pin_also_after_a_restart(self):
        ssh = self.ssh()
        self.wait_pending()
        for left in (4, 3, 2, 1):
            self.assertIn(f'{left} more', self.confirm('wrong one')[1])
        self.assertIn('locked until', self.confirm('wrong one')[1])
        self.assertNotEqual(ssh.wait(30), 0)
        self.assertEqual(self.signed()[0]['reason'], 'pin-locked')
        self.guard.wait_event(trigger='pin-locked')
        # Nobody is asked who could not answer.
        self.assertNotEqual(self.ssh().wait(30), 0)
        self.assertEqual([event['reason'] for event in self.signed()], ['pin-locked'] * 2)
        self.guard.stop()
        self.guard = self.start_guard(None, upstream=self.place.path / 'agent.sock')
        self.assertNotEqual(self.ssh().wait(30), 0)
        self.assertEqual([event['reason'] for event in self.signed()], ['pin-locked'] * 3)
        # Nor does enrolling help.
        status, shown = self.enroll('another one', old=PIN)
        self.assertEqual(status, 1)
        self.assertIn('locked', shown)

    def test_who_takes_the_file_away_takes_no_try_back(self):
        ssh = self.ssh()
        self.wait_pending()
        file = self.guard.state / 'pin'
        fresh = file.read_bytes()
        for left, meanwhile in ((4, file.unlink), (3, lambda: file.write_bytes(fresh)),
                                (2, file.unlink), (1, file.unlink)):
            self.assertIn(f'{left} more', self.confirm('wrong one')[1])
            meanwhile()
        self.assertIn('locked until', self.confirm('wrong one')[1])
        self.assertNotEqual(ssh.wait(30), 0)
        file.write_bytes(fresh)
        status, shown = self.enroll('another one', old=PIN)
        self.assertEqual(status, 1)
        self.assertIn('locked', shown)

    def test_another_pin_in_its_file_is_told_and_not_used(self):
        file = self.guard.state / 'pin'
        mine = file.read_text()
        # What the guard writes itself, a count and a new one, is no change by others.
        ssh = self.ssh()
        self.wait_pending()
        self.assertEqual(self.confirm('wrong one')[0], 1)
        self.assertEqual(self.confirm(PIN)[0], 0)
        self.assertEqual(ssh.wait(30), 0)
        self.assertEqual(self.enroll('another one', old=PIN)[0], 0)
        time.sleep(SETTLED_S)
        self.assertEqual(self.guard.events(trigger='enrolment-changed'), [])
        # The one that another program knows.
        with open(file, 'r+') as opened:
            opened.write(mine)
        self.assertIn('the file of the PIN',
                      self.guard.wait_event(trigger='enrolment-changed')['detail'])
        ssh = self.ssh()
        self.wait_pending()
        self.assertEqual(self.confirm(PIN)[0], 1)
        self.assertEqual(self.confirm('another one')[0], 0)
        self.assertEqual(ssh.wait(30), 0)
        # It is told once, and the guard has written its own meanwhile.
        self.assertNotEqual(file.read_text(), mine)
        self.assertEqual(len(self.guard.events(trigger='enrolment-changed')), 1)

    def test_a_key_that_another_program_enrolls_beside_the_pin_is_told(self):
        for name in ('fido2', 'otp'):
            (self.guard.state / name).write_text('version 1\nkey evil\n')
        self.assertEqual(self.guard.events(trigger='enrolment-changed'), [])
        ssh = self.ssh()
        self.wait_pending()
        told = [event['detail'] for event in self.guard.events(trigger='enrolment-changed')]
        self.assertEqual(len(told), 2, told)
        self.assertIn('the file of the security keys', told[0])
        self.assertIn('the file of the YubiKeys', told[1])
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(ssh.wait(30), 0)

    def test_enrolling_anew_takes_the_old_pin(self):
        status, shown = self.enroll('another one', old='not the old')
        self.assertEqual(status, 1)
        self.assertIn('wrong PIN', shown)
        self.assertEqual(self.enroll('another one', old=PIN)[0], 0)
        ssh = self.ssh()
        self.wait_pending()
        self.assertEqual(self.confirm(PIN)[0], 1)
        self.assertEqual(self.confirm('another one')[0], 0)
        self.assertEqual(ssh.wait(30), 0)
        self.assertEqual(len(self.guard.events(trigger='enrolled')), 2)

    def enroll_with(self, *old):
        """`enroll pin` with these old PINs, one after the other, each where it is asked for."""
        terminal = Terminal(self.place, self.guard.program, 'enroll', 'pin')
        for times, pin in enumerate(old, 1):
            terminal.wait_for(OLD_PIN, times)
            terminal.type(pin + '\n')
            if times == 1:
                for question in ('The new PIN: ', 'The new PIN again: '):
                    terminal.wait_for(question)
                    terminal.type('another one\n')
        return terminal.end()

    def test_an_old_pin_that_is_mistyped_is_asked_for_again(self):
        status, shown = self.enroll_with('wrong one', 'no one', PIN)
        self.assertEqual(status, 0, shown)
        self.assertIn('enroll: wrong PIN; 4 more and it is locked', shown)
        self.assertIn('enroll: wrong PIN; 3 more and it is locked', shown)
        self.assertEqual(shown.count('The new PIN: '), 1)
        for pin in (PIN, 'another one', 'wrong one'):
            self.assertNotIn(pin, shown)
        self.assertEqual(len(self.guard.events(trigger='pin-wrong')), 2)
        ssh = self.ssh()
        self.wait_pending()
        self.assertEqual(self.confirm('another one')[0], 0)
        self.assertEqual(ssh.wait(30), 0)

    def test_three_wrong_old_ones_change_nothing_and_the_fifth_locks_it(self):
        status, shown = self.enroll_with('wrong one', 'wrong two', 'wrong six')
        self.assertEqual(status, 1, shown)
        self.assertIn('2 more and it is locked', shown)
        self.assertIn('enroll: nothing was changed', shown)
        self.assertEqual(shown.count(OLD_PIN), 3)
        status, shown = self.enroll_with('wrong one', 'wrong two')
        self.assertEqual(status, 1, shown)
        self.assertIn('locked until', shown)
        self.assertEqual(shown.count(OLD_PIN), 2)
        self.assertEqual(len(self.guard.events(trigger='pin-wrong')), 4)
        self.assertEqual(len(self.guard.events(trigger='pin-locked')), 1)
        self.assertEqual(len(self.guard.events(trigger='enrolled')), 1)

    def test_a_client_that_leaves_takes_its_question_along(self):
        ssh = self.ssh()
        self.wait_pending()
        ssh.send_signal(signal.SIGKILL)
        self.wait_pending(0)
        event = self.guard.wait_event(trigger='sign')
        self.assertEqual((event['decision'], event['reason']), ('confirm-denied', 'cancelled'))

    def test_the_end_of_the_guard_is_a_no(self):
        ssh = self.ssh()
        self.wait_pending()
        self.guard.stop()
        self.assertNotEqual(ssh.wait(30), 0)
        self.assertEqual(self.signed()[0]['reason'], 'cancelled')

    def test_no_answer_is_none(self):
        ssh = self.ssh()
        self.wait_pending()
        terminal = Terminal(self.place, self.guard.program, 'confirm')
        terminal.wait_for('PIN, to say yes')
        terminal.type('\x03')
        self.assertEqual(terminal.end()[0], 1)
        self.assertEqual(self.confirm('')[0], 1)
        self.assertEqual(self.guard.events(trigger='pin-wrong'), [])
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(ssh.wait(30), 0)

    def test_without_a_terminal_there_is_no_answer(self):
        ssh = self.ssh()
        self.wait_pending()
        done = self.guard.command('confirm', input=PIN + '\n', start_new_session=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn('no terminal', done.stderr)
        self.assertEqual(self.guard.command('confirm', '7').returncode, 1)
        self.assertIn('no request with that number', self.guard.command('confirm', '7').stderr)
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(ssh.wait(30), 0)

    def test_a_changed_policy_decides_again(self):
        ssh = self.ssh()
        self.wait_pending()
        self.guard.write_policy('default_action: deny\n')
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.assertEqual(self.confirm()[0], 0)
        self.assertNotEqual(ssh.wait(30), 0)
        event, = self.signed()
        self.assertEqual((event['decision'], event['rule']), ('deny', 'default'))

    def test_panic_is_stronger_than_a_yes(self):
        ssh = self.ssh()
        self.wait_pending()
        self.assertEqual(self.guard.command('panic').returncode, 0)
        self.assertEqual(self.confirm()[0], 0)
        self.assertNotEqual(ssh.wait(30), 0)
        self.assertEqual(self.signed()[0]['reason'], 'panic')

    def test_others_are_served_while_a_question_is_open(self):
        self.other = self.place.copy_program(SSH, 'other-ssh')
        self.guard.write_policy(POLICY + f'''
  - name: others
    match: {{exe: {self.other}}}
    action: allow
''')
        self.guard.command('reload')
        asked = self.ssh()
        self.wait_pending()
        for _ in range(5):
            self.assertIn(self.keys.fingerprint(self.key),
                          self.place.run_ok(SSH_ADD, '-l', env=self.guard.env))
            login = self.place.run(SSH, '-F', self.sshd.client_config, 'near', 'echo', 'in',
                                   env=self.guard.env, executable=self.other)
            self.assertEqual(login.stdout, 'in\n', login.stderr)
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(asked.wait(30), 0)


class Again(ConfirmTest):
    """A PIN that is mistyped is asked for on the same terminal, while the request waits."""
    QUESTION = 'PIN, to say yes'

    # A shell that goes on to read, as after every command.
    SHELL = '"$0" confirm; echo "status $?"; IFS= read -r line; echo "the shell reads <$line>"'

    def begin(self):
        ssh = self.ssh()
        self.wait_pending()
        return ssh, self.terminal()

    def terminal(self):
        terminal = Terminal(self.place, '/bin/sh', '-c', self.SHELL, self.guard.program)
        terminal.wait_for(self.QUESTION)
        return terminal

    def wait_asked(self, terminal, times):
        wait_until(lambda: terminal._read(0.1) is None or
                   terminal.shown.count(self.QUESTION) == times, f'it asks {times} times')

    def ended(self, terminal):
        """Exit status and what was shown. The shell gets nothing of what was typed before."""
        terminal.wait_for('status ')
        terminal.type('later\n')
        status, shown = terminal.end()
        self.assertEqual(status, 0)
        self.assertIn('\nlater\nthe shell reads <later>\n', shown)  # and it is shown again
        return int(re.search(r'(?m)^status (\d+)$', shown)[1]), shown

    def test_a_wrong_one_and_the_right_one_on_one_terminal_say_yes(self):
        ssh, terminal = self.begin()
        for times, pin in ((2, 'wrong one'), (3, 'no')):
            terminal.type(pin + '\n')
            self.wait_asked(terminal, times)
        self.assertIn('wrong PIN; 4 more and it is locked', terminal.shown)
        self.assertIn('that is no PIN', terminal.shown)
        terminal.type(PIN + '\n')
        status, shown = self.ended(terminal)
        self.assertEqual(status, 0, shown)
        self.assertIn('confirmed', shown)
        self.assertEqual(ssh.wait(60), 0)
        for pin in ('wrong one', PIN):
            self.assertNotIn(pin, shown)
        self.assertEqual(len(self.guard.events(trigger='pin-wrong')), 1)

    def test_three_wrong_ones_end_it_and_the_request_waits_on(self):
        ssh, terminal = self.begin()
        for times in (2, 3):
            terminal.type('wrong one\n')
            self.wait_asked(terminal, times)
        # Somebody types on ahead.
        terminal.type('wrong one\nthe rest of')
        status, shown = self.ended(terminal)
        self.assertEqual(status, 1)
        self.assertEqual(shown.count(self.QUESTION), 3)
        self.assertIn('2 more and it is locked', shown)
        self.assertIn('no answer was taken in 3 tries', shown)
        self.assertIn('ssh-agent-guard confirm 1 asks again', shown)
        self.assertEqual(len(self.pending()), 1)
        self.assertIsNone(ssh.poll())
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(ssh.wait(60), 0)

    def test_it_ends_where_the_request_is_answered_elsewhere(self):
        for status, words, answer in (
                (1, 'confirm: (denied|nothing waits)', lambda: self.guard.command('deny')),
                (0, 'confirmed', self.confirm_elsewhere),
                (1, 'confirm: (not answered|nothing waits)', lambda: ssh.kill())):
            with self.subTest(words):
                ssh, terminal = self.begin()
                terminal.type('correct ho')
                answer()
                ended, shown = self.ended(terminal)
                self.assertEqual(ended, status, shown)
                self.assertRegex(shown, words)
                self.assertNotIn('correct ho', shown)
                ssh.wait(60)
        self.assertEqual(self.guard.events(trigger='pin-wrong'), [])

    def confirm_elsewhere(self):
        self.assertEqual(self.confirm()[0], 0)

    def test_it_ends_with_the_time_of_the_request(self):
        self.guard.write_policy(self.POLICY.replace('60s', '15s'))
        self.assertEqual(self.guard.command('reload').returncode, 0)
        ssh, terminal = self.begin()
        terminal.type('correct ho')
        status, shown = self.ended(terminal)
        self.assertEqual(status, 1)
        self.assertIn('confirm: not answered', shown)
        self.assertNotEqual(ssh.wait(60), 0)
        self.assertEqual(self.signed()[-1]['reason'], 'timeout')

    def test_it_ends_with_the_guard(self):
        ssh, terminal = self.begin()
        terminal.type('correct ho')
        self.guard.stop(signal.SIGKILL)
        status, shown = self.ended(terminal)
        self.assertEqual(status, 1)
        self.assertIn('the guard has ended', shown)
        self.assertNotEqual(ssh.wait(60), 0)

    def test_it_ends_where_the_pin_gets_locked(self):
        ssh, waiting = self.begin()
        for left in (4, 3, 2):
            self.assertIn(f'{left} more', self.confirm('wrong one')[1])
        terminal = self.terminal()
        terminal.type('wrong one\n')
        self.wait_asked(terminal, 2)
        terminal.type('wrong one\n')
        status, shown = self.ended(terminal)
        self.assertEqual(status, 1)
        self.assertIn('it is locked until', shown)
        self.assertNotEqual(ssh.wait(60), 0)
        self.assertEqual(self.signed()[-1]['reason'], 'pin-locked')
        self.assertEqual(len(self.guard.events(trigger='pin-wrong')), 4)
        status, shown = self.ended(waiting)
        self.assertEqual(status, 1)
        self.assertIn('confirm: denied', shown)


class Postbox(ConfirmTest):
    """The file and the FIFO of a request, for scripts."""

    @property
    def directory(self):
        return self.place.runtime / 'ssh-agent-guard' / 'pending'

    def request(self, number=1):
        """What the file tells, once it is there."""
        path = self.directory / f'{number}.yaml'
        wait_until(path.exists, 'the request has a file')
        return events.read_documents(path.read_text())[0]

    def say(self, line, number=1):
        fifo = os.open(self.directory / f'{number}.fifo', os.O_WRONLY | os.O_NONBLOCK)
        os.set_blocking(fifo, True)  # but to open it there must be a reader
        with os.fdopen(fifo, 'w') as file:
            file.write(line + '\n')

    def test_a_script_says_yes_with_nonce_and_pin(self):
        ssh = self.ssh()
        request = self.request()
        self.assertEqual(request['program'], f'{SSH} (pid {ssh.pid})')
        self.assertEqual(request['rule'], 'ask')
        self.assertIn('(verified)', request['where'])
        self.assertIn('weak', request['methods'])
        self.assertEqual(self.directory.stat().st_mode & 0o777, 0o700)
        for name, kind in (('1.yaml', stat.S_IFREG), ('1.fifo', stat.S_IFIFO)):
            mode = (self.directory / name).lstat().st_mode
            self.assertEqual((stat.S_IFMT(mode), stat.S_IMODE(mode)), (kind, 0o600))
        self.say(f'allow {request["nonce"]} {PIN}')
        self.assertEqual(ssh.wait(30), 0)
        event, = self.signed()
        self.assertEqual((event['decision'], event['confirm_method'], event['confirm_via']),
                         ('confirmed', 'pin', 'fifo'))
        self.assertEqual(list(self.directory.iterdir()), [])

    def test_a_script_says_no_with_the_nonce(self):
        ssh = self.ssh()
        self.say(f'deny {self.request()["nonce"]}')
        self.assertNotEqual(ssh.wait(30), 0)
        event = self.signed()[0]
        self.assertEqual((event['reason'], event['denied_via']), ('denied', 'fifo'))
        self.assertNotIn('denied_by', event, 'nobody knows who writes to a FIFO')

    def test_a_blind_write_is_nothing(self):
        first = self.ssh()
        stale = self.request()['nonce']
        self.say(f'allow {stale} {PIN}')
        self.assertEqual(first.wait(30), 0)
        ssh = self.ssh()
        nonce = self.request(2)['nonce']
        for line in ('', 'allow', 'deny', f'allow {PIN}', f'allow {"0" * 32} {PIN}',
                     f'allow {stale} {PIN}', f'deny {stale}', f'allow {nonce[:-1]} {PIN}',
                     f'allow {nonce}', f'allow  {nonce} {PIN}', f'deny {nonce} now',
                     'x' * 100000, f'{"x" * 300} allow {nonce} {PIN}',
                     f'allow {nonce} {PIN}\0'):
            self.say(line, 2)
        self.assertIn(2, self.pending())
        self.assertEqual(self.guard.events(trigger='pin-wrong'), [])
        # Who knows the nonce, and not the PIN, has a wrong one.
        self.say(f'allow {nonce} guess', 2)
        self.guard.wait_event(trigger='pin-wrong')
        self.assertIn(2, self.pending())
        self.say(f'allow {nonce} {PIN}', 2)
        self.assertEqual(ssh.wait(30), 0)

    def test_a_second_reader_learns_nothing_from_confirm(self):
        ssh = self.ssh()
        self.request()
        reader = os.open(self.directory / '1.fifo', os.O_RDWR | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(ssh.wait(30), 0)
        with self.assertRaises(BlockingIOError):
            os.read(reader, 4096)

    def test_links_in_place_of_file_and_fifo_are_replaced_and_not_followed(self):
        victim = self.place.write('home/victim', 'precious')
        self.place.make_directory(self.directory)
        for name in ('1.yaml', '1.fifo', f'.1.yaml.{self.guard.pid}'):
            (self.directory / name).symlink_to(victim)
        ssh = self.ssh()
        wait_until(lambda: not (self.directory / '1.yaml').is_symlink(), 'it is replaced')
        self.say(f'allow {self.request()["nonce"]} {PIN}')
        self.assertEqual(ssh.wait(30), 0)
        self.assertEqual(victim.read_text(), 'precious')

    def test_a_link_in_place_of_the_directory_takes_no_request(self):
        elsewhere = self.place.make_directory(self.place.path / 'elsewhere')
        self.directory.symlink_to(elsewhere)
        ssh = self.ssh()
        self.wait_pending()
        self.assertEqual(list(elsewhere.iterdir()), [])
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(ssh.wait(30), 0)

    def test_what_a_killed_guard_left_is_cleared_away(self):
        self.ssh()
        self.request()
        self.guard.stop(signal.SIGKILL)
        self.assertTrue((self.directory / '1.yaml').exists())
        self.guard = self.start_guard(None, upstream=self.place.path / 'agent.sock')
        self.assertEqual(list(self.directory.iterdir()), [])


class AskpassTest(ConfirmTest):
    """With an askpass that is a shell script, and what it does in a file beside it. It can write
    nothing, so it is looked at while it waits at a FIFO."""
    POLICY = POLICY.replace('timeout: 60s', 'timeout: 60s, methods: [askpass, pin]')
    spawn = {}

    def start_guard(self, policy=guard.ALLOW_ALL, **options):
        self.do = self.place.path / 'bin/do'
        self.gate = self.place.path / 'bin/gate'
        self.script = self.place.write('bin/askpass', f'#!/bin/sh\n. {self.do}\n', mode=0o700)
        os.mkfifo(self.gate, 0o600)
        if self.place.person:
            os.chown(self.gate, self.place.person.uid, self.place.person.gid)
        return super().start_guard(policy, env={'SSH_ASKPASS': str(self.script), 'SECRET': 'x'},
                                   spawn=self.spawn, **options)

    def does(self, text):
        self.place.write('bin/do', f'read word < {self.gate}\n{text}\n')

    def window(self, word=None):
        """The PID and the words of the process that waits, as its command line shows them."""
        word = os.fsencode(word or self.script)

        def find():
            for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
                try:
                    words = path.read_bytes().split(b'\0')
                except OSError:
                    continue
                if word in words[1:]:
                    return int(path.parent.name), [os.fsdecode(text) for text in words]
        return wait_until(find, 'the window is there')

    def let_go(self):
        def opened():
            try:
                return os.open(self.gate, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                return None
        fd = wait_until(opened, 'it waits at its FIFO')
        os.write(fd, b'go\n')
        os.close(fd)


class Askpass(AskpassTest):
    def test_what_the_window_says_is_done(self):
        for do, decision, reason in (('exit 0', 'confirmed', None), ('echo yes', 'confirmed', None),
                                     ('exit 1', 'confirm-denied', 'denied'),
                                     ('echo no', 'confirm-denied', 'denied')):
            with self.subTest(do):
                self.does(do)
                ssh = self.ssh()
                pid, words = self.window()
                environment = pathlib.Path(f'/proc/{pid}/environ').read_bytes().split(b'\0')
                self.let_go()
                self.assertEqual(ssh.wait(30) == 0, decision == 'confirmed')
                event = self.signed()[-1]
                self.assertEqual((event['decision'], event.get('reason')), (decision, reason))
                self.assertEqual(event.get('denied_via'), 'askpass' if reason else None)
                if decision == 'confirmed':
                    self.assertEqual(event['confirm_method'], 'askpass')
                    self.assertIs(event['confirm_weak'], True)
        self.assertIn(f'program: {SSH} (pid', words[2])
        self.assertIn(b'SSH_ASKPASS_PROMPT=confirm', environment)
        self.assertNotIn(b'SECRET=x', environment)

    def test_the_window_goes_with_the_client_and_with_an_answer(self):
        self.does('exit 0')
        for leave in (True, False):
            with self.subTest(leave=leave):
                ssh = self.ssh()
                pid, _ = self.window()
                if leave:
                    ssh.send_signal(signal.SIGKILL)
                else:
                    self.assertEqual(self.guard.command('deny').returncode, 0)
                    self.assertNotEqual(ssh.wait(30), 0)
                wait_until(lambda: not is_running(pid), 'the window is gone')

    def test_one_that_fails_leaves_the_pin(self):
        self.script.unlink()
        ssh = self.ssh()
        self.guard.wait_output('askpass: failed')
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(ssh.wait(30), 0)
        self.assertEqual(self.signed()[-1]['confirm_passed_over'], ['askpass: failed'])


ATTEMPTS = r'''#!/usr/bin/python3 -I
import errno, json, os, shutil, socket, sys
tries = json.load(open(os.path.dirname(os.path.abspath(__file__)) + '/tries'))

def connect(family, address):
    socket.socket(family).connect(address)

def attempt(what, *words):
    try:
        {'read': lambda path: open(path, 'rb').read(1),
         'list': os.listdir,
         'write': lambda path: os.write(os.open(path, os.O_WRONLY | os.O_APPEND), b'x'),
         'make': lambda path: os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600),
         'remove': os.unlink,
         'move': lambda path: os.rename(path, path + '.moved'),
         'link': lambda path: os.symlink('/etc/passwd', path),
         'run': lambda path: os.spawnv(os.P_WAIT, path, [path]) and os.open(path, os.O_RDONLY),
         'signal': lambda pid: os.kill(pid, 0),
         'unix': lambda path: connect(socket.AF_UNIX, path),
         'tcp': lambda port: connect(socket.AF_INET, ('127.0.0.1', port)),
         }[what](*words)
    except OSError as error:
        return errno.errorcode[error.errno]
    return 'done'

done = [attempt(*words) for words in tries]
os.execv('/bin/sh', ['sh', '-c', 'read word < "$1"; exit 1', 'attempts',
                     os.path.dirname(os.path.abspath(__file__)) + '/gate', json.dumps(done)])
'''


class AskpassAttempts(AskpassTest):
    """With an askpass that was taken over, and tries things."""

    def listen(self, path, family=socket.AF_UNIX):
        listener = socket.socket(family)
        self.addCleanup(listener.close)
        listener.bind(path)
        listener.listen()
        if family == socket.AF_UNIX and self.place.person:
            os.chown(path, self.place.person.uid, self.place.person.gid)
        return listener

    def attempts(self, *tries):
        """What came of each."""
        self.place.write('bin/askpass', ATTEMPTS, mode=0o700)
        self.place.write('bin/tries', json.dumps(tries))
        ssh = self.ssh()
        _, words = self.window('attempts')
        self.let_go()
        self.assertNotEqual(ssh.wait(30), 0)
        return dict(zip((words[:2] for words in map(tuple, tries)), json.loads(words[-2])))

    def check(self, expected):
        """expected: {(what, where): what comes of it}"""
        tries = [(what, where if isinstance(where, int) else str(where))
                 for what, where in expected]
        found = self.attempts(*tries)
        self.assertEqual(found, dict(zip(tries, expected.values())))

    def setUp(self):
        self.abi = landlock_abi()
        super().setUp()
        self.home = self.place.home
        for name in ('.ssh/id_other', '.bashrc', '.config/gh/hosts.yml', '.config/gtk-3.0/gtk.css',
                     '.local/share/fonts/a.ttf', 'work/text'):
            self.place.write(f'{self.home.relative_to(self.place.path)}/{name}', 'x\n')


class AskpassReach(AskpassAttempts):
    def setUp(self):
        super().setUp()
        if self.abi < 1:
            self.skipTest('this kernel has no Landlock, or does not use it')

    def test_it_reads_how_windows_look_and_changes_nothing(self):
        home, state = self.home, self.guard.state
        event_file, = (state / 'events').glob('*.yaml')
        before = {path: path.read_bytes() for path in (event_file, self.guard.policy,
                                                       home / '.bashrc')}
        self.check({
            ('read', home / '.ssh/id_other'): 'EACCES',
            ('list', home / '.ssh'): 'EACCES',
            ('list', home): 'EACCES',
            ('read', home / '.config/gh/hosts.yml'): 'EACCES',
            ('read', home / 'work/text'): 'EACCES',
            ('read', self.guard.policy): 'EACCES',
            ('read', state / 'pin'): 'EACCES',
            ('read', event_file): 'EACCES',
            ('write', event_file): 'EACCES',
            ('write', self.guard.policy): 'EACCES',
            ('write', home / '.bashrc'): 'EACCES',
            ('write', home / '.config/gtk-3.0/gtk.css'): 'EACCES',
            ('remove', self.guard.policy): 'EACCES',
            ('move', self.guard.policy): 'EACCES',
            ('remove', self.guard.socket): 'EACCES',
            ('make', home / 'new'): 'EACCES',
            ('make', state / 'new'): 'EACCES',
            ('make', '/tmp/new-of-an-askpass'): 'EACCES',
            ('make', '/dev/shm/new-of-an-askpass'): 'EACCES',
            ('link', state / 'link'): 'EACCES',
            ('run', home / 'work/text'): 'EACCES',
            ('read', home / '.config/gtk-3.0/gtk.css'): 'done',
            ('list', home / '.local/share/fonts'): 'done',
            ('read', '/etc/passwd'): 'done',
            ('read', '/proc/self/status'): 'done',
            ('list', '/usr/share'): 'done',
            ('write', '/dev/null'): 'done',
            ('run', '/bin/true'): 'done',
        })
        for path, text in before.items():
            if path != event_file:
                self.assertEqual(path.read_bytes(), text)
        self.assertNotIn('Landlock', self.guard.output())

    def test_it_reaches_no_sockets_and_processes_but_its_displays(self):
        port = self.listen(('127.0.0.1', 0), socket.AF_INET).getsockname()[1]
        runtime = self.place.runtime
        for name in ('wayland-0', 'bus'):
            self.listen(str(runtime / name))
        not_ours = 'EACCES' if self.abi >= 9 else 'done'
        self.check({
            ('unix', runtime / 'wayland-0'): 'done',
            ('unix', runtime / 'bus'): 'done',
            ('unix', self.guard.socket): not_ours,
            ('unix', runtime / 'ssh-agent-guard/control.sock'): not_ours,
            ('unix', self.place.path / 'agent.sock'): not_ours,
            ('tcp', port): 'EACCES' if self.abi >= 4 else 'done',
            ('signal', self.guard.pid): 'EPERM' if self.abi >= 6 else 'done',
        })


class AskpassWithoutLandlock(AskpassAttempts):
    spawn = {'preexec_fn': without_landlock}

    def test_the_window_is_shown_and_what_is_missing_is_said(self):
        self.check({('read', self.home / '.ssh/id_other'): 'done',
                    ('write', self.home / '.bashrc'): 'done'})
        self.assertEqual(self.signed()[-1]['reason'], 'denied')
        self.attempts()
        self.assertEqual(self.guard.output().count('this system has no Landlock'), 1)


class Several(ConfirmTest):
    """Requests that have nothing to do with each other, and wait at the same time."""

    def start(self, count):
        """Their processes, by the number of their prompt, and when each was asked: between which
        moments."""
        started = {}
        for number in range(1, count + 1):
            before = time.monotonic()
            process = self.sign(f'text{number}')
            wait_until(lambda: number in self.pending(), 'it waits')
            started[number] = (process, before, time.monotonic())
        return started

    def check_remaining(self, started):
        asked = time.monotonic()
        pending = self.pending()
        answered = time.monotonic()
        self.assertEqual(set(pending), set(started))
        for number, (_, before, after) in started.items():
            left = int(re.search(r'for another (\d+) s', pending[number]).group(1))
            # Whole seconds, and less where some of one is over.
            self.assertGreaterEqual(left, int(60 - (answered - before)) - 1, number)
            self.assertLessEqual(left, 60 - (asked - after), number)

    def test_each_shows_how_long_it_waits_on(self):
        started = self.start(1)
        # The second one is asked when the first one has less left.
        wait_until(lambda: 'for another 57 s' in self.pending()[1] or
                   time.monotonic() - started[1][1] > 4, 'three seconds are over')
        before = time.monotonic()
        process = self.sign('text2')
        wait_until(lambda: 2 in self.pending(), 'it waits')
        started[2] = (process, before, time.monotonic())
        for _ in range(3):
            self.check_remaining(started)
        # The end of one changes nothing about the other.
        self.assertEqual(self.confirm(PIN, '1')[0], 0)
        self.assertEqual(started.pop(1)[0].wait(30), 0)
        self.check_remaining(started)
        self.assertEqual(self.guard.command('deny', '2').returncode, 0)
        self.assertNotEqual(process.wait(30), 0)

    def test_deny_all_denies_all(self):
        started = self.start(3)
        done = self.guard.command('deny', '--all')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        for process, _, _ in started.values():
            self.assertNotEqual(process.wait(30), 0)
        self.assertEqual([(event['decision'], event['reason']) for event in self.signed()],
                         [('confirm-denied', 'denied')] * 3)
        self.assertEqual(self.pending(), {})

    def test_without_saying_which_none_of_several_is_meant(self):
        started = self.start(2)
        for command in ('deny', 'confirm'):
            done = self.guard.command(command)
            self.assertEqual(done.returncode, 1)
            self.assertIn('several requests wait: name one', done.stderr)
        self.assertEqual(set(self.pending()), {1, 2})
        self.guard.command('deny', '--all')
        for process, _, _ in started.values():
            self.assertNotEqual(process.wait(30), 0)


class HangingHook(ConfirmTest):
    def start_guard(self, policy, **options):
        self.pids = self.place.make_directory(self.place.path / 'pids')
        hook = self.place.write('bin/hang', f'#!/bin/sh\nsleep 600 &\necho > {self.pids}/$$\n'
                                f'echo > {self.pids}/$!\nexec sleep 600\n', 0o700)
        return super().start_guard(f'{policy}tell: {{on_pending: [{hook}]}}\n', **options)

    def test_a_command_that_hangs_delays_no_answer_and_is_ended(self):
        ssh = self.ssh()
        self.wait_pending()
        started = wait_until(lambda: (found := list(self.pids.iterdir())) and len(found) == 2 and
                             found, 'it runs')
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(ssh.wait(30), 0)
        self.guard.wait_output('on_pending: is ended, because it took longer than 10 s')
        wait_until(lambda: not any(is_running(int(path.name)) for path in started),
                   'it is ended, and what it started')


class Limits(ConfirmTest):
    POLICY = POLICY.replace('timeout: 60s', 'timeout: 2s, max_pending: 2')

    def test_what_nobody_answers_is_refused_and_then_not_asked(self):
        for reason in ('timeout', 'timeout', 'unanswered'):
            self.assertNotEqual(self.ssh().wait(30), 0)
            self.assertEqual(self.signed()[-1]['reason'], reason)
            self.assertEqual(self.signed()[-1]['decision'], 'confirm-denied')

    def test_one_too_many_is_refused_at_once(self):
        processes = [self.sign(f'text{n}') for n in range(5)]
        for process in processes:
            process.wait(30)
        reasons = sorted(event['reason'] for event in self.signed())
        self.assertEqual(reasons, ['rate-limited'] * 3 + ['timeout'] * 2)


class NoPin(ConfirmTest):
    pin = None

    def test_without_a_way_to_ask_it_is_refused(self):
        self.assertNotEqual(self.ssh().wait(30), 0)
        event, = self.signed()
        self.assertEqual((event['decision'], event['reason']), ('confirm-denied', 'missing'))
        self.assertNotIn('confirm_method', event)

    def test_a_broken_file_of_the_pin_is_no_pin_and_takes_no_new_one(self):
        self.guard.stop()
        self.place.write('state/ssh-agent-guard/pin', 'version 1\nhash x\n')
        self.guard = self.start_guard(None, upstream=self.place.path / 'agent.sock')
        self.guard.wait_output('pin in the state directory')
        self.assertNotEqual(self.ssh().wait(30), 0)
        status, shown = self.enroll(PIN)
        self.assertEqual(status, 1)
        self.assertIn('cannot be read', shown)


class Grants(ConfirmTest):
    POLICY = POLICY.replace('action: confirm', '''action: confirm
    confirm: {remember: 10m, scope: [exe]}''')

    def test_a_yes_holds_for_the_next_one_until_it_is_revoked(self):
        ssh = self.ssh()
        self.assertIn('remembered: a yes holds for 600 s', self.wait_pending()[1])
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(ssh.wait(30), 0)
        self.assertEqual(self.ssh().wait(30), 0)
        first, second = self.signed()
        self.assertEqual(first['grant'], 1)
        self.assertEqual((second['decision'], second['confirm_via'], second['grant']),
                         ('confirmed', 'grant', 1))
        self.assertIn('grant 1, given ', self.guard.command('grants').stdout)
        self.assertEqual(self.guard.command('grants', 'revoke', '1').returncode, 0)
        self.assertEqual(self.guard.command('grants', 'revoke', '1').returncode, 1)
        event, = self.guard.events(trigger='grants-revoked')
        self.assertRegex(event['detail'], r'^by process \d+$')
        self.assertEqual(self.guard.command('grants').stdout, '')
        again = self.ssh()
        self.wait_pending()
        self.guard.command('deny')
        self.assertNotEqual(again.wait(30), 0)

    def test_another_policy_ends_what_was_remembered(self):
        ssh = self.ssh()
        self.wait_pending()
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(ssh.wait(30), 0)
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.assertEqual(self.guard.command('grants').stdout, '')
        self.guard.wait_event(trigger='grants-revoked')

    def test_whoever_is_handed_on_to_another_is_not_remembered_as_his(self):
        """A launcher that ends gives what it has started to a process that has asked for that: it
        seems to be started by whoever started that one, for whom nobody was asked."""
        self.guard.write_policy(self.POLICY.replace('scope: [exe]', 'scope: [exe, ancestor]'))
        self.assertEqual(self.guard.command('reload').returncode, 0)
        taker = self.place.write('taker', f'''
import ctypes, os, subprocess
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
shell = subprocess.Popen(['/bin/bash'], stdin=subprocess.PIPE, text=True)
shell.stdin.write('/usr/bin/timeout --foreground 600 {SSH} -F {self.sshd.client_config} near true\\n')
shell.stdin.flush()
print(shell.pid, flush=True)
while True:
    os.wait()
''')
        process = self.place.spawn('/usr/bin/python3', taker, env=self.guard.env,
                                   stdout=subprocess.PIPE, text=True)
        shell = int(process.stdout.readline())
        process.stdout.close()
        text = self.wait_pending()[1]
        self.assertIn(f'started by bash (pid {shell})', text)
        ssh = pathlib.Path('/proc', re.search(r'\(pid (\d+)\)', text)[1], 'stat')

        def parent():
            return int(ssh.read_text().split()[3])
        os.kill(parent(), signal.SIGKILL)
        wait_until(lambda: parent() == process.pid, 'it is handed on')
        self.assertEqual(self.confirm()[0], 0)
        wait_until(self.signed, 'it has logged in')
        event, = self.signed()
        self.assertEqual(event['decision'], 'confirmed')
        self.assertEqual(self.guard.command('grants').stdout, '')
        self.assertNotIn('grant', event)

    def test_nothing_is_remembered_that_was_not_shown(self):
        """As where another program changes the policy while its person reads."""
        self.guard.write_policy(POLICY)
        self.assertEqual(self.guard.command('reload').returncode, 0)
        ssh = self.ssh()
        self.assertNotIn('remembered', self.wait_pending()[1])
        self.guard.write_policy(self.POLICY)
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(ssh.wait(30), 0)
        self.assertEqual(self.guard.command('grants').stdout, '')
        self.assertNotIn('grant', self.signed()[-1])


class Together(ConfirmTest):
    def test_requests_of_one_command_are_one_question(self):
        script = f'''
import subprocess, sys
ssh = [subprocess.Popen({[SSH, '-F', '{config}', 'near', 'true']!r}) for _ in range(3)]
sys.exit(sum(one.wait() for one in ssh))
'''.replace('{config}', str(self.sshd.client_config))
        fetch = self.place.spawn('/usr/bin/python3', '-c', script, env=self.guard.env)
        wait_until(lambda: 'requests: 3 of the same' in str(self.pending()), 'all wait')
        self.assertEqual(len(self.pending()), 1)
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(fetch.wait(30), 0)
        self.assertEqual([event['decision'] for event in self.signed()], ['confirmed'] * 3)


class Attacks(ConfirmTest):
    """Everything but the first of each test must fail."""

    @property
    def control(self):
        return self.place.runtime / 'ssh-agent-guard' / 'control.sock'

    def test_nothing_on_the_control_socket_says_yes_without_a_ticket(self):
        ssh = self.ssh()
        self.wait_pending()
        for request in ('confirm', 'confirm 1', f'confirm 1 {PIN}', 'confirm 1  ' + PIN,
                        f'confirm 1 {"0" * 32} {PIN}', 'allow 1', 'grant 1'):
            answer = agent_client.control(self.control, request)
            self.assertTrue(answer.startswith(b'failed\n'), answer)
        # Another program than our own gets none.
        answer = agent_client.control(self.control, 'prompt 1')
        self.assertTrue(answer.startswith(b"failed\nonly the guard's own program"), answer)
        answer = agent_client.control(self.control, 'enroll')
        self.assertTrue(answer.startswith(b"failed\nonly the guard's own program"), answer)
        self.assertEqual(len(self.pending()), 1)
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(ssh.wait(30), 0)
        self.assertEqual(self.guard.events(trigger='pin-wrong'), [])

    def test_the_pin_is_in_no_log_no_file_and_not_in_ps(self):
        ssh = self.ssh()
        self.wait_pending()
        terminal = Terminal(self.place, self.guard.program, 'confirm')
        terminal.wait_for('PIN, to say yes')
        terminal.type(PIN)  # and not yet Enter
        for name in os.listdir('/proc'):
            if name.isdigit():
                try:
                    line = pathlib.Path(f'/proc/{name}/cmdline').read_bytes()
                except (FileNotFoundError, ProcessLookupError):
                    continue
                self.assertNotIn(PIN.encode(), line)
        terminal.type('\n')
        self.assertEqual(terminal.end()[0], 0)
        self.assertEqual(ssh.wait(30), 0)
        for base in (self.place.state, self.place.runtime):
            for path in base.rglob('*'):
                if path.is_file():
                    self.assertNotIn(PIN.encode(), path.read_bytes(), path)
        self.assertNotIn(PIN, self.guard.output())
        self.assertEqual((self.guard.state / 'pin').stat().st_mode & 0o777, 0o600)
        self.assertIn('hash $y$', (self.guard.state / 'pin').read_text())

    def test_escapes_of_a_caller_stay_text(self):
        directory = self.place.make_directory(self.place.home / 'a\x1b[2J\nrule: other\u202e')
        self.ssh(cwd=directory)
        text = self.wait_pending()[1]
        self.assertNotIn('\x1b', text)
        self.assertNotIn('\u202e', text)
        self.assertIn('a\\x1b[2J\\x0arule: other\\xe2\\x80\\xae', text)
        self.assertEqual(text.count('\n  rule: '), 1)

    def test_escapes_in_the_names_of_programs_and_hosts_stay_text(self):
        program = self.place.copy_program(SSH, 's\x1b[2Jsh\nrule: other\u202e')
        host = pathlib.Path(f'{self.sshd.host_key}.pub').read_text().split()
        names = self.place.write('names',
                                 f'ho\x1b[2Jst,ho\u202est\u0007 {host[0]} {host[1]}\n')
        self.guard.write_policy('default_action: confirm\nconfirm: {timeout: 60s}\n'
                                f'known_hosts: {{user: [{names}]}}\n')
        self.assertEqual(self.guard.command('reload').returncode, 0)
        ssh = self.place.spawn(program, '-F', self.sshd.client_config, 'near', 'true',
                               env=self.guard.env, stderr=subprocess.DEVNULL)
        text, = self.wait_pending().values()
        self.assertTrue(all(' ' <= c <= '~' or c == '\n' for c in text), ascii(text))
        self.assertIn('s\\x1b[2Jsh\\x0arule: other\\xe2\\x80\\xae', text)
        self.assertIn('ho\\x1b[2jst', text)  # names of hosts have no capitals
        self.assertEqual(text.count('\n  rule: '), 1)
        status, shown = self.confirm()
        self.assertEqual(status, 0, shown)
        for bad in ('\x1b', '\u202e', '\x07'):
            self.assertNotIn(bad, shown)
        self.assertEqual(ssh.wait(30), 0)

    def test_asking_and_leaving_again_and_again_ends(self):
        for _ in range(5):
            ssh = self.ssh()
            self.wait_pending()
            ssh.send_signal(signal.SIGKILL)
            self.wait_pending(0)
        self.assertNotEqual(self.ssh().wait(30), 0)
        self.assertEqual(self.signed()[-1]['reason'], 'unanswered')

    def impostor(self, path):
        """Says what a guard would; returns a function that gives what it was told so far."""
        fake = self.place.write('fake.py', '''
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
while True:
    client = listener.accept()[0]
    request = client.recv(4096)
    print(request, flush=True)
    if request:
        client.sendall(b"ok\\n1 " + b"0" * 32 + b" pin\\nrequest 1\\n")
    client.close()
''')
        told = self.place.path / 'told'
        with told.open('wb') as out:
            self.place.spawn('/usr/bin/python3', fake, path, stdout=out)
        wait_until(pathlib.Path(path).exists, 'the impostor listens')
        return told.read_bytes

    def test_no_pin_is_asked_for_by_a_socket_of_somebody_else(self):
        listen = self.place.path / 'impostor'
        told = self.impostor(f'{listen}.control')
        terminal = Terminal(self.place, self.guard.program, 'confirm', '--listen', str(listen))
        terminal.type(PIN + '\n')
        status, shown = terminal.end()
        self.assertEqual(status, 1)
        self.assertIn('another program', shown)
        self.assertNotIn('PIN', shown.replace(PIN, ''))
        self.assertIn(b'prompt', told())
        self.assertNotIn(PIN.encode(), told())

    def test_nor_is_one_given_to_what_takes_the_place_of_the_guards(self):
        ssh = self.ssh()
        self.wait_pending()
        terminal = Terminal(self.place, self.guard.program, 'confirm')
        terminal.wait_for('PIN, to say yes')
        told = self.impostor(str(self.place.path / 'control'))
        self.guard.process.send_signal(signal.SIGSTOP)
        os.rename(self.place.path / 'control',
                  self.place.runtime / 'ssh-agent-guard' / 'control.sock')
        try:
            terminal.type(PIN + '\n')
            status, shown = terminal.end_or_let_be('PIN, to say yes')
        finally:
            self.guard.process.send_signal(signal.SIGCONT)
        self.assertEqual(status, 1)
        self.assertIn('another program', shown)
        self.assertNotIn(PIN.encode(), told())
        self.assertIsNone(ssh.poll())


if __name__ == '__main__':
    unittest.main()
