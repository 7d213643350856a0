"""The order of confirm.methods: the first one that can be used asks, and no later one says yes to
what it asks; where it turns out to be of no use, the next one takes over, and all is told."""

import os
import pathlib
import re
import signal
import subprocess
import unittest

import events
import softkeys
from guard import SSH, SSH_KEYGEN, wait_until
from otpkeys import SLOT_PIN, OtpTest, Slot, YubiKey
from place import descendants
from terminal import Terminal
from test_touch import PIN, TouchTest

KEY_FIRST = f'''
default_action: deny
confirm: {{timeout: 120s, methods: [touch, pin]}}
rules:
  - name: ask
    match: {{exe: [{SSH}, {SSH_KEYGEN}]}}
    action: confirm
'''


def enrol_pin(test, touch=None):
    terminal = Terminal(test.place, test.guard.program, 'enroll', 'pin')
    for question in ('The new PIN: ', 'again: '):
        terminal.wait_for(question)
        terminal.type(PIN + '\n')
    if touch:
        touch()
    status, shown = terminal.end()
    test.assertEqual(status, 0, shown)


class Methods:
    """What a person, and an attacker, does."""

    @property
    def directory(self):
        return self.place.runtime / 'ssh-agent-guard' / 'pending'

    def by_pin(self, pin=PIN, question='PIN, to say yes'):
        terminal = Terminal(self.place, self.guard.program, 'confirm')
        terminal.wait_for(question)
        terminal.type(pin + '\n')
        return terminal.end()

    def asks(self):
        """{id: what `pending` says of whose turn it is}"""
        return {number: re.search(r'(?m)^  asks: (.*)$', text).group(1)
                for number, text in self.pending().items()}

    def wait_asks(self, words):
        """Until the only request that waits is asked so."""
        try:
            wait_until(lambda: list(self.asks().values()) == [words], f'{words!r} is asked')
        except AssertionError as error:
            raise AssertionError(f'{error}\n{self.pending()}\n{self.guard.output()}') from None

    def last(self):
        event = self.signed()[-1]
        return (event['decision'], event.get('reason') or event['confirm_method'],
                event.get('confirm_passed_over'))

    def wait_status(self, state, text):
        def told():
            status = self.guard.status()
            return status['state'] == state and text in status['text']
        try:
            wait_until(told, f'the status says {state}, {text}')
        except AssertionError as error:
            raise AssertionError(f'{error}: {self.guard.status()}') from None


class KeyTest(Methods, TouchTest):
    POLICY = KEY_FIRST

    def setUp(self):
        super().setUp()
        self.one = self.softkeys['one']
        enrol_pin(self, self.one.touch)

    def vanish(self, key=None):
        key = key or self.one
        key.say('vanish')
        key.wait('gone')


class KeyThere(KeyTest):
    def test_the_key_asks_and_it_alone_says_yes(self):
        ssh = self.ssh()
        self.one.wait('waiting get')
        self.wait_asks('touch')
        self.wait_status('confirming', 'TOUCH YK: ')
        # No script is offered a FIFO, and no PIN is asked for.
        self.assertEqual(list(self.directory.glob('*')), [])
        terminal = Terminal(self.place, self.guard.program, 'confirm')
        terminal.wait_for('Touch the security key to say yes')
        self.one.say('touch')
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        self.assertNotIn('PIN, to say yes', shown)
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'touch', None))

    def test_a_no_is_a_no_from_anywhere(self):
        for say_no in (lambda: self.one.say('refuse'), lambda: self.guard.command('deny'),
                       lambda: self.guard.command('deny', '--all')):
            ssh = self.ssh()
            self.one.wait('waiting get')
            say_no()
            self.assertNotEqual(ssh.wait(60), 0)
            self.assertEqual(self.last(), ('confirm-denied', 'denied', None))
            self.assertEqual(self.pending(), {})

    def test_the_end_of_its_time_ends_it(self):
        self.guard.write_policy(self.POLICY.replace('120s', '3s'))
        self.assertEqual(self.guard.command('reload').returncode, 0)
        ssh = self.ssh()
        self.one.wait('waiting get')
        self.assertNotEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirm-denied', 'timeout', None))
        self.assertEqual(self.pending(), {})

    def test_a_wrong_touch_leaves_it_to_the_next_one_and_it_is_told(self):
        self.one.say('lie self')
        ssh = self.ssh()
        self.one.touch()
        self.wait_asks('pin (weak); not touch: what it answered is not good')
        self.assertEqual(self.by_pin()[0], 0)
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'pin', ['touch: invalid']))

    def test_a_helper_that_dies_again_and_again_is_given_up(self):
        before = descendants(self.guard.pid)
        ssh = self.ssh()

        def kill_helper():
            for pid in descendants(self.guard.pid) - before:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return 'asks: pin' in ''.join(self.pending().values())
        wait_until(kill_helper, 'another method takes over')
        self.wait_asks('pin (weak); not touch: it has failed')
        self.assertEqual(self.by_pin()[0], 0)
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'pin', ['touch: failed']))


