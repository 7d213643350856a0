"""The managed agent is reached by nobody but the guard: other programs of the same user try."""

import contextlib
import json
import os
import pathlib
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import unittest

import guard
import place
from guard import SSH_ADD, SSH_AGENT
from place import command_line, descendants, is_running, wait_until
from racers import LISTS_NO_KEYS, PYTHON, keeping, racing

# Tries to get into each process that it is told of. Prints what it got: one word for each success.
PRY = r'''
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
got = []

def attempt(name, function):
    try:
        if function() not in (None, False):
            got.append(name)
    except OSError:
        pass

def connect(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(path)
        client.sendall(bytes([0, 0, 0, 1, 11]))
        return len(client.recv(5)) > 0

class Vector(ctypes.Structure):
    _fields_ = [('base', ctypes.c_void_p), ('len', ctypes.c_size_t)]

def read_memory(pid):
    room = ctypes.create_string_buffer(8)
    local = Vector(ctypes.addressof(room), 8)
    remote = Vector(0x400000, 8)
    if libc.process_vm_readv(pid, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0) >= 0:
        return True
    return ctypes.get_errno() != 1  # EFAULT: it was allowed to look

def trace(pid):
    if libc.ptrace(0x4206, pid, None, None) < 0:  # PTRACE_SEIZE
        return False
    return True

def take_descriptor(pid):
    pidfd = os.pidfd_open(pid)
    return any(libc.syscall(438, pidfd, number, 0) >= 0 for number in range(64))

for pid in map(int, sys.argv[1:]):
    for name in ('fd', 'fdinfo', 'map_files'):
        attempt(name, lambda: os.listdir(f'/proc/{pid}/{name}') is not None)
    for name in ('cwd', 'root', 'exe'):
        attempt(name, lambda: os.open(f'/proc/{pid}/{name}', os.O_PATH))
    for name in ('mem', 'environ', 'maps', 'auxv'):
        attempt(name, lambda: os.open(f'/proc/{pid}/{name}', os.O_RDONLY))
    for number in range(64):
        attempt('descriptor', lambda: connect(f'/proc/{pid}/fd/{number}'))
    attempt('socket', lambda: connect(f'/proc/{pid}/cwd/s'))
    attempt('readv', lambda: read_memory(pid))
    attempt('pidfd_getfd', lambda: take_descriptor(pid))
    attempt('ptrace', lambda: trace(pid))
print(' '.join(sorted(set(got))))
'''


class Isolation(guard.GuardTest):
    as_person = True

    def all_of(self, server):
        """The guard, its agent and its helpers of this moment."""
        return {server.pid, self.agent_of(server)} | descendants(server.pid)

    @contextlib.contextmanager
    def unless_ended(self, server, pid):
        """A look at one of them; a helper, and nobody else, may have done its work meanwhile."""
        try:
            yield
        except (FileNotFoundError, ProcessLookupError):
            if pid in (server.pid, self.agent_of(server)):
                raise

    def agent_of(self, server):
        return wait_until(lambda: [pid for pid in descendants(server.pid)
                                   if command_line(pid)[:1] == [b'ssh-agent']],
                          'the managed agent')[0]

    def start_isolated(self, **options):
        server = self.start_guard(**options)
        wait_until(lambda: (server.state / 'current.yaml').exists(), 'the status')
        if server.status()['upstream_reachable']:
            self.skipTest('this system gives no hidden directory: ' +
                          server.status()['upstream_reachable_why'])
        return server

    def processes_of(self, server):
        """Those that nobody may have got into while they began."""
        if guard.sanitized():  # such a guard, and with it its helpers, is no sealed copy
            return {self.agent_of(server)}
        return {server.pid, self.agent_of(server)} | descendants(server.pid)

    def watch_starts(self, count, start):
        """Nobody who takes hold of each process, and of each new socket, while a guard starts has
        any of it later, nor the key in its agent."""
        starts, taken, kept = guard.starts(count), 0, 0
        for _ in starts:
            with racing(self.place) as race, keeping(self.place) as keep:
                server = start()
                mine = self.processes_of(server)
                found, held = race(), keep()
            self.assertEqual([win for win in found['wins']
                              if win[0] in mine or win[1] == 'socket'], [])
            self.assertEqual(held['keys'], 0)
            taken += found['held']
            kept += held['held']
            server.stop()
        guard.tell(f'{len(starts)} starts: {taken} handles on processes, {kept} on sockets and '
                   'directories were taken, and none led to a process, the agent or a key')
        self.assertGreater(taken, len(starts))  # they do see what can be seen
        self.assertGreater(kept, len(starts))

    def pry(self, *pids):
        return self.place.run_ok(PYTHON, '-c', PRY, *pids).split()


