"""Which OTP slots of YubiKeys say yes: how they come to be enrolled, from older files, too; what becomes
of them where the guard is killed, and where other programs have a hand in it."""

import os
import pathlib
import random
import re
import signal
import subprocess
import time
import unittest

import floors
import softkeys
from guard import wait_until
from otpkeys import POLICY, SERIAL, OtpTest, Slot, YubiKey
from place import command_line, descendants
from terminal import Terminal

PIN = 'correct horse 7'
OLD_POLICY = f'''
version: 0
default_action: deny
confirm: {{touch: {{challenge: "cafe", slot: "2", timeout: "20s"}}, pin: {{slot: "1", timeout: "120s"}}}}
rules:
  - name: ask
    match: {{process_name: [ssh, ssh-keygen]}}
    action: confirm
'''


class Enrolling(OtpTest):
    enrolled = False

    def test_a_slot_is_listed_and_removed_by_a_yes(self):
        shown = self.enrol()
        self.assertIn('slot 2 of the YubiKey is enrolled as yubi', shown)
        text = self.guard.command('enroll', '--list').stdout
        self.assertRegex(text, rf'yubi: slot 2 of YubiKey {SERIAL}, for a touch \(weak\), enrolled ')
        self.assertIn(f'by an OTP slot, which is weak: yubi: slot 2 of YubiKey {SERIAL}',
                      self.guard.command('doctor').stdout)
        event = self.guard.wait_event(trigger='enrolled')
        self.assertIn(f'otp yubi: added; slot 2 of the YubiKey {SERIAL}, for a touch', event['detail'])
        terminal = Terminal(self.place, self.guard.program, 'enroll', '--remove', 'yubi')
        terminal.wait_for('Touch a YubiKey that is enrolled, twice')
        self.desk.touch_twice()
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        self.assertEqual(self.guard.command('enroll', '--list').stdout, '')
        self.assertNotEqual(self.ssh().wait(60), 0)
        self.assertEqual(self.signed()[-1]['reason'], 'missing')

    def test_nothing_is_enrolled_past_a_slot_that_says_yes(self):
        """Not another slot, not a PIN, not a security key: each takes the slot's two touches."""
        self.enrol()
        before = self.state().read_text()
        evil = YubiKey(666, slot1=Slot(b'evil' * 5, touch=False), slot2=Slot(b'evil' * 5))
        self.desk.plug(evil, self.yubikey)
        for words in (('otp', '--name', 'evil'), ('otp', '--name', 'evil', '--pin')):
            terminal = Terminal(self.place, self.guard.program, 'enroll', *words)
            if '--pin' in words:
                for question in ('The new PIN: ', 'The new PIN again: '):
                    terminal.wait_for(question)
                    terminal.type(PIN + '\n')
            else:
                self.assertIs(self.desk.touch().key, evil)
            # Now the one that is enrolled is asked, and nobody touches it.
            self.assertIs(self.desk.wait_blinking().key, self.yubikey)
            terminal.process.kill()
            terminal.process.wait()
            os.close(terminal.master)
            self.desk.pull()
            self.desk.wait_dark()
            self.guard.stop()
            self.restart()
            self.desk.plug(evil, self.yubikey)
        terminal = Terminal(self.place, self.guard.program, 'enroll', 'pin')
        for question in ('The new PIN: ', 'The new PIN again: '):
            terminal.wait_for(question)
            terminal.type(PIN + '\n')
        terminal.wait_for('Touch a YubiKey that is enrolled, twice')
        self.assertIs(self.desk.wait_blinking().key, self.yubikey)
        self.assertFalse((self.guard.state / 'pin').exists())
        self.desk.touch_twice()
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        self.assertTrue((self.guard.state / 'pin').exists())
        names = re.findall(r'(?m)^(\w+):', self.guard.command('enroll', '--list').stdout)
        self.assertEqual(names, ['pin', 'yubi'])
        self.assertNotEqual(self.state().read_text(), before)

    def test_no_pin_comes_beside_the_first_slot_while_that_is_enrolled(self):
        first = Terminal(self.place, self.guard.program, 'enroll', 'otp', '--name', 'yubi')
        self.desk.wait_blinking()
        second = Terminal(self.place, self.guard.program, 'enroll', 'pin')
        for question in ('The new PIN: ', 'The new PIN again: '):
            second.wait_for(question)
            second.type(PIN + '\n')
        status, shown = second.end()
        self.assertNotEqual(status, 0)
        self.assertIn('what says yes is being changed already', shown)
        self.desk.touch()
        status, shown = first.end()
        self.assertEqual(status, 0, shown)
        self.assertFalse((self.guard.state / 'pin').exists())

    def test_a_second_slot_of_the_same_yubikey_by_a_yes_of_the_first(self):
        self.enrol()
        status, shown = self.enrol_pin_slot(touches=2)
        self.assertEqual(status, 0, shown)
        # And one that is there is not enrolled again.
        terminal = Terminal(self.place, self.guard.program, 'enroll', 'otp', '--name', 'again')
        self.desk.touch()
        status, shown = terminal.end()
        self.assertEqual(status, 1)
        self.assertIn('that slot of this YubiKey is enrolled already', shown)
        done = self.guard.command('enroll', 'otp', '--name', 'yubi')
        self.assertEqual(done.returncode, 1)
        self.assertIn('something of that name is enrolled', done.stderr)

    def test_the_pin_of_the_account_says_yes_to_a_slot(self):
        terminal = Terminal(self.place, self.guard.program, 'enroll', 'pin')
        for question in ('The new PIN: ', 'The new PIN again: '):
            terminal.wait_for(question)
            terminal.type(PIN + '\n')
        self.assertEqual(terminal.end()[0], 0)
        terminal = Terminal(self.place, self.guard.program, 'enroll', 'otp', '--name', 'yubi')
        terminal.wait_for('The PIN that is set: ')
        terminal.type('not this one\n')
        terminal.wait_for('wrong PIN; 4 more')
        # It is asked for again, and the YubiKey after it alone.
        terminal.wait_for('The PIN that is set: ', 2)
        terminal.type(PIN + '\n')
        self.desk.touch()
        self.assertEqual(terminal.end()[0], 0, terminal.shown)
        self.works()

    def test_what_cannot_be_enrolled_is_told(self):
        self.yubikey.slots[2].touch = False
        done = self.guard.command('enroll', 'otp')
        self.assertEqual(done.returncode, 1)
        self.assertIn('answers without a touch', done.stderr)
        del self.yubikey.slots[2]
        self.assertIn('is not configured', self.guard.command('enroll', 'otp').stderr)
        self.yubikey.slots[2] = Slot(None)
        self.assertIn('not set up for challenge-response',
                      self.guard.command('enroll', 'otp').stderr)
        self.yubikey.tells_serial = False
        self.assertIn('does not tell its serial number', self.guard.command('enroll', 'otp').stderr)
        (self.desk.path / 'ykinfo').unlink()
        self.assertIn('is missing', self.guard.command('enroll', 'otp').stderr)
        for words in (('otp', '--slot', '3'), ('otp', '--slot'), ('fido2', '--pin'),
                      ('pin', '--slot', '1'), ('--list', '--pin'), ('otp', 'otp')):
            done = self.guard.command('enroll', *words)
            self.assertEqual(done.returncode, 2, words)
        self.assertEqual(self.guard.command('enroll', '--list').stdout, '')


