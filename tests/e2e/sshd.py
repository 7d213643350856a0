"""A real sshd on a free port of the loopback interface, run by the owner of a place, who can log
in to it with the keys that the place authorises."""

import errno
import pathlib
import re
import shutil
import socket
import subprocess
import unittest

from guard import SSH, SSH_KEYGEN
from place import wait_until

PROGRAM = shutil.which('sshd', path='/usr/sbin:/usr/bin:/sbin:/usr/local/sbin')


def _never_turns_away():
    """From OpenSSH 9.8 on sshd does that, for a while, to an address whose logins fail, as they do
    here on purpose. An older one does not know the word."""
    told = subprocess.run([SSH, '-V'], capture_output=True, text=True, check=False).stderr
    version = tuple(map(int, re.findall(r'\d+', told)[:2]))
    return 'PerSourcePenalties no' if version >= (9, 8) else ''


def _free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Sshd:
    def __init__(self, home, name='sshd', authorized=(), settings='', prepare=None):
        if not PROGRAM:
            raise unittest.SkipTest('sshd is not installed (package openssh-server)')
        self.place, self.name = home, name
        self.directory = home.path / name
        self.host_key = home.make_directory(self.directory) / 'host_key'
        home.run_ok(SSH_KEYGEN, '-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', self.host_key)
        if prepare:  # something with the host key, before sshd reads it
            prepare(self.host_key)
        self.authorize(*authorized)
        for _ in range(20):  # another process may take the port before sshd does
            if self._start(settings):
                break
        else:
            raise AssertionError(f'sshd does not start:\n{self.log()}')
        self._write_client_config()

    def _start(self, settings):
        self.port = _free_port()
        config = self.place.write(f'{self.name}/sshd_config', f'''
ListenAddress 127.0.0.1
Port {self.port}
HostKey {self.host_key}
PidFile none
UsePAM no
StrictModes no
AuthenticationMethods publickey
AuthorizedKeysFile {self.directory}/authorized_keys
AllowAgentForwarding yes
PermitUserRC no
PrintMotd no
LogLevel VERBOSE
{_never_turns_away()}
{settings}''')
        log = (self.directory / 'log').open('ab')
        self.process = self.place.spawn(PROGRAM, '-D', '-e', '-f', config, stderr=log)
        log.close()

        def ready():
            if self.process.poll() is not None:
                return 'ended'
            with socket.socket() as probe:
                code = probe.connect_ex(('127.0.0.1', self.port))
            return code == 0 or (code != errno.ECONNREFUSED and 'ended')
        return wait_until(ready, 'sshd listens') is True

    def _write_client_config(self):
        host = pathlib.Path(f'{self.host_key}.pub').read_text().split()
        self.known_hosts = self.place.write(
            f'{self.name}/known_hosts', f'[127.0.0.1]:{self.port} {host[0]} {host[1]}\n')
        self.client_config = self.place.write(f'{self.name}/ssh_config', f'''
Host {self.name}
    HostName 127.0.0.1
    Port {self.port}
    User {self.place.user_name}
    UserKnownHostsFile {self.known_hosts}
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    IdentityFile none
    PreferredAuthentications publickey
    BatchMode yes
    ConnectTimeout 20
''')

    def authorize(self, *public_keys):
        lines = ''.join(pathlib.Path(key).read_text() for key in public_keys)
        self.place.write(f'{self.name}/authorized_keys', lines)

    def log(self):
        return (self.directory / 'log').read_text(errors='replace')
