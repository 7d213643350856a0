"""A touch of a security key: real ssh waits for it, and everything that is none is refused."""

import contextlib
import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import unittest

import events
import guard
import softkeys
from guard import SSH, SSH_KEYGEN, wait_until
from place import descendants
from softkeys import Softkey
from sshd import Sshd
from terminal import Terminal

PIN = 'correct horse 7'
KEY_PIN = 'battery staple 9'
POLICY = f'''
default_action: deny
confirm: {{timeout: 120s}}
rules:
  - name: ask
    match: {{exe: [{SSH}, {SSH_KEYGEN}]}}
    action: confirm
    confirm: touch
'''
WITH_PIN = POLICY.replace('confirm: touch', 'confirm: {method: touch, pin: true}')
EITHER = POLICY.replace('confirm: touch', 'confirm: [touch, pin]')
COVERED = ('trigger', 'process_name', 'local_pid', 'uid', 'exe_path', 'key_fingerprint', 'key_type',
           'sign_type', 'ssh_user', 'namespace', 'payload_len', 'payload_sha256', 'signed_sha256',
           'dest_key_fingerprint', 'is_forwarded', 'endpoint')


class TouchTest(guard.GuardTest):
    as_person = True
    POLICY = POLICY
    keys_there = {'one': ()}  # name: options
    enrolled = {'one': ''}    # name: PIN

    def setUp(self):
        super().setUp()
        if not softkeys.PROGRAM:
            self.fail('SOFTKEY_PROGRAM does not say where the security key in software is')
        self.place.program = self.place.copy_program(softkeys.GUARD_PROGRAM, 'ssh-agent-guard')
        self.softkey_program = self.place.copy_program(softkeys.PROGRAM, 'softkey')
        self.softkeys = {name: self.plug(name, *options)
                         for name, options in self.keys_there.items()}
        self.place.env['SSH_AGENT_GUARD_SOFTKEYS'] = ','.join(
            f'ctaphid+unix:{self.place.path}/{name}.key' for name in ('one', 'two', 'three'))
        agent = self.start_agent()
        self.key = self.keys.make()
        self.add(agent, self.key)
        self.public = f'{self.key}.pub'
        self.key.rename(self.place.path / 'away')
        self.guard = self.start_guard(self.POLICY, upstream=agent)
        self.sshd = Sshd(self.place, 'near', [self.public])
        for name, pin in self.enrolled.items():
            self.enrol_one(name, pin)

    def plug(self, name, *options):
        return Softkey(self.place, name, *options, program=self.softkey_program)

    # --- what a person does

    def terminal(self, *words):
        return Terminal(self.place, self.guard.program, *words)

    def begin_enrolling(self, name, pin='', account_pin=None):
        terminal = self.terminal('enroll', 'fido2', '--name', name)
        if account_pin is not None:
            terminal.wait_for('The PIN that is set: ')
            terminal.type(account_pin + '\n')
        terminal.wait_for('own PIN')
        terminal.type(pin + '\n')
        return terminal

    def enrol_one(self, name, pin='', yes=None, account_pin=None):
        """Enrols the key of that name; yes: the key that says yes to it."""
        if yes is None and [key for key in self.softkeys if key != name and self.is_there(key)]:
            yes = self.first_enrolled()
        others = [key for key in self.softkeys.values() if key is not self.softkeys[name]]
        terminal = self.begin_enrolling(name, pin, account_pin)
        self.softkeys[name].touch('make')
        if yes:
            self.softkeys[yes].touch()
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        self.assertTrue(not pin or pin not in shown)
        for key in others:
            key.said()

    def first_enrolled(self):
        names = re.findall(r'(?m)^(\S+): security key', self.guard.command('enroll', '--list').stdout)
        return names[0] if names else None

    def is_there(self, name):
        return (self.place.path / f'{name}.key').exists()

    def ssh(self, *words, **options):
        """A login that waits."""
        return self.place.spawn(SSH, '-F', self.sshd.client_config, 'near', *(words or ('true',)),
                                env=self.guard.env, stderr=subprocess.DEVNULL, **options)

    def pending(self):
        text = self.guard.command('pending').stdout
        parts = re.split(r'(?m)^request (\d+)', text)
        return dict(zip(map(int, parts[1::2]), parts[2::2]))

    def wait_pending(self, count=1):
        wait_until(lambda: len(self.pending()) == count, f'{count} requests wait')
        return self.pending()

    def signed(self, **fields):
        return self.guard.events(trigger='sign', **fields)

    def verify_approvals(self):
        done = self.guard.command('log', 'verify', '--approvals')
        return done.returncode, done.stdout + done.stderr


