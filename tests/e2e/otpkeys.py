"""YubiKeys with OTP slots, in software: what ykinfo and ykchalresp of tests/support/otpkey find behind
their socket. A person touches one, pulls it out, programs it; and it remembers what it was asked."""

import hashlib
import hmac
import os
import re
import socket
import subprocess
import threading
import time

import guard
import place
import softkeys
from guard import SSH, SSH_KEYGEN, wait_until
from sshd import Sshd
from terminal import Terminal

PROGRAM = os.environ.get('OTPKEY_PROGRAM', '')
SLOT_PIN = 'staple 4711'
SERIAL = 4711815
POLICY = f'''
default_action: deny
confirm: {{timeout: 120s}}
rules:
  - name: ask
    match: {{exe: [{SSH}, {SSH_KEYGEN}]}}
    action: confirm
    confirm: otp
'''


class Slot:
    def __init__(self, secret, touch=True):
        self.secret = secret
        self.touch = touch

    def answer(self, challenge):
        return hmac.new(self.secret, challenge, hashlib.sha1).digest()


class YubiKey:
    def __init__(self, serial, **slots):
        self.serial = serial
        self.slots = {int(name[-1]): slot for name, slot in slots.items()}
        self.tells_serial = True


class Asked:
    """A challenge that waits for a touch, or was answered."""

    def __init__(self, key, slot, challenge):
        self.key, self.slot, self.challenge = key, slot, challenge
        self.answer = None
        self.touched = threading.Event()
        self.gone = False


class Desk:
    """Where YubiKeys are plugged in, and a person sits: home.path/otp has the programs."""

    def __init__(self, home, program):
        self.path = home.path / 'otp'
        home.make_directory(self.path)
        self.home = home
        self.program = program
        for name in ('ykinfo', 'ykchalresp'):
            self.put_program(name)
        self.keys = []
        self.answered = []   # in order
        self.probes = []
        self.waiting = []
        self.trouble = None  # what each program says instead: (kind, message)
        self.answers_with = None  # in the place of each answer
        self.patience_s = 60
        self.lock = threading.Condition()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path / 'otp.sock'))
        os.chmod(self.path / 'otp.sock', 0o777)
        self.listener.listen(64)
        self.ends = False
        threading.Thread(target=self._serve, daemon=True).start()

    def put_program(self, name):
        copy = self.home.copy_program(self.program, name)
        target = self.path / name
        target.unlink(missing_ok=True)
        copy.rename(target)
        return target

    def close(self):
        self.ends = True
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for asked in self.waiting:
                asked.gone = True
                asked.touched.set()

    # --- what a person does

    def plug(self, *keys):
        self.keys = list(keys)
        return keys[0] if keys else None

    def pull(self):
        with self.lock:
            self.keys = []
            for asked in self.waiting:
                asked.gone = True
                asked.touched.set()

    def wait_blinking(self):
        """The challenge that waits for a touch, once there is one."""
        with self.lock:
            if not self.lock.wait_for(lambda: self.waiting, place.DEADLINE_S):
                raise AssertionError('nothing waits for a touch')
            return self.waiting[0]

    def touch(self):
        """As a person does who sees it blink. Returns what was answered."""
        with self.lock:
            if not self.lock.wait_for(lambda: self.waiting, place.DEADLINE_S):
                raise AssertionError('nothing waits for a touch')
            asked = self.waiting.pop(0)
        asked.touched.set()
        return asked

    def touch_twice(self):
        return self.touch(), self.touch()

    def wait_dark(self):
        with self.lock:
            if not self.lock.wait_for(lambda: not self.waiting, place.DEADLINE_S):
                raise AssertionError('it still waits for a touch')

    # --- what the programs see

    def _serve(self):
        while not self.ends:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client):
        with client:
            try:
                words = client.makefile().readline().split()
                reply = self._reply(words, client)
                if reply:
                    client.sendall(reply.encode() + b'\n')
            except OSError:
                pass  # the program was killed

    def _reply(self, words, client):
        if self.trouble:
            return ' '.join(self.trouble)
        keys = self.keys
        index = int(words[1])
        if index >= len(keys):
            return 'core no yubikey present'
        key = keys[index]
        if words[0] == 'info':
            if not key.tells_serial:
                return 'core timeout'
            return f'key {key.serial} {int(1 in key.slots)} {int(2 in key.slots)}'
        return self._challenge(key, int(words[2]), words[3] == '1', bytes.fromhex(words[4]), client)

    def _challenge(self, key, number, waits, challenge, client):
        slot = key.slots.get(number)
        if slot is None or slot.secret is None:
            return 'core timeout'  # as one that is set up for something else
        asked = Asked(key, number, challenge)
        if slot.touch:
            if not waits:
                self.probes.append(asked)
                return 'core operation would block'
            failed = self._wait_for_touch(asked, client)
            if failed:
                return failed
        asked.answer = self.answers_with or slot.answer(challenge)
        with self.lock:
            self.answered.append(asked)
        return 'answer ' + asked.answer.hex()

    def _wait_for_touch(self, asked, client):
        with self.lock:
            self.waiting.append(asked)
            self.lock.notify_all()
        end = time.monotonic() + self.patience_s
        client.settimeout(0.02)
        try:
            while not asked.touched.is_set() and time.monotonic() < end:
                try:
                    if client.recv(1) == b'':
                        return None  # called off
                except TimeoutError:
                    pass
        finally:
            client.settimeout(None)
            with self.lock:
                if asked in self.waiting:
                    self.waiting.remove(asked)
                self.lock.notify_all()
        if asked.gone:
            return 'usb No such device (it may have been disconnected)'
        return None if asked.touched.is_set() else 'core timeout'