class KeyAway(KeyTest):
    def setUp(self):
        super().setUp()
        self.vanish()

    def test_the_next_one_takes_over_and_the_event_says_so(self):
        ssh = self.ssh()
        self.wait_asks('pin (weak); not touch: no key of yours is plugged in')
        self.guard.wait_output('by another method from now on: pin')
        self.wait_status('confirming', 'CONFIRM: ')
        wait_until(lambda: self.guard.status()['pending']['confirm_method'] == 'pin',
                   'so does what waits')
        self.assertEqual(self.by_pin()[0], 0)
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'pin', ['touch: no-key']))
        self.assertIs(self.signed()[-1]['confirm_weak'], True)

    def test_whoever_waits_for_the_touch_is_asked_for_the_pin(self):
        ssh = self.ssh()
        self.wait_pending()
        terminal = Terminal(self.place, self.guard.program, 'confirm')
        terminal.wait_for('PIN, to say yes')
        terminal.type(PIN + '\n')
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        self.assertEqual(ssh.wait(60), 0)

    def test_a_script_finds_its_fifo_then(self):
        ssh = self.ssh()
        path = self.directory / '1.yaml'
        wait_until(path.exists, 'the request has a file')
        request = events.read_documents(path.read_text())[0]
        self.assertEqual(request['asks'],
                         'pin (weak); not touch: no key of yours is plugged in')
        (self.directory / '1.fifo').write_text(f'allow {request["nonce"]} {PIN}\n')
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'pin', ['touch: no-key']))

    def test_a_key_that_is_plugged_in_meanwhile_may_answer_too(self):
        for by_key in (True, False):
            ssh = self.ssh()
            self.wait_asks('pin (weak); not touch: no key of yours is plugged in')
            self.one.say('appear')
            self.one.wait('waiting get')
            self.wait_asks('pin (weak); or again touch')
            if by_key:
                self.one.say('touch')
            else:
                self.assertEqual(self.by_pin()[0], 0)
            self.assertEqual(ssh.wait(60), 0)
            self.assertEqual(self.last(), ('confirmed', 'touch', None) if by_key else
                             ('confirmed', 'pin', ['touch: no-key']))
            self.assertEqual('approval' in self.signed()[-1], by_key)
            self.vanish()
        self.assertEqual(self.verify_approvals()[0], 0)

    def test_those_behind_it_are_told_as_well_and_each_has_its_own_turn(self):
        first = self.ssh()
        self.wait_asks('pin (weak); not touch: no key of yours is plugged in')
        second = self.ssh()
        wait_until(lambda: len(self.pending()) == 2, 'both wait')
        self.assertEqual(set(self.asks().values()),
                         {'pin (weak); not touch: no key of yours is plugged in'})
        self.assertEqual(self.guard.command('deny', '1').returncode, 0)
        self.assertNotEqual(first.wait(60), 0)
        self.assertEqual(self.by_pin()[0], 0)
        self.assertEqual(second.wait(60), 0)

    def test_the_pin_is_locked_and_the_key_is_waited_for(self):
        ssh = self.ssh()
        self.wait_pending()
        for _ in range(5):
            status, shown = self.by_pin('wrong one')
            self.assertEqual(status, 1)
        self.assertIn('locked until', shown)
        self.wait_asks('touch')
        self.assertIsNone(ssh.poll())
        self.one.say('appear')
        self.one.touch()
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'touch', None))


