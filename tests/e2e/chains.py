"""Three hosts to log in to, one over the other, with one key in a real agent."""

import pathlib
import re
import shlex
import shutil
import subprocess

import guard
import place
from guard import ALLOW_ALL, SSH, SSH_ADD, SSH_KEYGEN
from place import wait_until
from sshd import Sshd

GPG_AGENT = shutil.which('gpg-agent')
# Answers every question for a passphrase.
PINENTRY = '''#!/bin/sh
echo OK
while read -r command _; do
	[ "$command" = GETPIN ] && echo "D correct-horse-battery-1"
	echo OK
	[ "$command" = BYE ] && exit
done
'''


class ChainTest(guard.GuardTest):
    as_person = True

    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()
        self.key = self.keys.make()
        self.away = self.place.path / 'away'
        self.key.rename(self.away)  # the agent alone can sign from here on
        self.add(self.agent, self.away)
        self.hosts = {name: self.make_host(name) for name in 'abc'}
        self.host_keys = {name: self.keys.fingerprint(host.host_key)
                          for name, host in self.hosts.items()}

    def make_host(self, name, **options):
        return Sshd(self.place, name, [f'{self.key}.pub'], **options)

    def start(self, policy=ALLOW_ALL, upstream=None, names=True):
        # A refusal is an event only where the key was offered, and a login is from here only where
        # its host is known by the name that is typed.
        policy += '\nhide_denied_keys: false\n'
        if names and 'known_hosts:' not in policy:
            policy += f'known_hosts: {{user: [{self.known_names(file="known")}], system: []}}\n'
        self.guard = self.start_guard(policy, upstream=upstream or self.agent)

    def words_over(self, *names, then='echo arrived', options=()):
        """The words that log in to the last host over all those before it, which forward the
        agent, and do something there."""
        words = then
        for name in reversed(names):
            forward = [] if name == names[-1] and not options else ['-A']
            line = [SSH, '-F', self.hosts[name].client_config, *forward, *options, name, words]
            words = shlex.join(map(str, line))
        return shlex.split(words)

    def over(self, *names, env=None, **options):
        return self.place.run(*self.words_over(*names, **options), env=env or self.guard.env)

    def arrives(self, *names, env=None):
        return self.over(*names, env=env).stdout == 'arrived\n'

    def signed(self, **fields):
        return self.guard.events(trigger='sign', **fields)

    def assert_fields(self, event, **fields):
        self.assertEqual({name: event.get(name) for name in fields}, fields)

    def brought(self, *words, what):
        """The socket that a running ssh to A brings our agent to."""
        output = self.place.path / f'{what}.out'
        with output.open('wb') as file:
            self.place.spawn(SSH, '-F', self.hosts['a'].client_config, *words, stdout=file,
                             env=self.guard.env)
        match = wait_until(lambda: re.search(r'at (\S+)\n', output.read_text()),
                           f'A has the socket of {what}')
        return match[1]

    def forwarded(self):
        """Our agent, as A has it."""
        return self.brought('-A', 'a', 'echo at $SSH_AUTH_SOCK; exec sleep 600', what='-A')

    def start_gpg_agent(self):
        """Its socket."""
        home = self.place.make_directory(self.place.home / 'gnupg')
        pinentry = self.place.write('bin/pinentry', PINENTRY, 0o755)
        sockets = self.place.run_ok('gpgconf', '--homedir', home, '--list-dirs', 'agent-ssh-socket')
        socket = pathlib.Path(sockets.strip())
        self.place.spawn(GPG_AGENT, '--homedir', home, '--daemon', '--no-detach',
                         '--enable-ssh-support', '--pinentry-program', pinentry,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: place.socket_answers(socket), 'gpg-agent answers')
        return socket

    # --- ssh-add -h

    def known_names(self, *lines, file='names'):
        """A file for ssh-add -H, with all hosts by their names and more."""
        known = [f'{name} ' + ' '.join(pathlib.Path(f'{host.host_key}.pub').read_text().split()[:2])
                 for name, host in self.hosts.items()]
        return self.place.write(file, '\n'.join([*known, *lines]) + '\n')

    def restrict(self, server, *constraints, names=None):
        """Adds the key to be used for these destinations only."""
        words = [word for constraint in constraints for word in ('-h', constraint)]
        return self.place.run(SSH_ADD, '-q', '-H', names or self.known_names(), *words, self.away,
                              env=server.env)

    def certify_host(self, host_key, names='127.0.0.1,certified'):
        """A CA signs the host's key for 127.0.0.1 and a name. For make_host(prepare=...)."""
        self.authority = self.place.home / 'authority'
        self.place.run_ok(SSH_KEYGEN, '-q', '-t', 'ed25519', '-N', '', '-f', self.authority)
        self.place.run_ok(SSH_KEYGEN, '-q', '-s', self.authority, '-I', 'id', '-h', '-n',
                          names, f'{host_key}.pub')
