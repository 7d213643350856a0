"""A place of a test's own: directories, an environment, and the processes that live there.

Nothing outside is touched, and whatever was started here, however it tried to get away, is ended by
its PID when the place is closed."""

import contextlib
import ctypes
import errno
import fcntl
import os
import pathlib
import pty
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time

DEADLINE_S = 30  # for what should happen at once: long, because machines are busy
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

libc = ctypes.CDLL(None, use_errno=True)
# Daemons that a test starts become our children, so that they can be found and ended.
libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def wait_until(condition, what, deadline_s=DEADLINE_S):
    """Returns the first true value of condition(), which is asked again and again."""
    end = time.monotonic() + deadline_s
    while True:
        asked = time.monotonic()
        value = condition()
        if value:
            return value
        now = time.monotonic()
        if now > end:
            raise AssertionError(f'waited {deadline_s} s in vain: {what}')
        # Asking may start programs, and is not to keep the machine from what is waited for.
        time.sleep(min(max(0.01, 2 * (now - asked)), 0.1))


LANDLOCK_CREATE_RULESET = 444  # on every architecture
KEYCTL = {'x86_64': 250, 'aarch64': 219, 'riscv64': 219}
FSYNC = {'x86_64': 74, 'aarch64': 82, 'riscv64': 82}


def landlock_abi():
    """The version of Landlock that this kernel has; less than 1: it has none."""
    return libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, 1)


