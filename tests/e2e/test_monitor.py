"""Answers by the monitor, with real ssh waiting for its person."""

import os
import re
import signal
import time

from guard import SSH, SSH_ADD
from place import children, is_running, process_state, wait_until
from screen import SETTLE_S, MonitorTest, Screen
from screen import needs_tmux as setUpModule
from test_confirm import PIN, POLICY
from test_touch import KEY_PIN, WITH_PIN, TouchTest

REMEMBER = POLICY + '    confirm: {remember: 300s, scope: [exe]}\n'


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
        monitor = self.start()
        ssh = self.ask()
        self.type('d')
        self.assertNotEqual(ssh.wait(30), 0)
        self.wait_shown('request 1: denied')
        self.wait_shown('Nothing waits for you')
        self.wait_shown(re.compile(r'confirm-den\S* +sign +ssh'))
        event = self.signed()[0]
        self.assertEqual((event['reason'], event['denied_by']), ('denied', monitor))

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

    def test_the_keyboard_is_its_own_again_whatever_it_hears_first(self):
        """That the PIN was typed, and an event, are there at once, and the guard takes its time."""
        # In a shell that does not look whether it is stopped.
        self.command_line(f"sh -c '{self.guard.program} monitor; true'")
        self.wait_shown('Nothing waits for you')
        shell, = children(int(self.tmux('display-message', '-p', '#{pane_pid}')))
        monitor, = children(shell)
        ssh = self.ask()
        self.type('a')
        self.wait_shown('PIN, to say yes')
        asker, = children(monitor)
        wait_until(lambda: self.stands_still(monitor), 'it asks the guard nothing')
        self.place.run(SSH_ADD, '-d', f'{self.key}.pub', env=self.guard.env)
        self.guard.wait_event(trigger='remove')
        os.kill(self.guard.pid, signal.SIGSTOP)
        try:
            self.write(PIN)
            self.type('Enter')
            time.sleep(1.2)  # until it would look for events
            os.kill(monitor, signal.SIGCONT)
            self.type('?')
            self.wait_shown('Keys (any key goes back)')
            self.assertTrue(is_running(asker), 'only because nobody asks any more')
        finally:
            os.kill(self.guard.pid, signal.SIGCONT)
        self.assertEqual(ssh.wait(30), 0)

    @staticmethod
    def stands_still(monitor):
        """Stopped, and not in the middle of a question to the guard."""
        os.kill(monitor, signal.SIGSTOP)
        wait_until(lambda: process_state(monitor) == 'T', 'it is stopped')
        if not any(os.readlink(f'/proc/{monitor}/fd/{name}').startswith('socket:')
                   for name in os.listdir(f'/proc/{monitor}/fd')):
            return True
        os.kill(monitor, signal.SIGCONT)
        return False


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

    def test_a_request_that_came_under_help_was_not_seen(self):
        self.start()
        self.type('?')
        self.wait_shown('Keys (any key goes back)')
        ssh = self.ssh()
        wait_until(lambda: 'confirming' in self.screen_lines()[0], 'it has heard of it')
        time.sleep(SETTLE_S)
        self.write('xjd')  # at once: one ends help, one chooses, one would deny
        self.wait_shown('this one has only just come')
        self.assertEqual(list(self.pending()), [1])
        time.sleep(SETTLE_S)
        self.type('d')
        self.assertNotEqual(ssh.wait(30), 0)
        self.wait_shown('request 1: denied')

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