class Touches(TouchTest):
    def test_a_touch_lets_ssh_log_in(self):
        with (self.place.path / 'out').open('w+') as out:
            ssh = self.ssh('echo hello', stdout=out)
            self.softkeys['one'].wait('waiting get')
            text, = self.wait_pending().values()
            self.assertIn('methods: touch\n', text)
            self.assertIn('touch: touch the security key to say yes', text)
            self.softkeys['one'].say('touch')
            self.assertEqual(ssh.wait(30), 0)
            out.seek(0)
            self.assertEqual(out.read(), 'hello\n')
        event, = self.signed()
        self.assertEqual((event['decision'], event['confirm_method'], event['confirm_via']),
                         ('confirmed', 'touch', 'touch'))
        self.assertNotIn('confirm_weak', event)
        self.assertEqual(event['approval']['key'], 'one')
        self.check_by_hand(event)

    def check_by_hand(self, event):
        """As docs/events.md has it, without any code of the guard."""
        lines = [line for day in (self.guard.state / 'events').glob('*.yaml')
                 for document in day.read_text().split('---\n')
                 if f'seq: {event["seq"]}\n' in document
                 for line in document.splitlines(True) if line.split(': ')[0] in COVERED]
        self.assertIn('trigger: "sign"\n', lines)
        digest = hashlib.sha256(''.join(lines).encode()).hexdigest()
        self.assertEqual(event['approval']['requests'], [digest])
        authenticator = bytes.fromhex(event['approval']['authenticator_data'])
        self.assertEqual(authenticator[:32], hashlib.sha256(b'ssh-agent-guard').digest())
        self.assertEqual(authenticator[32] & 1, 1)

    def test_declining_on_the_key_is_a_no(self):
        ssh = self.ssh()
        self.softkeys['one'].wait('waiting get')
        self.softkeys['one'].say('refuse')
        self.assertNotEqual(ssh.wait(30), 0)
        event, = self.signed()
        self.assertEqual((event['decision'], event['reason']), ('confirm-denied', 'denied'))

    def test_whoever_leaves_or_is_denied_has_the_key_blink_no_more(self):
        for leave in (lambda ssh: ssh.kill(), lambda ssh: self.guard.command('deny')):
            ssh = self.ssh()
            self.softkeys['one'].wait('waiting get')
            leave(ssh)
            self.softkeys['one'].wait('cancelled')
            self.assertNotEqual(ssh.wait(30), 0)
        wait_until(lambda: len(self.signed()) == 2, 'both are told')
        self.assertEqual([event['reason'] for event in self.signed()], ['cancelled', 'denied'])

    def test_a_touch_for_one_request_is_not_for_the_next(self):
        key = self.softkeys['one']
        first, second = self.ssh(), self.ssh()
        self.wait_pending(2)
        key.wait('waiting get')
        began = time.monotonic()
        self.guard.command('deny', '1')
        key.wait('cancelled')
        # The touch that was meant for the first one: nothing is asked for now.
        key.say('touch')
        key.say('wait')
        key.wait('waiting get')
        self.assertGreaterEqual(time.monotonic() - began, 0.7)
        self.assertEqual(list(self.pending()), [2])
        key.say('touch')
        wait_until(lambda: len(self.signed()) == 2, 'both are told')
        self.assertEqual(sorted(ssh.wait(30) == 0 for ssh in (first, second)), [False, True])
        self.assertEqual([event['decision'] for event in self.signed()],
                         ['confirm-denied', 'confirmed'])

    def test_one_request_is_asked_at_a_time(self):
        sessions = [self.ssh() for _ in range(3)]
        self.wait_pending(3)
        for left in (3, 2, 1):
            self.softkeys['one'].wait('waiting get')
            texts = self.pending()
            self.assertEqual(len(texts), left)
            asked = [text for text in texts.values() if 'touch: touch the security key' in text]
            later = [text for text in texts.values() if 'touch: not yet' in text]
            self.assertEqual((len(asked), len(later)), (1, left - 1))
            self.softkeys['one'].say('touch')
        self.assertEqual([ssh.wait(30) for ssh in sessions], [0, 0, 0])
        self.assertEqual(self.verify_approvals()[0], 0)

    def test_requests_of_one_command_are_named_by_one_touch(self):
        script = self.place.write('job.py', '''
import subprocess, sys
jobs = [subprocess.Popen(sys.argv[1:]) for _ in range(3)]
sys.exit(sum(job.wait() for job in jobs))
''')
        job = self.place.spawn('/usr/bin/python3', script, SSH, '-F', self.sshd.client_config, 'near',
                               'true', env=self.guard.env, stderr=subprocess.DEVNULL)
        # Who comes late asks anew, and a busy machine may make that of any of them.
        while not wait_until(lambda: job.poll() is not None or self.softkeys['one'].said(),
                             'it asks, or is done') is True:
            self.softkeys['one'].say('touch')
            self.softkeys['one'].wait('signed')
        self.assertEqual(job.wait(30), 0)
        self.assertEqual({event['confirm_method'] for event in self.signed()}, {'touch'})
        status, text = self.verify_approvals()
        self.assertEqual(status, 0, text)
        self.assertIn('touches: 3 good, 0 not', text)

    def test_what_is_pulled_out_is_missed_and_what_is_plugged_in_is_found(self):
        key = self.softkeys['one']
        key.say('vanish')
        key.wait('gone')
        ssh = self.ssh()
        wait_until(lambda: 'no enrolled security key is plugged in' in ''.join(
            self.pending().values()), 'it says so')
        key.say('appear')
        key.wait('waiting get')
        key.say('vanish')
        wait_until(lambda: 'the security key was pulled out' in ''.join(self.pending().values()),
                   'it says so')
        key.say('appear')
        key.touch()
        self.assertEqual(ssh.wait(30), 0)

    def test_confirm_shows_it_and_waits_for_the_touch(self):
        ssh = self.ssh()
        self.wait_pending()
        terminal = Terminal(self.place, self.guard.program, 'confirm')
        terminal.wait_for('Touch the security key')
        self.assertIn(f'(pid {ssh.pid})', terminal.shown)
        self.softkeys['one'].touch()
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        self.assertIn('confirmed', shown)
        self.assertEqual(ssh.wait(30), 0)
        ssh = self.ssh()
        self.wait_pending()
        terminal = Terminal(self.place, self.guard.program, 'confirm')
        terminal.wait_for('Touch the security key')
        self.guard.command('deny')
        status, shown = terminal.end()
        self.assertEqual(status, 1)
        self.assertRegex(shown, 'denied|nothing waits')
        self.assertNotEqual(ssh.wait(30), 0)

    def test_whoever_stops_waiting_for_it_takes_no_place(self):
        ssh = self.ssh()
        self.wait_pending()
        for _ in range(20):  # more than the control socket serves at a time
            terminal = Terminal(self.place, self.guard.program, 'confirm')
            terminal.wait_for('Touch the security key')
            terminal.process.kill()
            terminal.process.wait()
            os.close(terminal.master)
        self.assertEqual(len(self.pending()), 1)
        self.softkeys['one'].touch()
        self.assertEqual(ssh.wait(30), 0)

    def test_one_too_many_who_waits_for_it_is_told_and_the_others_wait_on(self):
        ssh = self.ssh()
        self.wait_pending()
        terminals = []
        for _ in range(5):
            terminals.append(Terminal(self.place, self.guard.program, 'confirm'))
            terminals[-1].wait_for('Touch the security key')
        wait_until(lambda: [one for one in terminals if one.process.poll() is not None],
                   'one is sent away')
        sent_away = next(one for one in terminals if one.process.poll() is not None)
        terminals.remove(sent_away)
        status, shown = sent_away.end()
        self.assertEqual(status, 1)
        self.assertIn('too many look at this request', shown)
        self.softkeys['one'].touch()
        self.assertEqual(ssh.wait(30), 0)
        for terminal in terminals:
            self.assertEqual(terminal.end()[0], 0, terminal.shown)

    def test_keys_and_counters_are_kept_across_a_restart(self):
        ssh = self.ssh()
        self.softkeys['one'].touch()
        self.assertEqual(ssh.wait(30), 0)
        self.guard.stop()
        self.guard = self.start_guard(None, upstream=self.place.path / 'agent.sock')
        ssh = self.ssh()
        self.softkeys['one'].touch()
        self.assertEqual(ssh.wait(30), 0)
        # A copy of the key that has signed less.
        self.softkeys['one'].say('counter 0')
        ssh = self.ssh()
        self.softkeys['one'].touch()
        self.assertNotEqual(ssh.wait(30), 0)
        self.assertEqual(self.signed()[-1]['reason'], 'touch-invalid')
        self.assertIn('counter has not risen', self.guard.wait_event(trigger='touch-refused')['detail'])
        self.assertEqual(self.verify_approvals()[0], 0)