def _without_call(number, error):
    load, jump_equal, give, errno_, allow = 0x20, 0x15, 0x06, 0x00050000, 0x7fff0000
    code = b''.join(struct.pack('=HBBI', *words) for words in (
        (load, 0, 0, 0), (jump_equal, 0, 1, number),
        (give, 0, 0, errno_ | error), (give, 0, 0, allow)))
    program = struct.pack('HP', len(code) // 8, ctypes.cast(code, ctypes.c_void_p).value)
    if (libc.prctl(38, 1, 0, 0, 0) or  # PR_SET_NO_NEW_PRIVS
            libc.prctl(22, 2, program, 0, 0)):  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        raise OSError(ctypes.get_errno(), 'seccomp')
    _die_with_us()


def without_landlock():
    """For preexec_fn: as on a kernel that has none."""
    _without_call(LANDLOCK_CREATE_RULESET, errno.ENOSYS)


def without_fsync():
    """For preexec_fn: as on a disk that writes nothing down, though files can be changed."""
    _without_call(FSYNC[os.uname().machine], errno.EIO)


def without_keyctl():
    """For preexec_fn: as in a container of Docker's."""
    _without_call(KEYCTL[os.uname().machine], errno.EPERM)


def _status(pid):
    """State and parent of a process, by proc_pid_status(5); ('', 0) where there is none. Not by its
    stat, on which a read can hang, and not as text: processes of tests have names of any bytes."""
    try:
        with open(f'/proc/{pid}/status', 'rb', buffering=0) as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return '', 0
    state, parent = (text.partition(b'\n%s:\t' % name)[2].partition(b'\n')[0]
                     for name in (b'State', b'PPid'))
    return state[:1].decode(), int(parent)


def process_state(pid):
    """The letter of its state, '' where there is no such process."""
    return _status(pid)[0]


def is_running(pid):
    return process_state(pid) not in ('', 'Z', 'X')


def _parents():
    """{PID: its parent's} of all running processes."""
    parents = {}
    for name in os.listdir('/proc'):
        if name.isdigit():
            state, parent = _status(name)
            if state not in ('', 'Z', 'X'):
                parents[int(name)] = parent
    return parents


def children(of):
    """PIDs of its running children. Not by pgrep, which waits for every process of the machine that
    is in the middle of an exec."""
    return [pid for pid, parent in _parents().items() if parent == of]


def descendants(of=None):
    """PIDs of all running processes below that one (ourselves, unless told)."""
    parents = _parents()
    found, new = set(), {of or os.getpid()}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return found


def command_line(pid):
    try:
        return pathlib.Path(f'/proc/{pid}/cmdline').read_bytes().split(b'\0')[:-1]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _die_with_us():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Place:
    """person: whose place it is (see people.py); None for whoever runs the tests."""

    def __init__(self, person=None):
        self.person = person
        # Short, because a socket's path has 107 bytes; below /tmp, so that everybody may enter.
        self.path = pathlib.Path(tempfile.mkdtemp(prefix='sag-', dir='/tmp'))
        self.path.chmod(0o755)
        for name in ('home', 'runtime', 'config', 'state', 'bin', 'tmp'):
            (self.path / name).mkdir(mode=0o700)
        (self.path / 'bin').chmod(0o755)
        if person:
            for directory in (self.path, *self.path.iterdir()):
                os.chown(directory, person.uid, person.gid)
        self.home = self.path / 'home'
        self.runtime = self.path / 'runtime'
        self.config = self.path / 'config'
        self.state = self.path / 'state'
        self.bin = self.path / 'bin'
        self.env = {
            'PATH': '/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin',
            'HOME': str(self.home),
            'TMPDIR': str(self.path / 'tmp'),
            'USER': self.user_name,
            'LOGNAME': self.user_name,
            'LANG': 'C.UTF-8',
            'XDG_RUNTIME_DIR': str(self.runtime),
            'XDG_CONFIG_HOME': str(self.config),
            'XDG_STATE_HOME': str(self.state),
            'GIT_CONFIG_NOSYSTEM': '1',
        }
        for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS'):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.processes = []

    @property
    def user_name(self):
        if self.person:
            return self.person.name
        import pwd
        return pwd.getpwuid(os.getuid()).pw_name

    @property
    def uid(self):
        return self.person.uid if self.person else os.getuid()

    def _who(self):
        if not self.person:
            return {}
        return {'user': self.person.uid, 'group': self.person.gid, 'extra_groups': []}

    def spawn(self, *argv, env=None, **options):
        """Starts a program, to be ended with this place at the latest. env adds to our own."""
        options = {'stdin': subprocess.DEVNULL, 'cwd': self.home, **self._who(), **options}
        process = subprocess.Popen(
            [str(word) for word in argv], env={**self.env, **(env or {})},
            preexec_fn=options.pop('preexec_fn', _die_with_us), **options)
        self.processes.append(process)
        return process

    def run(self, *argv, env=None, timeout=60, input=None, **options):
        """Runs a program to its end. Returns CompletedProcess with text in stdout and stderr."""
        # Files, not pipes: a daemon that keeps them open would keep us waiting.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            if input is not None:
                options['stdin'] = subprocess.PIPE
            process = self.spawn(*argv, env=env, stdout=out, stderr=err, **options)
            try:
                process.communicate(input.encode() if isinstance(input, str) else input, timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise AssertionError(f'{argv} did not end within {timeout} s') from None
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(argv, process.returncode,
                                               out.read().decode(errors='surrogateescape'),
                                               err.read().decode(errors='surrogateescape'))

    def run_ok(self, *argv, **options):
        """As run(), for what must succeed. Returns standard output."""
        done = self.run(*argv, **options)
        if done.returncode != 0:
            raise AssertionError(f'{" ".join(map(str, argv))}: exit status {done.returncode}\n'
                                 f'{done.stdout}{done.stderr}')
        return done.stdout

    def run_in_terminal(self, *argv, **options):
        """As run(), with a terminal of its own as controlling terminal (not as stdin)."""
        master, slave = pty.openpty()

        def take_terminal():
            _die_with_us()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        try:
            return self.run(*argv, start_new_session=True, pass_fds=(slave,),
                            preexec_fn=take_terminal, **options)
        finally:
            os.close(slave)
            os.close(master)

    def make_directory(self, path):
        """A directory of the place's owner, with the missing ones above it."""
        if not path.exists():
            self.make_directory(path.parent)
            path.mkdir(mode=0o700)
            if self.person:
                os.chown(path, self.person.uid, self.person.gid)
        return path

    def write(self, name, content, mode=0o600):
        """Writes a file of the place's owner and returns its path."""
        path = self.path / name
        self.make_directory(path.parent)
        if isinstance(content, str):
            content = content.encode()
        path.write_bytes(content)
        path.chmod(mode)
        if self.person:
            os.chown(path, self.person.uid, self.person.gid)
        return path

    def copy_program(self, program, name=None):
        """A copy below bin/: the same program for its user, another `exe` for the guard."""
        source = pathlib.Path(shutil.which(program, path=self.env['PATH']) or program).resolve()
        target = self.bin / (name or pathlib.Path(program).name)
        shutil.copyfile(source, target)
        target.chmod(0o755)
        return target

    def end(self, process, how=signal.SIGTERM):
        """Ends a process of spawn() and returns its exit status."""
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(DEADLINE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise AssertionError(f'{process.args} did not end by {how.name}') from None
        return process.returncode

    def close(self):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(2)
                process.kill()
                process.wait()
        # What daemonised has become our child, and dies here. Whoever has no child has no
        # descendant, and need not look through all processes of the machine.
        end = time.monotonic() + DEADLINE_S
        while self._reap():
            left = descendants()
            for pid in left:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > end:
                raise AssertionError(f'cannot end the processes {left}')
            time.sleep(0.01)
        shutil.rmtree(self.path, ignore_errors=True)

    @staticmethod
    def _reap():
        """Whether there are still children, once those that ended are taken away."""
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return False
        return True


def socket_answers(path):
    """Whether something accepts connections at this path."""
    import socket
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ECONNREFUSED, errno.EACCES):
                return False
            raise
        return True
