"""Where the PIN lies while it is used, and what is left of it: seen from outside, by root, in the
memory of every process that handles it. In locked memory alone, wiped afterwards, and in no core."""

import contextlib
import fcntl
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import sys
import termios
import unittest

import guard
from guard import wait_until
from place import is_running, process_state
from terminal import Terminal
from test_confirm import PIN, ConfirmTest

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
NEW_PIN = 'another horse 11'


def setUpModule():
    if os.getuid() != 0:
        raise unittest.SkipTest('only root sees the memory of a process that is closed to tracing')
    if guard.sanitized():
        raise unittest.SkipTest('sanitizers keep memory of their own')


class Mapping:
    def __init__(self, line):
        span, self.rights = line.split()[:2]
        self.name = line.split(None, 5)[5].strip() if len(line.split()) > 5 else ''
        self.begin, self.end = (int(part, 16) for part in span.split('-'))
        self.flags = []

    def __repr__(self):
        return f'{self.begin:x}-{self.end:x} {self.rights} {self.name} {self.flags}'


def mappings(pid):
    found = []
    for line in pathlib.Path(f'/proc/{pid}/smaps').read_text().splitlines():
        if re.match(r'[0-9a-f]+-[0-9a-f]+ ', line):
            found.append(Mapping(line))
        elif line.startswith('VmFlags:'):
            found[-1].flags = line.split()[1:]
    return found


def mappings_with(pid, secret):
    """Those of its mappings, as they are now, in which these bytes stand."""
    found = []
    with open(f'/proc/{pid}/mem', 'rb', buffering=0) as memory:
        for mapping in mappings(pid):
            if 'r' not in mapping.rights or mapping.name in ('[vvar]', '[vsyscall]',
                                                             '[vvar_vclock]'):
                continue
            memory.seek(mapping.begin)
            content, left = b'', mapping.end - mapping.begin
            while left > 0 and (more := memory.read(min(left, 1 << 24))):
                content, left = content + more, left - len(more)
            if secret in content:
                found.append(mapping)
    return found


def unread(client):
    """How much of what was sent the other side has not read."""
    room = bytearray(4)
    fcntl.ioctl(client, termios.TIOCOUTQ, room)
    return int.from_bytes(room, sys.byteorder)


def locked_kib(pid):
    status = pathlib.Path(f'/proc/{pid}/status').read_text()
    return int(re.search(r'(?m)^VmLck:\s+(\d+)', status).group(1))


