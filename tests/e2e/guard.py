"""The guard under test, real agents behind it, and what every end-to-end test shares."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

import events
import people
import place
from place import Place, wait_until

PROGRAM = os.environ.get('GUARD_PROGRAM', '')
SOURCE = pathlib.Path(os.environ.get('GUARD_SOURCE', pathlib.Path(__file__).parents[2]))
SSH_ADD, SSH, SSH_KEYGEN, SSH_AGENT = (shutil.which(name) or name for name in
                                       ('ssh-add', 'ssh', 'ssh-keygen', 'ssh-agent'))
ALLOW_ALL = 'default_action: allow\ndefault_change_action: allow\n'
DENY_ALL = 'default_action: deny\n'


def repetitions(every):
    """How often a race is run: ./dev check asks for a fifth where the sanitizers make each run many
    times as slow, and for all of them in its build without."""
    return every // 5 if 'GUARD_TEST_BRIEFLY' in os.environ else every


def sanitized():
    """Whether the program was built with ASan."""
    return b'__asan_init' in pathlib.Path(PROGRAM).read_bytes()


def starts(usual):
    """Counts the starts of a guard that somebody races: as many as GUARD_STARTS says, or a few."""
    return range(int(os.environ.get('GUARD_STARTS', usual)))


def tell(text):
    """Says what a test has counted, as TAP lets a test do."""
    print(f'# {text}', flush=True)


class Agent:
    """A real ssh-agent, alone."""

    def __init__(self, home, name='agent.sock'):
        self.place = home
        self.socket = home.path / name
        self.env = {'SSH_AUTH_SOCK': str(self.socket)}
        self.process = None
        self.start()

    def start(self):
        self.socket.unlink(missing_ok=True)
        self.process = self.place.spawn(SSH_AGENT, '-D', '-a', self.socket,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: place.socket_answers(self.socket), 'ssh-agent answers')


class Guard:
    """A guard in its place. upstream: an Agent, a path, or None for a managed one."""

    def __init__(self, home, policy=ALLOW_ALL, upstream=None, arguments=(), env=None, wrapper=(),
                 socket=None, wait=True, spawn=None):
        self.place = home
        self.program = home.program
        self.socket = pathlib.Path(socket or home.runtime / 'ssh-agent-guard.sock')
        self.state = home.state / 'ssh-agent-guard'
        self.env = {'SSH_AUTH_SOCK': str(self.socket)}
        self.policy = home.path / 'policy.yaml'
        if policy is not None:
            self.write_policy(policy)
        words = [*wrapper, self.program, 'run', '--policy', self.policy]
        if socket:
            words += ['--listen', socket]
        if upstream is not None:
            words += ['--upstream', getattr(upstream, 'socket', upstream)]
        self.errors = tempfile.TemporaryFile(mode='w+b')
        self.process = home.spawn(*words, *arguments, env=env, stdout=self.errors,
                                  stderr=self.errors, **(spawn or {}))
        self.asked_to_end = False
        home.guards.append(self)
        if wait:
            self.wait_ready()

    def write_policy(self, text):
        self.place.write(self.policy.name, text)

    def wait_ready(self):
        def answers():
            if self.process.poll() is not None:
                raise AssertionError(f'the guard ended with {self.process.returncode}:\n'
                                     f'{self.output()}')
            return place.socket_answers(self.socket)
        wait_until(answers, 'the guard answers')

    @property
    def pid(self):
        return self.process.pid

    def output(self):
        """What the guard printed so far."""
        return os.pread(self.errors.fileno(), 1 << 20, 0).decode(errors='replace')

    def wait_output(self, pattern):
        return wait_until(lambda: re.search(pattern, self.output()),
                          f'the guard prints {pattern!r}')

    # --- what it wrote

    def events(self, **fields):
        """All events so far, or those with these fields."""
        found = []
        for day in sorted((self.state / 'events').glob('*.yaml')):
            # Who reads while one is written may see a part of it.
            whole, end, _ = day.read_text().rpartition('\n...\n')
            found += events.read_documents(whole + end)
        return [event for event in found
                if all(event.get(name) == value for name, value in fields.items())]

    def wait_event(self, **fields):
        """The newest event with these fields; one may have to be waited for."""
        try:
            return wait_until(lambda: self.events(**fields), f'an event with {fields}', 10)[-1]
        except AssertionError:
            seen = '\n'.join(map(str, self.events()))
            raise AssertionError(f'no event with {fields}; the guard wrote\n{seen}') from None

    def status(self):
        """STATE/current.yaml, which is written soon after the socket answers."""
        path = self.state / 'current.yaml'
        wait_until(path.exists, 'the status is written')
        return events.read_documents(path.read_text())[0]

    # --- its end

    def command(self, *words, **options):
        """Runs a subcommand, as its user in another terminal would."""
        return self.place.run(self.program, *words, **options)

    def stop(self, how=signal.SIGTERM):
        self.asked_to_end = True
        return self.place.end(self.process, how)

    def check_end(self):
        """Ends it and sees that it had no reason to complain: a sanitizer speaks at the exit."""
        if self.asked_to_end:
            return
        status = self.stop()
        if status != 0:
            raise AssertionError(f'the guard ended with {status}:\n{self.output()}')


class Keys:
    """Key pairs made by ssh-keygen, below the place's home."""

    def __init__(self, home):
        self.place = home

    def make(self, name='id', kind='ed25519', *options, comment='a key'):
        path = self.place.home / name
        self.place.run_ok(SSH_KEYGEN, '-q', '-t', kind, '-N', '', '-C', comment, '-f', path,
                          *options)
        return path

    def blob(self, path):
        """The public key as the protocol carries it."""
        import base64
        return base64.b64decode(pathlib.Path(f'{path}.pub').read_text().split()[1])

    def fingerprint(self, path):
        return self.place.run_ok(SSH_KEYGEN, '-lf', f'{path}.pub').split()[1]


class GuardTest(unittest.TestCase):
    """A test with a place, keys and (on demand) guards, all ended with it. Where as_person is set
    and we are root, everything in the place belongs to and runs as a fresh unprivileged user."""

    as_person = False

    def setUp(self):
        if not PROGRAM:
            self.fail('GUARD_PROGRAM does not say which program to test')
        self.place = self.make_place(people.fresh_person() if self.as_person else None)
        self.keys = Keys(self.place)

    def make_place(self, person=None):
        home = Place(person)
        self.addCleanup(home.close)
        home.guards = []
        home.program = pathlib.Path(PROGRAM)
        if person:  # who may not be allowed to enter the build directory
            home.program = home.copy_program(PROGRAM, 'ssh-agent-guard')
        if person or os.getuid() != 0:
            # LeakSanitizer traces its own process, which a guard that is not dumpable refuses
            # (to root it cannot).
            home.env['ASAN_OPTIONS'] = home.env.get('ASAN_OPTIONS', '') + ':detect_leaks=0'
        self.addCleanup(lambda: [guard.check_end() for guard in home.guards])
        return home

    def start_guard(self, policy=ALLOW_ALL, **options):
        return Guard(self.place, policy, **options)

    def start_agent(self, name='agent.sock'):
        return Agent(self.place, name)

    def add(self, server, *paths):
        """Adds keys to a guard or an agent with ssh-add."""
        self.place.run_ok(SSH_ADD, '-q', *paths, env=server.env)
