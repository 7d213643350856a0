"""The system floor names the security keys that may say yes, and no other one does: whatever a user
enrols, and whatever a program of his writes into the file of what is enrolled."""

import re

import floors
import test_touch
from guard import SSH, wait_until
from terminal import Terminal

POLICY = test_touch.POLICY
EITHER = POLICY.replace('confirm: touch', 'confirm: [touch, pin]')
PIN = 'correct horse 7'
NOBODY = 'ab' * 64  # a key that is nobody's


def naming(*points, more=''):
    return f'confirm: {{credentials: [{", ".join(points)}]{more}}}\n'


class PinnedTest(floors.OwnEtc, test_touch.TouchTest):
    keys_there = {'one': (), 'two': ()}
    enrolled = {'one': '', 'two': ''}

    def setUp(self):
        self.need_root()
        super().setUp()

    def start_guard(self, policy=None, **options):
        if not hasattr(self, 'etc'):
            self.make_etc()
        return super().start_guard(policy, **{**self.floor_options(), **options})

    def terminal(self, *words):
        return Terminal(self.place, *self.inside(), self.guard.program, *words, user=0, group=0)

    def restart(self):
        self.guard.stop()
        self.change_files()
        self.guard = self.start_guard(None, upstream=self.place.path / 'agent.sock')

    def change_files(self):
        """What a program of the user does while no guard runs."""

    def lines(self):
        """Of the file of what is enrolled: name to its words."""
        found = [line.split() for line in (self.guard.state / 'fido2').read_text().splitlines()[1:]]
        return {words[1]: words for words in found}

    def point(self, name):
        return self.lines()[name][-1]

    def put_lines(self, *lines):
        path = self.guard.state / 'fido2'
        path.write_text('version 1\n' + ''.join(' '.join(words) + '\n' for words in lines))

    def name(self, text):
        """Writes the floor, and waits until it holds."""
        before = len(self.guard.events(trigger='reload'))
        self.write_floor(text)
        wait_until(lambda: len(self.guard.events(trigger='reload')) > before, 'the floor is read')

    def blinks(self, name):
        return [line for line in self.softkeys[name].said() if line.startswith('waiting')]

    def assert_refused(self, reason='key-not-pinned'):
        before = len(self.signed())
        self.assertNotEqual(self.ssh().wait(60), 0)
        event = wait_until(lambda: self.signed()[before:], 'it is told')[0]
        self.assertEqual((event['decision'], event['reason']), ('confirm-denied', reason))
        return event


class Named(PinnedTest):
    def test_a_named_key_says_yes_and_another_one_does_not_even_blink(self):
        self.name(naming(self.point('one')))
        ssh = self.ssh()
        self.softkeys['one'].touch()
        self.assertEqual(ssh.wait(30), 0)
        self.assertEqual(self.signed()[-1]['approval']['key'], 'one')
        self.assertEqual(self.blinks('two'), [])
        told = self.guard.wait_event(trigger='keys-not-pinned')
        self.assertRegex(told['detail'], r'say no yes: two \(')
        listed = self.guard.command('enroll', '--list').stdout
        self.assertEqual(re.findall(r'(?m)^(\w+):.*says no yes$', listed), ['two'])
        self.assertIn(f'  public key {self.point("one")}\n', listed)
        doctor = self.guard.command('doctor').stdout
        self.assertIn('1 security key can say yes', doctor)
        self.assertIn('1 security key is enrolled that the system floor does not name', doctor)

    def test_where_only_others_are_named_nobody_is_asked(self):
        self.name(naming(NOBODY))
        self.assert_refused()
        self.assertEqual(self.pending(), {})
        self.assertEqual((self.blinks('one'), self.blinks('two')), ([], []))
        # And the other way round: from then on it does.
        self.name(naming(NOBODY, self.point('two')))
        ssh = self.ssh()
        self.softkeys['two'].touch()
        self.assertEqual(ssh.wait(30), 0)

    def test_a_touch_of_a_key_that_is_named_no_more_comes_too_late(self):
        self.name(naming(self.point('one')))
        ssh = self.ssh()
        self.softkeys['one'].wait('waiting get')
        self.name(naming(self.point('two')))
        self.softkeys['one'].say('touch')
        self.assertNotEqual(ssh.wait(60), 0)
        self.assertEqual(self.signed()[-1]['reason'], 'touch-invalid')
        self.assertIn('the system floor names', self.guard.wait_event(
            trigger='touch-refused')['detail'])

    def test_whoever_enrols_another_one_is_told_that_it_says_no_yes(self):
        terminal = self.terminal('enroll', '--remove', 'two')
        self.softkeys['one'].touch()
        self.assertEqual(terminal.end()[0], 0)
        self.name(naming(self.point('one')))
        terminal = self.begin_enrolling('two')
        self.softkeys['two'].touch('make')
        self.softkeys['one'].touch()
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        self.assertIn('the system floor does not name it', shown)
        self.assertIn('says no yes', self.guard.events(trigger='enrolled')[-1]['detail'])
        # What is enrolled is changed by a touch of the one that is named, and of no other.
        terminal = self.terminal('enroll', '--remove', 'one')
        self.softkeys['one'].wait('waiting get')
        self.assertEqual(self.blinks('two'), [])
        self.softkeys['one'].say('touch')
        self.assertEqual(terminal.end()[0], 0)


