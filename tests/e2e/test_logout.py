"""A logout takes the user's runtime directory away and a login makes another, and a guard that stays
is found there again with all of its keys."""

import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import tempfile
import unittest

import guard
import place
from guard import SSH_ADD
from place import libc, wait_until
from test_full_disk import MS_NODEV, MS_NOSUID, setUpModule  # noqa: F401, a mount namespace

MNT_DETACH = 2


class Logout(guard.GuardTest):
    as_person = True

    def setUp(self):
        # As /run/user, where only root can make a directory. Removed when no guard runs any more.
        above = pathlib.Path(tempfile.mkdtemp(prefix='sag-run-', dir='/tmp'))
        above.chmod(0o755)
        self.addCleanup(shutil.rmtree, above, True)
        super().setUp()
        self.place.runtime = above / str(self.place.uid)
        self.place.env['XDG_RUNTIME_DIR'] = str(self.place.runtime)
        self.addCleanup(libc.umount2, os.fsencode(self.place.runtime), MNT_DETACH)
        self.log_in()

    def log_in(self):
        """As systemd-logind does with the first login, and below with the last logout."""
        runtime, uid = self.place.runtime, self.place.uid
        runtime.mkdir()
        if libc.mount(b'tmpfs', os.fsencode(runtime), b'tmpfs', MS_NOSUID | MS_NODEV,
                      f'mode=700,uid={uid},gid={uid}'.encode()) != 0:
            self.skipTest(f'no tmpfs: {os.strerror(ctypes.get_errno())}')

    def log_out(self, server):
        runtime = self.place.runtime
        # The guard makes and removes things in there meanwhile.
        for where, directories, files in os.walk(runtime, topdown=False):
            for remove, names in ((os.unlink, files), (os.rmdir, directories)):
                for name in names:
                    with contextlib.suppress(OSError):
                        remove(os.path.join(where, name))
        # It may be quick, and then sits where no path leads from now on.
        wait_until(lambda: place.socket_answers(server.socket), 'the guard has made it again')
        self.assertEqual(libc.umount2(os.fsencode(runtime), MNT_DETACH), 0)
        runtime.rmdir()

    def test_a_guard_that_stays_is_found_by_the_next_login_with_its_keys(self):
        server = self.start_guard()
        key = self.keys.make()
        self.add(server, key)
        self.log_out(server)
        self.assertEqual(server.command('status').returncode, 1)
        self.log_in()
        done = server.command('start')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('already serves', done.stderr)
        self.assertEqual(done.stdout.split("'")[1], str(server.socket))
        wait_until(lambda: place.socket_answers(server.socket), 'it answers there')
        self.assertIn(self.keys.fingerprint(key),
                      self.place.run_ok(SSH_ADD, '-l', env=server.env))
        self.assertIsNone(server.process.poll())
        # And once more: what was watched at first is gone for good.
        self.log_out(server)
        self.log_in()
        self.assertEqual(server.command('start').returncode, 0)
        wait_until(lambda: place.socket_answers(server.socket), 'it answers there')
        self.assertEqual(server.command('stop').returncode, 0)
        server.asked_to_end = True

    def test_a_directory_that_others_may_write_to_is_not_served_in(self):
        server = self.start_guard()
        self.log_out(server)
        runtime = self.place.runtime
        runtime.mkdir()
        runtime.chmod(0o777)
        # This waits for it for longer than it takes to look again, and says in the end who is there.
        done = server.command('start')
        self.assertEqual((done.returncode, done.stdout), (1, ''))
        self.assertIn('a guard that runs uses it', done.stderr)
        self.assertFalse(place.socket_answers(server.socket))
        runtime.chmod(0o755)
        os.chown(runtime, self.place.uid, self.place.uid)
        wait_until(lambda: place.socket_answers(server.socket), 'it answers in one that is its own')

    def test_a_guard_that_stands_still_keeps_no_shell_from_its_start(self):
        """It is asked once, and not again and again, as one that may come back is."""
        server = self.start_guard()
        server.process.send_signal(signal.SIGSTOP)
        try:
            done = server.command('start')
        finally:
            server.process.send_signal(signal.SIGCONT)
        self.assertEqual((done.returncode, done.stdout), (1, ''))
        self.assertIn('a guard that runs uses it', done.stderr)


if __name__ == '__main__':
    unittest.main()