class BesideASecurityKey(OtpTest):
    POLICY = POLICY.replace('confirm: otp', 'confirm: [touch, otp]')

    def before_guard(self):
        program = self.place.copy_program(softkeys.PROGRAM, 'softkey')
        self.softkey = softkeys.Softkey(self.place, 'one', program=program)
        self.place.env['SSH_AGENT_GUARD_SOFTKEYS'] = f'ctaphid+unix:{self.place.path}/one.key'

    def enrol_security_key(self):
        terminal = Terminal(self.place, self.guard.program, 'enroll', 'fido2', '--name', 'one')
        terminal.wait_for('First touch a YubiKey that is enrolled, twice')
        terminal.wait_for('own PIN')
        terminal.type('\n')
        self.desk.wait_blinking()
        self.assertFalse((self.guard.state / 'fido2').exists())
        self.desk.touch_twice()
        self.softkey.touch('make')
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)

    def test_the_security_key_is_asked_and_the_slot_where_it_is_not_there(self):
        self.enrol_security_key()
        ssh = self.ssh()
        self.softkey.wait('waiting get')
        self.assertEqual(self.desk.waiting, [])
        text, = self.wait_pending().values()
        self.assertIn('methods: touch, otp (weak)\n', text)
        self.assertNotIn('  otp: ', text)
        self.softkey.say('touch')
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.signed()[-1]['confirm_method'], 'touch')
        self.softkey.say('vanish')
        self.softkey.wait('gone')
        self.works()
        event = self.signed()[-1]
        self.assertEqual((event['confirm_method'], event['confirm_weak']), ('otp', True))
        self.assertNotIn('approval', event)
        # One that is pulled out while it blinks.
        self.softkey.say('appear')
        self.softkey.wait('ready')
        ssh = self.ssh()
        self.softkey.wait('waiting get')
        self.softkey.say('vanish')
        self.desk.touch_twice()
        self.assertEqual(ssh.wait(60), 0)
        done = self.guard.command('log', 'verify', '--approvals')
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_another_slot_takes_a_touch_of_the_security_key(self):
        self.enrol_security_key()
        before = self.state().read_text()
        terminal = Terminal(self.place, self.guard.program, 'enroll', 'otp', '--name', 'more',
                            '--slot', '1')
        terminal.wait_for('Then touch a security key')
        self.yubikey.slots[1].touch = True
        self.desk.touch()
        self.softkey.wait('waiting get')
        self.assertEqual(self.state().read_text(), before)
        self.softkey.say('touch')
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        event = self.guard.events(trigger='enrolled')[-1]
        self.assertIn('otp more: added', event['detail'])
        self.assertEqual(event['approval']['key'], 'one')
        self.assertIn('new', event['approval'])
        terminal = Terminal(self.place, self.guard.program, 'enroll', '--remove', 'more')
        self.softkey.touch()
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        self.assertNotIn('more:', self.guard.command('enroll', '--list').stdout)
        # Declined, it is not.
        terminal = Terminal(self.place, self.guard.program, 'enroll', '--remove', 'yubi')
        self.softkey.wait('waiting get')
        self.softkey.say('refuse')
        self.assertEqual(terminal.end()[0], 1)
        self.assertIn('yubi:', self.guard.command('enroll', '--list').stdout)
        done = self.guard.command('log', 'verify', '--approvals')
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn('touches: 2 good, 0 not', done.stdout)