class KeyVanishes(KeyTest):
    keys_there = {'one': (), 'two': ()}
    enrolled = {'one': ''}

    def setUp(self):
        super().setUp()
        self.two = self.softkeys['two']
        self.enrol_one('two', yes='one')

    def test_only_the_last_key_that_leaves_leaves_it_to_the_next_one(self):
        ssh = self.ssh()
        self.one.wait('waiting get')
        self.two.wait('waiting get')
        self.vanish(self.one)
        self.wait_asks('touch')
        self.vanish(self.two)
        self.wait_asks('pin (weak); not touch: the key was pulled out')
        self.assertEqual(self.by_pin()[0], 0)
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'pin', ['touch: key-removed']))

    def test_while_one_is_left_it_is_that_one(self):
        ssh = self.ssh()
        self.one.wait('waiting get')
        self.two.wait('waiting get')
        self.vanish(self.one)
        # As long as it would take to be noticed: the key is looked for twice a second.
        told = len(self.guard.output())
        self.assertEqual(self.asks(), {1: 'touch'})
        self.two.say('touch')
        self.assertEqual(ssh.wait(60), 0)
        self.assertNotIn('by another method', self.guard.output()[told:])
        self.assertEqual(self.last(), ('confirmed', 'touch', None))

    def test_one_that_may_not_be_opened_is_of_no_use_and_that_is_told(self):
        """So it is, too, where another program keeps it busy: whoever can do that gets as far as
        the next method, and no further."""
        for key in (self.one, self.two):
            key.path.chmod(0)
        ssh = self.ssh()
        self.wait_asks('pin (weak); not touch: a key is plugged in, and cannot be used')
        self.assertEqual(self.by_pin()[0], 0)
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'pin', ['touch: key-unusable']))


# As somebody would who has put his own program in the place of the guard's: the worst that a
# program of the same user can do to be believed, where the guard is not installed by root.
CONTROL = r'''
import re, socket, sys
def ask(text):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.sendall(text.encode() + b'\n')
    answer = b''
    while chunk := s.recv(4096):
        answer += chunk
    return answer.decode()
told = ask('prompt 1')
nonce, how = re.search(r'1 ([0-9a-f]{32}) (\S+)', told).groups()
print(how)
print(ask(f'confirm 1 {nonce} {sys.argv[2]}'))
'''


class Attacks(KeyTest):
    """Each by the user's own account, with the right PIN, while the key is plugged in."""

    def check_key_alone_says_yes(self, ssh):
        self.assertIsNone(ssh.poll())
        self.assertEqual(self.asks(), {1: 'touch'})
        self.assertEqual(self.signed(), [])
        # Nor was the PIN looked at, which would tell whether it is right.
        self.assertEqual(self.guard.events(trigger='pin-wrong'), [])
        self.one.say('touch')
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'touch', None))

    def test_the_pin_over_the_control_socket(self):
        ssh = self.ssh()
        self.one.wait('waiting get')
        program = pathlib.Path(self.guard.program)
        program.rename(program.with_name('moved'))
        self.place.copy_program('/usr/bin/python3', program.name)
        control = self.place.runtime / 'ssh-agent-guard' / 'control.sock'
        for pin in (PIN, 'wrong one'):
            done = self.place.run(program, '-c', CONTROL, control, pin)
            how, answer = done.stdout.split('\n', 1)
            self.assertEqual(how, 'touch', done.stderr)
            self.assertTrue(answer.startswith('failed'), answer)
            self.assertIn('the PIN is not what is asked for (see confirm.methods): touch', answer)
        program.unlink()
        program.with_name('moved').rename(program)
        self.check_key_alone_says_yes(ssh)

    def test_the_pin_through_a_fifo(self):
        ssh = self.ssh()
        self.one.wait('waiting get')
        self.assertEqual(list(self.directory.glob('*')), [])
        # Nor is one read that somebody else puts there.
        self.place.run_ok('/bin/mkdir', '-p', '-m', '700', self.directory)
        self.place.run_ok('/usr/bin/mkfifo', self.directory / '1.fifo')
        write = self.place.spawn('/bin/sh', '-c',
                                 f'echo "allow {"0" * 32} {PIN}" > {self.directory}/1.fifo')
        self.check_key_alone_says_yes(ssh)
        self.assertIsNone(write.poll())
        write.kill()

    def test_with_the_fifo_of_another_request(self):
        """One whose turn has come to the PIN, while another one is asked for a touch."""
        self.vanish()
        first = self.ssh()
        path = self.directory / '1.yaml'
        wait_until(path.exists, 'the request has a file')
        nonce = events.read_documents(path.read_text())[0]['nonce']
        self.one.say('appear')
        self.one.wait('waiting get')
        second = self.ssh()
        wait_until(lambda: self.asks().get(2) == 'touch', 'the second one is asked for a touch')
        self.assertFalse((self.directory / '2.fifo').exists())
        (self.directory / '1.fifo').write_text(f'allow {nonce} {PIN}\n')
        self.assertEqual(first.wait(60), 0)
        self.assertIsNone(second.poll())
        self.assertEqual(self.asks(), {2: 'touch'})
        self.one.touch()
        self.assertEqual(second.wait(60), 0)


