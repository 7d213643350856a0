"""YubiKeys by their OTP slots: real ssh waits for two touches or a PIN, no answer is good twice, and
what is no answer is refused, each in its own words."""

import os
import shutil
import signal
import time
import unittest

from guard import wait_until
from otpkeys import POLICY, SERIAL, SLOT_PIN, OtpTest, Slot, YubiKey
from place import FSYNC, descendants, without_fsync
from terminal import Terminal

SETTLED_S = 2.5  # a little longer than src/agent/own_file.c has it
BY_PIN = POLICY.replace('confirm: otp\n', 'confirm: otp-pin\n')


class Touches(OtpTest):
    def test_two_touches_let_ssh_log_in(self):
        with (self.place.path / 'out').open('w+') as out:
            ssh = self.ssh('echo hello', stdout=out)
            first = self.desk.wait_blinking()
            text, = self.wait_pending().values()
            self.assertIn('methods: otp (weak)\n', text)
            self.assertIn('otp: touch the YubiKey to say yes\n', text)
            self.desk.touch()
            second = self.desk.wait_blinking()
            self.assertIn('otp: touch it once more', ''.join(self.pending().values()))
            self.assertIsNone(ssh.poll())
            self.assertEqual(self.signed(), [])
            self.desk.touch()
            self.assertEqual(ssh.wait(60), 0)
            out.seek(0)
            self.assertEqual(out.read(), 'hello\n')
        self.assertNotEqual(first.challenge, second.challenge)
        event, = self.signed()
        self.assertEqual((event['decision'], event['confirm_method'], event['confirm_via'],
                          event['confirm_weak']), ('confirmed', 'otp', 'otp', True))
        self.assertNotIn('approval', event)

    def test_a_signature_of_data_waits_for_them_as_well(self):
        sign = self.sign()
        self.desk.touch()
        self.desk.wait_blinking()
        self.assertIsNone(sign.poll())
        self.desk.touch()
        self.assertEqual(sign.wait(60), 0)

    def test_each_yes_has_a_challenge_of_its_own_and_outlasts_a_restart(self):
        pairs = [self.works(), self.works()]
        self.guard.stop()
        self.restart()
        pairs.append(self.works())
        for (_, rolled), (asked, _) in zip(pairs, pairs[1:]):
            self.assertEqual(rolled.challenge, asked.challenge)
        challenges = [pair[0].challenge for pair in pairs]
        self.assertEqual(len(set(challenges)), 3)
        self.assertEqual(self.state().stat().st_mode & 0o777, 0o600)

    def test_what_is_kept_is_no_answer(self):
        self.works()
        kept = self.state().read_text()
        for asked in self.desk.answered:
            self.assertNotIn(asked.answer.hex(), kept)
        for path in (*self.place.state.rglob('*'), *self.place.runtime.rglob('*')):
            if path.is_file():
                for asked in self.desk.answered:
                    self.assertNotIn(asked.answer.hex(), path.read_text(errors='replace'), path)

    def test_an_answer_that_was_recorded_is_worth_nothing(self):
        first, _ = self.works()
        self.desk.answers_with = first.answer
        ssh = self.ssh()
        self.desk.touch()
        self.assertNotEqual(ssh.wait(60), 0)
        event = self.signed()[-1]
        self.assertEqual((event['decision'], event['reason']), ('confirm-denied', 'otp-invalid'))
        detail = self.guard.wait_event(trigger='otp-refused')['detail']
        self.assertIn(f'slot 2 of the YubiKey {SERIAL}', detail)
        self.assertIn('not the answer that is expected', detail)
        # The YubiKey itself is as good as before.
        self.desk.answers_with = None
        self.works()

    def test_another_yubikey_with_the_same_number_is_refused(self):
        self.desk.plug(YubiKey(SERIAL, slot2=Slot(b'evil' * 5)))
        ssh = self.ssh()
        self.desk.touch()
        self.assertNotEqual(ssh.wait(60), 0)
        self.assertEqual(self.signed()[-1]['reason'], 'otp-invalid')

    def test_a_slot_that_answers_without_a_touch_is_refused_before_it_is_asked(self):
        self.yubikey.slots[2].touch = False
        before = list(self.desk.answered)
        ssh = self.ssh()
        self.assertNotEqual(ssh.wait(60), 0)
        self.assertEqual(self.signed()[-1]['reason'], 'otp-failed')
        self.assertIn('answers without a touch',
                      self.guard.wait_event(trigger='otp-failed')['detail'])
        # What it answered was the question that means nothing.
        kept = self.state().read_text()
        for asked in self.desk.answered[len(before):]:
            self.assertNotIn(asked.challenge.hex(), kept)

    def test_no_other_touch_counts_and_one_request_is_asked_at_a_time(self):
        began = time.monotonic()
        first, second = self.ssh(), self.ssh()
        asked = self.desk.wait_blinking()
        self.assertGreaterEqual(time.monotonic() - began, 0.7)
        texts = self.wait_pending(2)
        self.assertEqual(sorted('otp: not yet' in text for text in texts.values()), [False, True])
        live = min(texts)
        began = time.monotonic()
        self.guard.command('deny', str(live))
        wait_until(lambda: asked not in self.desk.waiting, 'it is called off')
        self.desk.wait_blinking()
        self.assertGreaterEqual(time.monotonic() - began, 0.7)
        self.desk.touch_twice()
        wait_until(lambda: len(self.signed()) == 2, 'both are told')
        self.assertEqual(sorted(ssh.wait(60) == 0 for ssh in (first, second)), [False, True])

    def test_whoever_leaves_or_is_denied_ends_the_program(self):
        # By number: the guard replaces its reader of callers where a busy machine lets that look stuck.
        before = len(descendants(self.guard.pid))
        for leave in (lambda ssh: ssh.kill(), lambda ssh: self.guard.command('deny')):
            ssh = self.ssh()
            self.desk.wait_blinking()
            self.assertGreater(len(descendants(self.guard.pid)), before)
            leave(ssh)
            self.desk.wait_dark()
            self.assertNotEqual(ssh.wait(60), 0)
            wait_until(lambda: len(descendants(self.guard.pid)) <= before, 'nothing is left')
        wait_until(lambda: len(self.signed()) == 2, 'both are told')
        self.assertEqual([event['reason'] for event in self.signed()], ['cancelled', 'denied'])
        self.works()

    def test_confirm_shows_it_and_waits_for_the_touches(self):
        ssh = self.ssh()
        self.wait_pending()
        terminal = Terminal(self.place, self.guard.program, 'confirm')
        terminal.wait_for('Touch the YubiKey when it blinks')
        self.desk.touch_twice()
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        self.assertIn('confirmed', shown)
        self.assertEqual(ssh.wait(60), 0)

    def test_the_guard_serves_others_while_it_waits(self):
        ssh = self.ssh()
        self.desk.wait_blinking()
        for _ in range(20):
            began = time.monotonic()
            self.assertEqual(self.guard.command('status').returncode, 0)
            self.assertLess(time.monotonic() - began, 10)
        self.assertIsNone(ssh.poll())
        ssh.kill()


    def test_a_yubikey_that_was_exchanged_says_nothing_for_the_one_that_was_found(self):
        """At the same place, between the two touches, so that its answer would be expected from then
        on."""
        other = YubiKey(1234, slot2=Slot(b'other' * 4))
        ssh = self.ssh()
        self.desk.touch()
        second = self.desk.wait_blinking()
        self.desk.plug(other)
        self.desk.answers_with = other.slots[2].answer(second.challenge)
        self.desk.touch()
        self.wait_words('the YubiKey that is plugged in is not enrolled')
        self.assertIsNone(ssh.poll())
        self.assertEqual(self.signed(), [])
        self.desk.answers_with = None
        self.desk.plug(self.yubikey)
        self.desk.touch_twice()
        self.assertEqual(ssh.wait(60), 0)
        self.works()