class UnderAFloor(floors.OwnEtc, OtpTest):
    """A floor that names security keys: nothing that cannot be named says yes."""

    def setUp(self):
        self.need_root()
        super().setUp()

    def start_guard(self, policy=None, **options):
        self.make_etc()
        return super().start_guard(policy, **{**self.floor_options(), **options})

    def terminal(self, *words):
        return Terminal(self.place, *self.inside(), self.guard.program, *words, user=0, group=0)

    def enrol(self, *options):
        terminal = self.terminal('enroll', 'otp', '--name', 'yubi')
        self.desk.touch()
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)

    def put_floor(self, text):
        before = len(self.guard.events(trigger='reload'))
        self.write_floor(text)
        wait_until(lambda: len(self.guard.events(trigger='reload')) > before, 'the floor is read')

    def test_no_slot_says_yes_unless_the_floor_has_it_so(self):
        self.works()
        named = 'ab' * 64
        before = len(self.desk.answered)
        self.put_floor(f'confirm: {{credentials: [{named}]}}\n')
        self.assertNotEqual(self.ssh().wait(60), 0)
        self.assertEqual(self.signed()[-1]['reason'], 'missing')
        self.assertEqual(len(self.desk.answered), before)
        self.put_floor(f'confirm: {{credentials: [{named}], methods: [touch, otp]}}\n')
        self.works()


