"""Where a login goes, by the names of known_hosts: real hosts, real files, and those who would like
to be taken for another host."""

import base64
import os
import pathlib
import shlex
import signal
import time
import unittest

import agent_client as wire
import fuse
import place
from agent_client import AgentClient, FAILURE, SUCCESS
from binds import Host, bind_body, login, send_bind, session_id, sshsig
from chains import ChainTest, wait_until
from guard import SSH, SSH_ADD, SSH_KEYGEN


# What socat does: everything between one socket and another.
CARRY = '''
import socket, sys, threading
def pass_on(a, b):
    while data := a.recv(65536):
        b.sendall(data)
    b.shutdown(socket.SHUT_WR)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
while True:
    ours = listener.accept()[0]
    theirs = socket.socket(socket.AF_UNIX)
    theirs.connect(sys.argv[2])
    for ends in ((ours, theirs), (theirs, ours)):
        threading.Thread(target=pass_on, args=ends, daemon=True).start()
'''


def only(*matches):
    """A policy with one rule for each match, named rule-1 and so on."""
    rules = ''.join(f'  - {{match: {{{match}}}, action: allow}}\n' for match in matches)
    return f'default_action: deny\nrules:\n{rules}'


class Destination(ChainTest):
    def setUp(self):
        super().setUp()
        self.names = self.known_names()
        self.user = self.place.user_name

    def start_with(self, policy, user=None, system='[]'):
        self.start(f'{policy}\nknown_hosts: {{user: [{user or self.names}], system: {system}}}')

    def host_line(self, name):
        """The host's key under its own name, as known_hosts has it."""
        return f'{name} {self.host_blob(name)}'

    def host_blob(self, name):
        public = pathlib.Path(f'{self.hosts[name].host_key}.pub')
        return ' '.join(public.read_text().split()[:2])

    def rewrite(self, *lines, path=None):
        """What the guard knows from now on; in one step, so that it sees no half of it."""
        before = len(self.guard.events(trigger='known-hosts'))
        new = self.place.write('new', ''.join(f'{line}\n' for line in lines))
        os.replace(new, path or self.names)
        wait_until(lambda: len(self.guard.events(trigger='known-hosts')) > before,
                   'the guard reads known_hosts again', 120)

    def wait_notice(self, words):
        wait_until(lambda: words in self.guard.status().get('notice', ''), f'the status says {words}')

    def last(self, **fields):
        """The event of the last signature, which has these fields."""
        event = self.signed()[-1]
        self.assert_fields(event, **fields)
        return event

    def certified_host(self, name, **options):
        def prepare(host_key):
            self.certify_host(host_key, **options)
        host = self.make_host(name, prepare=prepare, settings=(
            f'HostCertificate {self.place.path / name / "host_key-cert.pub"}'))
        authority = ' '.join(pathlib.Path(f'{self.authority}.pub').read_text().split()[:2])
        host.known_hosts.write_text(f'@cert-authority * {authority}\n')
        self.hosts[name] = host
        return authority

    # --- as it is meant to be

    def test_a_login_is_for_user_and_host_by_name(self):
        self.start_with(only(f'ssh_dest: "{self.user}@a"', 'ssh_dest: "root@b"'))
        self.assertTrue(self.arrives('a'))
        self.last(rule='rule-1', ssh_dest=f'{self.user}@a', dest_evidence='verified',
                  dest_mismatch=False, is_in_known_hosts=True, known_hosts=['user'],
                  is_forwarded=False, weak=None)
        self.assertFalse(self.arrives('b'))
        self.last(rule='default', ssh_dest=f'{self.user}@b', decision='deny')

    def test_names_may_be_hashed(self):
        self.place.run_ok(SSH_KEYGEN, '-q', '-H', '-f', self.names)
        self.assertNotIn('a ', self.names.read_text())
        # Of the command line, and of the rule: a wildcard can be compared with neither.
        self.start_with(only('ssh_dest: a', 'ssh_dest: b, forwarded_via: a', 'ssh_dest: "c*"'))
        self.assertTrue(self.arrives('a', 'b'))
        self.last(ssh_dest=f'{self.user}@b', forwarded_via=['a'], rule='rule-2',
                  forwarded_via_keys=[self.host_keys['a']], is_in_known_hosts=True)
        self.assertFalse(self.arrives('a', 'c'))
        self.last(ssh_dest=None, is_in_known_hosts=True, missing_fact='ssh_dest')
        self.assertTrue(self.arrives('c'))  # here it was typed
        self.last(ssh_dest=f'{self.user}@c', rule='rule-3')

    def test_a_host_that_nobody_knows_has_no_name(self):
        self.place.write('names', self.host_line('a') + '\n')
        self.start_with('''
default_action: allow
rules:
  - {name: strangers, match: {is_in_known_hosts: false}, action: deny}
''')
        self.assertTrue(self.arrives('a'))
        self.assertFalse(self.arrives('b'))
        self.last(rule='strangers', ssh_dest=None, is_in_known_hosts=False, known_hosts=None,
                  dest_key_fingerprint=self.host_keys['b'])
        self.assertFalse(self.arrives('a', 'b'))
        self.last(rule='strangers', is_forwarded=True, forwarded_via=['a'])

    def test_who_says_yes_to_a_new_host_is_not_refused_the_moment_after(self):
        self.place.write('names', '')
        self.start_with(only('ssh_dest: "127.0.0.1", is_in_known_hosts: true'))
        for name in 'ab':  # ssh writes the name and logs in, with nothing in between
            done = self.place.run(
                SSH, '-F', self.hosts[name].client_config, '-o', 'StrictHostKeyChecking=accept-new',
                '-o', f'UserKnownHostsFile={self.names}', name, 'echo arrived', env=self.guard.env)
            self.assertEqual(done.stdout, 'arrived\n', done.stderr)
            self.last(ssh_dest=f'{self.user}@127.0.0.1', is_in_known_hosts=True)

    def test_a_certificate_names_its_host_where_its_authority_is_known(self):
        authority = self.certified_host('d')
        system = self.place.write('system', f'@cert-authority certified,*.example {authority}\n')
        self.start_with(only('ssh_dest: certified, known_hosts: system'), system=f'[{system}]')
        done = self.over('d')
        self.assertEqual(done.stdout, 'arrived\n', done.stderr)
        self.last(ssh_dest=f'{self.user}@certified', known_hosts=['system'],
                  dest_evidence='verified', is_in_known_hosts=True)
        for line in (f'@cert-authority other.example {authority}', f'@revoked * {authority}'):
            self.rewrite(line, path=system)
            self.assertNotEqual(self.over('d').stdout, 'arrived\n')
            self.last(decision='deny', ssh_dest=None, is_in_known_hosts=False)
        self.last(reason='host-revoked')

    def test_a_certificate_for_a_pattern_may_be_for_any_host_of_it(self):
        authority = self.certified_host('d', names='127.0.0.1,certified,*.example')
        self.place.write('names', f'@cert-authority certified,*.example {authority}\n')
        policy = '''
default_action: deny
rules:
  - {{name: databases, match: {{ssh_dest: {pattern}}}, action: deny}}
  - {{name: certified, match: {{ssh_dest: certified}}, action: allow}}
'''
        self.start_with(policy.format(pattern='"db*.example"'))
        self.assertNotEqual(self.over('d').stdout, 'arrived\n')
        self.last(rule='databases', missing_fact='ssh_dest', ssh_dest=f'{self.user}@certified')
        self.guard.write_policy(policy.format(pattern='other.test') +
                                f'known_hosts: {{user: [{self.names}], system: []}}\n'
                                'hide_denied_keys: false\n')
        self.guard.command('reload')
        self.assertEqual(self.over('d').stdout, 'arrived\n')
        self.last(rule='certified')

    def test_a_jump_and_the_host_behind_it_are_two_destinations(self):
        config = self.place.write('jump', ''.join(
            self.hosts[name].client_config.read_text() for name in 'ab'))
        self.start_with(only('ssh_dest: a, is_forwarded: false', 'ssh_dest: b, is_forwarded: false'))
        done = self.place.run(SSH, '-F', config, '-J', 'a', 'b', 'echo arrived', env=self.guard.env)
        self.assertEqual(done.stdout, 'arrived\n', done.stderr)
        self.assertEqual([(event['ssh_dest'], event['dest_mismatch']) for event in self.signed()],
                         [(f'{self.user}@a', False), (f'{self.user}@b', False)])

    def test_a_way_over_hosts_is_allowed_whole_and_denied_by_each(self):
        self.start_with(only('ssh_dest: [a, b], is_forwarded: false', 'ssh_dest: b, forwarded_via: a',
                             'ssh_dest: c, forwarded_via: [a, b], hops: 2'))
        self.assertTrue(self.arrives('a', 'b', 'c'))
        self.last(rule='rule-3', ssh_dest=f'{self.user}@c', forwarded_via=['a', 'b'], hops=2)
        self.assertFalse(self.arrives('a', 'c'))
        self.last(decision='deny', forwarded_via=['a'], ssh_dest=f'{self.user}@c')
        self.guard.write_policy(f'''
default_action: allow
known_hosts: {{user: [{self.names}]}}
hide_denied_keys: false
rules: [{{name: not-over-b, match: {{forwarded_via: b}}, action: deny}}]
''')
        self.guard.command('reload')
        self.assertFalse(self.arrives('a', 'b', 'c'))
        self.last(rule='not-over-b', forwarded_via=['a', 'b'])
        self.assertTrue(self.arrives('a', 'c'))

    def test_a_control_master_forwards_by_name(self):
        self.start_with(only('ssh_dest: a', 'ssh_dest: b, forwarded_via: a'))
        control = self.place.path / 'control'
        words = [SSH, '-F', self.hosts['a'].client_config, '-S', control]
        # Where it stays in the background it calls itself so.
        self.place.run_ok(*words, '-A', '-o', 'ControlMaster=yes', '-o', 'ControlPersist=600', 'a',
                          'true', env=self.guard.env)
        for name, arrives in (('b', True), ('c', False)):
            inner = shlex.join(self.words_over(name))
            done = self.place.run(*words, '-A', 'a', inner)
            self.assertEqual(done.stdout == 'arrived\n', arrives, done.stderr)
            event = self.last(ssh_dest=f'{self.user}@{name}', forwarded_via=['a'], is_forwarded=True)
            self.assertIn('[mux]', ' '.join(event['command']))
        self.place.run(*words, '-O', 'exit', 'a')

    def test_git_says_what_it_does(self):
        repository = self.place.home / 'r.git'
        self.place.run_ok('git', 'init', '-q', '--bare', repository)
        self.start_with('''
default_action: allow
rules: [{name: no-push, match: {git_operation: push}, action: deny}]
''')
        env = {**self.guard.env, 'GIT_SSH_COMMAND': f'ssh -F {self.hosts["a"].client_config}'}
        self.place.run_ok('git', 'ls-remote', f'a:{repository}', env=env)
        self.last(git_operation='fetch', git_repo=str(repository), ssh_dest=f'{self.user}@a')
        work = self.place.home / 'work'
        self.place.run_ok('git', 'init', '-q', work)
        self.place.run_ok('git', '-C', work, '-c', 'user.name=A', '-c', 'user.email=a@example',
                          'commit', '-q', '--allow-empty', '-m', 'empty')
        pushed = self.place.run('git', '-C', work, 'push', '-q', f'a:{repository}', 'HEAD:x', env=env)
        self.assertNotEqual(pushed.returncode, 0)
        self.last(rule='no-push', git_operation='push')

    def test_scp_sftp_and_rsync_are_known_by_their_ssh(self):
        host = self.hosts['d'] = self.make_host('d', settings='Subsystem sftp internal-sftp')
        self.names = self.known_names()
        self.start_with(only('ssh_dest: d'))
        file = self.place.write('home/file', 'content')
        config = host.client_config
        for words in (['scp', '-q', '-F', config, file, f'd:{file}.scp'],
                      ['rsync', '-e', f'ssh -F {config}', file, f'd:{file}.rsync']):
            if self.place.run('sh', '-c', f'command -v {words[0]}').returncode != 0:
                continue
            self.place.run_ok(*words, env=self.guard.env)
            self.last(ssh_dest=f'{self.user}@d', dest_mismatch=False, process_name='ssh')
        self.place.run_ok('sftp', '-q', '-F', config, '-b', '-', 'd', input='pwd\n',
                          env=self.guard.env)
        self.last(ssh_dest=f'{self.user}@d', dest_mismatch=False)

    def test_a_signature_has_no_destination_and_its_way_has_names(self):
        self.start_with(only('ssh_dest: a', 'namespace: git, forwarded_via: a'))
        message = self.place.write('home/message', 'a message\n')
        words = [SSH_KEYGEN, '-Y', 'sign', '-f', f'{self.key}.pub']
        for namespace, signs in (('git', True), ('file', False)):
            then = shlex.join([*words, '-n', namespace, str(message)])
            done = self.over('a', then=then, options=['-A'])
            self.assertEqual(done.returncode == 0, signs, done.stderr)
            self.last(sign_type='sshsig', ssh_dest=None, dest_evidence=None, forwarded_via=['a'])

    # --- files

    def test_the_names_are_those_of_now(self):
        self.start_with(only('ssh_dest: b'))
        self.assertFalse(self.arrives('a'))
        self.rewrite(f'b {self.host_blob("a")}')
        self.assertTrue(self.arrives('a'))
        self.last(ssh_dest=f'{self.user}@b', dest_mismatch=None)
        self.rewrite(f'b {self.host_blob("a")}', f'a {self.host_blob("c")}')
        self.assertTrue(self.arrives('a'))  # for c known as a, this is another host
        self.last(ssh_dest=f'{self.user}@b', dest_mismatch=True)

    def test_a_change_is_seen_that_leaves_the_size_and_all_times_alone(self):
        """As two do in one tick of the clock, or all in the tick of a clock that ticks seldom."""
        fuse.own_mounts()
        self.names.write_text(self.host_line('a') + '\n')
        files = fuse.FileSystem(self.place, self.names)
        self.addCleanup(files.end)
        self.start_with(only('ssh_dest: a'), user=files.path(self.names.name))
        self.assertTrue(self.arrives('a'))
        before = os.stat(files.path(self.names.name))
        self.names.write_text('x' + self.host_line('a')[1:] + '\n')
        after = os.stat(files.path(self.names.name))
        self.assertEqual(after, before)
        wait_until(lambda: not self.arrives('a'), 'the host has lost its name')
        self.last(decision='deny', ssh_dest=f'{self.user}@x')

    def test_a_revoked_host_is_refused_whatever_the_rules_say(self):
        self.start_with('default_action: allow')
        self.assertTrue(self.arrives('a', 'b'))
        self.rewrite(self.host_line('a'), self.host_line('b'), f'@revoked * {self.host_blob("b")}')
        for names in (('b',), ('a', 'b')):
            self.assertFalse(self.arrives(*names))
            self.last(decision='deny', reason='host-revoked', ssh_dest=None, is_in_known_hosts=False,
                      dest_key_fingerprint=self.host_keys['b'])

    def test_a_file_that_cannot_be_read_makes_unknown_and_nobody_waits(self):
        fifo = self.place.path / 'fifo'
        os.mkfifo(fifo)
        self.start_with('''
default_action: allow
rules: [{name: strangers, match: {is_in_known_hosts: false}, action: deny}]
''', user=f'{self.names}, {fifo}')
        self.assertTrue(self.arrives('a'))  # the other file knows it
        self.rewrite(self.host_line('a'))
        self.assertFalse(self.arrives('b'))
        self.last(rule='strangers', is_in_known_hosts=None, missing_fact='is_in_known_hosts')
        words = f'{fifo}: it is no regular file'
        self.assertIn(words, self.guard.events(trigger='known-hosts')[-1]['detail'])
        self.wait_notice(words)
        fifo.unlink()
        wait_until(lambda: 'notice' not in self.guard.status(), 'it is well again')

    def test_a_file_that_hangs_leaves_what_was_known_and_is_told_of(self):
        """Nobody waits for it for good, and what may have come meanwhile is unknown."""
        fuse.own_mounts()
        self.names.write_text(self.host_line('a') + '\n')
        files = fuse.FileSystem(self.place, self.names)
        self.addCleanup(files.end)
        slow = self.place.path / 'slow'
        slow.write_text('')
        os.chown(slow, self.place.uid, -1)
        self.start_with('''
default_action: allow
rules: [{name: strangers, match: {is_in_known_hosts: false}, action: deny}]
''', user=f'{self.names}, {slow}')
        self.assertTrue(self.arrives('a'))
        files.stop()
        slow.unlink()
        slow.symlink_to(files.path(self.names.name))
        event = self.guard.wait_event(trigger='known-hosts-failed')
        self.assertIn('a file system does not answer; what was read before stays in force',
                      event['detail'])
        self.wait_notice(event['detail'])
        self.assertTrue(self.arrives('a'))
        self.last(is_in_known_hosts=True)
        # Each of these has them read again, which is told of no more.
        for _ in range(2):
            self.assertFalse(self.arrives('b'))
            self.last(rule='strangers', is_in_known_hosts=None, missing_fact='is_in_known_hosts')
        self.assertEqual(len(self.guard.events(trigger='known-hosts-failed')), 1)
        files.process.send_signal(signal.SIGCONT)
        wait_until(lambda: 'notice' not in self.guard.status(), 'it is well again')

    def test_a_file_that_is_flooded_keeps_no_revocation_from_being_known(self):
        system = self.place.write('system', '# nothing yet\n')
        floods = [self.place.path / f'flood{size}' for size in (40, 41, 65)]
        for size, flood in zip((40, 41, 65), floods):
            with flood.open('wb') as file:  # of all files together, 60 MiB are read
                file.truncate(size * 1024 * 1024)
            os.chown(flood, self.place.uid, -1)
        self.start_with('''
default_action: allow
rules: [{name: strangers, match: {is_in_known_hosts: false}, action: deny}]
''', user=', '.join(map(str, [*floods, self.names])), system=f'[{system}]')
        # A busy machine takes longer for so much than the guard gives it, and is asked again.
        wait_until(lambda: 'lines of known_hosts' in self.guard.output() or
                   self.guard.events(trigger='known-hosts'), 'they are read', 120)
        self.assertTrue(self.arrives('a'))
        self.last(is_in_known_hosts=True, known_hosts=['user'])
        for path in (system, self.names):
            revoked = 'b' if path == system else 'a'
            self.rewrite(self.host_line('a'), f'@revoked * {self.host_blob(revoked)}', path=path)
            words = f'{floods[1]}: too large: of all files together 60 MiB are read'
            self.assertIn(words, self.guard.events(trigger='known-hosts')[-1]['detail'])
            self.wait_notice(words)
            self.assertFalse(self.arrives(revoked))
            self.last(decision='deny', reason='host-revoked',
                      dest_key_fingerprint=self.host_keys[revoked])
        # What else stands in the files that were left out, nobody can tell.
        self.assertFalse(self.arrives('c'))
        self.last(rule='strangers', is_in_known_hosts=None, missing_fact='is_in_known_hosts')

    def test_ssh_says_which_files_it_reads(self):
        seen = self.place.path / 'seen'
        probe = self.place.write('bin/probe', f'''#!/bin/sh
echo "socket=$SSH_AUTH_SOCK" >>{seen}
SSH_AUTH_SOCK={self.place.runtime}/ssh-agent-guard.sock {SSH_ADD} -l >>{seen} 2>&1
exit 0
''', 0o755)
        config = self.configure_ssh(
            f'Match exec {probe}\n    UserKnownHostsFile {self.names}\n'
            'Match all\n    GlobalKnownHostsFile none\n')
        self.start('default_action: allow', names=False)
        self.assertTrue(self.arrives('a'))
        self.last(ssh_dest=f'{self.user}@a', is_in_known_hosts=True, known_hosts=['user'])
        before = seen.read_text().count('socket=\n')
        self.assertGreater(before, 0)
        # What its configuration runs gets nothing from the guard that asked.
        self.guard.command('reload')
        wait_until(lambda: self.guard.events(reason='own-lookup'), 'the probe is refused')
        # And a configuration that changes is asked about again.
        config.write_text(f'UserKnownHostsFile {self.place.path}/none\n')
        wait_until(lambda: self.not_known('a'), 'the guard asks ssh again')

    def test_a_configuration_may_name_the_guards_socket_by_a_variable(self):
        self.configure_ssh('IdentityAgent ${XDG_RUNTIME_DIR}/ssh-agent-guard.sock\n'
                           f'UserKnownHostsFile {self.names}\n')
        self.start('default_action: allow', names=False)
        self.assertTrue(self.arrives('a'))
        self.last(ssh_dest=f'{self.user}@a', is_in_known_hosts=True, known_hosts=['user'])
        self.assertNotIn('ssh -G failed', self.guard.output())

    def not_known(self, name):
        self.arrives(name)
        return self.signed()[-1].get('is_in_known_hosts') is False

    def test_a_configuration_that_hangs_holds_nobody_up(self):
        pid_file = self.place.path / 'pid'
        probe = self.place.write('bin/probe', f'#!/bin/sh\necho $$ >{pid_file}\nexec sleep 600\n',
                                 0o755)
        self.configure_ssh(f'Match exec {probe}\n    User nobody\n')
        self.start('default_action: allow', names=False)  # waits until it answers
        self.assertTrue(self.arrives('a'))
        pid = int(pid_file.read_text())
        wait_until(lambda: not place.is_running(pid), 'what it started has ended')

    # --- who would like to be taken for another host

    def test_what_is_typed_proves_no_destination(self):
        """An alias leads elsewhere: what is typed is only what is typed."""
        text = self.hosts['b'].client_config.read_text().replace('Host b', 'Host a')
        config = self.place.write('lies', text)
        self.start_with(only('ssh_dest: a', 'dest_mismatch: true, ssh_user: root'))
        done = self.place.run(SSH, '-F', config, 'a', 'echo arrived', env=self.guard.env)
        self.assertNotEqual(done.stdout, 'arrived\n')
        self.last(decision='deny', ssh_dest=f'{self.user}@b', dest_mismatch=True, is_forwarded=True)

    def test_a_name_that_takes_too_long_to_compare_is_no_hole_in_a_rule(self):
        """Lines that cost more than one question may: then the host may have any name of a rule."""
        name = 'a' * 240
        hostile = ','.join(4000 * ['*a*a*a*a*a*b']) + f',x {self.host_blob("a")}'
        self.place.write('names', '\n'.join([*(100 * [hostile]), self.host_line('a')]) + '\n')
        self.start_with(f'''
default_action: deny
rules:
  - {{name: too-long, match: {{ssh_dest: {name}}}, action: deny}}
  - {{name: host, match: {{ssh_dest: a}}, action: allow}}
''')
        self.assertFalse(self.arrives('a'))
        self.last(rule='too-long', ssh_dest=f'{self.user}@a', missing_fact='ssh_dest')

    def test_a_socket_that_ssh_takes_along_is_forwarded(self):
        """ssh -R brings it to A, and OpenSSH's client there tells of its own login alone."""
        self.start_with(only('ssh_dest: a', 'ssh_dest: b, is_forwarded: false'))
        far = self.place.path / 'taken.sock'
        self.brought('-R', f'{far}:{self.guard.socket}', 'a', f'echo at {far}; exec sleep 600',
                     what='-R')
        done = self.place.run(*self.words_over('b'), env={'SSH_AUTH_SOCK': str(far)})
        self.assertNotIn('arrived', done.stdout)
        self.last(decision='deny', ssh_dest=f'{self.user}@b', dest_evidence='verified',
                  dest_mismatch=True, is_forwarded=True, process_name='ssh')
        blob = self.keys.blob(self.key)
        with AgentClient(far) as client:  # nor does one that tells of nothing look local
            for host in (self.keys.blob(self.hosts['b'].host_key), None):
                data = login(session_id(), blob, self.user, host)
                self.assertEqual(client.sign(blob, data), bytes([FAILURE]))
                self.last(decision='deny', ssh_dest=None, dest_evidence='none', is_forwarded=True)
        self.assertTrue(self.arrives('b'))

    def configure_ssh(self, text):
        """The configuration of the one who runs this, which is told."""
        person = self.place.person
        if not person:
            self.skipTest('the files of ssh are in the home of the one who runs this')
        config = person.home / '.ssh/config'
        config.parent.mkdir(exist_ok=True)
        # OpenSSH 10.6 keeps agents' sockets there.
        os.chown(config.parent, person.uid, person.gid)
        self.addCleanup(lambda: config.unlink(missing_ok=True))
        config.write_text(text)
        return config

    def know_by_other_names(self):
        """What is typed for a leads to a.real, as b is b.real; only ssh's configuration knows."""
        text = self.hosts['a'].client_config.read_text().replace(
            str(self.hosts['a'].known_hosts), str(self.names))
        self.place.write('names', ''.join(f'{name}.real {self.host_blob(name)}\n' for name in 'ab'))
        return text + '    HostKeyAlias a.real\n'

    LOCAL = ('ssh_dest: a.real, is_forwarded: false', 'ssh_dest: b.real, is_forwarded: false')

    def bring_to_alias(self, *options):
        far = self.place.path / 'taken.sock'
        with (self.place.path / 'out').open('wb') as output:
            self.place.spawn(SSH, *options, '-R', f'{far}:{self.guard.socket}', 'a',
                             f'echo at {far}; exec sleep 600', stdout=output, env=self.guard.env)
        wait_until(lambda: 'at' in (self.place.path / 'out').read_text() or self.signed(),
                   'the login to the alias is decided')
        return far

    def test_an_alias_is_what_ssh_makes_of_it(self):
        """ssh -R brings our socket to a host that is typed as an alias; there it is not ours."""
        self.configure_ssh(self.know_by_other_names())
        self.start_with(only(*self.LOCAL))
        far = self.bring_to_alias()
        wait_until(far.exists, 'the socket is at A')
        event = self.signed()[0]
        self.assert_fields(event, rule='rule-1', ssh_dest=f'{self.user}@a.real', is_forwarded=False,
                           dest_mismatch=False)
        done = self.place.run(*self.words_over('b'), env={'SSH_AUTH_SOCK': str(far)})
        self.assertNotIn('arrived', done.stdout)
        self.last(decision='deny', ssh_dest=f'{self.user}@b.real', dest_evidence='verified',
                  dest_mismatch=True, is_forwarded=True)

    def test_a_name_that_ssh_does_not_look_up_makes_nothing_local(self):
        """ssh -R brings our socket to A, by words in which B's name stands as well. There B is no
        more from here than any other host."""
        port = self.hosts['a'].port
        blob_a, blob_b = self.host_blob('a'), self.host_blob('b')
        both = (f'a {blob_a}', f'b {blob_b}')
        # What is typed, what the configuration makes of it, and what known_hosts has.
        rows = (
            # B is known by what is typed; but the configuration leads to A.
            (['b'], f'Host b\n    HostName 127.0.0.1\n    HostKeyAlias a\n    Port {port}\n', both),
            # Of -o HostName that alone is looked up.
            (['-p', port, '-o', 'HostName=127.0.0.1', 'b'], '',
             (f'[127.0.0.1]:{port} {blob_a}', f'b {blob_b}', f'[b]:{port} {blob_b}')),
            # A name without a port is for this port, too, but not where another key is.
            (['-p', port, '127.0.0.1'], '', (f'[127.0.0.1]:{port} {blob_a}', f'127.0.0.1 {blob_b}')),
        )
        self.place.write('names', '')
        self.start_with('default_action: allow\nrules: '
                        '[{match: {is_forwarded: false, operation: sign}, action: allow}]')
        for number, (typed, config, names) in enumerate(rows):
            with self.subTest(typed=typed):
                self.configure_ssh(config)
                self.rewrite(*names)
                far = self.place.path / f'taken{number}.sock'
                output = self.place.path / f'out{number}'
                with output.open('wb') as file:
                    self.place.spawn(
                        SSH, '-o', f'UserKnownHostsFile={self.names}', '-o',
                        'StrictHostKeyChecking=yes', '-o', 'BatchMode=yes', '-R',
                        f'{far}:{self.guard.socket}', *typed, f'echo at {far}; exec sleep 600',
                        stdout=file, stderr=file, env=self.guard.env)
                wait_until(lambda: 'at' in output.read_text(), 'the login to A')
                self.last(is_forwarded=False, dest_key_fingerprint=self.host_keys['a'])
                done = self.place.run(*self.words_over('b'), env={'SSH_AUTH_SOCK': str(far)})
                self.assertEqual(done.stdout, 'arrived\n', done.stderr)
                self.last(is_forwarded=True, dest_key_fingerprint=self.host_keys['b'],
                          dest_evidence='verified', dest_mismatch=True)

    def test_who_comes_in_crowds_is_not_taken_at_his_word(self):
        """At A, as above, where B's name stands in the configuration. While ssh is asked what that
        is, more come than are waited for elsewhere."""
        crowd = 100
        port = self.hosts['a'].port
        other = Host()
        self.configure_ssh(f'Host b\n    HostName 127.0.0.1\n    HostKeyAlias a\n    Port {port}\n')
        self.place.write('names', f'a {self.host_blob("a")}\nb {other.line}\n')
        self.start_with(only('dest_key: ' + f'"{self.host_keys["a"]}"',
                             'ssh_dest: b, is_forwarded: false'))
        far = self.place.path / 'taken.sock'
        output = self.place.path / 'out'
        with output.open('wb') as file:
            self.place.spawn(SSH, '-o', f'UserKnownHostsFile={self.names}', '-o', 'BatchMode=yes',
                             '-R', f'{far}:{self.guard.socket}', 'b',
                             f'echo at {far}; exec sleep 600', stdout=file, stderr=file,
                             env=self.guard.env)
        wait_until(lambda: 'at' in output.read_text(), 'the login to A')
        time.sleep(2.1)  # for so long what ssh has said of it is kept
        blob, clients = self.keys.blob(self.key), []
        for _ in range(crowd):
            client = AgentClient(far)
            self.addCleanup(client.close)
            session = session_id()
            self.assertEqual(send_bind(client, other.bind(session)), SUCCESS)
            data = login(session, blob, self.user, other.blob)
            clients.append((client, wire.sign_request(blob, data)))
        for client, request in clients:
            client.send(request)
        self.assertEqual([client.receive() for client, _ in clients], [bytes([FAILURE])] * crowd)

    def test_what_ssh_cannot_say_of_an_alias_is_not_from_here(self):
        """A Match exec would have to run for a name that somebody typed: it does not."""
        config = self.know_by_other_names()
        ran = self.place.path / 'ran'
        probe = self.place.write('bin/probe', f'#!/bin/sh\necho "$1" >>{ran}\n', 0o755)
        self.configure_ssh(f'Match exec "{probe} %n"\n    Compression yes\n{config}')
        file = self.place.write('client', config)
        self.start_with(only(*self.LOCAL, 'ssh_dest: a.real, dest_evidence: verified'))
        for options in ([], ['-F', file]):
            ran.unlink(missing_ok=True)
            done = self.place.run(SSH, *options, 'a', 'echo arrived', env=self.guard.env)
            self.assertEqual(done.stdout, 'arrived\n', done.stderr)
            self.last(rule='rule-3', is_forwarded=None, dest_mismatch=None, dest_evidence='verified')
            # ssh itself has run it, each time once.
            self.assertEqual(ran.read_text() if ran.exists() else '', '' if options else 'a\n')
        far = self.bring_to_alias('-F', file)
        wait_until(far.exists, 'the socket is at A')
        done = self.place.run(*self.words_over('b'), env={'SSH_AUTH_SOCK': str(far)})
        self.assertNotIn('arrived', done.stdout)
        self.last(decision='deny', ssh_dest=f'{self.user}@b.real', dest_evidence='verified',
                  is_forwarded=None, missing_fact='is_forwarded')

    def test_who_carries_bytes_for_others_is_not_the_one_who_asks(self):
        """The far ssh tells of its own login alone, and what wrote to us is no ssh."""
        self.start_with(only('ssh_dest: b, is_forwarded: false'))
        self.assertTrue(self.arrives('b'))
        carried = self.place.path / 'carried.sock'
        carry = self.place.write('carry.py', CARRY)
        self.place.spawn('/usr/bin/python3', carry, carried, self.guard.socket)
        wait_until(lambda: place.socket_answers(carried), 'it carries')
        self.assertFalse(self.arrives('b', env={'SSH_AUTH_SOCK': str(carried)}))
        self.last(decision='deny', ssh_dest=f'{self.user}@b', dest_evidence='verified',
                  is_forwarded=None, missing_fact='is_forwarded')

    def test_no_rule_on_a_name_lets_through_who_lies_about_it(self):
        """A's owner has our agent, and hosts of his own; K may be logged in to over A."""
        known, other = Host(), Host()
        lines = [f'{name} ssh-ed25519 {base64.b64encode(host.blob).decode()}'
                 for name, host in (('k.example', known), ('x.example', other))]
        self.place.write('names', '\n'.join([self.host_line('a'), *lines]) + '\n')
        every = 'dest_evidence: [verified, bound, command-line, none]'
        self.start_with(only('ssh_dest: a, is_forwarded: false', f'ssh_dest: k.example, {every}',
                             f'ssh_dest: "*k.example", {every}'))
        blob = self.keys.blob(self.key)
        session = session_id()
        hostbound = login(session, blob, host=known.blob)
        plain = login(session, blob)
        forged = bind_body(known.blob, session, other.sign(session))
        hops = [other.bind(session_id(), True) for _ in range(15)]
        attacks = {
            'no bind': ([], hostbound, dict(dest_evidence='none')),
            'no bind, and no host': ([], plain, dict(dest_evidence='none')),
            'a forged bind': ([forged], hostbound, dict(dest_evidence='none')),
            'another session': ([known.bind(session_id())], hostbound,
                                dict(reason='bind-mismatch')),
            'bound to K, a login for X': ([known.bind(session)],
                                          login(session, blob, host=other.blob),
                                          dict(reason='bind-mismatch')),
            'K stands in for X': ([known.bind(session)], plain, dict(dest_evidence='none')),
            'one session, two keys': ([other.bind(session, True), known.bind(session)], hostbound,
                                      dict(dest_evidence='none')),
            'behind the last bind': ([other.bind(session_id()), known.bind(session)], hostbound,
                                     dict(reason='bind-mismatch')),
            'too many': ([*hops, known.bind(session)], hostbound, dict(dest_evidence='none')),
            'almost a login': ([known.bind(session)], hostbound + b'\0', dict(sign_type='unknown')),
            'no login': ([known.bind(session)], sshsig('git'), dict(sign_type='sshsig')),
        }
        socket = self.forwarded()
        for name, (binds, data, fields) in attacks.items():
            with self.subTest(name), AgentClient(socket) as client:
                for body in binds:
                    send_bind(client, body)
                self.assertEqual(client.sign(blob, data), bytes([FAILURE]))
                self.last(decision='deny', is_forwarded=True, ssh_dest=None, process_name='ssh',
                          **fields)
        with AgentClient(socket) as client:  # and the right way is open
            self.assertEqual(send_bind(client, known.bind(session)), SUCCESS)
            self.assertEqual(client.sign(blob, hostbound)[0], wire.SIGN_RESPONSE)
            self.last(ssh_dest='alice@k.example', forwarded_via=['a'], rule='rule-2')


if __name__ == '__main__':
    unittest.main()
