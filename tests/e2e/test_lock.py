"""lock: true: a changed policy is used only after a person's yes, whatever happens to the files."""

import hashlib
import os
import re
import signal
import socket
import time

import guard
from guard import SSH_KEYGEN, wait_until
from terminal import Terminal

PIN = 'correct horse 7'
SETTLED_S = 2.5  # a little longer than src/agent/own_file.c has it


def policy(*rules, lock=True, default='deny'):
    text = f'default_action: {default}\n' + ('lock: true\n' if lock else '')
    return text + 'rules:' + (' []\n' if not rules else '\n' + ''.join(rules))


def rule(name, program=SSH_KEYGEN, action='allow'):
    return f'  - name: {name}\n    match: {{exe: {program}}}\n    action: {action}\n'


CLOSED = policy()
OPEN = policy(rule('files'))
EVIL = policy(rule('evil'), lock=False, default='allow')


class Lock(guard.GuardTest):
    as_person = True
    pin = PIN

    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()
        self.key = self.keys.make()
        self.add(self.agent, self.key)
        self.start(CLOSED)
        if self.pin:
            self.enroll(self.pin)

    def start(self, text=None, **options):
        self.guard = self.start_guard(text, upstream=self.agent, **options)

    def restart(self, **options):
        self.guard.stop()
        self.start(**options)

    def enroll(self, pin):
        terminal = Terminal(self.place, self.guard.program, 'enroll', 'pin')
        terminal.wait_for('The new PIN: ')
        terminal.type(pin + '\n')
        terminal.wait_for('again: ')
        terminal.type(pin + '\n')
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)

    def signs(self):
        done = self.place.run(SSH_KEYGEN, '-Y', 'sign', '-n', 'file', '-f', f'{self.key}.pub',
                              env=self.guard.env, input='data')
        return done.returncode == 0

    def reload(self):
        return self.guard.command('reload')

    def wait_locked(self, count=1):
        wait_until(lambda: len(self.guard.events(trigger='policy-locked')) >= count,
                   'the changed policy is held')
        # A question about an earlier change comes first in the status.
        wait_until(lambda: self.guard.status()['state'] in ('policy-locked', 'confirming'),
                   'the status says so')

    def change(self, text, count=1):
        self.guard.write_policy(text)
        self.wait_locked(count)

    def begin(self):
        """policy accept, up to where it asks for the PIN."""
        terminal = Terminal(self.place, self.guard.program, 'policy', 'accept')
        terminal.wait_for('PIN, to say yes')
        return terminal

    def accept(self, pin=PIN, terminal=None):
        terminal = terminal or self.begin()
        terminal.type(pin + '\n')
        return terminal.end_or_let_be('PIN, to say yes')

    @property
    def copy(self):
        return self.guard.state / 'policy.accepted'