class PinMemoryTest(ConfirmTest):
    def setUp(self):
        self.stopped = []
        super().setUp()
        self.addCleanup(self.resume_all)

    def start_guard(self, policy, **options):
        """One that could leave a core, if it did nothing about it."""
        self.cores = self.place.make_directory(self.place.path / 'cores')
        return super().start_guard(policy, spawn={
            'cwd': self.cores, 'preexec_fn': self.allow_cores}, **options)

    @staticmethod
    def allow_cores():
        resource.setrlimit(resource.RLIMIT_CORE, UNLIMITED)

    def stop(self, pid):
        os.kill(pid, signal.SIGSTOP)
        self.stopped.append(pid)
        wait_until(lambda: process_state(pid) in ('T', 'Z', ''), 'it stands still, or has ended')

    def resume(self, pid):
        self.stopped.remove(pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def resume_all(self):
        for pid in list(self.stopped):
            self.resume(pid)

    def children(self):
        found = pathlib.Path(f'/proc/{self.guard.pid}/task/{self.guard.pid}/children')
        return set(map(int, found.read_text().split()))

    # --- what must hold

    def seen_standing(self, pid, pin):
        """What has the PIN; a process that runs makes and drops mappings meanwhile."""
        if pid in self.stopped:
            return mappings_with(pid, pin.encode())
        self.stop(pid)
        try:
            return mappings_with(pid, pin.encode())
        finally:
            self.resume(pid)

    def lies_in_locked_memory_alone(self, pid, pin):
        for mapping in wait_until(lambda: self.seen_standing(pid, pin), 'it has the PIN'):
            self.assertIn('lo', mapping.flags, mapping)   # never swapped
            self.assertIn('dd', mapping.flags, mapping)   # in no dump
            self.assertNotIn('sh', mapping.flags, mapping)
        self.assertGreater(locked_kib(pid), 0)

    def is_nowhere_in(self, pid, *pins):
        for pin in pins:
            self.assertEqual(mappings_with(pid, pin.encode()), [])

    def is_closed(self, pid):
        """No core, whatever happens, and nobody of its user reads its memory."""
        limits = pathlib.Path(f'/proc/{pid}/limits').read_text()
        self.assertRegex(limits, r'(?m)^Max core file size +0 +0 ')
        # The kernel gives the files of a process that is not dumpable to root.
        self.assertEqual(os.stat(f'/proc/{pid}/mem').st_uid, 0)
        seen = subprocess.run(['/bin/cat', f'/proc/{pid}/environ'], user=self.place.uid,
                              group=self.place.person.gid, extra_groups=[], capture_output=True,
                              check=False)
        self.assertNotEqual(seen.returncode, 0)
        self.assertEqual(seen.stdout, b'')

    def is_in_no_words(self, *pins):
        """Of no process, and not in any file of the guard's."""
        for process in pathlib.Path('/proc').iterdir():
            if not process.name.isdigit() or int(process.name) == os.getpid():
                continue
            for name in ('cmdline', 'environ', 'comm'):
                try:
                    words = (process / name).read_bytes()
                except OSError:
                    continue
                for pin in pins:
                    self.assertNotIn(pin.encode(), words, process)
        for base in (self.place.state, self.place.runtime, self.cores):
            for path in base.rglob('*'):
                if path.is_file():
                    for pin in pins:
                        self.assertNotIn(pin.encode(), path.read_bytes(), path)
        for pin in pins:
            self.assertNotIn(pin, self.guard.output())


class ByConfirm(PinMemoryTest):
    def begin(self):
        """`confirm` that has read the PIN, and waits for the guard, which stands still."""
        ssh = self.ssh()
        self.wait_pending()
        terminal = Terminal(self.place, self.guard.program, 'confirm', cwd=self.cores)
        terminal.wait_for('PIN, to say yes')
        self.stop(self.guard.pid)
        terminal.type(PIN + '\n')
        return ssh, terminal

    def test_confirm_and_the_guard_have_it_in_locked_memory_and_wipe_it(self):
        ssh, terminal = self.begin()
        self.lies_in_locked_memory_alone(terminal.process.pid, PIN)
        self.is_closed(terminal.process.pid)
        self.is_nowhere_in(self.guard.pid, PIN)
        self.is_in_no_words(PIN)
        before = self.children()
        self.resume(self.guard.pid)
        self.watch_hashing(before, PIN)
        self.assertEqual(terminal.end()[0], 0)
        self.assertEqual(ssh.wait(30), 0)
        self.is_nowhere_in(self.guard.pid, PIN)
        for pid in self.children():
            self.is_nowhere_in(pid, PIN)
        self.is_in_no_words(PIN)
        self.is_closed(self.guard.pid)

    def watch_hashing(self, before, pin):
        """The child that hashes it has a tenth of a second; sometimes it is caught."""
        while not (found := self.children() - before):
            if not self.pending():
                return
        for pid in found:
            try:
                self.stop(pid)
                for mapping in mappings_with(pid, pin.encode()):
                    self.assertIn('lo', mapping.flags, mapping)
                self.resume(pid)
            except (AssertionError, OSError):
                if is_running(pid):
                    raise

    def test_the_guard_has_what_is_on_its_way_in_locked_memory(self):
        """Half of an answer, which it has to keep until the rest comes."""
        client = self.send_half()
        wait_until(lambda: unread(client) == 0, 'the guard has it')
        # It waits for the rest for five seconds, and a look at all of its memory may take longer.
        self.stop(self.guard.pid)
        self.lies_in_locked_memory_alone(self.guard.pid, PIN)
        self.resume(self.guard.pid)
        client.close()
        self.is_wiped()
        client = self.send_half()
        client.sendall(b'\n')
        self.assertTrue(client.recv(4096).startswith(b'failed\n'))
        self.is_wiped()

    def send_half(self):
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(str(self.place.runtime / 'ssh-agent-guard' / 'control.sock'))
        client.sendall(f'confirm 1 {"0" * 32} {PIN}'.encode())
        return client

    def is_wiped(self):
        wait_until(lambda: not self.seen_standing(self.guard.pid, PIN), 'it is wiped')

    def test_a_confirm_that_is_left_wipes_it(self):
        """By a wrong PIN, too, nothing stays in the guard."""
        self.ssh()
        self.wait_pending()
        self.assertEqual(self.confirm('wrong horse 13')[0], 1)
        self.is_nowhere_in(self.guard.pid, 'wrong horse 13')
        self.is_in_no_words('wrong horse 13')

    def cores_are_written_here(self):
        """Whether a program that does nothing about it leaves one."""
        victim = self.place.spawn('/bin/sleep', '1000', cwd=self.cores,
                                  preexec_fn=self.allow_cores)
        victim.send_signal(signal.SIGSEGV)
        victim.wait(30)
        left = list(self.cores.iterdir())
        for path in left:
            path.unlink()
        return bool(left)

    def test_neither_leaves_a_core(self):
        written = self.cores_are_written_here()
        ssh, terminal = self.begin()
        self.lies_in_locked_memory_alone(terminal.process.pid, PIN)
        for how in (signal.SIGSEGV, signal.SIGQUIT, signal.SIGABRT):
            if terminal.process.poll() is None:
                terminal.process.send_signal(how)
        self.assertLess(terminal.process.wait(30), 0)
        self.resume(self.guard.pid)
        self.guard.stop(signal.SIGSEGV)
        ssh.wait(30)
        self.assertEqual(list(self.cores.iterdir()), [])
        if not written:
            self.skipTest('no core of any program is written to a file here; both had a limit of 0')


class ByFifo(PinMemoryTest):
    def test_the_guard_has_it_in_locked_memory_and_wipes_it(self):
        ssh = self.ssh()
        self.wait_pending()
        directory = self.place.runtime / 'ssh-agent-guard' / 'pending'
        nonce = re.search(r'nonce: "?([0-9a-f]+)', (directory / '1.yaml').read_text()).group(1)
        with open(directory / '1.fifo', 'wb', buffering=0) as fifo:
            fifo.write(f'allow {nonce} {PIN}'.encode())
            self.lies_in_locked_memory_alone(self.guard.pid, PIN)
            fifo.write(b'\n')
        self.assertEqual(ssh.wait(30), 0)
        self.is_nowhere_in(self.guard.pid, PIN)
        self.is_in_no_words(PIN)


class ByEnroll(PinMemoryTest):
    pin = None

    def type_new(self, pin, old=None):
        """`enroll pin` that has read all, and waits for the guard, which stands still."""
        terminal = Terminal(self.place, self.guard.program, 'enroll', 'pin', cwd=self.cores)
        if old is not None:
            terminal.wait_for('The PIN that is set: ')
            terminal.type(old + '\n')
        terminal.wait_for('The new PIN: ')
        terminal.type(pin + '\n')
        terminal.wait_for('again: ')
        self.stop(self.guard.pid)
        terminal.type(pin + '\n')
        return terminal

    def test_neither_the_first_nor_the_next_pin_is_left_anywhere(self):
        for pins in ((PIN,), (NEW_PIN, PIN)):
            with self.subTest(pins):
                terminal = self.type_new(*pins)
                for pin in pins:
                    self.lies_in_locked_memory_alone(terminal.process.pid, pin)
                self.is_closed(terminal.process.pid)
                self.is_in_no_words(*pins)
                before = self.children()
                self.resume(self.guard.pid)
                self.catch_guard(before, terminal, pins)
                self.assertEqual(terminal.end()[0], 0)
                self.is_nowhere_in(self.guard.pid, *pins)
                self.is_in_no_words(*pins)

    def catch_guard(self, before, terminal, pins):
        """It keeps the new one while the old one is checked, for a tenth of a second."""
        while not self.children() - before:
            if terminal.process.poll() is not None:
                return
        self.stop(self.guard.pid)
        for pin in pins:
            for mapping in mappings_with(self.guard.pid, pin.encode()):
                self.assertIn('lo', mapping.flags, mapping)
        self.resume(self.guard.pid)


if __name__ == '__main__':
    unittest.main()
