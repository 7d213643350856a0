"""Programs that `exec` runs: the guard is their only way to a key, and they work all the same."""

import contextlib
import os
import shutil
import signal
import socket
import sys

import guard
import place
from guard import SSH, SSH_ADD, SSH_KEYGEN
from place import landlock_abi, wait_until
from sshd import Sshd
from terminal import Terminal

PYTHON = '/usr/bin/python3' if os.path.exists('/usr/bin/python3') else sys.executable
BWRAP = '/usr/bin/bwrap'

POLICY = '''
default_action: deny
rules:
  - name: inside
    match: {endpoint: 'exec:*', sign_type: [sshsig, ssh-login]}
    action: allow
'''

# Connects to each socket that it is told of, and prints those where somebody listens.
CONNECT = r'''
import socket, sys
for name in sys.argv[1:]:
    path = '\0' + name[1:] if name[0] == '@' else name
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        try:
            client.connect(path)
        except OSError as error:
            continue
        print(name)
'''


class ExecTest(guard.GuardTest):
    as_person = True

    def setUp(self):
        super().setUp()
        if not os.path.exists(BWRAP):
            self.skipTest('bubblewrap is not installed')
        tried = self.place.run(BWRAP, '--ro-bind', '/', '/', '--unshare-user', '--unshare-pid',
                               '--proc', '/proc', '--dev', '/dev', 'true')
        if tried.returncode != 0:
            self.skipTest(f'no sandbox can be made here: {tried.stderr.strip()}')
        # Without Landlock's scopes (Linux 6.12) it wants to be told that less will do.
        self.scopes = landlock_abi() >= 6
        self.exec = ['exec'] if self.scopes else ['exec', '--best-effort']
        self.ssh = self.place.make_directory(self.place.home / '.ssh')
        self.work = self.place.make_directory(self.place.home / 'work')
        self.agent = self.start_agent()
        self.key = self.keys.make('.ssh/id')
        self.add(self.agent, self.key)

    def start(self, policy=POLICY):
        self.guard = self.start_guard(policy, upstream=self.agent)

    def inside(self, script, *options, cwd=None, **more):
        """A shell script in the sandbox."""
        return self.inside_run('/bin/sh', '-c', script, options=options, cwd=cwd, **more)

    def inside_run(self, *command, options=(), cwd=None, **more):
        return self.place.run(self.place.program, *self.exec, *options, '--', *command,
                              cwd=cwd or self.work, **more)

    def ok(self, done):
        self.assertEqual(done.returncode, 0, f'{done.stdout}{done.stderr}')
        return done.stdout

    SIGN = f'echo data | {SSH_KEYGEN} -q -Y sign -n file -f ~/.ssh/id.pub'