class WithoutCounter(TouchTest):
    keys_there = {'one': ('--no-counter', '--ctap', '2.0')}

    def test_a_key_that_does_not_count_says_yes_as_well(self):
        for _ in range(2):
            ssh = self.ssh()
            self.softkeys['one'].touch()
            self.assertEqual(ssh.wait(30), 0)


class Several(TouchTest):
    keys_there = {'one': (), 'two': ()}
    enrolled = {'one': '', 'two': ''}

    def test_any_key_may_answer_and_the_other_is_called_off(self):
        one, two = self.softkeys['one'], self.softkeys['two']
        for touched, other in ((one, two), (two, one)):
            ssh = self.ssh()
            other.wait('waiting get')
            touched.touch()
            self.assertEqual(ssh.wait(30), 0)
            other.wait('cancelled')
        self.assertEqual([event['approval']['key'] for event in self.signed()], ['one', 'two'])

    def test_a_key_that_is_removed_says_yes_no_more(self):
        done = self.guard.command('enroll', '--list')
        self.assertEqual(re.findall(r'(?m)^\w+', done.stdout), ['one', 'two'])
        self.assertIn('2 security keys can say yes', self.guard.command('doctor').stdout)
        before = (self.guard.state / 'fido2').read_text()
        terminal = Terminal(self.place, self.guard.program, 'enroll', '--remove', 'two')
        self.softkeys['one'].touch()
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        self.assertEqual(re.findall(r'(?m)^\w+', self.guard.command('enroll', '--list').stdout),
                         ['one'])
        # Not by putting the old file back, either.
        (self.guard.state / 'fido2').write_text(before)
        self.guard.wait_event(trigger='enrolment-changed')
        self.softkeys['two'].said()
        ssh = self.ssh()
        self.softkeys['one'].wait('waiting get')
        self.assertEqual([line for line in self.softkeys['two'].said() if 'waiting' in line], [])
        self.assertEqual(len(self.pending()), 1)
        self.softkeys['one'].say('touch')
        self.assertEqual(ssh.wait(30), 0)
        changes = self.guard.events(trigger='enrolled')
        self.assertEqual(len(changes), 3)
        self.assertNotIn('approval', changes[0])
        for change in changes[1:]:
            self.assertEqual(change['approval']['key'], 'one')
        # Each change begins where the one before it has ended.
        self.assertEqual(changes[1]['approval']['new'], changes[2]['approval']['old'])

    def lets_in(self, name):
        """As a program of the user changes the file in place, past what a clock of seconds shows: the
        same size, and its time is set back."""
        path = self.guard.state / 'fido2'
        before = path.stat()
        text = path.read_text()
        with open(path, 'r+') as file:
            file.write(text.replace(f'key {name} ', f'key {name[::-1]} '))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def test_who_is_as_quick_as_the_guard_itself_hides_no_change(self):
        ssh = self.ssh()
        path = self.guard.state / 'fido2'
        before = path.stat().st_ino
        self.softkeys['one'].touch()
        # The counter of the key is written, and changed by another one in that second.
        wait_until(lambda: path.stat().st_ino != before, 'the counter is written')
        self.lets_in('two')
        self.guard.wait_event(trigger='enrolment-changed')
        self.assertEqual(ssh.wait(30), 0)