class Accept(Lock):
    def test_a_changed_policy_waits_for_a_yes(self):
        first, = self.guard.events(trigger='policy-accepted')
        self.assertEqual(first['reason'], 'first-use')
        self.assertEqual(self.copy.stat().st_mode & 0o777, 0o600)
        before = self.guard.status()['config_sha256']
        self.change(OPEN)
        self.assertFalse(self.signs())
        self.assertEqual(self.guard.status()['config_sha256'], before)
        self.assertIn('policy accept', self.guard.status()['notice'])
        done = self.reload()
        self.assertEqual(done.returncode, 1)
        self.assertIn('policy accept', done.stderr)

        status, shown = self.accept()
        self.assertEqual(status, 0, shown)
        self.assertIn('+   - name: "files"', shown)
        self.assertNotRegex(shown, r'(?m)^    - +- name')
        self.assertIn(f'sha256_now: {before}', shown)
        self.assertTrue(self.signs())
        event = self.guard.wait_event(trigger='policy-accepted', confirm_method='pin')
        self.assertEqual(event['confirm_via'], 'control')
        self.assertNotEqual(event['config_sha256'], before)
        self.assertIn(f'sha256_new: {event["config_sha256"]}', shown)
        self.assertIn(before, event['detail'])
        wait_until(lambda: self.guard.status()['state'] in ('idle', 'reloaded'), 'all is well')
        self.restart()
        self.assertTrue(self.signs())
        self.assertEqual(self.guard.events(trigger='policy-locked')[1:], [])

    def test_a_wrong_pin_and_a_no_change_nothing(self):
        self.change(OPEN)
        status, shown = self.accept('wrong one')
        self.assertEqual(status, 1)
        self.assertIn('wrong PIN', shown)
        self.assertFalse(self.signs())
        # It still waits, and another command can answer it.
        self.assertEqual(self.guard.command('deny').returncode, 0)
        event = self.guard.wait_event(trigger='policy-accept-refused')
        self.assertEqual(event['reason'], 'denied')
        self.assertFalse(self.signs())
        status, shown = self.accept()
        self.assertEqual(status, 0, shown)
        self.assertTrue(self.signs())

    def test_confirm_can_say_the_yes_as_well(self):
        self.change(OPEN)
        terminal = self.begin()
        terminal.type('\n')
        status, shown = terminal.end()
        self.assertEqual(status, 1)
        number = re.search(r'ssh-agent-guard confirm (\d+)', shown)[1]
        terminal = Terminal(self.place, self.guard.program, 'confirm', number)
        terminal.wait_for('PIN, to say yes')
        self.assertIn('+   - name: "files"', terminal.shown)
        self.assertEqual(self.accept(terminal=terminal)[0], 0)
        self.assertTrue(self.signs())

    def test_taking_the_lock_off_is_a_change_too(self):
        self.change(OPEN.replace('lock: true\n', ''))
        self.assertFalse(self.signs())
        status, shown = self.accept()
        self.assertEqual(status, 0, shown)
        self.assertIn('takes the lock off', shown)
        self.assertIn('- lock: true', shown)
        self.assertTrue(self.signs())
        self.assertFalse(self.copy.exists())
        # From here on it is as without a lock.
        self.guard.write_policy(CLOSED.replace('lock: true\n', ''))
        self.assertEqual(self.reload().returncode, 0)
        self.assertFalse(self.signs())
        # And on again: trusted on first use.
        self.guard.write_policy(OPEN)
        self.assertEqual(self.reload().returncode, 0)
        self.assertTrue(self.copy.exists())
        self.assertEqual(len(self.guard.events(trigger='policy-accepted', reason='first-use')), 2)
        self.change(CLOSED, 2)
        self.assertTrue(self.signs())

    def test_tools_see_what_the_guard_does(self):
        self.place.write('config/ssh-agent-guard/policy.yaml', EVIL)
        done = self.guard.command('policy', 'show')
        self.assertIn('lock: true', done.stdout)
        self.assertIn('policy.accepted', done.stderr)
        done = self.guard.command('check')
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r'(?m)^verdict +deny$')
        self.assertRegex(self.guard.command('check', '--policy', self.guard.policy).stdout,
                         r'(?m)^verdict +deny$')
        self.guard.stop()
        self.copy.write_bytes(b'junk')
        for words in (('policy', 'show'), ('check',)):
            done = self.guard.command(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ''))
            self.assertIn('policy.accepted', done.stderr)

    def test_what_is_included_belongs_to_it(self):
        self.place.write('more.yaml', 'rules: []\n')
        self.change('include: more.yaml\n' + CLOSED)
        self.assertEqual(self.accept()[0], 0)
        self.place.write('more.yaml', 'rules:\n' + rule('more'))
        self.wait_locked(2)
        self.assertFalse(self.signs())
        self.restart()
        self.assertFalse(self.signs())
        self.wait_locked(3)
        status, shown = self.accept()
        self.assertIn('+   - name: "more"', shown)
        self.assertTrue(self.signs())
        (self.place.path / 'more.yaml').unlink()
        self.restart()
        self.assertTrue(self.signs())

    def test_nothing_to_accept(self):
        done = self.guard.command('policy', 'accept')
        self.assertEqual(done.returncode, 0)
        self.assertIn('nothing to accept', done.stdout)
        self.guard.write_policy('default_action: perhaps\n')
        done = self.guard.command('policy', 'accept')
        self.assertEqual(done.returncode, 1)
        self.assertIn('perhaps', done.stderr)
        self.assertEqual(self.guard.command('policy', 'accept', 'file').returncode, 2)

    def test_outside_text_is_shown_escaped(self):
        self.change(policy('  - name: "a\\e[2J\\u202e"\n    match: {exe: "/x\\e]0;t"}\n'
                           '    action: allow\n'))
        status, shown = self.accept()
        self.assertEqual(status, 0)
        self.assertNotIn('\x1b', shown)
        self.assertNotIn('\u202e', shown)
        self.assertIn('\\x1b[2J', shown)