class Crashes(OtpTest):
    def kill_guard(self):
        os.kill(self.guard.pid, signal.SIGKILL)
        self.guard.process.wait()
        self.place.guards.remove(self.guard)
        self.desk.wait_dark()
        self.restart()

    def test_it_is_killed_before_between_and_after_the_touches(self):
        """Whoever kills it gains nothing, and nobody is locked out."""
        expected, accepted = None, []
        for step in ('before', 'between', 'after'):
            ssh = self.ssh()
            first = self.desk.wait_blinking()
            if expected is not None:
                self.assertEqual(first.challenge, expected)
            expected = first.challenge
            if step != 'before':
                self.desk.touch()
                second = self.desk.wait_blinking()
                self.assertNotEqual(second.challenge, first.challenge)
            if step == 'after':
                self.desk.touch()
                self.assertEqual(ssh.wait(60), 0)
                accepted.append(first.challenge)
                expected = second.challenge
            self.kill_guard()
            if step != 'after':
                self.assertNotEqual(ssh.wait(60), 0)
        pair = self.works()
        self.assertEqual(pair[0].challenge, expected)
        self.assertNotIn(pair[0].challenge, accepted)
        self.assertEqual(len(self.signed(decision='confirmed')), 2)

    def test_it_is_killed_at_any_moment_of_the_second_answer(self):
        accepted = set()
        for round_ in range(8):
            ssh = self.ssh()
            first = self.desk.touch()
            self.assertNotIn(first.challenge, accepted)
            self.desk.touch()
            time.sleep(random.random() * 0.03)
            self.kill_guard()
            confirmed = len(self.signed(decision='confirmed'))
            if ssh.wait(60) == 0 or confirmed > len(accepted):
                accepted.add(first.challenge)
        pair = self.works()
        self.assertNotIn(pair[0].challenge, accepted)

    def test_the_helper_and_the_program_are_killed(self):
        before = descendants(self.guard.pid)
        ssh = self.ssh()
        asked = self.desk.wait_blinking()
        for pid in descendants(self.guard.pid) - before:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        wait_until(lambda: asked not in self.desk.waiting, 'it is gone')
        self.assertIsNone(ssh.poll())
        self.desk.touch_twice()
        self.assertEqual(ssh.wait(60), 0)

    def test_where_it_cannot_be_written_there_is_no_yes(self):
        ssh = self.ssh()
        self.desk.touch()
        self.desk.wait_blinking()
        state = self.guard.state
        mode = state.stat().st_mode
        state.chmod(0o500)
        self.desk.touch()
        self.assertNotEqual(ssh.wait(60), 0)
        state.chmod(mode & 0o777)
        self.assertEqual(self.signed()[-1]['reason'], 'otp-failed')
        self.works()