class WeakFirst(KeyTest):
    POLICY = KEY_FIRST.replace('[touch, pin]', '[pin, touch]')

    def test_the_key_is_not_asked_while_the_pin_is(self):
        ssh = self.ssh()
        self.wait_asks('pin (weak)')
        status, shown = self.by_pin()
        self.assertEqual(status, 0, shown)
        self.assertEqual(ssh.wait(60), 0)
        self.assertNotIn('waiting get', ' '.join(self.one.said()))
        self.assertEqual(self.last(), ('confirmed', 'pin', None))

    def test_a_locked_pin_is_followed_by_the_key(self):
        ssh = self.ssh()
        self.wait_pending()
        for _ in range(5):
            self.assertEqual(self.by_pin('wrong one')[0], 1)
        self.one.wait('waiting get')
        self.wait_asks('touch; not pin: the PIN was wrong too often')
        self.assertEqual(list(self.directory.glob('*.fifo')), [])
        self.one.say('touch')
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'touch', ['pin: pin-locked']))
        # From the beginning, too.
        ssh = self.ssh()
        self.one.touch()
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'touch', ['pin: pin-locked']))

    def test_what_shows_and_checks_the_policy_says_so(self):
        done = self.guard.command('policy', 'show', self.guard.policy)
        self.assertIn('methods: [pin, touch]\n', done.stdout)
        done = self.guard.command('policy', 'lint', self.guard.policy)
        self.assertIn('pin (weak) asks before touch', done.stdout + done.stderr)


class OfRule(KeyTest):
    POLICY = KEY_FIRST + '    confirm: {method: [pin, touch]}\n'

    def test_a_rule_has_an_order_of_its_own(self):
        ssh = self.ssh()
        self.wait_asks('pin (weak)')
        self.assertEqual(self.by_pin()[0], 0)
        self.assertEqual(ssh.wait(60), 0)
        self.assertNotIn('waiting get', ' '.join(self.one.said()))


class Windows(KeyTest):
    """With an askpass first, which does what its first line says."""
    POLICY = KEY_FIRST.replace('[touch, pin]', '[askpass, touch, pin]')

    def start_guard(self, policy, **options):
        self.script = self.place.write('bin/askpass', self.script_of('exit 1'), mode=0o700)
        return super().start_guard(policy, env={'SSH_ASKPASS': str(self.script)}, **options)

    def script_of(self, what):
        return f'#!/bin/sh\n{what}\n'

    def does(self, what):
        self.script.write_text(self.script_of(what))

    def test_a_window_that_crashes_is_followed_by_the_next_one(self):
        self.does('kill -SEGV $$')
        ssh = self.ssh()
        self.one.wait('waiting get')
        self.wait_asks('touch; not askpass: it has failed')
        self.one.say('touch')
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'touch', ['askpass: failed']))

    def test_no_program_is_followed_through_to_the_last_one(self):
        self.script.unlink()
        self.vanish()
        ssh = self.ssh()
        self.wait_asks('pin (weak); not askpass: it has failed; not touch: no key of yours is '
                       'plugged in')
        self.assertEqual(self.by_pin()[0], 0)
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(),
                         ('confirmed', 'pin', ['askpass: failed', 'touch: no-key']))

    def test_its_no_ends_it_and_its_yes_is_one(self):
        self.does('exit 1')
        self.assertNotEqual(self.ssh().wait(60), 0)
        self.assertEqual(self.last(), ('confirm-denied', 'denied', None))
        self.does('exit 0')
        self.assertEqual(self.ssh().wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'askpass', None))
        self.assertNotIn('waiting get', ' '.join(self.one.said()))

    def test_while_it_stands_nothing_else_says_yes(self):
        self.does('exec sleep 600')
        ssh = self.ssh()
        self.wait_asks('askpass (weak)')
        terminal = Terminal(self.place, self.guard.program, 'confirm')
        terminal.wait_for('Say yes in the window that asks for it')
        self.assertNotIn('waiting get', ' '.join(self.one.said()))
        self.assertEqual(self.guard.command('deny').returncode, 0)
        self.assertNotEqual(terminal.end()[0], 0)
        self.assertNotEqual(ssh.wait(60), 0)

    def test_nobody_from_afar_is_shown_a_window(self):
        self.guard.env = {**self.guard.env, 'SSH_CONNECTION': 'a 1 b 2'}
        self.does('exit 0')
        ssh = self.ssh()
        # But that he seems to be away does not get him round the key.
        self.one.touch()
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'touch', ['askpass: away']))


