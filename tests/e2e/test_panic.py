"""Panic: whoever may begin it, to end it takes a person, where one is enrolled."""

import signal

import guard
import methods
from guard import SSH_KEYGEN, wait_until
from terminal import Terminal
from test_touch import TouchTest

PIN = 'correct horse 7'
ASK = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b'\\n')
text = b''
while part := s.recv(4096):
    text += part
print(text.decode())
"""


class Panic(guard.GuardTest):
    as_person = True
    pin = PIN
    POLICY = guard.ALLOW_ALL

    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()
        self.key = self.keys.make()
        self.add(self.agent, self.key)
        self.key.unlink()
        self.start()
        if self.pin:
            terminal = Terminal(self.place, self.guard.program, 'enroll', 'pin')
            terminal.wait_for('The new PIN: ')
            terminal.type(self.pin + '\n')
            terminal.wait_for('again: ')
            terminal.type(self.pin + '\n')
            self.assertEqual(terminal.end()[0], 0)

    def start(self):
        self.guard = self.start_guard(self.POLICY, upstream=self.agent,
                                      env={'SSH_ASKPASS': '/bin/true', 'DISPLAY': ':9'})

    def signs(self):
        done = self.place.run(SSH_KEYGEN, '-Y', 'sign', '-n', 'file', '-f', f'{self.key}.pub',
                              env=self.guard.env, input='data')
        return done.returncode == 0

    def ask(self, request):
        """What another program of this account is told on the control socket."""
        control = self.place.runtime / 'ssh-agent-guard' / 'control.sock'
        done = self.place.run('/usr/bin/python3', '-c', ASK, control, request)
        return done.stdout.split('\n')

    def begin(self):
        self.assertEqual(self.guard.command('panic').returncode, 0)
        self.guard.wait_event(trigger='panic')
        self.assertFalse(self.signs())

    def off(self, pin):
        terminal = Terminal(self.place, self.guard.program, 'panic', 'off')
        terminal.wait_for('PIN, to say yes')
        self.assertIn('what: end panic', terminal.shown)
        terminal.type(pin + '\n')
        return terminal.end_or_let_be('PIN, to say yes')


class WithPin(Panic):
    POLICY = guard.ALLOW_ALL + 'confirm: {methods: [pin, touch, askpass]}\n'

    def test_no_other_program_of_this_account_ends_it(self):
        self.begin()
        self.assertEqual(self.ask('panic off')[:2], ['ok', '1 waits'])
        self.assertEqual(self.ask('panic off')[:2], ['ok', '1 waits'], 'one question, asked again')
        for request in ('confirm 1 ' + '0' * 32 + ' ' + PIN, 'confirm 1  ' + PIN, 'panic  off',
                        'panic-off', 'prompt 1'):
            self.assertEqual(self.ask(request)[0], 'failed', request)
        self.assertFalse(self.signs())
        # Nor does the file: the guard that runs does not look at it.
        (self.guard.state / 'panic').unlink()
        self.assertFalse(self.signs())
        deny = self.place.spawn(self.guard.program, 'deny')
        self.assertEqual(deny.wait(30), 0)
        event = self.guard.wait_event(trigger='panic-off-refused', reason='denied')
        self.assertEqual(event['denied_by'], deny.pid)
        self.assertRegex(event['detail'], r'^asked for by process \d+$')
        self.assertFalse(self.signs())
        self.assertEqual(self.guard.events(trigger='panic-off'), [])

    def test_a_window_and_a_fifo_cannot_end_it(self):
        self.begin()
        self.ask('panic off')
        wait_until(lambda: 'end panic' in self.guard.command('pending').stdout, 'it is asked')
        pending = self.place.runtime / 'ssh-agent-guard' / 'pending'
        self.assertEqual([*pending.glob('*')], [])
        self.assertFalse(self.signs())

    def test_the_pin_ends_it_and_a_wrong_one_does_not(self):
        self.begin()
        status, shown = self.off('wrong one')
        self.assertEqual(status, 1)
        self.assertIn('every signature is still refused', shown)
        self.assertFalse(self.signs())
        status, shown = self.off(PIN)
        self.assertEqual(status, 0, shown)
        self.assertTrue(self.signs())
        event = self.guard.wait_event(trigger='panic-off')
        self.assertEqual((event['confirm_method'], event['confirm_weak']), ('pin', True))
        self.assertRegex(event['detail'], r'^asked for by process \d+$')
        self.assertFalse((self.guard.state / 'panic').exists())

    def test_a_script_is_told_how_to_go_on(self):
        self.begin()
        done = self.guard.command('panic', 'off')
        self.assertEqual(done.returncode, 1)
        self.assertIn('no terminal', done.stderr)
        self.assertIn('ssh-agent-guard confirm 1 says yes', done.stderr)
        terminal = Terminal(self.place, self.guard.program, 'confirm', '1')
        terminal.wait_for('PIN, to say yes')
        terminal.type(PIN + '\n')
        self.assertEqual(terminal.end()[0], 0)
        self.assertTrue(self.signs())

    def test_panic_that_is_begun_again_takes_the_question_back(self):
        self.begin()
        self.ask('panic off')
        self.assertEqual(self.guard.command('panic').returncode, 0)
        self.assertEqual(self.guard.command('pending').stdout, '')
        self.assertFalse(self.signs())

    def test_it_takes_a_yes_after_a_restart_too(self):
        self.begin()
        self.guard.stop(signal.SIGKILL)
        self.start()
        self.assertFalse(self.signs())
        self.assertEqual(self.guard.command('panic', 'off').returncode, 1)
        self.assertFalse(self.signs())
        self.assertEqual(self.off(PIN)[0], 0)
        self.assertTrue(self.signs())

    def test_a_file_of_the_pin_that_cannot_be_used_lets_nobody_end_it(self):
        self.begin()
        self.guard.stop(signal.SIGKILL)
        (self.guard.state / 'pin').write_text('nonsense')
        self.start()
        done = self.guard.command('panic', 'off')
        self.assertEqual(done.returncode, 1)
        self.assertIn('nobody can say yes', done.stderr)
        self.assertFalse(self.signs())

    def test_a_guard_that_ends_meanwhile_leaves_it_on(self):
        self.begin()
        self.ask('panic off')
        self.guard.stop()
        self.start()
        self.assertFalse(self.signs())

    def test_where_there_is_none_nobody_is_asked(self):
        self.assertEqual(self.guard.command('panic', 'off').returncode, 0)
        self.assertEqual(self.guard.command('pending').stdout, '')
        self.assertTrue(self.signs())


class WithNothingEnrolled(Panic):
    pin = None

    def test_anybody_ends_it_and_the_event_says_who(self):
        self.begin()
        self.assertRegex(self.guard.wait_event(trigger='panic')['detail'], r'^by process \d+$')
        self.assertEqual(self.guard.command('panic', 'off').returncode, 0)
        self.assertTrue(self.signs())
        event = self.guard.wait_event(trigger='panic-off')
        self.assertRegex(event['detail'], r'^asked for by process \d+$')
        self.assertNotIn('confirm_method', event)


class WithTouch(TouchTest):
    def test_a_touch_ends_it_and_its_proof_is_in_the_log(self):
        self.assertEqual(self.guard.command('panic').returncode, 0)
        terminal = Terminal(self.place, self.guard.program, 'panic', 'off')
        self.softkeys['one'].wait('waiting get')
        self.assertEqual(self.guard.status()['state'], 'locked')
        self.softkeys['one'].say('touch')
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        event = self.guard.wait_event(trigger='panic-off', confirm_method='touch')
        self.assertIs(event.get('confirm_weak', False), False)
        status, text = self.verify_approvals()
        self.assertEqual(status, 0, text)
        self.assertIn('touches: 1 good, 0 not', text)


class WithKeyGone(methods.KeyTest):
    def test_the_event_says_that_the_key_was_passed_over(self):
        self.vanish()
        self.assertEqual(self.guard.command('panic').returncode, 0)
        terminal = Terminal(self.place, self.guard.program, 'panic', 'off')
        terminal.wait_for('PIN, to say yes')
        terminal.type(methods.PIN + '\n')
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        event = self.guard.wait_event(trigger='panic-off')
        self.assertEqual(event['confirm_method'], 'pin')
        self.assertEqual(event['confirm_passed_over'], ['touch: no-key'])