class Hidden(Isolation):
    def test_no_path_leads_to_the_agent(self):
        server = self.start_isolated()
        self.add(server, self.keys.make())
        sockets = [path for path in self.place.path.rglob('*') if path.is_socket()]
        self.assertEqual({path.name for path in sockets},
                         {'ssh-agent-guard.sock', 'control.sock'})
        event = server.wait_event(trigger='upstream-started')
        self.assertEqual(event['detail'], 'only the guard can reach ssh-agent')
        self.assertFalse(server.status()['upstream_reachable'])

    def test_other_programs_of_the_user_get_into_neither_guard_nor_agent(self):
        server = self.start_isolated()
        agent = self.agent_of(server)
        self.assertEqual(self.pry(server.pid), [])
        self.assertEqual(self.pry(agent), [])
        for pid in descendants(server.pid):  # the reader, too
            self.assertEqual(self.pry(pid), [], command_line(pid))

    def test_guard_agent_and_helpers_can_ask_little_of_the_kernel(self):
        server = self.start_isolated()
        for pid in self.all_of(server):
            with self.unless_ended(server, pid):
                status = pathlib.Path(f'/proc/{pid}/status').read_text()
                self.assertIn('Seccomp:\t2', status, command_line(pid))
                self.assertIn('NoNewPrivs:\t1', status, command_line(pid))

    def test_a_helper_that_starts_no_program_can_ask_for_less(self):
        def filters(pid):
            fields = []
            with self.unless_ended(server, pid):
                fields = pathlib.Path(f'/proc/{pid}/status').read_text().split('\n')
            return [int(line.split()[1]) for line in fields if line.startswith('Seccomp_filters')]

        server = self.start_isolated()
        if not filters(server.pid):
            self.skipTest('this kernel does not tell how many filters a process has')
        usual, = filters(server.pid)
        self.place.run(SSH_ADD, '-l', env=server.env)  # has its caller read
        self.assertEqual(filters(self.agent_of(server)), [usual])
        wait_until(lambda: [pid for pid in descendants(server.pid)
                            if pid != self.agent_of(server) and filters(pid) == [usual + 1]],
                   'the reader has one more')

    def test_the_same_attempts_get_into_an_ordinary_process(self):
        directory = self.place.make_directory(self.place.home / 'bare')
        program = self.place.copy_program(SSH_AGENT, 'bare-agent')  # without its setgid bit
        agent = self.place.spawn(program, '-D', '-a', 's', cwd=directory,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: place.socket_answers(directory / 's'), 'it answers')
        if b'prctl' in pathlib.Path(program).read_bytes():  # it closes itself to tracing
            agent = self.place.spawn('sleep', '1000', cwd=directory)
            wait_until(lambda: command_line(agent.pid)[:1] == [b'sleep'], 'it runs')
        got = self.pry(agent.pid)
        for name in ('fd', 'cwd', 'root', 'mem', 'environ', 'socket'):
            self.assertIn(name, got)

    def test_no_one_who_watches_the_start_keeps_a_handle(self):
        key = self.keys.make()

        def start():
            server = self.start_isolated(policy=LISTS_NO_KEYS)
            self.add(server, key)
            return server

        self.watch_starts(12, start)

    def test_what_the_agent_starts_leads_nobody_to_a_later_agent(self):
        # An askpass program inherits the agent's working directory, and is open to its user.
        askpass = self.place.write('bin/askpass', '#!/bin/sh\nexec sleep 1000\n', 0o755)
        server = self.start_isolated(env={'SSH_ASKPASS': str(askpass), 'DISPLAY': ':0',
                                          'SSH_ASKPASS_REQUIRE': 'force'})
        key = self.keys.make()
        self.place.run_ok(SSH_ADD, '-q', '-c', key, env=server.env)
        agent = self.agent_of(server)
        self.place.spawn(SSH_ADD, '-T', f'{key}.pub', env=server.env, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
        prompt = wait_until(lambda: [pid for pid in descendants(agent) - {agent}
                                     if command_line(pid)[:1] == [b'sleep']], 'its prompt')[0]
        inside = os.open(f'/proc/{prompt}/cwd', os.O_PATH)
        self.addCleanup(os.close, inside)
        self.assertEqual(os.listdir(f'/proc/self/fd/{inside}'), [])
        os.kill(agent, signal.SIGKILL)
        wait_until(lambda: len(server.events(trigger='upstream-started')) == 2, 'a new agent')
        self.assertEqual(os.listdir(f'/proc/self/fd/{inside}'), [])
        os.kill(prompt, signal.SIGKILL)
        self.assertEqual(self.pry(self.agent_of(server)), [])

    def test_an_agent_that_is_started_again_is_hidden_as_well(self):
        server = self.start_isolated()
        os.kill(self.agent_of(server), signal.SIGKILL)
        wait_until(lambda: len(server.events(trigger='upstream-started')) == 2, 'a new agent')
        self.assertFalse(server.status()['upstream_reachable'])
        self.assertEqual(self.pry(self.agent_of(server)), [])
        key = self.keys.make()
        self.add(server, key)
        self.place.run_ok(SSH_ADD, '-T', f'{key}.pub', env=server.env)

    def test_whoever_kills_the_guard_and_takes_its_place_has_no_keys(self):
        server = self.start_isolated()
        agent = self.agent_of(server)
        self.add(server, self.keys.make())
        server.stop(signal.SIGKILL)
        wait_until(lambda: not is_running(agent), 'the agent ends with it')


class Itself(Isolation):
    """The guard's own process."""

    def setUp(self):
        if guard.sanitized():
            self.skipTest('a sanitizer cannot run in a program that its user may not read')
        super().setUp()

    def mapped(self, pid):
        return pathlib.Path(f'/proc/{pid}/maps').read_text()

    def test_it_is_a_sealed_copy_that_its_user_may_not_read(self):
        server = self.start_guard()
        if os.getuid() == 0:
            self.assertIn('memfd:ssh-agent-guard', os.readlink(f'/proc/{server.pid}/exe'))
            self.assertEqual(stat.S_IMODE(os.stat(f'/proc/{server.pid}/exe').st_mode), 0o100)
        self.assertEqual(pathlib.Path(f'/proc/{server.pid}/comm').read_text().strip(),
                         'ssh-agent-guard')

    def test_what_would_be_loaded_into_it_is_left_out(self):
        if os.getuid() != 0:
            self.skipTest('needs root, to look into it')
        library = pathlib.Path(next(line.split()[-1] for line in
                                    self.mapped('self').splitlines() if 'libm.so' in line
                                    or 'libm-' in line or 'libc.so' in line))
        copy = self.place.copy_program(library, 'foreign.so')
        env = {'LD_PRELOAD': str(copy)}
        control = self.place.spawn('sleep', '1000', env=env)
        wait_until(lambda: 'foreign.so' in self.mapped(control.pid), 'others load it')
        server = self.start_guard(env=env)
        for pid in self.all_of(server):
            with self.unless_ended(server, pid):
                self.assertNotIn('foreign.so', self.mapped(pid), command_line(pid))

    def test_it_does_not_serve_a_tracer(self):
        libc = place.libc
        server = self.start_guard(wait=False, spawn={
            'preexec_fn': lambda: libc.ptrace(0, 0, None, None)})  # PTRACE_TRACEME
        server.asked_to_end = True
        while True:
            _, status = os.waitpid(server.pid, 0)
            if not os.WIFSTOPPED(status):
                break
            how = os.WSTOPSIG(status)
            libc.ptrace(7, server.pid, None, 0 if how == signal.SIGTRAP else how)  # PTRACE_CONT
        self.assertEqual(os.waitstatus_to_exitcode(status), 1)
        self.assertIn(f'process {os.getpid()} traces the guard', server.output())


@unittest.skipUnless(os.getuid() == 0, 'needs root, to install it')
class Installed(Isolation):
    """Root's, and set-gid to a group of its own: closed before its first instruction."""

    def setUp(self):
        if guard.sanitized():
            self.skipTest('a sanitizer cannot run in a program that its user may not read')
        super().setUp()
        if not shutil.which('groupadd'):
            self.skipTest('needs groupadd (package passwd)')
        directory = pathlib.Path(tempfile.mkdtemp(prefix='sag-root-', dir='/tmp'))
        self.addCleanup(shutil.rmtree, directory)
        directory.chmod(0o755)
        if os.statvfs(directory).f_flag & os.ST_NOSUID:
            self.skipTest('/tmp is mounted nosuid')
        group = 'sag' + secrets.token_hex(4)
        subprocess.run(['groupadd', group], check=True)
        self.addCleanup(subprocess.run, ['groupdel', group], check=True)
        program = directory / 'ssh-agent-guard'
        shutil.copyfile(guard.PROGRAM, program)
        shutil.chown(program, 0, group)
        program.chmod(0o2711)
        self.place.program = program
        home = self.place.person.home
        self.addCleanup(shutil.rmtree, home / '.local', ignore_errors=True)
        self.own_state = home / '.local/state/ssh-agent-guard'

    def start_installed(self, **options):
        return self.start_guard(socket=self.place.runtime / 'a.sock', **options)

    def test_it_serves_and_is_closed(self):
        server = self.start_installed()
        key = self.keys.make()
        self.assertEqual(os.readlink(f'/proc/{server.pid}/exe'), str(server.program))
        status = pathlib.Path(f'/proc/{server.pid}/status').read_text()
        gid = self.place.person.gid
        self.assertIn(f'Gid:\t{gid}\t{gid}\t{gid}\t{gid}', status)
        self.assertEqual(self.pry(server.pid, *descendants(server.pid)), [])
        done = server.command('status', '--listen', server.socket)
        self.assertEqual(done.returncode, 0, done.stderr)
        # No policy of the user's own is there, so a change of the agent is denied.
        self.assertNotEqual(self.place.run(SSH_ADD, '-q', key, env=server.env).returncode, 0)

    def test_a_policy_that_is_named_for_a_tool_is_looked_at(self):
        """Only whoever starts a guard does not choose its policy."""
        file = self.place.write('other.yaml', 'default_action: allow\n')
        for words, status in ((('policy', 'show', file), 0), (('policy', 'lint', file), 1)):
            done = self.place.run(self.place.program, *words)
            self.assertEqual((done.returncode, done.stderr), (status, ''))
            self.assertIn(str(file), done.stdout)
        done = self.place.run(self.place.program, 'check', '--policy', file)
        self.assertIn(f'{file}\n', done.stdout)
        server = self.start_installed()
        done = self.place.run(self.place.program, 'check', '--listen', server.socket)
        self.assertIn('has no policy file', done.stderr)

    @unittest.skipUnless(shutil.which('gpgconf') and shutil.which('gpg-agent'), 'needs gpg-agent')
    def test_nor_whose_keys_a_gpg_agent_has(self):
        other = self.place.make_directory(self.place.home / 'gnupg')
        home = self.place.person.home
        server = self.start_installed(upstream='managed:gpg-agent', env={'GNUPGHOME': str(other)})
        gpg_agent = [pid for pid in descendants(server.pid)
                     if command_line(pid)[:1] == [b'gpg-agent']]
        self.assertEqual(len(gpg_agent), 1)
        environ = pathlib.Path(f'/proc/{gpg_agent[0]}/environ').read_bytes().split(b'\0')
        self.assertIn(f'HOME={home}'.encode(), environ)
        self.assertEqual(list(other.iterdir()), [])
        self.assertEqual(self.pry(*gpg_agent), [])

    def test_doctor_tells_it_from_one_whose_bit_the_system_does_not_heed(self):
        def install(*before):
            done = self.place.run(*before, self.place.program, 'doctor', '--json')
            return [(finding['grade'], finding['text']) for finding
                    in map(json.loads, done.stdout.splitlines()) if finding['area'] == 'install']

        self.assertEqual([grade for grade, _ in install()], ['ok'])
        found = install('setpriv', '--no-new-privs')
        self.assertEqual([grade for grade, _ in found], ['bad'])
        self.assertIn(str(self.place.program), found[0][1])

    def test_its_starter_chooses_neither_policy_nor_state(self):
        other = self.place.make_directory(self.place.home / 'other')
        server = self.start_installed(arguments=('--state-dir', other))
        for option in ('--policy', '--state-dir'):
            self.assertIn(f'{option} does not count', server.output())
        wait_until((self.own_state / 'current.yaml').exists, 'the status, where it belongs')
        self.assertEqual(list(other.iterdir()), [])
        self.assertEqual(list(self.place.state.iterdir()), [])

    def test_a_renderer_does_not_run_with_its_group(self):
        home = self.place.person.home
        script = self.place.write('bin/render', '#!/bin/sh\nid -G > "$HOME/.local/state/ssh-ag/ids"\n'
                                  'cat /proc/self/status > "$HOME/.local/state/ssh-ag/status"\n', 0o755)
        directory = home / '.config' / 'ssh-agent-guard'
        self.addCleanup(shutil.rmtree, home / '.config', ignore_errors=True)
        self.place.make_directory(directory)
        path = directory / 'policy.yaml'
        path.write_text(f'default_action: deny\nstatus: {{renderers: [{script}]}}\n')
        path.chmod(0o600)
        os.chown(path, self.place.person.uid, self.place.person.gid)
        server = self.start_installed(policy=None)
        server.state = self.own_state
        status = home / '.local/state/ssh-ag/status'
        wait_until(lambda: status.exists() and 'NoNewPrivs' in status.read_text(), 'it has run')
        gid = self.place.person.gid
        self.assertEqual(status.with_name('ids').read_text().split(), [str(gid)])
        self.assertIn(f'Gid:\t{gid}\t{gid}\t{gid}\t{gid}', status.read_text())
        self.assertIn('NoNewPrivs:\t1', status.read_text())
        self.assertEqual(server.events(trigger='renderer-failed'), [])

    def test_foreign_code_and_the_race_at_its_start_do_nothing(self):
        library = next(line.split()[-1] for line in
                       pathlib.Path('/proc/self/maps').read_text().splitlines()
                       if 'libc.so' in line or 'libc-' in line)
        env = {'LD_PRELOAD': str(self.place.copy_program(library, 'foreign.so'))}
        for _ in guard.starts(4):
            with racing(self.place) as told:
                server = self.start_installed(env=env)
                mine = self.processes_of(server)
                found = told()
            self.assertNotIn('foreign.so', pathlib.Path(f'/proc/{server.pid}/maps').read_text())
            self.assertEqual([win for win in found['wins'] if win[0] in mine
                              or win[1] == 'socket'], [])
            server.stop()


if __name__ == '__main__':
    unittest.main()
