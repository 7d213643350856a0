"""The order of confirm.methods where a weak one comes first: a PIN, a window, a YubiKey's slot."""

import unittest

from methods import KEY_FIRST, KeyTest, Methods, enrol_pin
from otpkeys import SLOT_PIN, OtpTest, Slot, YubiKey
from terminal import Terminal
from test_touch import PIN


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

    def test_whoever_types_the_pin_is_told_when_the_key_is_asked_instead(self):
        ssh = self.ssh()
        self.wait_pending()
        terminal = Terminal(self.place, self.guard.program, 'confirm')
        terminal.wait_for('PIN, to say yes')
        terminal.type(PIN[:4])
        for _ in range(5):
            self.assertEqual(self.by_pin('wrong one')[0], 1)
        status, shown = terminal.end()
        self.assertEqual(status, 1)
        self.assertIn('asks: touch; not pin: the PIN was wrong too often', shown)
        self.assertIn('ssh-agent-guard confirm 1 goes on with what is', shown)
        self.one.touch()
        self.assertEqual(ssh.wait(60), 0)

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