class WithoutPin(Lock):
    pin = None

    def test_accept_needs_a_method(self):
        self.change(OPEN)
        done = self.guard.command('policy', 'accept')
        self.assertEqual(done.returncode, 1)
        self.assertIn('enroll', done.stderr)
        self.assertFalse(self.signs())
        self.assertEqual(self.guard.command('pending').stdout, '')


class Attacks(Lock):
    def test_the_file_is_put_back_swapped_and_deleted(self):
        self.change(EVIL)
        self.guard.write_policy(CLOSED)
        wait_until(lambda: self.guard.status()['state'] != 'policy-locked', 'it is settled')
        evil = self.place.write('evil.yaml', EVIL)
        link = self.place.path / 'link'
        os.symlink(evil, link)
        os.rename(link, self.guard.policy)
        self.wait_locked(2)
        self.assertFalse(self.signs())
        self.guard.policy.unlink()
        self.reload()
        self.assertFalse(self.signs())
        self.restart()
        self.assertFalse(self.signs())

    def test_a_restart_begins_with_what_was_accepted(self):
        self.guard.stop()
        self.place.write(self.guard.policy.name, EVIL)
        self.start()
        self.wait_locked()
        self.assertFalse(self.signs())
        # Nor does another path.
        self.guard.stop()
        other = self.place.write('other.yaml', EVIL)
        self.start(arguments=('--policy', other))
        self.wait_locked(2)
        self.assertFalse(self.signs())

    def test_the_copy_is_no_way_in_while_the_guard_runs(self):
        whole = self.copy.read_bytes()
        evil = whole.replace(b'deny', b'allow')
        for attack in ('edit', 'replace', 'link', 'remove'):
            with self.subTest(attack):
                if attack == 'edit':
                    with open(self.copy, 'r+b') as file:
                        file.write(evil)
                elif attack == 'remove':
                    self.copy.unlink()
                else:
                    bait = self.place.write('bait', evil)
                    if attack == 'link':
                        os.symlink(bait, self.place.path / 'link')
                        bait = self.place.path / 'link'
                    os.rename(bait, self.copy)
                wait_until(lambda: self.copy.exists() and not self.copy.is_symlink() and
                           self.copy.read_bytes() == whole, 'the copy is as it was')
        self.reload()
        self.assertFalse(self.signs())
        self.guard.wait_event(trigger='policy-copy-restored')
        self.assertEqual(len(self.guard.events(trigger='policy-copy-restored')), 1)

    def wait_restored(self, whole):
        wait_until(lambda: self.copy.read_bytes() == whole, 'the copy is as it was')

    def test_a_change_of_the_copy_that_leaves_its_size_and_time_is_seen(self):
        self.restart()
        whole = self.copy.read_bytes()
        # Once it has lain there for longer than the guard looks by itself, and at once again.
        time.sleep(SETTLED_S)
        self.assertEqual(self.guard.events(trigger='policy-copy-restored'), [])
        for _ in range(3):
            before = self.copy.stat()
            with open(self.copy, 'r+b') as file:
                file.write(whole.replace(b'deny', b'deni'))
            os.utime(self.copy, ns=(before.st_atime_ns, before.st_mtime_ns))
            self.wait_restored(whole)

    def test_who_holds_the_copy_of_before_hides_no_change_of_the_next(self):
        whole = self.copy.read_bytes()
        evil = whole.replace(b'deny', b'allow')
        bait = self.place.write('bait', evil)
        with open(bait, 'rb'):
            os.link(bait, self.place.path / 'link')
            os.rename(bait, self.copy)
            self.wait_restored(whole)
            time.sleep(SETTLED_S)
            with open(self.copy, 'r+b') as file:
                file.write(evil)
            self.wait_restored(whole)

    def test_a_copy_that_is_not_ours_stops_the_start(self):
        whole = self.copy.read_bytes()
        self.guard.stop()
        for content, mode in ((whole[:-1], 0o600), (whole.replace(b'deny', b'deni'), 0o600),
                              (b'', 0o600), (whole + b'x', 0o600), (whole, 0o644)):
            with self.subTest(content=content, mode=mode):
                self.copy.write_bytes(content)
                self.copy.chmod(mode)
                self.start(wait=False)
                self.assertEqual(self.guard.process.wait(60), 2)
                self.guard.asked_to_end = True
                self.assertIn('policy.accepted', self.guard.output())
        self.copy.write_bytes(whole)
        self.copy.chmod(0o600)
        self.start()
        self.assertFalse(self.signs())

    def test_what_was_shown_is_what_is_accepted(self):
        self.change(OPEN)
        terminal = self.begin()
        shown_sha = re.search(r'sha256_new: (\w+)', terminal.shown)[1]
        # Changed between the look and the yes.
        self.change(EVIL, 2)
        status, shown = self.accept(terminal=terminal)
        self.assertEqual(status, 0, shown)
        event = self.guard.wait_event(trigger='policy-accepted', confirm_method='pin')
        self.assertEqual(event['config_sha256'], shown_sha)
        wait_until(lambda: self.guard.status()['config_sha256'] == shown_sha, 'it is in force')
        # The other one waits for a yes of its own.
        self.wait_locked(3)
        self.restart()
        self.assertEqual(self.guard.status()['config_sha256'], shown_sha)

    def test_what_was_shown_of_an_included_file_is_what_is_accepted(self):
        more = self.place.write('more.yaml', 'rules:\n' + rule('files'))
        self.change('include: more.yaml\n' + CLOSED)
        terminal = self.begin()
        self.assertIn('+   - name: "files"', terminal.shown)
        shown_sha = re.search(r'sha256_new: (\w+)', terminal.shown)[1]
        # Another file is put in its place, by a link, between the look and the yes.
        self.place.write('other.yaml', 'rules:\n' + rule('evil', '/**'))
        link = self.place.path / 'link'
        link.symlink_to('other.yaml')
        os.replace(link, more)
        self.wait_locked(2)
        status, shown = self.accept(terminal=terminal)
        self.assertEqual(status, 0, shown)
        self.guard.wait_event(trigger='policy-accepted', config_sha256=shown_sha)
        wait_until(lambda: self.guard.status()['config_sha256'] == shown_sha, 'it is in force')
        self.assertTrue(self.signs())
        self.assertEqual(self.guard.events(trigger='sign')[-1]['rule'], 'files')
        self.wait_locked(3)
        self.restart()  # nor with what lies there then
        self.assertEqual(self.guard.status()['config_sha256'], shown_sha)

    def test_what_was_put_back_while_a_person_looked_is_not_in_force_and_the_status_says_so(self):
        self.change(OPEN)
        terminal = self.begin()
        self.guard.write_policy(CLOSED)
        self.guard.wait_event(trigger='reload')
        self.assertEqual(self.accept(terminal=terminal)[0], 0)
        self.guard.wait_event(trigger='policy-accepted', confirm_method='pin')
        self.assertTrue(self.signs())
        self.wait_locked(2)
        wait_until(lambda: self.guard.status()['state'] == 'policy-locked', 'the status says so')
        self.assertIs(self.guard.status()['config']['is_current_version'], False)
        self.assertTrue(self.signs())

    def test_a_file_that_was_broken_while_a_person_looked_stays_a_reload_error(self):
        errors = self.guard.state / 'config_error.yaml'
        for text in (OPEN, CLOSED):
            self.change(text)
            terminal = self.begin()
            self.guard.write_policy('default_action: nonsense\n')
            wait_until(errors.exists, 'it is refused')
            self.assertEqual(self.accept(terminal=terminal)[0], 0)
            wait_until(lambda: 'waits' not in self.guard.status()['text'] and
                       self.guard.status()['state'] == 'reload-error', 'the status says so')
            self.assertIn('nonsense', self.guard.status()['notice'])
            self.assertTrue(errors.exists())
            # Mended to what was accepted, nothing is left of it.
            self.guard.write_policy(text)
            wait_until(lambda: self.guard.status()['state'] in ('reloaded', 'idle'), 'it is in force')
            self.assertNotIn('notice', self.guard.status())
            self.assertFalse(errors.exists())
            self.assertEqual(self.signs(), text == OPEN)

    def test_a_question_about_another_file_makes_the_first_one_void(self):
        self.change(OPEN)
        first = self.begin()
        self.change(EVIL, 2)
        second = self.begin()
        status, shown = self.accept(terminal=first)
        self.assertEqual(status, 1, shown)
        self.assertRegex(shown, 'confirm: (not answered|nothing waits for that any more)')
        self.assertFalse(self.signs())
        self.assertIn('default_action: allow', second.shown)
        second.type('\n')
        second.end()
        self.assertFalse(self.signs())

    def test_nothing_on_the_control_socket_says_yes(self):
        self.change(OPEN)
        terminal = self.begin()
        number = re.search(r'(?m)^request (\d+)', terminal.shown)[1]
        for line in (f'confirm {number}', f'confirm {number} {"0" * 32} {PIN}', 'policy-accept yes',
                     f'prompt {number}', 'policy-accepted', f'allow {number}'):
            with self.subTest(line):
                with socket.socket(socket.AF_UNIX) as control:
                    control.settimeout(30)
                    control.connect(str(self.place.runtime / 'ssh-agent-guard' / 'control.sock'))
                    control.sendall(line.encode() + b'\n')
                    answer = b''
                    while data := control.recv(4096):
                        answer += data
                self.assertTrue(answer.startswith(b'failed\n'), answer)
        pending = self.place.runtime / 'ssh-agent-guard' / 'pending'
        self.assertEqual([path.name for path in pending.iterdir()] if pending.exists() else [], [])
        self.assertFalse(self.signs())
        self.assertEqual(self.accept(terminal=terminal)[0], 0)

    def test_a_guard_that_is_killed_between_leaves_one_of_both(self):
        self.change(OPEN)
        terminal = self.begin()
        terminal.type(PIN + '\n')
        self.guard.stop(signal.SIGKILL)
        terminal.end()
        self.start()
        sha = self.guard.status()['config_sha256']
        closed, opened = (hashlib.sha256(text.encode()).hexdigest() for text in (CLOSED, OPEN))
        self.assertIn(sha, (closed, opened))
        self.assertEqual(self.signs(), sha == opened)

    def test_a_first_pin_is_not_enrolled_over_one_that_is_there(self):
        terminal = Terminal(self.place, self.guard.program, 'enroll', 'pin')
        terminal.wait_for('The PIN that is set: ')
        terminal.type('not this one\n')
        terminal.wait_for('The new PIN: ')
        terminal.type('mine now\n')
        terminal.wait_for('again: ')
        terminal.type('mine now\n')
        status, shown = terminal.end_or_let_be('The PIN that is set: ')
        self.assertEqual(status, 1, shown)
        self.assertIn('wrong PIN', shown)
        # Nor by taking its file away while the guard runs.
        (self.guard.state / 'pin').unlink()
        terminal = Terminal(self.place, self.guard.program, 'enroll', 'pin')
        terminal.wait_for('The PIN that is set: ')
        terminal.type('\n')
        terminal.end()
        self.change(OPEN)
        self.assertEqual(self.accept('mine now')[0], 1)
        self.assertEqual(self.accept()[0], 0)