class Enrolling(TouchTest):
    enrolled = {}
    keys_there = {'one': (), 'two': ()}
    POLICY = EITHER

    def setUp(self):
        super().setUp()
        self.softkeys['two'].say('vanish')
        self.softkeys['two'].wait('gone')

    def listed(self):
        return re.findall(r'(?m)^(\w+):', self.guard.command('enroll', '--list').stdout)

    def enrol_pin(self):
        terminal = Terminal(self.place, self.guard.program, 'enroll', 'pin')
        for question in ('The new PIN: ', 'again: '):
            terminal.wait_for(question)
            terminal.type(PIN + '\n')
        return terminal

    def test_the_first_key_takes_the_pin_that_is_set(self):
        self.assertEqual(self.enrol_pin().end()[0], 0)
        terminal = self.begin_enrolling('one', account_pin='wrong one')
        terminal.wait_for('wrong PIN; 4 more')
        self.assertEqual(self.softkeys['one'].said(), [])
        # It is asked for again there, and the key after it.
        terminal.wait_for('The PIN that is set: ', 2)
        terminal.type(PIN + '\n')
        self.softkeys['one'].touch('make')
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        self.assertEqual(shown.count('The PIN that is set: '), 2)
        self.assertEqual(self.listed(), ['pin', 'one'])

    def test_the_first_key_takes_a_pin_that_is_set_while_it_waits_for_its_touch(self):
        terminal = self.begin_enrolling('one')
        self.softkeys['one'].wait('waiting make')
        self.assertEqual(self.enrol_pin().end()[0], 0)
        self.softkeys['one'].say('touch')
        status, shown = terminal.end()
        self.assertEqual(status, 1)
        self.assertIn('a PIN was set meanwhile', shown)
        self.assertEqual(self.listed(), ['pin'])
        self.enrol_one('one', account_pin=PIN)
        self.assertEqual(self.listed(), ['pin', 'one'])

    def test_another_key_takes_a_touch_of_the_first_one(self):
        self.enrol_one('one')
        self.softkeys['two'].say('appear')
        # Not that of the new one alone.
        terminal = self.begin_enrolling('two')
        self.softkeys['two'].touch('make')
        self.softkeys['one'].wait('waiting get')
        self.assertEqual(self.listed(), ['one'])
        self.softkeys['one'].say('refuse')
        status, shown = terminal.end()
        self.assertEqual(status, 1)
        self.assertIn('declined', shown)
        self.assertEqual(self.listed(), ['one'])
        self.enrol_one('two', yes='one')
        self.assertEqual(self.listed(), ['one', 'two'])
        status, text = self.verify_approvals()
        self.assertEqual(status, 0, text)
        self.assertIn('touches: 1 good, 0 not', text)

    def test_the_same_key_or_name_is_not_enrolled_twice(self):
        self.enrol_one('one')
        status, shown = self.begin_enrolling('one').end()
        self.assertEqual(status, 1)
        self.assertIn('of that name is enrolled', shown)
        status, shown = self.begin_enrolling('other').end()
        self.assertEqual(status, 1)
        self.assertIn('is enrolled already', shown)
        for words in (('fido2', '--name', 'a b'), ('fido2', '--name', ''), ('--remove',), (),
                      ('--list', 'pin'), ('fido2', 'pin'), ('pin', '--name', 'x')):
            self.assertEqual(self.guard.command('enroll', *words).returncode, 2, words)
        done = self.guard.command('enroll', '--remove', 'nobody')
        self.assertEqual(done.returncode, 1)
        self.assertIn('no security key of that name', done.stderr)

    def test_a_first_pin_takes_a_touch_where_a_key_is_enrolled(self):
        self.enrol_one('one')
        terminal = self.enrol_pin()
        terminal.wait_for('Touch a security key')
        self.softkeys['one'].wait('waiting get')
        self.assertEqual(self.listed(), ['one'])
        self.softkeys['one'].say('touch')
        self.assertEqual(terminal.end()[0], 0)
        self.assertEqual(self.listed(), ['pin', 'one'])
        # It says yes where the key is away.
        self.softkeys['one'].say('vanish')
        self.softkeys['one'].wait('gone')
        ssh = self.ssh()
        self.wait_pending()
        terminal = Terminal(self.place, self.guard.program, 'confirm')
        terminal.wait_for('PIN, to say yes')
        terminal.type(PIN + '\n')
        self.assertEqual(terminal.end()[0], 0)
        self.assertEqual(ssh.wait(30), 0)
        self.assertEqual(self.signed()[0]['confirm_method'], 'pin')
        self.assertIs(self.signed()[0]['confirm_weak'], True)