class Keys(ExecTest):
    def test_a_key_is_used_through_the_guard_alone_and_the_event_names_the_endpoint(self):
        self.start()
        self.assertIn('BEGIN SSH SIGNATURE', self.ok(self.inside(self.SIGN, '--label', 'tool')))
        event = self.guard.wait_event(trigger='sign', decision='allow')
        self.assertEqual((event['endpoint'], event['rule']), ('exec:tool', 'inside'))
        self.guard.wait_event(trigger='exec-ended')
        self.assertEqual([path.name for path in (self.place.runtime / 'ssh-agent-guard').iterdir()
                          if path.name.startswith('exec-')], [])

    def test_its_socket_has_no_name_outside_while_it_runs(self):
        self.start()
        running = self.place.spawn(self.place.program, *self.exec, '--', '/bin/sh', '-c',
                                   'touch began; read -r line', cwd=self.work, stdin=-1)
        wait_until((self.work / 'began').exists, 'the program runs')
        wait_until(lambda: not [path for path in (self.place.runtime / 'ssh-agent-guard').iterdir()
                                if path.name.startswith('exec-')], 'the name is gone')
        running.communicate(b'\n', place.DEADLINE_S)
        self.assertEqual(running.returncode, 0)

    def test_an_endpoint_alone_allows_nothing(self):
        self.start("default_action: deny\n"
                   "rules: [{match: {endpoint: 'exec:*'}, action: allow}]\n")
        self.assertNotEqual(self.inside(self.SIGN).returncode, 0)
        self.guard.wait_event(trigger='sign', decision='deny')

    def test_a_person_may_say_yes_to_it(self):
        self.start("default_action: deny\nconfirm: {timeout: 60s}\n"
                   "rules: [{name: ask, match: {endpoint: 'exec:*'}, action: confirm}]\n")
        enroll = Terminal(self.place, self.guard.program, 'enroll', 'pin')
        for words in ('The new PIN: ', 'again: '):
            enroll.wait_for(words)
            enroll.type('correct horse 7\n')
        self.assertEqual(enroll.end()[0], 0)
        for answer in ('yes', 'no'):
            signing = self.place.spawn(self.place.program, *self.exec, '--label', 'tool', '--',
                                       '/bin/sh', '-c', f'{self.SIGN} > signature', cwd=self.work)
            wait_until(lambda: self.guard.command('pending').stdout, 'it waits')
            self.assertIn('exec:tool', self.guard.command('pending').stdout)
            if answer == 'yes':
                confirm = Terminal(self.place, self.guard.program, 'confirm')
                confirm.wait_for('PIN, to say yes')
                confirm.type('correct horse 7\n')
                self.assertEqual(confirm.end()[0], 0)
                self.assertEqual(signing.wait(place.DEADLINE_S), 0)
                event = self.guard.wait_event(trigger='sign', decision='confirmed')
                self.assertEqual((event['endpoint'], event['rule']), ('exec:tool', 'ask'))
            else:
                self.guard.command('deny', '--all')
                self.assertNotEqual(signing.wait(place.DEADLINE_S), 0)
                self.guard.wait_event(trigger='sign', decision='confirm-denied')

    def test_whoever_is_not_spoken_of_is_refused(self):
        self.start("default_action: allow\n")
        self.assertNotEqual(self.inside(self.SIGN).returncode, 0)
        self.guard.wait_event(trigger='sign', decision='deny', endpoint='exec:sh')

    def test_ssh_logs_in_from_inside(self):
        sshd = Sshd(self.place, authorized=[f'{self.key}.pub'])
        self.start()
        done = self.inside_run(SSH, '-F', sshd.client_config, 'sshd', 'echo in',
                               options=('--allow-read', sshd.directory))
        self.assertEqual(self.ok(done), 'in\n')
        self.assertEqual(self.guard.wait_event(trigger='sign', decision='allow')['sign_type'],
                         'ssh-login')

    def test_it_logs_in_where_its_rule_says_and_nowhere_else(self):
        near, far = (Sshd(self.place, name, [f'{self.key}.pub']) for name in ('near', 'far'))
        self.place.write('names', near.known_hosts.read_text() + far.known_hosts.read_text())
        self.start(f'''
default_action: deny
known_hosts: {{user: [{self.place.path / 'names'}], system: []}}
rules:
  - {{name: near, action: allow,
      match: {{endpoint: 'exec:*', ssh_dest: '{self.place.user_name}@[127.0.0.1]:{near.port}'}}}}
''')
        for sshd, status in ((near, 0), (far, 255)):
            done = self.inside_run(SSH, '-F', sshd.client_config, sshd.name, 'true',
                                   options=('--allow-read', sshd.directory))
            self.assertEqual(done.returncode, status, done.stderr)
        event = self.guard.wait_event(trigger='sign', decision='allow')
        self.assertEqual((event['rule'], event['dest_evidence']), ('near', 'verified'))

    def test_two_at_once_are_told_apart(self):
        self.start()
        for label in ('one', 'two.b-c_d'):
            self.ok(self.inside(self.SIGN, '--label', label))
        self.assertEqual([event['endpoint'] for event in self.guard.events(trigger='sign')],
                         ['exec:one', 'exec:two.b-c_d'])

    def test_there_are_no_more_than_sixteen_of_them(self):
        self.start()
        answers = []
        for _ in range(17):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(self.place.runtime / 'ssh-agent-guard/control.sock'))
                client.sendall(b'exec-open a\n')
                answers.append(client.recv(4096).split(b'\n')[0])
        self.assertEqual(answers, [b'ok'] * 16 + [b'failed'])
        self.assertIn('already', self.inside('true').stderr)

    def test_without_a_guard_nothing_is_run(self):
        done = self.inside('touch ran')
        self.assertEqual(done.returncode, 125)
        self.assertIn('no guard is running', done.stderr)
        self.assertFalse((self.work / 'ran').exists())

    def test_a_guard_that_ends_leaves_it_without_an_agent(self):
        self.start()
        running = self.place.spawn(
            self.place.program, *self.exec, '--', '/bin/sh', '-c',
            f'touch began; read -r line; {SSH_ADD} -l && touch listed; exit 0', cwd=self.work,
            stdin=-1)
        wait_until((self.work / 'began').exists, 'the program runs')
        self.guard.stop(signal.SIGKILL)
        running.communicate(b'\n', place.DEADLINE_S)
        self.assertEqual(running.returncode, 0)
        self.assertFalse((self.work / 'listed').exists())