class OtpMethods(Methods, OtpTest):
    METHODS = '[otp, pin]'

    def setUp(self):
        self.POLICY = KEY_FIRST.replace('[touch, pin]', self.METHODS)
        super().setUp()
        enrol_pin(self, self.agree)

    def agree(self):
        self.desk.touch_twice()


class Slots(OtpMethods):
    def test_a_slot_that_is_there_asks(self):
        ssh = self.ssh()
        self.desk.wait_blinking()
        self.wait_asks('otp (weak)')
        self.assertEqual(list(self.directory.glob('*')), [])
        self.desk.touch_twice()
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'otp', None))

    def test_no_yubikey_or_another_one_is_followed_by_the_pin(self):
        self.desk.pull()
        ssh = self.ssh()
        self.wait_asks('pin (weak); not otp: no key of yours is plugged in')
        self.assertEqual(self.by_pin()[0], 0)
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'pin', ['otp: no-key']))
        self.desk.plug(YubiKey(1234, slot2=Slot(b'other' * 4)))
        ssh = self.ssh()
        self.wait_asks('pin (weak); not otp: no key of yours is plugged in')
        # The one that is enrolled may answer once it is plugged in.
        self.desk.plug(self.yubikey)
        self.desk.touch_twice()
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'otp', None))

    def test_one_that_is_pulled_out_between_the_touches(self):
        ssh = self.ssh()
        self.desk.touch()
        self.desk.wait_blinking()
        self.desk.pull()
        self.wait_asks('pin (weak); not otp: the key was pulled out')
        self.assertEqual(self.by_pin()[0], 0)
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'pin', ['otp: key-removed']))

    def test_a_recorded_answer_is_followed_by_the_pin_and_told(self):
        first, _ = self.works()
        self.desk.answers_with = first.answer
        ssh = self.ssh()
        self.desk.touch()
        self.wait_asks('pin (weak); not otp: what it answered is not good')
        self.assertEqual(self.by_pin()[0], 0)
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'pin', ['otp: invalid']))


class SlotPins(OtpMethods):
    METHODS = '[otp-pin, pin]'
    enrolled = False

    def setUp(self):
        super().setUp()
        self.desk.plug(self.yubikey)

    def test_the_pin_of_the_slot_goes_before_that_of_the_account(self):
        self.enrol_slot()
        ssh = self.ssh()
        self.wait_asks('otp-pin (weak)')
        self.assertEqual(self.by_pin(SLOT_PIN, "PIN for the YubiKey's slot")[0], 0)
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'otp-pin', None))

    def test_where_no_yubikey_can_check_it_that_of_the_account_is_asked_for(self):
        self.enrol_slot()
        self.desk.pull()
        ssh = self.ssh()
        self.wait_asks('otp-pin (weak)')
        status, shown = self.by_pin(SLOT_PIN, "PIN for the YubiKey's slot")
        self.assertEqual(status, 1)
        self.wait_asks('pin (weak); not otp-pin: no key of yours is plugged in')
        self.assertEqual(self.by_pin()[0], 0)
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'pin', ['otp-pin: no-key']))

    def agree(self):
        """Nothing is enrolled before the PIN."""

    def enrol_slot(self):
        terminal = Terminal(self.place, self.guard.program, 'enroll', 'otp', '--pin', '--name',
                            'pinslot')
        terminal.wait_for('The PIN that is set: ')
        terminal.type(PIN + '\n')
        for question in ('The new PIN: ', 'The new PIN again: '):
            terminal.wait_for(question)
            terminal.type(SLOT_PIN + '\n')
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)


if __name__ == '__main__':
    unittest.main()