class OtpTest(guard.GuardTest):
    as_person = True
    POLICY = POLICY
    enrolled = True

    def setUp(self):
        super().setUp()
        if not PROGRAM or not softkeys.GUARD_PROGRAM:
            self.fail('OTPKEY_PROGRAM does not say where the YubiKeys in software are')
        self.place.program = self.place.copy_program(softkeys.GUARD_PROGRAM, 'ssh-agent-guard')
        self.desk = Desk(self.place, PROGRAM)
        self.addCleanup(self.desk.close)
        self.place.env['SSH_AGENT_GUARD_OTP_PROGRAMS'] = str(self.desk.path)
        self.yubikey = self.desk.plug(YubiKey(SERIAL, slot1=Slot(b'one' * 6, touch=False),
                                              slot2=Slot(b'two' * 6)))
        agent = self.start_agent()
        self.key = self.keys.make()
        self.add(agent, self.key)
        self.public = f'{self.key}.pub'
        self.key.rename(self.place.path / 'away')
        self.before_guard()
        self.guard = self.start_guard(self.POLICY, upstream=agent)
        self.sshd = Sshd(self.place, 'near', [self.public])
        if self.enrolled:
            self.enrol()

    def before_guard(self):
        pass

    def restart(self, **options):
        self.guard = self.start_guard(None, upstream=self.place.path / 'agent.sock', **options)

    # --- what a person does

    def enrol(self, *options):
        terminal = Terminal(self.place, self.guard.program, 'enroll', 'otp', '--name', 'yubi', *options)
        terminal.wait_for('touch it when')
        self.desk.touch()
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        return shown

    def enrol_pin_slot(self, pin=SLOT_PIN, name='pinslot', touches=0):
        terminal = Terminal(self.place, self.guard.program, 'enroll', 'otp', '--pin', '--name', name)
        for question in ('The new PIN: ', 'The new PIN again: '):
            terminal.wait_for(question)
            terminal.type(pin + '\n')
        for _ in range(touches):
            self.desk.touch()
        status, shown = terminal.end()
        self.assertNotIn(pin, shown)
        return status, shown

    def ssh(self, *words, **options):
        """A login that waits."""
        return self.place.spawn(SSH, '-F', self.sshd.client_config, 'near', *(words or ('true',)),
                                env=self.guard.env, stderr=subprocess.DEVNULL, **options)

    def sign(self):
        self.place.write('data', 'data')
        return self.place.spawn(SSH_KEYGEN, '-Y', 'sign', '-n', 'file', '-f', self.public,
                                self.place.path / 'data', env=self.guard.env,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def confirm(self, pin):
        """What a person sees, who types it again where the helper of the last time has not ended."""
        def answered():
            terminal = Terminal(self.place, self.guard.program, 'confirm')
            terminal.wait_for("PIN for the YubiKey's slot")
            terminal.type(pin + '\n')
            status, shown = terminal.end_or_let_be("PIN for the YubiKey's slot")
            self.assertNotIn(pin, shown)
            return 'is asked for something else; try again' not in shown and (status, shown)
        return wait_until(answered, 'the YubiKey is free')

    def pending(self):
        text = self.guard.command('pending').stdout
        parts = re.split(r'(?m)^request (\d+)', text)
        return dict(zip(map(int, parts[1::2]), parts[2::2]))

    def wait_pending(self, count=1):
        wait_until(lambda: len(self.pending()) == count, f'{count} requests wait')
        return self.pending()

    def wait_words(self, words):
        try:
            wait_until(lambda: words in ''.join(self.pending().values()), f'it says {words!r}')
        except AssertionError as error:
            raise AssertionError(f'{error}\n{self.pending()}\n{self.signed()[-1:]}\n'
                                 f'{self.guard.output()}') from None

    def signed(self, **fields):
        return self.guard.events(trigger='sign', **fields)

    def works(self):
        """A login by two touches; returns the two answers."""
        ssh = self.ssh()
        pair = self.desk.touch_twice()
        self.assertEqual(ssh.wait(60), 0)
        return pair

    def state(self):
        return self.guard.state / 'otp'
