"""Whatever is put in the log's place or over it: it is told, and no signature goes without an event."""

import ctypes
import os
import shutil
import unittest

import guard
from agent_client import FAILURE, SIGN_RESPONSE, AgentClient
from place import libc, wait_until
from test_full_disk import MS_NODEV, MS_NOSUID, setUpModule  # noqa: F401, a mount namespace

MS_RDONLY, MS_REMOUNT, MS_BIND, MNT_DETACH, MNT_FORCE = 1, 32, 4096, 2, 1
ALLOW_ON_ERROR = guard.ALLOW_ALL + 'log: {on_error: allow}\n'


def mount(source, target, kind, flags=0, data=None):
    if libc.mount(os.fsencode(source), os.fsencode(target), os.fsencode(kind), flags,
                  data and data.encode()) != 0:
        raise unittest.SkipTest(f'no {kind}: {os.strerror(ctypes.get_errno())}')


class LogPlace(guard.GuardTest):
    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()
        key = self.keys.make()
        self.blob = self.keys.blob(key)
        self.add(self.agent, key)

    def sign(self, server):
        with AgentClient(server.socket) as client:
            return client.sign(self.blob)[0]

    def cover(self, path, kind='tmpfs', data=None):
        mount(kind, path, kind, MS_NOSUID | MS_NODEV, data)
        self.addCleanup(libc.umount2, os.fsencode(path), MNT_FORCE | MNT_DETACH)

    def uncover(self, path):
        self.assertEqual(libc.umount2(os.fsencode(path), MNT_DETACH), 0)

    def check_covered(self, where, policy=guard.ALLOW_ALL, **how):
        server = self.start_guard(policy, upstream=self.agent)
        path = where(server)
        self.assertEqual(self.sign(server), SIGN_RESPONSE)
        signed = 1
        self.cover(path, **how)
        for _ in range(3):
            if policy == ALLOW_ON_ERROR:
                self.assertEqual(self.sign(server), SIGN_RESPONSE)
                signed += 1
            else:
                self.assertEqual(self.sign(server), FAILURE)
        server.wait_output('was mounted over')
        self.assertIn('log-error', server.command('status').stdout)
        self.uncover(path)
        wait_until(lambda: self.sign(server) == SIGN_RESPONSE, 'signatures are given again')
        # All is where it belongs: the log went on below, and tells what was over it.
        changes = [event['detail'] for event in server.events(trigger='log-replaced')]
        self.assertEqual(len(changes), 2, changes)
        self.assertIn('was mounted over', changes[0])
        self.assertIn('where it was', changes[1])
        self.assertEqual(len(server.events(trigger='sign', decision='allow')), signed + 1)
        if policy != ALLOW_ON_ERROR:
            self.assertTrue(server.events(trigger='sign', reason='log-error'))
        done = server.command('log', 'verify')
        self.assertIn('every event is as it was written', done.stdout)
        wait_until(lambda: server.status()['state'] != 'log-error', 'the status is good again')

    def test_a_file_system_over_the_events_is_told_and_refuses_signatures(self):
        self.check_covered(lambda server: server.state / 'events')

    def test_a_file_system_over_the_state_directory_is_told_and_refuses_signatures(self):
        self.check_covered(lambda server: server.state)

    def test_a_file_system_over_a_directory_above_is_told_and_refuses_signatures(self):
        self.check_covered(lambda server: server.state.parent)

    def test_on_error_allow_goes_on_in_the_log_that_is_held(self):
        self.check_covered(lambda server: server.state / 'events', ALLOW_ON_ERROR)

    def test_a_file_system_that_never_answers_keeps_nobody_waiting(self):
        for place in ('events', ''):
            with self.subTest(place):
                device = os.open('/dev/fuse', os.O_RDWR | os.O_CLOEXEC)
                self.addCleanup(os.close, device)  # nobody ever reads from it
                server = self.start_guard(upstream=self.agent)
                path = server.state / place
                self.assertEqual(self.sign(server), SIGN_RESPONSE)
                self.cover(path, kind='fuse', data=f'fd={device},rootmode=40000,user_id=0,group_id=0')
                self.assertEqual(self.sign(server), FAILURE)
                server.wait_output('was mounted over')
                self.uncover(path)
                wait_until(lambda: self.sign(server) == SIGN_RESPONSE, 'all is good again')
                self.assertEqual(server.stop(), 0)

    def test_a_mount_elsewhere_is_none_of_our_business(self):
        server = self.start_guard(upstream=self.agent)
        for path in (self.place.path / 'tmp', server.state / 'beside'):
            path.mkdir(exist_ok=True)
            self.cover(path)
            self.assertEqual(self.sign(server), SIGN_RESPONSE)
        self.assertEqual(server.events(trigger='log-replaced'), [])

    def test_a_state_directory_that_is_moved_away_refuses_signatures(self):
        server = self.start_guard(upstream=self.agent)
        away = server.state.parent / 'away'
        for put in (lambda: server.state.mkdir(mode=0o700), lambda: server.state.symlink_to(away),
                    lambda: server.state.write_text('')):
            server.state.rename(away)
            put()
            self.assertEqual(self.sign(server), FAILURE)
            server.state.rmdir() if server.state.is_dir() and not server.state.is_symlink() \
                else server.state.unlink()
            away.rename(server.state)
            self.assertEqual(self.sign(server), SIGN_RESPONSE)
        # One above it.
        above = server.state.parent
        above.rename(above.with_name('elsewhere'))
        self.assertEqual(self.sign(server), FAILURE)
        above.with_name('elsewhere').rename(above)
        self.assertEqual(self.sign(server), SIGN_RESPONSE)
        self.assertEqual(len(server.events(trigger='log-replaced')), 8)
        self.assertIn('every event', server.command('log', 'verify').stdout)

    def test_a_state_directory_that_is_removed_refuses_signatures_and_says_what_to_do(self):
        server = self.start_guard(upstream=self.agent)
        self.assertEqual(self.sign(server), SIGN_RESPONSE)
        shutil.rmtree(server.state)
        self.assertEqual(self.sign(server), FAILURE)
        status = server.command('status').stdout
        self.assertIn('state: "log-error"', status)
        self.assertIn('the state directory was removed; start the guard again', status)
        server.stop()
        server = self.start_guard(upstream=self.agent)
        self.assertEqual(self.sign(server), SIGN_RESPONSE)
        self.assertEqual(server.command('log', 'verify').returncode, 0)

    def test_events_replaced_by_a_link_refuse_signatures_and_by_a_directory_are_told(self):
        server = self.start_guard(upstream=self.agent)
        events, away = server.state / 'events', server.state / 'away'
        events.rename(away)
        events.symlink_to(away)
        self.assertEqual(self.sign(server), FAILURE)
        events.unlink()
        away.rename(events)
        self.assertEqual(self.sign(server), SIGN_RESPONSE)
        events.rename(away)
        self.assertEqual(self.sign(server), SIGN_RESPONSE)
        self.assertIn('is a new one', server.wait_event(trigger='log-replaced')['detail'])
        # Which does not make good that the older events are gone.
        done = server.command('log', 'verify')
        self.assertEqual(done.returncode, 1)
        self.assertIn('FAULT:   removed', done.stdout)

    def test_a_state_directory_that_became_read_only_refuses_signatures(self):
        server = self.start_guard(upstream=self.agent)
        self.assertEqual(self.sign(server), SIGN_RESPONSE)
        mount(server.state, server.state, 'none', MS_BIND)
        self.addCleanup(libc.umount2, os.fsencode(server.state), MNT_DETACH)
        mount('none', server.state, 'none', MS_REMOUNT | MS_BIND | MS_RDONLY)
        self.assertEqual(self.sign(server), FAILURE)
        self.uncover(server.state)
        wait_until(lambda: self.sign(server) == SIGN_RESPONSE, 'signatures are given again')
        self.assertIn('was mounted over', server.events(trigger='log-replaced')[0]['detail'])


if __name__ == '__main__':
    unittest.main()
