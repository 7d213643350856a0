"""The systemd of a user (systemd --user), also on a machine that was not booted with systemd: in
mounts and control groups of our own, as an unprivileged user's process like any other."""

import ctypes
import os
import pathlib
import re
import secrets
import shutil
import subprocess
import unittest

import place
from place import libc, wait_until
from test_full_disk import MS_NODEV, MS_NOSUID
from test_full_disk import setUpModule as own_mounts

PROGRAM = '/usr/lib/systemd/systemd'


def set_up_module():
    """To be called by setUpModule(): from here on, for us alone, systemd is what has booted."""
    if not os.access(PROGRAM, os.X_OK) or not shutil.which('systemd-run'):
        raise unittest.SkipTest('needs systemd')
    if os.getuid() != 0:
        raise unittest.SkipTest('a systemd of our own takes root, for mounts and control groups')
    own_mounts()
    pathlib.Path('/run/systemd').mkdir(exist_ok=True)
    if libc.mount(b'tmpfs', b'/run/systemd', b'tmpfs', MS_NOSUID | MS_NODEV, b'mode=755') != 0:
        raise unittest.SkipTest(f'no tmpfs: {os.strerror(ctypes.get_errno())}')
    pathlib.Path('/run/systemd/system').mkdir()  # sd_booted(3)


def _group_directories():
    """Where we are in the control groups that systemd uses: the one without controllers, and that
    by name which it had before."""
    mounts = pathlib.Path('/proc/self/mountinfo').read_text().splitlines()
    for line in pathlib.Path('/proc/self/cgroup').read_text().splitlines():
        _, names, path = line.split(':', 2)
        if names not in ('', 'name=systemd'):
            continue
        kind = r' - cgroup2 ' if not names else r' - cgroup .*\bname=systemd\b'
        for mount in mounts:
            if re.search(kind, mount):
                yield pathlib.Path(mount.split()[4] + path)
                break


class UserManager:
    """Of the owner of a place, with that one's XDG_RUNTIME_DIR."""

    def __init__(self, test):
        self.place = test.place
        self.groups = []
        test.addCleanup(self.end)
        name = 'sag-' + secrets.token_hex(4)
        for directory in _group_directories():
            group = directory / name
            try:
                group.mkdir()
            except OSError as error:
                raise unittest.SkipTest(f'no control group of our own: {error}') from None
            self.groups.append(group)
            for path in (group, *group.iterdir()):
                os.chown(path, self.place.uid, -1)
        self.log = self.place.path / 'systemd.log'
        with self.log.open('wb') as log:
            # It waits to be moved into its groups.
            self.process = self.place.spawn(
                '/bin/sh', '-c', 'read -r _; exec "$@"', 'sh', PROGRAM, '--user',
                '--log-target=console', stdin=subprocess.PIPE, stdout=log, stderr=log)
        for group in self.groups:
            (group / 'cgroup.procs').write_text(str(self.process.pid))
        self.process.stdin.write(b'\n')
        self.process.stdin.close()
        wait_until(self._is_up, 'systemd --user answers')

    def _is_up(self):
        if self.process.poll() is not None:
            raise unittest.SkipTest(f'systemd --user does not start here: {self.log.read_text()}')
        return self.place.run('systemctl', '--user', 'show-environment').returncode == 0

    def end(self):
        if hasattr(self, 'process'):
            self.place.end(self.process)
        for group in self.groups:
            self._end_group(group)

    @staticmethod
    def _end_group(group):
        """What it left there is still ours to end."""
        def empty():
            for procs in group.rglob('cgroup.procs'):
                for pid in procs.read_text().split():
                    if int(pid) in place.descendants():
                        os.kill(int(pid), 9)
            return not any(procs.read_text() for procs in group.rglob('cgroup.procs'))
        wait_until(empty, 'its control groups are empty')
        for path in sorted((path for path in group.rglob('*') if path.is_dir()), reverse=True):
            path.rmdir()
        group.rmdir()

    def run(self, *command, env=None, **options):
        """systemd-run: the manager starts it, and we wait for its end."""
        words = [f'--setenv={name}={value}' for name, value in (env or {}).items()]
        return self.place.run('systemd-run', '--user', '--quiet', '--wait', '--collect', *words,
                              *command, **options)