class Sight(ExecTest):
    def test_keys_and_the_guards_own_files_are_not_to_be_seen(self):
        gnupg = self.place.make_directory(self.place.home / '.gnupg')
        self.place.write('home/.gnupg/secret', 'x')
        self.place.write('home/.ssh/config', 'Host a\n')
        self.place.write('home/.ssh/known_hosts', '')
        os.symlink(self.key, self.ssh / 'link.pub')
        self.start()
        hidden = f'cat {self.key} || cat {self.ssh}/link.pub || cat {gnupg}/secret'
        script = (f'ls -A {self.ssh} | tr "\\n" " "; ls -A {gnupg}; cat {self.guard.policy}; '
                  f'ls -A {self.guard.state}; {hidden} && echo read; '
                  # Whoever becomes root of a namespace of his own uncovers nothing.
                  f'unshare -Urm sh -c "umount {self.ssh}; {hidden}" && echo read; exit 0')
        self.assertEqual(self.ok(self.inside(script)), 'config id.pub known_hosts ')

    def test_no_socket_outside_can_be_reached(self):
        master = self.ssh / 'master'
        named = [self.place.home / 'other.sock', master, self.work / 'here.sock']
        listening = []
        for path in named:
            listener = socket.socket(socket.AF_UNIX)
            self.addCleanup(listener.close)
            listener.bind(str(path))
            listener.listen()
            if self.place.person:
                os.chown(path, self.place.uid, -1)
            listening.append(listener)
        abstract = socket.socket(socket.AF_UNIX)
        self.addCleanup(abstract.close)
        abstract.bind(f'\0{self.place.path.name}')
        abstract.listen()
        self.start()
        tmux = self.place.home / 'tmux.sock'
        if shutil.which('tmux'):
            self.place.run_ok('tmux', '-S', tmux, 'new-session', '-d', 'sleep 1000')
            self.addCleanup(self.place.run, 'tmux', '-S', tmux, 'kill-server')
            named.append(tmux)
        targets = [self.guard.socket, self.place.runtime / 'ssh-agent-guard/control.sock',
                   self.agent.socket, f'@{self.place.path.name}', *named]
        targets = [str(target) for target in targets]
        outside = self.place.run_ok(PYTHON, '-c', CONNECT, *targets).split()
        self.assertEqual(sorted(outside), sorted(targets))
        # An abstract socket is as near as the network where Landlock has no scope for it.
        self.assertEqual(self.ok(self.inside_run(PYTHON, '-c', CONNECT, *targets)).split(),
                         [] if self.scopes else [f'@{self.place.path.name}'])
        self.assertEqual(self.ok(self.inside_run(PYTHON, '-c', CONNECT, *targets,
                                                 options=('--no-network',))), '')
        self.assertEqual(self.ok(self.inside_run(PYTHON, '-c', CONNECT, str(named[0]),
                                                 options=('--allow-socket', named[0]))).split(),
                         [str(named[0])])

    def test_a_socket_that_is_made_later_is_closed_by_landlock_where_it_has_that_right(self):
        later = self.place.make_directory(self.place.home / 'later') / 'made.sock'
        self.start()
        running = self.place.spawn(
            self.place.program, *self.exec, '--', '/bin/sh', '-c',
            'touch began; read -r line; exec "$0" "$@"', PYTHON, '-c', CONNECT, later,
            cwd=self.work, stdin=-1, stdout=-1)
        wait_until((self.work / 'began').exists, 'the program runs')
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(later))
            listener.listen()
            if self.place.person:
                os.chown(later, self.place.uid, -1)
            said, _ = running.communicate(b'\n', place.DEADLINE_S)
        self.assertEqual(said.decode().split(), [] if landlock_abi() >= 9 else [str(later)])

    def test_a_socket_is_found_by_another_name_than_it_was_made_by(self):
        """ssh gives its own another name; others make theirs by a relative one."""
        sshd = Sshd(self.place, authorized=[f'{self.key}.pub'])
        places = [self.place.make_directory(self.place.home / name) for name in ('cp', 'other')]
        masters = [places[0] / 'master', places[1] / 'relative']
        self.start()
        for place_of, master, name in zip(places, masters, (masters[0], 'relative')):
            self.place.spawn(SSH, '-F', sshd.client_config, '-M', '-S', name, '-N', 'sshd',
                             env={'SSH_AUTH_SOCK': str(self.agent.socket)}, cwd=place_of)
            wait_until(master.exists, 'the connection is there to be shared')
        for master in masters:
            ask = (SSH, '-F', '/dev/null', '-S', master, 'sshd', 'echo in')
            self.assertEqual(self.place.run(*ask).stdout, 'in\n')
            self.assertEqual(self.inside_run(*ask).stdout, '')

    def test_a_key_that_is_kept_elsewhere_is_not_to_be_seen_there(self):
        elsewhere = self.place.make_directory(self.place.home / 'settings')
        os.rename(self.key, elsewhere / 'id')
        os.symlink('../settings/id', self.key)
        self.start()
        self.assertEqual(self.inside(f'cat {elsewhere}/id {self.key}').stdout, '')
        self.assertIn('PRIVATE', (elsewhere / 'id').read_text())

    def test_only_the_working_directory_can_be_written(self):
        self.place.write('home/.bashrc', '')
        self.start()
        script = (f'echo a >> ~/.bashrc; echo a > ~/new; echo a >> {self.guard.policy}; '
                  f'echo a > {self.place.program}; echo a > /tmp/gone; echo a > here; exit 0')
        self.ok(self.inside(script))
        self.assertEqual((self.place.home / '.bashrc').read_text(), '')
        self.assertFalse((self.place.home / 'new').exists())
        self.assertEqual(self.guard.policy.read_text(), POLICY)
        self.assertFalse(os.path.exists('/tmp/gone'))
        self.assertEqual((self.work / 'here').read_text(), 'a\n')
        more = self.place.make_directory(self.place.home / 'more')
        self.ok(self.inside(f'echo a > {more}/a', '--allow-write', more))

    def test_what_makes_git_run_programs_cannot_be_changed(self):
        self.place.run_ok('git', 'init', '-q', self.work)
        self.start()
        before = (self.work / '.git/config').read_text()
        script = '''
            echo x >> .git/config; echo x > .git/hooks/pre-commit
            mv .git aside; mv .git/hooks .git/h; mv .git/config .git/c; rm -f .git/config
            git config core.fsmonitor ./evil
            git -c user.name=a -c user.email=a@b commit -q --allow-empty -m works; exit 0'''
        self.ok(self.inside(script))
        self.assertEqual((self.work / '.git/config').read_text(), before)
        self.assertFalse((self.work / '.git/hooks/pre-commit').exists())
        self.assertIn('works', self.place.run_ok('git', '-C', self.work, 'log', '--oneline'))

    def test_git_does_not_look_for_config_and_hooks_elsewhere(self):
        git = self.work / '.git'
        self.place.run_ok('git', 'init', '-q', self.work)
        self.place.run_ok('git', 'init', '-q', '--bare', git / 'modules/lib/deep')
        self.place.run_ok('git', '-C', self.work, '-c', 'user.name=a', '-c', 'user.email=a@b',
                          'commit', '-q', '--allow-empty', '-m', 'first')
        self.place.run_ok('git', '-C', self.work, 'worktree', 'add', '-q', self.place.home / 'tree')
        self.start()
        script = '''
            cp -r .git evil; git config -f evil/config core.fsmonitor "touch ran; false"
            for name in .git/commondir .git/worktrees/tree/commondir; do
                echo "$PWD/evil" > $name; rm -f $name; mv evil/config $name
            done
            mv .git/worktrees .git/w; mv .git/worktrees/tree .git/worktrees/w
            mv .git/modules/lib .git/modules/w; echo x > .git/modules/lib/deep/config; exit 0'''
        self.ok(self.inside(script))
        self.assertEqual((git / 'commondir').read_text(), '.\n')
        self.assertEqual((git / 'worktrees/tree/commondir').read_text(), '../..\n')
        self.assertIn('bare = true', (git / 'modules/lib/deep/config').read_text())
        for tree in (self.work, self.place.home / 'tree'):
            self.place.run_ok('git', '-C', tree, 'status')
            self.assertIn('first', self.place.run_ok('git', '-C', tree, 'log', '--oneline'))
            self.assertFalse((tree / 'ran').exists())

    def test_what_a_program_prepared_for_the_next_one_uncovers_nothing(self):
        self.start()
        for name, target in (('hooks', '../../.ssh'), ('config', '../../.ssh/id'),
                             ('hooks', '../../../runtime'), ('modules', '../../.ssh')):
            with self.subTest(name=name, target=target):
                self.ok(self.inside(f'rm -rf .git; mkdir .git; echo ref: refs/heads/m > .git/HEAD; '
                                    f'ln -s {target} .git/{name}'))
                done = self.inside('cat ~/.ssh/id')
                self.assertEqual((done.returncode, done.stdout), (125, ''))
                self.assertIn(f'.git/{name}: is a link', done.stderr)
                shutil.rmtree(self.work / '.git')
        self.ok(self.inside('mkdir real; echo ref: refs/heads/m > real/HEAD; ln -s real .git'))
        self.assertIn('.git: is a link', self.inside('true').stderr)

    def test_a_directory_above_the_working_directory_uncovers_no_hooks(self):
        above = self.place.make_directory(self.place.home / 'above')
        below = self.place.make_directory(above / 'below')
        self.place.run_ok('git', 'init', '-q', below)
        self.start()
        self.ok(self.inside('touch here; touch .git/hooks/x; exit 0', '--allow-write', above,
                            cwd=below))
        self.assertTrue((below / 'here').exists())
        self.assertFalse((below / '.git/hooks/x').exists())

    def test_a_directory_that_is_not_there_is_to_be_made_first(self):
        self.start()
        done = self.inside('true', '--allow-write', self.place.home / '.claude')
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('.claude: No such file or directory (make it first: mkdir)', done.stderr)

    def test_a_directory_that_matters_is_not_given_to_it(self):
        self.start()
        for directory, what in ((self.place.home, 'home'), (self.place.path, 'home'),
                                (self.guard.state.parent, 'state'), (self.place.bin, 'program'),
                                (self.place.runtime, 'sockets'), (self.ssh, 'SSH keys')):
            with self.subTest(directory):
                for done in (self.inside('touch ran', cwd=directory),
                             self.inside('true', '--allow-write', directory)):
                    self.assertEqual(done.returncode, 125)
                    self.assertIn(what, done.stderr)
                self.assertFalse((directory / 'ran').exists())

    def test_the_home_and_the_network_can_be_left_out(self):
        self.place.write('home/note', 'x')
        self.start()
        self.assertEqual(self.ok(self.inside('ls ~', '--private-home')), 'work\n')
        with socket.socket() as listener:
            listener.bind(('127.0.0.1', 0))
            listener.listen()
            code = ('import socket, sys; print(socket.socket().connect_ex(("127.0.0.1", '
                    'int(sys.argv[1]))) == 0)')
            port = str(listener.getsockname()[1])
            self.assertEqual(self.ok(self.inside_run(PYTHON, '-c', code, port)), 'True\n')
            self.assertEqual(self.ok(self.inside_run(PYTHON, '-c', code, port,
                                                     options=('--no-network',))), 'False\n')

    def test_its_environment_leads_nowhere_else(self):
        self.start()
        done = self.inside('echo $SSH_AUTH_SOCK $XDG_RUNTIME_DIR "$TMUX$DISPLAY"; '
                           'mktemp | cut -c1-9; umask',
                           env={'TMUX': '/x', 'DISPLAY': ':0'}, umask=0o027)
        runtime = f'/run/user/{self.place.uid}'
        self.assertEqual(self.ok(done), f'{runtime}/ssh-agent-guard.sock {runtime} \n/tmp/tmp.\n0027\n')