class Policies(TouchTest):
    POLICY = 'lock: true\n' + POLICY

    def test_a_locked_policy_is_changed_by_a_touch(self):
        before = self.guard.status()['config_sha256']
        self.guard.write_policy(self.POLICY + '# changed\n')
        self.guard.wait_event(trigger='policy-locked')
        terminal = Terminal(self.place, self.guard.program, 'policy', 'accept')
        self.softkeys['one'].wait('waiting get')
        self.assertEqual(self.guard.status()['config_sha256'], before)
        self.softkeys['one'].say('touch')
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        event = self.guard.wait_event(trigger='policy-accepted', confirm_method='touch')
        self.assertEqual(event['approval']['old'], before)
        self.assertEqual(event['approval']['new'], event['config_sha256'])
        status, text = self.verify_approvals()
        self.assertEqual(status, 0, text)
        self.assertIn('touches: 1 good, 0 not', text)


class KeyPin(TouchTest):
    """pin: true, with the key's own PIN."""
    POLICY = WITH_PIN
    keys_there = {'one': ('--pin', KEY_PIN)}
    enrolled = {'one': KEY_PIN}

    def confirm(self, pin=KEY_PIN, touch=False):
        self.wait_pending()
        # It is not asked before the request stood for a moment.
        for _ in range(50):
            terminal = Terminal(self.place, self.guard.program, 'confirm')
            terminal.wait_for('PIN of the security key (empty')
            terminal.type(pin + '\n')
            if touch:
                self.softkeys['one'].say('touch')
            status, shown = terminal.end_or_let_be('PIN of the security key (empty')
            if 'not ready' not in shown:
                break
            time.sleep(0.2)
        self.assertNotIn(pin, shown)
        return status, shown

    def test_pin_and_touch_say_yes(self):
        ssh = self.ssh()
        text, = self.wait_pending().values()
        self.assertIn("methods: touch with the security key's PIN\n", text)
        self.assertNotIn('waiting get', self.softkeys['one'].said())
        status, shown = self.confirm(touch=True)
        self.assertEqual(status, 0, shown)
        self.assertIn('confirmed', shown)
        self.assertEqual(ssh.wait(30), 0)
        event, = self.signed()
        self.assertEqual(event['confirm_method'], 'touch')
        self.assertEqual(bytes.fromhex(event['approval']['authenticator_data'])[32], 5)
        self.assertEqual(self.verify_approvals()[0], 0)

    def test_each_way_to_fail_has_its_own_words(self):
        ssh = self.ssh()
        key = self.softkeys['one']
        for words in ('wrong PIN of the security key; 7 more', '6 more', 'pull the security key out',
                      'pull the security key out'):
            status, shown = self.confirm('not this one')
            self.assertEqual(status, 1)
            self.assertIn(words, shown)
        key.say('vanish')
        key.wait('gone')
        self.assertIn('no enrolled security key is plugged in', self.confirm()[1])
        for _ in range(2):
            key.say('appear')
            key.wait('ready')
            for _ in range(3):
                shown = self.confirm('not this one')[1]
            key.say('vanish')
            key.wait('gone')
        self.assertIn('blocked for good', shown)
        self.assertEqual(len(self.pending()), 1)
        self.guard.command('deny')
        self.assertNotEqual(ssh.wait(30), 0)
        self.guard.wait_event(trigger='pin-wrong')

    def test_the_pin_is_nowhere(self):
        ssh = self.ssh()
        self.wait_pending()
        terminal = Terminal(self.place, self.guard.program, 'confirm')
        terminal.wait_for('PIN of the security key (empty')
        time.sleep(0.8)  # the request stands
        terminal.type(KEY_PIN + '\n')
        self.softkeys['one'].wait('waiting get')
        seen = 0
        for pid in descendants(self.guard.pid):
            # One that is for something else may have done its work meanwhile.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                for name in ('cmdline', 'environ'):
                    self.assertNotIn(KEY_PIN.encode(),
                                     pathlib.Path(f'/proc/{pid}/{name}').read_bytes())
                limits = pathlib.Path(f'/proc/{pid}/limits').read_text()
                self.assertRegex(limits, r'Max core file size +0 ')
                seen += 1
        self.assertGreater(seen, 0)
        self.softkeys['one'].say('touch')
        self.assertEqual(terminal.end()[0], 0)
        self.assertEqual(ssh.wait(30), 0)
        for directory in (self.place.state, self.place.runtime, self.place.path / 'tmp'):
            for path in directory.rglob('*'):
                if path.is_file():
                    self.assertNotIn(KEY_PIN.encode(), path.read_bytes(), path)
        self.assertNotIn(KEY_PIN, self.guard.output())