class Attacks(OtpTest):
    def test_another_program_can_ask_the_yubikey_and_say_nothing_with_it(self):
        """It knows the challenge, and somebody touches: what it learns opens nothing."""
        challenge = self.state().read_text().split()[-2]
        thief = self.place.spawn(self.desk.path / 'ykchalresp', '-2', '-x', challenge,
                                 stdout=subprocess.PIPE)
        self.desk.touch()
        stolen = thief.communicate(timeout=60)[0].strip().decode()
        self.assertRegex(stolen, '^[0-9a-f]{40}$')
        control = self.place.runtime / 'ssh-agent-guard' / 'control.sock'
        ssh = self.ssh()
        self.desk.wait_blinking()
        for request in (f'confirm 1 {"0" * 32} {stolen}', f'await 1 {stolen}', f'enroll-slot {stolen}',
                        f'enroll-slot {"0" * 32}\tme\t2\t\t', f'remove-key {"0" * 32}\tyubi\t'):
            done = self.place.run('/usr/bin/python3', '-c',
                                  'import socket, sys; s = socket.socket(socket.AF_UNIX);'
                                  's.connect(sys.argv[1]); s.sendall(sys.argv[2].encode() + b"\\n");'
                                  'print(s.recv(4096))', control, request)
            self.assertIn('failed', done.stdout, request)
        self.assertIsNone(ssh.poll())
        self.assertEqual(len(self.pending()), 1)
        # And once the YubiKey itself was touched for the request, it is the answer of before.
        self.desk.touch_twice()
        self.assertEqual(ssh.wait(60), 0)
        self.desk.answers_with = bytes.fromhex(stolen)
        ssh = self.ssh()
        self.desk.touch()
        self.assertNotEqual(ssh.wait(60), 0)

    def test_nobody_looks_into_the_programs_and_their_environment_is_clean(self):
        self.place.env['EVIL'] = '1'
        ssh = self.ssh()
        self.desk.wait_blinking()
        program, = [pid for pid in descendants(self.guard.pid)
                    if command_line(pid)[:1] == [str(self.desk.path / 'ykchalresp').encode()]]
        words = command_line(program)
        self.assertEqual(words[1:], [b'-n0', b'-2', b'-x', b'-i-'])
        environment = pathlib.Path(f'/proc/{program}/environ').read_bytes()
        self.assertEqual(sorted(filter(None, environment.split(b'\0'))),
                         [b'LC_ALL=C', b'PATH=/usr/bin:/bin'])
        for name in ('environ', 'mem', 'maps', 'fd'):
            done = self.place.run('/usr/bin/python3', '-c',
                                  'import os, sys; p = sys.argv[1];'
                                  'os.listdir(p) if os.path.isdir(p) else open(p, "rb").read(1)',
                                  f'/proc/{program}/{name}')
            self.assertIn('Permission', done.stderr, name)
        ssh.kill()

    def test_a_program_of_that_name_in_the_path_is_never_run(self):
        trap = self.place.path / 'trap'
        self.place.make_directory(trap)
        for name in ('ykinfo', 'ykchalresp'):
            self.place.write(f'trap/{name}', f'#!/bin/sh\necho ran >>{trap}/ran\n', mode=0o755)
        self.guard.stop()
        self.place.env['PATH'] = f'{trap}:{self.place.env["PATH"]}'
        self.restart()
        self.works()
        self.assertFalse((trap / 'ran').exists())

    def test_a_changed_file_is_not_used_by_a_guard_that_runs(self):
        good = self.state().read_text()
        # The slot of the PIN answers without a touch: whoever can ask it makes his own file.
        self.state().write_text(re.sub(r'(slot yubi touch \d+) 2', r'\1 1', good))
        self.guard.wait_event(trigger='enrolment-changed')
        ssh = self.ssh()
        self.assertEqual(self.desk.touch().slot, 2)
        self.desk.touch()
        self.assertEqual(ssh.wait(60), 0)
        # After a restart it would be, and that slot is no touch's.
        self.state().write_text(re.sub(r'(slot yubi touch \d+) 2', r'\1 1', self.state().read_text()))
        self.guard.wait_event(trigger='enrolment-changed')
        self.guard.stop()
        self.restart()
        self.assertNotEqual(self.ssh().wait(60), 0)
        self.assertIn('answers without a touch',
                      self.guard.wait_event(trigger='otp-failed')['detail'])

    def test_a_file_that_is_not_ours_alone_is_not_read(self):
        good = self.state().read_text()
        person = self.place.person
        elsewhere = self.place.write('elsewhere', good)

        def link():
            self.state().unlink()
            self.state().symlink_to(elsewhere)

        def foreign():
            self.state().unlink()
            self.state().write_text(good)
            self.state().chmod(0o644)

        def mode(bits):
            def change():
                self.state().unlink()
                self.state().write_text(good)
                os.chown(self.state(), person.uid, person.gid)
                self.state().chmod(bits)
            return change

        def text(content):
            def change():
                mode(0o600)()
                self.state().write_text(content)
            return change

        def fifo():
            self.state().unlink()
            os.mkfifo(self.state())
            os.chown(self.state(), person.uid, person.gid)

        for change, words in ((link, 'it is a link'), (foreign, "it is somebody else's"),
                              (mode(0o660), 'others may read or change it'),
                              (mode(0o640), 'others may read or change it'),
                              (text(good[:-3]), 'none that the guard has written'),
                              (text(good.replace('version 1', 'version 2')),
                               'none that the guard has written'),
                              (text(''), 'none that the guard has written'),
                              (fifo, 'Invalid argument')):
            self.guard.stop()
            change()
            self.restart()
            self.guard.wait_output(words)
            self.assertNotEqual(self.ssh().wait(60), 0)
            self.assertEqual(self.signed()[-1]['reason'], 'missing')
            done = self.guard.command('enroll', 'otp', '--name', 'new')
            self.assertEqual(done.returncode, 1)
            self.assertIn('cannot be read', done.stderr)
        # Nor is that a way past it.
        terminal = Terminal(self.place, self.guard.program, 'enroll', 'pin')
        for question in ('The new PIN: ', 'The new PIN again: '):
            terminal.wait_for(question)
            terminal.type(PIN + '\n')
        status, shown = terminal.end()
        self.assertEqual(status, 1)
        self.assertIn('the file of the YubiKeys cannot be read', shown)
        self.guard.stop()
        text(good)()
        self.restart()
        self.works()


