"""The order of confirm.methods: the first one that can be used asks, and no later one says yes to
what it asks; where it turns out to be of no use, the next one takes over, and all is told."""

import fcntl
import os
import pathlib
import signal
import subprocess
import unittest

import events
from guard import wait_until
from methods import KEY_FIRST, KeyTest
from place import descendants
from terminal import Terminal
from test_touch import PIN


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

    def whoever_is_shown_it_for_so_long(self, answer):
        """Exit status and what `confirm` says whose terminal takes what it shows only once the
        request was answered."""
        ssh = self.ssh()
        self.one.wait('waiting get')
        ours, theirs = os.pipe()
        fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, 4096)
        os.write(theirs, b' ' * fcntl.fcntl(theirs, fcntl.F_GETPIPE_SZ))
        confirm = self.place.spawn(self.guard.program, 'confirm', stdout=theirs,
                                   stderr=subprocess.PIPE, text=True)
        os.close(theirs)
        # It closes itself to others once it has been told, and before it shows anything.
        wait_until(lambda: os.stat(f'/proc/{confirm.pid}/stat').st_uid == 0, 'it knows what is asked')
        answer()
        status = ssh.wait(60)
        with os.fdopen(ours, errors='replace') as shown:
            text = shown.read().strip(' ')
        return status, confirm.wait(60), text + confirm.stderr.read()

    def test_an_answer_that_comes_before_it_is_shown_is_told_as_what_it_is(self):
        signed, status, text = self.whoever_is_shown_it_for_so_long(lambda: self.one.say('touch'))
        self.assertEqual((signed, status), (0, 0), text)
        self.assertIn('\nconfirmed\n', text)
        signed, status, text = self.whoever_is_shown_it_for_so_long(lambda: self.one.say('refuse'))
        self.assertNotEqual(signed, 0)
        self.assertEqual(status, 1, text)
        self.assertIn('confirm: denied', text)

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

    def test_whoever_waits_for_the_touch_is_asked_for_the_pin_when_the_key_leaves(self):
        ssh = self.ssh()
        self.one.wait('waiting get')
        terminal = Terminal(self.place, self.guard.program, 'confirm')
        terminal.wait_for('Touch the security key to say yes')
        self.vanish()
        terminal.wait_for('asks: pin (weak); not touch: the key was pulled out')
        terminal.wait_for('PIN, to say yes')
        terminal.type(PIN + '\n')
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        self.assertNotIn(PIN, shown)
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.last(), ('confirmed', 'pin', ['touch: key-removed']))

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

    def test_whoever_types_the_pin_goes_on_when_a_key_is_plugged_in(self):
        """That may answer too by then, but the PIN is still what is asked for."""
        ssh = self.ssh()
        self.wait_pending()
        terminal = Terminal(self.place, self.guard.program, 'confirm')
        terminal.wait_for('PIN, to say yes')
        terminal.type(PIN[:4])
        self.one.say('appear')
        self.one.wait('waiting get')
        self.wait_asks('pin (weak); or again touch')
        terminal.type(PIN[4:] + '\n')
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(shown.count('PIN, to say yes'), 1)
        self.assertEqual(self.last()[:2], ('confirmed', 'pin'))
        # The next one asks for a touch again.
        ssh = self.ssh()
        self.one.touch()
        self.assertEqual(ssh.wait(60), 0)

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


class LockedPolicy(KeyTest):
    """A change of the policy is asked by the same order."""
    POLICY = 'lock: true\n' + KEY_FIRST

    def test_no_pin_accepts_it_while_the_key_is_there(self):
        for is_there in (True, False):
            self.guard.write_policy(f'{self.POLICY}# changed: {is_there}\n')
            wait_until(lambda: self.guard.status()['state'] == 'policy-locked', 'it is held')
            if not is_there:
                self.vanish()
            terminal = Terminal(self.place, self.guard.program, 'policy', 'accept')
            terminal.wait_for('Touch the security key to say yes')
            if is_there:
                self.one.wait('waiting get')
                self.assertEqual(self.guard.command('pending').stdout.count('asks: touch\n'), 1)
                self.one.say('touch')
            else:
                terminal.wait_for('PIN, to say yes')
                terminal.type(PIN + '\n')
            status, shown = terminal.end()
            self.assertEqual(status, 0, shown)
            event = self.guard.wait_event(trigger='policy-accepted',
                                          confirm_method='touch' if is_there else 'pin')
            self.assertEqual(event.get('confirm_passed_over'),
                             None if is_there else ['touch: no-key'])


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


if __name__ == '__main__':
    unittest.main()