class Attacks(TouchTest):
    def tell_lies(self, *lies):
        """Who has the way to the key, or a device of his own, and not the enrolled key."""
        key = self.softkeys['one']
        ssh = self.ssh()
        key.touch()
        self.assertEqual(ssh.wait(30), 0)
        for lie in lies:
            key.say(f'lie {lie}')
            ssh = self.ssh()
            key.touch()
            self.assertNotEqual(ssh.wait(30), 0)
            event = self.signed()[-1]
            self.assertEqual(event['decision'], 'confirm-denied', lie)
            self.assertNotIn('approval', event)
        self.assertEqual(len(self.signed(decision='confirmed')), 1)
        # It was the way that lied: the key itself is as good as before.
        key.say('lie')
        ssh = self.ssh()
        key.touch()
        self.assertEqual(ssh.wait(30), 0)

    def test_an_answer_of_before_or_of_another_key_or_for_something_else_is_none(self):
        self.tell_lies('replay', 'self', 'hash')
        details = [event['detail'] for event in self.guard.events(trigger='touch-refused')]
        self.assertEqual(len(details), 3)
        for detail in details:
            self.assertIn('not signed by the enrolled key for what was asked', detail)

    def test_an_answer_for_somebody_else_or_without_a_touch_is_none(self):
        self.tell_lies('rp', 'no-touch')

    def test_a_device_that_makes_no_sense_is_nothing(self):
        key = self.softkeys['one']
        for lie in ('garbage', 'big'):
            key.say(f'lie {lie}')
            ssh = self.ssh()
            key.touch()
            key.wait('lied')
            self.assertIsNone(ssh.poll())
            self.guard.command('deny', '--all')
            self.assertNotEqual(ssh.wait(30), 0)

    def test_a_key_that_is_not_enrolled_is_not_even_asked(self):
        stranger = self.plug('three')
        ssh = self.ssh()
        self.softkeys['one'].wait('waiting get')
        self.assertEqual(stranger.said(), [])
        self.softkeys['one'].say('vanish')
        wait_until(lambda: 'pulled out' in ''.join(self.pending().values()), 'it says so')
        self.assertEqual(stranger.said(), [])
        ssh.kill()

    def test_a_helper_that_is_killed_signs_nothing_and_is_replaced(self):
        before = descendants(self.guard.pid)
        ssh = self.ssh()
        self.softkeys['one'].wait('waiting get')
        for pid in descendants(self.guard.pid) - before:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.assertIsNone(ssh.poll())
        self.softkeys['one'].touch()
        self.assertEqual(ssh.wait(30), 0)

    def test_the_control_socket_says_yes_to_nobody(self):
        ssh = self.ssh()
        self.softkeys['one'].wait('waiting get')
        control = self.place.runtime / 'ssh-agent-guard' / 'control.sock'
        for request in ('confirm 1 ' + '0' * 32 + ' 1234', 'await 1 ' + '0' * 32, 'prompt 1',
                        'enroll', 'enroll-key ' + '0' * 32 + '\tmine\t\t',
                        'remove-key ' + '0' * 32 + '\tone', 'enroll-key', 'remove-key\t'):
            done = self.place.run('/usr/bin/python3', '-c',
                                  'import socket, sys; s = socket.socket(socket.AF_UNIX);'
                                  's.connect(sys.argv[1]); s.sendall(sys.argv[2].encode() + b"\\n");'
                                  'print(s.recv(4096))', control, request)
            self.assertIn('failed', done.stdout, request)
        self.assertEqual(len(self.pending()), 1)
        self.assertIn('one:', self.guard.command('enroll', '--list').stdout)
        ssh.kill()

    def test_who_changes_the_log_is_found_by_the_key(self):
        ssh = self.ssh()
        self.softkeys['one'].touch()
        self.assertEqual(ssh.wait(30), 0)
        status, text = self.verify_approvals()
        self.assertEqual(status, 0, text)
        day, = (self.guard.state / 'events').glob('*.yaml')
        good = day.read_text()
        for before, after, words in (
                (r'(?m)^ssh_user: ".*"$', 'ssh_user: "root"', 'for something else'),
                (r'"sign"', '"unknown"', 'for something else'),
                (r'signature: "30', 'signature: "31', 'proof of a touch is none'),
                (r'(?m)^approval: .*\n', '', 'has no proof'),
                (r'credential: "..', 'credential: "zz', 'is not enrolled')):
            changed = re.sub(before, after, good)
            self.assertNotEqual(changed, good)
            day.write_text(changed)
            status, text = self.verify_approvals()
            self.assertEqual(status, 1, text)
            self.assertIn(words, text)
        day.write_text(good)
        keys = self.place.path / 'keys'
        keys.write_text((self.guard.state / 'fido2').read_text())
        keys.chmod(0o644)
        done = self.guard.command('log', 'verify', '--approvals', '--keys', keys)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Auto(TouchTest):
    """Where the person is says which method it is."""
    POLICY = POLICY.replace('confirm: touch', 'confirm: auto')

    def test_who_sits_at_the_machine_touches_and_who_does_not_has_the_pin(self):
        plain = dict(self.guard.env)
        self.guard.env = {**plain, 'DISPLAY': ':0'}
        ssh = self.ssh()
        wait_until(self.pending, 'it waits')
        self.assertIn('methods: touch\n', self.pending()[1])
        self.softkeys['one'].touch()
        self.assertEqual(ssh.wait(60), 0)
        # No PIN is enrolled that could be asked for.
        self.guard.env = {**plain, 'SSH_CONNECTION': 'a 1 b 2'}
        self.assertNotEqual(self.ssh().wait(60), 0)
        event = self.guard.wait_event(trigger='sign', decision='confirm-denied')
        self.assertEqual((event['reason'], event['user_presence']), ('missing', 'remote'))

    def test_a_command_may_tell_that_the_screen_is_locked(self):
        """Which then takes the PIN, that is not enrolled here."""
        self.guard.env = {**self.guard.env, 'DISPLAY': ':0'}
        for word, reason in (('unlocked', None), ('locked', 'missing'), ('remote', 'missing')):
            with self.subTest(word):
                self.guard.write_policy(self.POLICY.replace(
                    'confirm: {', f'confirm: {{screen_state: [/bin/echo, {word}], ', 1))
                self.assertEqual(self.guard.command('reload').returncode, 0)
                ssh = self.ssh()
                if reason is None:
                    wait_until(self.pending, 'it waits')
                    self.assertIn('methods: touch\n', list(self.pending().values())[0])
                    self.softkeys['one'].touch()
                self.assertEqual(ssh.wait(60) == 0, reason is None)
                self.assertEqual(self.signed()[-1].get('reason'), reason)


if __name__ == '__main__':
    unittest.main()