class Words(OtpTest):
    """What is wrong is told apart."""

    def test_no_yubikey_and_one_that_is_plugged_in_while_somebody_waits(self):
        self.desk.pull()
        ssh = self.ssh()
        self.wait_words('no YubiKey is plugged in')
        self.desk.plug(self.yubikey)
        self.desk.touch_twice()
        self.assertEqual(ssh.wait(60), 0)

    def test_a_yubikey_that_is_not_enrolled(self):
        stranger = self.desk.plug(YubiKey(1234, slot2=Slot(b'other' * 4)))
        ssh = self.ssh()
        self.wait_words('the YubiKey that is plugged in is not enrolled')
        self.assertEqual([asked for asked in self.desk.answered if asked.key is stranger], [])
        # The enrolled one beside it is found.
        self.desk.plug(stranger, self.yubikey)
        self.assertIs(self.desk.touch().key, self.yubikey)
        self.assertIs(self.desk.touch().key, self.yubikey)
        self.assertEqual(ssh.wait(60), 0)

    def test_a_slot_that_is_not_configured_or_set_up_for_something_else(self):
        slot = self.yubikey.slots.pop(2)
        ssh = self.ssh()
        self.wait_words('slot that is wanted of the YubiKey is not configured')
        self.yubikey.slots[2] = Slot(None)
        self.assertNotEqual(ssh.wait(60), 0)
        self.assertEqual(self.signed()[-1]['reason'], 'otp-failed')
        self.assertIn('not set up for challenge-response',
                      self.guard.wait_event(trigger='otp-failed')['detail'])
        self.yubikey.slots[2] = slot
        self.works()

    def test_nobody_touches_it_in_time(self):
        self.desk.patience_s = 0.3
        ssh = self.ssh()
        self.wait_words('nobody touched the YubiKey in time')
        self.desk.patience_s = 60
        self.desk.touch_twice()
        self.assertEqual(ssh.wait(60), 0)

    def test_it_is_pulled_out_before_or_between_the_touches(self):
        ssh = self.ssh()
        self.desk.wait_blinking()
        self.desk.pull()
        self.wait_words('the YubiKey was pulled out')
        self.desk.plug(self.yubikey)
        first = self.desk.touch()
        self.desk.wait_blinking()
        self.desk.pull()
        self.wait_words('the YubiKey was pulled out')
        self.desk.plug(self.yubikey)
        # From the beginning, because it may be another one.
        again = self.desk.touch()
        self.assertEqual(again.challenge, first.challenge)
        self.assertIsNone(ssh.poll())
        self.desk.touch()
        self.assertEqual(ssh.wait(60), 0)

    def test_other_trouble_with_it(self):
        for trouble, words in ((('usb', 'Resource busy'), 'another program uses the YubiKey'),
                               (('usb', 'Access denied (insufficient permissions)'),
                                'may not open the YubiKey'),
                               (('core', 'timeout'), 'does not tell its serial number')):
            self.desk.trouble = trouble
            ssh = self.ssh()
            self.wait_words(words)
            self.desk.trouble = None
            self.desk.touch_twice()
            self.assertEqual(ssh.wait(60), 0)

    def test_a_program_is_missing(self):
        for name in ('ykinfo', 'ykchalresp'):
            (self.desk.path / name).unlink()
            ssh = self.ssh()
            self.assertNotEqual(ssh.wait(60), 0)
            self.assertEqual(self.signed()[-1]['reason'], 'otp-failed')
            self.assertIn('is missing (install yubikey-personalization)',
                          self.guard.events(trigger='otp-failed')[-1]['detail'])
            self.desk.put_program(name)
        self.works()

    def test_a_program_that_others_may_change_is_not_run(self):
        program = self.desk.path / 'ykchalresp'
        program.chmod(0o775)
        ssh = self.ssh()
        self.assertNotEqual(ssh.wait(60), 0)
        self.assertIn('can be changed by somebody else',
                      self.guard.wait_event(trigger='otp-failed')['detail'])

    def test_a_program_that_makes_no_sense_is_nothing(self):
        (self.desk.path / 'ykinfo').unlink()
        shutil.copyfile('/bin/echo', self.desk.path / 'ykinfo')
        (self.desk.path / 'ykinfo').chmod(0o755)
        ssh = self.ssh()
        self.assertNotEqual(ssh.wait(120), 0)
        self.assertEqual(self.signed()[-1]['reason'], 'otp-failed')