class Processes(ExecTest):
    def test_processes_outside_can_be_neither_seen_nor_signalled(self):
        self.start()
        script = f'kill -0 {self.guard.pid} && echo signalled; test -d /proc/{self.guard.pid} && echo seen; exit 0'
        self.assertEqual(self.ok(self.inside(script)), '')

    def test_no_descriptor_is_left_open(self):
        self.start()
        mode = os.stat(self.place.program).st_mode
        script = 'chmod 0700 /proc/self/fd/*; chmod 0700 /proc/[0-9]*/fd/*; ls /proc/self/fd'
        left = os.open('/', os.O_RDONLY)
        self.addCleanup(os.close, left)
        for options in (), ('--allow-nested',):
            done = self.inside(script, *options, pass_fds=(left,))
            self.assertEqual(done.stdout.split(), ['0', '1', '2', '3'])  # 3 is what ls reads
            self.assertEqual(os.stat(self.place.program).st_mode, mode)

    def test_its_own_job_outside_is_not_signalled(self):
        self.start()
        if not self.scopes:  # that cannot be kept up, so nothing runs unless that will do
            done = self.place.run(self.place.program, 'exec', '--', 'true', cwd=self.work)
            self.assertEqual(done.returncode, 125)
            self.assertIn('say --best-effort if that will do', done.stderr)
            return
        program = ('import os, signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)\n'
                   'os.kill(0, signal.SIGUSR1)')
        script = ('trap "echo hit" USR1; "$0" exec -- "$1" -c "$2"; echo $?')
        done = self.place.run('/bin/sh', '-c', script, self.place.program, PYTHON, program,
                              cwd=self.work, start_new_session=True)
        self.assertEqual(self.ok(done), '0\n')

    def test_nothing_is_typed_into_the_terminal(self):
        self.start()
        code = ('import ctypes, errno, termios\n'
                'libc = ctypes.CDLL(None, use_errno=True)\n'
                'for high in 0, 1 << 32:\n'
                '    for number in 0x5412, 0x541C:\n'
                '        libc.syscall(16 if __import__("platform").machine() == "x86_64" else 29,'
                ' 0, ctypes.c_ulong(high | number), b"x")\n'
                '        print(errno.errorcode[ctypes.get_errno()])\n')
        terminal = Terminal(self.place, '/bin/sh', '-c', 'cd "$0" && exec "$@"', self.work,
                            self.place.program, *self.exec, '--', PYTHON, '-c', code)
        status, shown = terminal.end()
        self.assertEqual((status, shown.split().count('EPERM')), (0, 4))

    def test_exit_status_and_signals_pass_through(self):
        self.start()
        self.assertEqual(self.inside('exit 7').returncode, 7)
        self.assertEqual(self.inside('kill -KILL $$').returncode, -signal.SIGKILL)
        self.assertEqual(self.inside_run('no-such-program').returncode, 127)
        self.assertEqual(self.inside_run(self.work).returncode, 126)
        running = self.place.spawn(
            self.place.program, *self.exec, '--', '/bin/sh', '-c',
            'trap "exit 3" TERM; touch ready; while :; do sleep 0.1; done', cwd=self.work)
        wait_until((self.work / 'ready').exists, 'the program runs')
        running.terminate()
        self.assertEqual(running.wait(place.DEADLINE_S), 3)

    def test_it_ends_with_its_launcher(self):
        self.start()
        running = self.place.spawn(
            self.place.program, *self.exec, '--', '/bin/sh', '-c',
            'date > beat; touch ready; while :; do date +%s%N > beat; sleep 0.05; done', cwd=self.work)
        wait_until((self.work / 'ready').exists, 'the program runs')
        running.kill()
        running.wait()
        self.guard.wait_event(trigger='exec-ended')

        def silent():
            before = (self.work / 'beat').read_text()
            with contextlib.suppress(AssertionError):
                wait_until(lambda: (self.work / 'beat').read_text() != before, 'a beat', 1)
                return False
            return True
        wait_until(silent, 'the program ended')

    def test_job_control_works(self):
        self.start()
        # Without its editor the shell loses nothing that is typed while it is not looking.
        terminal = Terminal(self.place, '/bin/bash', '--norc', '--noprofile', '--noediting', '-i',
                            env={'PS1': 'ready> '})

        def wait_prompt(text):
            """Shown, and then the shell's prompt."""
            terminal.wait_for(text)
            terminal.shown = terminal.shown[terminal.shown.rindex(text):]
            terminal.wait_for('ready> ')
            terminal.shown = ''

        run = f'{self.place.program} {" ".join(self.exec)} --'
        wait_prompt('')
        terminal.type(f'cd {self.work}\n')
        wait_prompt('cd ')
        # The terminal stops it, and it goes on. It reads no terminal: the kernel may give one that
        # is about to stop what is typed next.
        terminal.type(f"{run} /bin/sh -c 'echo be''gan; while ! test -e go; do sleep 0.1; done; "
                      "echo we''nt'\n")
        terminal.wait_for('\nbegan')
        terminal.type('\x1a')
        wait_prompt('Stopped')
        terminal.type('fg\n')
        terminal.wait_for('-- /bin/sh')  # the shell says what goes on
        self.place.write('home/work/go', '')
        wait_prompt('went')
        # It stops itself.
        terminal.type(f"{run} /bin/sh -c 'kill -STOP $$; echo we''nt'\n")
        wait_prompt('Stopped')
        terminal.type('fg\n')
        wait_prompt('went')
        # Ctrl-C is the program's, once.
        self.place.write('home/work/wait.py', '''
import os, signal, time
def end(number, frame):
    os.write(1, b'caught\\n')
    os._exit(4)
signal.signal(signal.SIGINT, end)
os.write(1, b'began\\n')
time.sleep(1000)
''')
        terminal.type(f'{run} {PYTHON} wait.py\n')
        terminal.wait_for('\nbegan')
        terminal.type('\x03')
        terminal.wait_for('caught')
        self.assertEqual(terminal.shown.count('caught'), 1)
        wait_prompt('caught')
        terminal.type('echo status $?\n')
        wait_prompt('status 4')
        terminal.type('exit 0\n')
        self.assertEqual(terminal.end()[0], 0)
