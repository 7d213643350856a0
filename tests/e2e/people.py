"""A user of this machine that exists for one run of tests only, so that a refusal can be the
guard's: root is refused nothing, and everybody else may be in groups that matter."""

import atexit
import contextlib
import fcntl
import os
import pwd
import secrets
import subprocess
import tempfile
import pathlib
import shutil
import unittest

_fresh = None
COMMENT = 'ssh-agent-guard e2e test'


class Person:
    def __init__(self, name, uid, gid, home):
        self.name, self.uid, self.gid, self.home = name, uid, gid, home


@contextlib.contextmanager
def _account_lock():
    # useradd gives up at once where another one holds its lock, and tests run side by side.
    with open('/run/ssh-agent-guard-e2e.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remove(person):
    with _account_lock():
        subprocess.run(['userdel', person.name], capture_output=True, check=False)
    shutil.rmtree(person.home, ignore_errors=True)


def fresh_person():
    """The one fresh user of this run, made on first use. None where we are not root: who runs the
    tests is then unprivileged already."""
    global _fresh
    if os.getuid() != 0:
        return None
    if _fresh is None:
        if not shutil.which('useradd'):
            raise unittest.SkipTest('a fresh user needs useradd (package passwd)')
        name = 'sag' + secrets.token_hex(4)
        home = tempfile.mkdtemp(prefix='sag-home-', dir='/tmp')
        with _account_lock():
            # A password of "*" fits nothing; the usual "!" is a locked account for sshd.
            subprocess.run(['useradd', '--no-create-home', '--home-dir', home, '--shell', '/bin/sh',
                            '--password', '*', '--comment', COMMENT, name],
                           check=True, capture_output=True)
        entry = pwd.getpwnam(name)
        _fresh = Person(name, entry.pw_uid, entry.pw_gid, pathlib.Path(home))
        atexit.register(_remove, _fresh)
        os.chown(home, entry.pw_uid, entry.pw_gid)
        os.chmod(home, 0o755)
    return _fresh