class Older(OtpTest):
    """Files that the older ssh-agent-guard has left."""
    POLICY = OLD_POLICY
    enrolled = False
    PIN = 'old pin'

    def older(self, name, answer, mode=0o644):
        path = self.place.home / '.local/state/ssh-ag/confirm' / name
        for directory in reversed([path.parent, *path.parent.parents]):
            if self.place.home in directory.parents and not directory.exists():
                directory.mkdir(mode=0o755)
                os.chown(directory, self.place.uid, self.place.person.gid)
        path.write_text(answer.hex() + '\n')
        path.chmod(mode)
        os.chown(path, self.place.uid, self.place.person.gid)
        return path

    def before_guard(self):
        self.older(f'{SERIAL}.response', self.yubikey.slots[2].answer(b'cafe'))
        self.older('slot1.response', self.yubikey.slots[1].answer(self.PIN.encode()))
        self.older('777.response', b'x' * 20)

    def test_they_are_read_once_and_the_first_yes_makes_them_ours(self):
        self.guard.wait_output('3 taken over from the files of the older')
        text = self.guard.command('enroll', '--list').stdout
        self.assertRegex(text, rf'yubikey-{SERIAL}: slot 2 of YubiKey {SERIAL}, for a touch .*older')
        self.assertRegex(text, r'yubikey-pin: slot 1 of any YubiKey, for a PIN .*older')
        ssh = self.ssh()
        first, second = self.desk.touch_twice()
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(first.challenge, b'cafe')
        self.assertEqual(len(second.challenge), 32)
        self.assertEqual(self.signed()[-1]['confirm_method'], 'otp')
        ssh = self.ssh()
        self.wait_pending()
        self.desk.wait_blinking()  # the one that wants a touch gives way to who types a PIN
        self.assertIn('4 more', self.confirm('not this')[1])
        self.assertEqual(self.confirm(self.PIN)[0], 0)
        self.assertEqual(ssh.wait(60), 0)
        self.assertEqual(self.signed()[-1]['confirm_method'], 'otp-pin')
        self.assertEqual(len(self.desk.answered[-1].challenge), 32)
        text = self.guard.command('enroll', '--list').stdout
        self.assertRegex(text, rf'yubikey-pin: slot 1 of YubiKey {SERIAL}, for a PIN')
        # What the old file says is worth nothing from then on, after a restart, too.
        self.guard.stop()
        self.restart()
        self.desk.answers_with = self.yubikey.slots[2].answer(b'cafe')
        ssh = self.ssh()
        self.desk.touch()
        wait_until(lambda: self.guard.events(trigger='otp-refused'), 'it is refused')
        ssh.kill()
        self.desk.answers_with = None

    def test_with_the_old_answer_nobody_says_yes_but_once(self):
        old = self.yubikey.slots[2].answer(b'cafe')
        self.works()
        self.desk.answers_with = old
        ssh = self.ssh()
        self.desk.touch()
        self.guard.wait_event(trigger='otp-refused')
        self.assertIsNone(ssh.poll())  # the slot for the PIN may still say yes
        self.guard.command('deny', '--all')
        self.assertNotEqual(ssh.wait(60), 0)


