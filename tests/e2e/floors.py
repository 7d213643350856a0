"""A system floor of a test's own: each guard sees an /etc of that test, in a mount namespace; the
program knows no other way to another floor."""

import os
import shutil

MOUNT = '''mount --bind "$0" /etc && uid=$1 && shift &&
exec setpriv --reuid "$uid" --regid "$uid" --clear-groups -- "$@"'''


class OwnEtc:
    """For a GuardTest with a place; make_etc() comes before the first guard."""

    def make_etc(self):
        self.etc = self.place.path / 'etc'
        # Not what useradd of another test is at.
        passing = shutil.ignore_patterns('*.lock', '*+', *(f'{name}.[0-9]*' for name in (
            'passwd', 'group', 'shadow', 'gshadow', 'subuid', 'subgid')))
        shutil.copytree('/etc', self.etc, symlinks=True, ignore_dangling_symlinks=True,
                        ignore=passing)
        shutil.rmtree(self.etc / 'ssh-agent-guard', ignore_errors=True)
        os.chown(self.etc, 0, 0)
        self.etc.chmod(0o755)
        self.floor = self.etc / 'ssh-agent-guard/policy.yaml'

    def need_root(self):
        if os.getuid() != 0 or not shutil.which('unshare') or not shutil.which('setpriv'):
            self.skipTest('an /etc of our own takes root, unshare and setpriv (util-linux)')

    def write_floor(self, text, mode=0o644, owner=0):
        self.floor.parent.mkdir(mode=0o755, exist_ok=True)
        new = self.floor.with_name('new')
        new.write_text(text)
        new.chmod(mode)
        os.chown(new, owner, owner)
        new.rename(self.floor)

    def floor_options(self):
        """Of a guard that sees it."""
        return {'wrapper': ['unshare', '-m', 'sh', '-c', MOUNT, self.etc, str(self.place.uid)],
                'spawn': {'user': 0, 'group': 0}}

    def inside(self):
        """What comes before a program that is to be where the guard is: of one elsewhere that one
        would not believe what it is. It is started as root."""
        return ['nsenter', '-t', self.guard.pid, '-m', 'setpriv', '--reuid', self.place.uid,
                '--regid', self.place.uid, '--clear-groups', '--']