class Rewritten(PinnedTest):
    """A program of the user has a key of its own, `two`, and writes what it likes while no guard
    runs."""

    def attack(self, *lines):
        self.name(naming(self.point('one')))
        self.change_files = lambda: self.put_lines(*lines)
        self.softkeys['two'].said()
        self.restart()

    def test_a_key_of_its_own_under_any_name_says_nothing(self):
        one, two = self.lines()['one'], self.lines()['two']
        self.attack([two[0], 'one', *two[2:]])
        self.assert_refused()
        self.assertEqual(self.blinks('two'), [])
        self.assertIn('one', self.guard.wait_event(trigger='keys-not-pinned')['detail'])

    def test_its_key_under_the_id_of_the_named_one_says_nothing(self):
        one, two = self.lines()['one'], self.lines()['two']
        self.attack([*one[:5], one[5], two[6]])
        self.assert_refused()

    def test_the_named_key_under_the_id_of_its_own_says_nothing(self):
        one, two = self.lines()['one'], self.lines()['two']
        self.attack([*one[:5], two[5], one[6]])
        ssh = self.ssh()
        self.softkeys['two'].touch()
        self.assertNotEqual(ssh.wait(60), 0)
        self.assertEqual(self.signed()[-1]['reason'], 'touch-invalid')
        self.assertIn('not signed by the enrolled key', self.guard.wait_event(
            trigger='touch-refused')['detail'])

    def test_the_named_key_says_yes_after_it_as_before(self):
        self.attack(self.lines()['two'], self.lines()['one'])
        ssh = self.ssh()
        self.softkeys['one'].touch()
        self.assertEqual(ssh.wait(30), 0)


class OtherWays(PinnedTest):
    POLICY = EITHER
    enrolled = {'one': ''}
    keys_there = {'one': ()}

    def setUp(self):
        super().setUp()
        terminal = self.terminal('enroll', 'pin')
        for question in ('The new PIN: ', 'again: '):
            terminal.wait_for(question)
            terminal.type(PIN + '\n')
        self.softkeys['one'].touch()
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)

    def say_pin(self):
        self.wait_pending()
        terminal = self.terminal('confirm')
        terminal.wait_for('PIN, to say yes')
        terminal.type(PIN + '\n')
        return terminal.end()

    def test_beside_named_keys_a_pin_answers_only_where_the_floor_says_so(self):
        self.name(naming(NOBODY))
        self.assert_refused()
        # A program sets a PIN of its own while no guard runs: no way round, either.
        self.change_files = lambda: (self.guard.state / 'pin').unlink()
        self.restart()
        self.assert_refused()

    def test_the_floor_may_let_a_pin_answer_as_well(self):
        self.name(naming(NOBODY, more=', methods: [touch, pin]'))
        ssh = self.ssh()
        status, shown = self.say_pin()
        self.assertEqual(status, 0, shown)
        self.assertEqual(ssh.wait(30), 0)
        self.name('confirm: {methods: touch}\n')
        ssh = self.ssh()
        self.softkeys['one'].touch()
        self.assertEqual(ssh.wait(30), 0)
        self.assertEqual(self.signed()[-1]['confirm_method'], 'touch')

    def test_a_users_order_puts_no_pin_before_the_key_of_the_floor(self):
        self.name('confirm: {methods: [touch, pin]}\n')
        self.guard.write_policy(POLICY.replace('confirm: touch', 'confirm: [pin, touch]'))
        self.assertEqual(self.guard.command('reload').returncode, 0)
        ssh = self.ssh()
        self.softkeys['one'].wait('waiting get')
        self.assertIn('  asks: touch\n', ''.join(self.wait_pending().values()))
        self.softkeys['one'].say('touch')
        self.assertEqual(ssh.wait(30), 0)
        self.assertEqual(self.signed()[-1]['confirm_method'], 'touch')

    def test_nor_is_a_changed_policy_accepted_by_a_key_that_is_not_named(self):
        self.name('lock: true\n' + naming(NOBODY))
        self.guard.write_policy(POLICY + '# changed\n')
        self.guard.wait_event(trigger='policy-locked')
        done = self.guard.command('policy', 'accept')
        self.assertEqual(done.returncode, 1)
        self.assertIn('none of them is enrolled', done.stderr)