class Pins(OtpTest):
    POLICY = BY_PIN
    enrolled = False

    def setUp(self):
        super().setUp()
        status, shown = self.enrol_pin_slot()
        self.assertEqual(status, 0, shown)

    def test_the_pin_lets_ssh_log_in_and_is_nowhere(self):
        ssh = self.ssh()
        text, = self.wait_pending().values()
        self.assertIn('methods: otp-pin (weak)\n', text)
        status, shown = self.confirm(SLOT_PIN)
        self.assertEqual(status, 0, shown)
        self.assertEqual(ssh.wait(60), 0)
        event, = self.signed()
        self.assertEqual((event['decision'], event['confirm_method'], event['confirm_weak']),
                         ('confirmed', 'otp-pin', True))
        for directory in (self.place.state, self.place.runtime, self.place.path / 'tmp'):
            for path in directory.rglob('*'):
                if path.is_file():
                    self.assertNotIn(SLOT_PIN.encode(), path.read_bytes(), path)
                    self.assertNotIn(SLOT_PIN.encode().hex(),
                                     path.read_text(errors='replace'), path)
        # The YubiKey never sees it, nor the same question twice.
        challenges = [asked.challenge for asked in self.desk.answered]
        self.assertEqual(len(challenges), 3)
        self.assertEqual(challenges[0], challenges[1])
        self.assertEqual(len(set(challenges)), 2)
        for challenge in challenges:
            self.assertEqual(len(challenge), 32)
            self.assertNotIn(SLOT_PIN.encode(), challenge)

    def test_wrong_ones_are_counted_and_lock_it_across_restarts(self):
        ssh = self.ssh()
        self.wait_pending()
        for left in (4, 3):
            status, shown = self.confirm('not this one')
            self.assertEqual(status, 1)
            self.assertIn(f'wrong PIN for the YubiKey; {left} more and it is locked', shown)
        ssh.kill()
        ssh.wait()
        self.guard.stop()
        self.restart()
        ssh = self.ssh()
        self.wait_pending()
        self.assertIn('2 more', self.confirm('not this one')[1])
        self.assertIn('1 more', self.confirm('not this one')[1])
        self.assertIn('it is locked until', self.confirm('not this one')[1])
        self.assertNotEqual(ssh.wait(60), 0)
        self.assertEqual(self.signed()[-1]['reason'], 'pin-locked')
        self.assertNotEqual(self.ssh().wait(60), 0)
        self.assertEqual(self.signed()[-1]['reason'], 'pin-locked')
        self.guard.wait_event(trigger='pin-locked')

    def test_who_takes_a_try_back_as_quickly_as_it_was_counted_is_seen(self):
        ssh = self.ssh()
        self.wait_pending()
        self.assertEqual(self.confirm('not this one')[0], 1)
        # For longer than the guard looks by itself: what it wrote itself is no change.
        time.sleep(SETTLED_S)
        self.assertEqual(self.guard.events(trigger='enrolment-changed'), [])
        terminal = Terminal(self.place, self.guard.program, 'confirm')
        terminal.wait_for("PIN for the YubiKey's slot")
        terminal.type('not this one\n')
        wait_until(lambda: 'tries 2 ' in self.state().read_text(), 'it is counted')
        before = self.state().stat()
        text = self.state().read_text()
        with open(self.state(), 'r+') as file:
            file.write(text.replace('tries 2 ', 'tries 0 '))
        os.utime(self.state(), ns=(before.st_atime_ns, before.st_mtime_ns))
        self.guard.wait_event(trigger='enrolment-changed')
        terminal.end_or_let_be("PIN for the YubiKey's slot")
        # The guard itself goes on to count.
        self.assertIn('2 more', self.confirm('not this one')[1])
        self.assertEqual(self.confirm(SLOT_PIN)[0], 0)
        self.assertEqual(ssh.wait(60), 0)

    @unittest.skipUnless(os.uname().machine in FSYNC, 'not known how to play such a disk')
    def test_the_yubikey_is_asked_once_the_try_is_on_the_disk(self):
        """Else whoever can have the machine lose power tries as often as he likes."""
        self.guard.stop()
        self.restart(spawn={'preexec_fn': without_fsync})
        before = list(self.desk.answered)
        ssh = self.ssh()
        self.wait_pending()
        for pin in ('not this one', SLOT_PIN):
            status, shown = self.confirm(pin)
            self.assertEqual(status, 1)
            self.assertIn('the state directory cannot be written', shown)
        self.assertEqual(self.desk.answered, before)
        self.assertIsNone(ssh.poll())
        self.assertEqual(self.signed(), [])
        ssh.kill()

    def test_a_try_counts_also_where_no_answer_came_and_the_guard_was_killed(self):
        ssh = self.ssh()
        self.wait_pending()
        slot, self.yubikey.slots[1] = self.yubikey.slots[1], Slot(None)
        self.assertIn('not set up for challenge-response', self.confirm('not this one')[1])
        self.yubikey.slots[1] = slot
        self.assertIn('3 more', self.confirm('not this one')[1])
        self.guard.stop(signal.SIGKILL)
        self.assertNotEqual(ssh.wait(60), 0)
        self.restart()
        ssh = self.ssh()
        self.wait_pending()
        # Without a YubiKey nothing was tried.
        self.desk.pull()
        self.assertIn('no YubiKey is plugged in', self.confirm('not this one')[1])
        self.desk.plug(self.yubikey)
        self.assertIn('2 more', self.confirm('not this one')[1])
        ssh.kill()

    def test_a_right_one_clears_the_count(self):
        for _ in range(2):
            ssh = self.ssh()
            self.wait_pending()
            self.assertIn('4 more', self.confirm('not this one')[1])
            self.assertEqual(self.confirm(SLOT_PIN)[0], 0)
            self.assertEqual(ssh.wait(60), 0)

    def test_what_is_wrong_with_the_yubikey_is_told_to_whoever_typed(self):
        ssh = self.ssh()
        self.wait_pending()
        slot = self.yubikey.slots[1]
        cases = []
        self.desk.pull()
        cases.append('no YubiKey is plugged in')
        self.assertIn(cases[-1], self.confirm(SLOT_PIN)[1])
        self.desk.plug(YubiKey(99, slot1=Slot(b'x', touch=False)))
        self.assertIn('is not enrolled', self.confirm(SLOT_PIN)[1])
        self.desk.plug(self.yubikey)
        del self.yubikey.slots[1]
        self.assertIn('is not configured', self.confirm(SLOT_PIN)[1])
        self.yubikey.slots[1] = Slot(None)
        self.assertIn('not set up for challenge-response', self.confirm(SLOT_PIN)[1])
        self.yubikey.slots[1] = Slot(b'one' * 6, touch=True)
        self.assertIn('wants a touch', self.confirm(SLOT_PIN)[1])
        self.yubikey.slots[1] = slot
        (self.desk.path / 'ykchalresp').unlink()
        self.assertIn('is missing', self.confirm(SLOT_PIN)[1])
        self.desk.put_program('ykchalresp')
        self.assertEqual(self.confirm(SLOT_PIN)[0], 0)
        self.assertEqual(ssh.wait(60), 0)

    def test_an_answer_that_was_recorded_is_worth_nothing(self):
        ssh = self.ssh()
        self.wait_pending()
        self.assertEqual(self.confirm(SLOT_PIN)[0], 0)
        self.assertEqual(ssh.wait(60), 0)
        self.desk.answers_with = self.desk.answered[-2].answer
        ssh = self.ssh()
        self.wait_pending()
        status, shown = self.confirm(SLOT_PIN)
        self.assertEqual(status, 1)
        self.assertIn('wrong PIN', shown)
        self.assertIsNone(ssh.poll())
        ssh.kill()


if __name__ == '__main__':
    unittest.main()