class OlderDefaults(Older):
    POLICY = POLICY

    def before_guard(self):
        self.older('default.response', self.yubikey.slots[2].answer(b'deadbeef'))

    def test_they_are_read_once_and_the_first_yes_makes_them_ours(self):
        self.guard.wait_output('1 taken over from the files of the older')
        first, _ = self.works()
        self.assertEqual(first.challenge, b'deadbeef')
        self.assertIn(f'yubikey-default: slot 2 of YubiKey {SERIAL},',
                      self.guard.command('enroll', '--list').stdout)

    def test_with_the_old_answer_nobody_says_yes_but_once(self):
        self.works()
        self.desk.answers_with = self.yubikey.slots[2].answer(b'deadbeef')
        ssh = self.ssh()
        self.desk.touch()
        self.assertNotEqual(ssh.wait(60), 0)
        self.assertEqual(self.signed()[-1]['reason'], 'otp-invalid')


class OlderUnsafe(Older):
    def before_guard(self):
        answer = self.yubikey.slots[2].answer(b'cafe')
        self.older(f'{SERIAL}.response', answer, mode=0o664)
        foreign = self.older('2.response', answer)
        os.chown(foreign, 0, 0)
        target = self.place.write('target', answer.hex())
        link = self.older('3.response', answer)
        link.unlink()
        link.symlink_to(target)
        self.older('4.response', b'short')
        self.older('slot2.response', answer)  # not the PIN's slot
        self.older('notes.txt', answer)

    def test_they_are_read_once_and_the_first_yes_makes_them_ours(self):
        for name, words in ((f'{SERIAL}.response', 'others may write to it'),
                            ('2.response', "it is somebody else's"), ('3.response', 'it is a link'),
                            ('4.response', 'it holds no answer')):
            self.guard.wait_output(re.escape(f'{name}: {words}'))
        self.assertNotIn('notes.txt', self.guard.output())
        self.assertEqual(self.guard.command('enroll', '--list').stdout, '')
        self.assertFalse(self.state().exists())
        self.assertNotEqual(self.ssh().wait(60), 0)
        self.assertEqual(self.signed()[-1]['reason'], 'missing')

    def test_with_the_old_answer_nobody_says_yes_but_once(self):
        """Nor where something else is enrolled, past which such a file would be an enrolment."""
        terminal = Terminal(self.place, self.guard.program, 'enroll', 'pin')
        for question in ('The new PIN: ', 'The new PIN again: '):
            terminal.wait_for(question)
            terminal.type(PIN + '\n')
        self.assertEqual(terminal.end()[0], 0)
        self.guard.stop()
        self.older(f'{SERIAL}.response', self.yubikey.slots[2].answer(b'cafe'))
        self.restart()
        self.guard.wait_output('not used, because something else is enrolled')
        self.assertFalse(self.state().exists())
        self.assertNotIn('YubiKey', self.guard.command('enroll', '--list').stdout)


if __name__ == '__main__':
    unittest.main()
