"""A policy that changes while the guard runs: however its file is replaced, whatever is put there,
and whoever signs meanwhile."""

import contextlib
import ctypes
import os
import subprocess
import sys
import threading
import unittest

import agent_client
import fuse
import guard
from agent_client import SIGN_RESPONSE, AgentClient
from place import wait_until

RELOADS = guard.repetitions(500)
CLIENTS = 8
SIGNS_MAX = 2  # of each client for each reload: how many there are is no matter of speed
BAD = 'default_action: allow\nrules:\n  - match: {process_name: ""}\n    action: allow\n'


def policy(action, name):
    """A policy whose every decision tells by its rule where it comes from."""
    return (f'default_action: deny\nrules:\n  - name: {name}\n'
            f'    match: {{sign_type: [ssh-login, sshsig, unknown]}}\n    action: {action}\n')


class ReloadTest(guard.GuardTest):
    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()
        self.key = self.keys.make()
        self.blob = self.keys.blob(self.key)
        self.add(self.agent, self.key)

    def start(self, text=policy('allow', 'first'), **options):
        self.guard = self.start_guard(text, upstream=self.agent, **options)
        return self.guard

    def signs(self):
        with AgentClient(self.guard.socket) as client:
            return client.sign(self.blob)[0] == SIGN_RESPONSE

    def loaded(self, name):
        """Waits until the policy with this rule is in force; nobody asks the guard to look."""
        wait_until(lambda: self.signs() is not None and
                   self.guard.events(trigger='sign')[-1]['rule'] == name, f'rule {name}')

    def refused(self, detail):
        wait_until(lambda: any(detail in event['detail'] for event in
                               self.guard.events(trigger='policy-refused')), f'refused: {detail}')
        wait_until(lambda: self.guard.status()['state'] == 'reload-error', 'a red status')

    def say(self, *words):
        self.place.run_ok(*words, cwd=self.place.path)


class Replaced(ReloadTest):
    def test_a_file_that_is_replaced_in_any_way_is_loaded_unasked(self):
        self.start()
        path = self.guard.policy
        path.write_text(policy('deny', 'in-place'))
        self.loaded('in-place')
        self.assertFalse(self.signs())
        wait_until(lambda: self.guard.status()['state'] == 'reloaded', 'the status says so')
        new = self.place.write('new', policy('allow', 'renamed'))
        new.rename(path)
        self.loaded('renamed')
        self.assertTrue(self.signs())
        path.rename(self.place.path / 'policy.yaml~')  # as emacs does
        self.place.write('policy.yaml', policy('allow', 'moved-away'))
        self.loaded('moved-away')
        os.link(path, self.place.path / 'backup')
        self.place.write('new', policy('allow', 'linked')).rename(path)
        self.loaded('linked')
        self.assertEqual(self.guard.events(trigger='policy-refused'), [])

    def test_a_change_is_seen_that_leaves_the_size_and_all_times_alone(self):
        """What it says is compared, and no time: two changes in one tick of the clock have the
        same, and the time of writing can be set back."""
        fuse.own_mounts()
        strict, loose = policy('deny ', 'rule-a'), policy('allow', 'rule-b')
        source = self.place.write('source', loose, 0o644)
        files = fuse.FileSystem(self.place, source)
        self.addCleanup(files.end)
        self.start()
        self.guard.policy.unlink()
        self.guard.policy.symlink_to(files.path(source.name))
        self.loaded('rule-b')
        self.assertTrue(self.signs())
        before = os.stat(self.guard.policy)
        source.write_text(strict)
        self.assertEqual(os.stat(self.guard.policy), before)
        self.loaded('rule-a')
        self.assertFalse(self.signs())

    def test_nor_does_it_help_to_set_the_time_of_writing_back(self):
        self.start(policy('allow', 'rule-a'))
        path = self.guard.policy
        for action, name in (('deny ', 'rule-b'), ('allow', 'rule-c'), ('deny ', 'rule-d')):
            before = path.stat()
            path.write_text(policy(action, name))
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
            self.assertEqual((path.stat().st_size, path.stat().st_mtime_ns),
                             (before.st_size, before.st_mtime_ns))
            self.loaded(name)

    def test_farms_of_links_are_followed(self):
        for version in ('1', '2'):
            self.place.write(f'store/..{version}/policy.yaml', policy('allow', f'farm-{version}'))
        (self.place.path / 'store/..data').symlink_to('..1')
        (self.place.path / 'policy.yaml').symlink_to('store/..data/policy.yaml')
        self.start(None)
        self.loaded('farm-1')
        self.say('ln', '-s', '..2', 'store/..tmp')
        self.say('mv', '-T', 'store/..tmp', 'store/..data')
        self.loaded('farm-2')
        self.place.write('elsewhere/policy.yaml', policy('allow', 'elsewhere'))
        self.say('ln', '-sfn', 'elsewhere/policy.yaml', 'policy.yaml')
        self.loaded('elsewhere')
        self.place.write('other/policy.yaml', policy('allow', 'other'))
        self.say('mv', 'elsewhere', 'gone')
        self.say('mv', 'other', 'elsewhere')
        self.loaded('other')

    def test_a_policy_that_comes_later_is_loaded(self):
        self.start(None)
        self.assertFalse(self.signs())
        self.guard.write_policy(policy('allow', 'late'))
        self.loaded('late')

    def test_a_bad_one_that_is_removed_leaves_no_trace_where_there_was_none_before(self):
        self.start(None)
        self.guard.write_policy('default_action: nonsense\n')
        wait_until(lambda: self.guard.status()['state'] == 'reload-error', 'the status says so')
        self.guard.policy.unlink()
        wait_until(lambda: self.guard.status()['state'] == 'idle', 'all is as it was')
        self.assertNotIn('notice', self.guard.status())
        self.assertIs(self.guard.status()['config']['is_current_version'], True)
        self.assertFalse((self.guard.state / 'config_error.yaml').exists())
        # Nothing was loaded, and nobody says so.
        self.assertIn('is not there', self.guard.wait_event(trigger='reload')['detail'])
        self.assertNotIn(' 0 rules', self.guard.output())

    def test_half_of_a_file_is_not_taken_for_the_whole(self):
        self.start()
        whole = policy('allow', 'whole').replace('default_action: deny', 'default_action: allow')
        half = whole.partition('rules:')[0]  # a good policy, that says less
        with open(self.guard.policy, 'w') as file:
            file.write(half)
            file.flush()
            done = self.guard.command('reload')
            self.assertEqual(done.returncode, 1)
            self.assertIn('open to write', done.stderr)
            self.loaded('first')
            file.write(whole[len(half):])
        self.loaded('whole')
        for event in self.guard.events(trigger='sign'):
            self.assertIn(event['rule'], ('first', 'whole'))


def included(action, name):
    return policy(action, name).partition('\n')[2]


class Included(ReloadTest):
    """A policy out of several files is one policy: all of them are watched, and none counts alone."""

    def test_each_file_is_watched_and_a_bad_one_changes_nothing(self):
        self.place.write('parts/deep.yaml', included('allow', 'deep'), 0o600)
        self.place.write('parts/first.yaml', 'include: deep.yaml\n', 0o600)
        self.start('default_action: deny\ninclude: parts/first.yaml\n')
        self.loaded('deep')
        self.place.write('new', included('deny', 'deeper'), 0o600).rename(
            self.place.path / 'parts/deep.yaml')
        self.loaded('deeper')
        before = self.guard.events(trigger='sign')[-1]['config_sha256']
        self.place.write('parts/deep.yaml', 'rules: [{match: {procss_name: a}, action: deny}]\n')
        self.refused('parts/deep.yaml:1:18: procss_name: unknown field')
        self.assertFalse(self.signs())
        event = self.guard.events(trigger='sign')[-1]
        self.assertEqual((event['rule'], event['config_sha256']), ('deeper', before))
        (self.place.path / 'parts/deep.yaml').unlink()
        self.refused('deep.yaml: not there')
        self.place.write('parts/deep.yaml', included('allow', 'again'), 0o600)
        self.loaded('again')

    def test_a_file_that_is_named_now_is_read_before_anything_changes(self):
        self.start()
        self.place.write('more.yaml', included('deny', 'more'), 0o600)
        self.guard.write_policy('default_action: allow\ninclude: more.yaml\n')
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.assertFalse(self.signs(), 'not by the policy alone')
        self.assertEqual(self.guard.events(trigger='sign')[-1]['rule'], 'more')
        self.guard.write_policy('default_action: allow\ninclude: [more.yaml, less.yaml]\n')
        done = self.guard.command('reload')
        self.assertEqual(done.returncode, 1)
        self.assertIn('less.yaml: not there', done.stderr)
        self.assertFalse(self.signs())
        self.place.write('less.yaml', included('allow', 'less'), 0o600)
        self.refused('never decides')
        self.guard.write_policy('default_action: allow\ninclude: less.yaml\n')
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.assertTrue(self.signs())

    def test_what_stalls_or_lets_others_in_is_refused(self):
        self.start()
        path = self.place.path / 'more.yaml'
        for put, detail in ((lambda: os.mkfifo(path), 'not a regular file'),
                            (lambda: path.symlink_to('/dev/zero'), 'not a regular file'),
                            (lambda: self.place.write('more.yaml', included('deny', 'x'), 0o666),
                             'more.yaml: others can write it')):
            put()
            self.guard.write_policy('default_action: deny\ninclude: more.yaml\n')
            done = self.guard.command('reload')
            self.assertEqual(done.returncode, 1)
            self.assertIn(detail, done.stderr)
            self.assertTrue(self.signs())
            path.unlink()


class Bad(ReloadTest):
    def test_a_bad_one_is_told_with_its_place_and_the_old_one_stays(self):
        self.start()
        self.guard.write_policy(BAD)
        self.refused('policy.yaml:3:27: ')
        self.assertTrue(self.signs())
        self.assertEqual(self.guard.events(trigger='sign')[-1]['rule'], 'first')
        self.assertIn('policy.yaml:3:27: ', self.guard.status()['notice'])
        self.guard.write_policy(policy('allow', 'first'))  # put back as it was
        wait_until(lambda: self.guard.status()['state'] in ('reloaded', 'idle'), 'a calm status')
        self.guard.policy.unlink()
        self.refused('gone')
        self.assertTrue(self.signs())
        self.guard.write_policy(policy('deny', 'back'))
        self.loaded('back')

    def test_what_others_may_write_is_not_used(self):
        self.start()
        self.place.write('new', policy('allow', 'writable'), 0o666).rename(self.guard.policy)
        self.refused('others can write it')
        self.assertEqual(self.guard.command('reload').returncode, 1)
        self.assertTrue(self.signs())
        self.assertEqual(self.guard.events(trigger='sign')[-1]['rule'], 'first')
        self.guard.policy.chmod(0o600)
        self.loaded('writable')

    def test_what_is_no_file_stalls_nobody(self):
        self.start()
        path = self.guard.policy
        with AgentClient(self.guard.socket) as client:
            for put, detail in (
                    (lambda: os.mkfifo(path), 'not a regular file'),
                    (lambda: path.symlink_to('/dev/zero'), 'not a regular file'),
                    (path.mkdir, 'not a regular file'),
                    (lambda: path.write_bytes(b'#' * (2 << 20)), 'more than'),
                    (lambda: path.symlink_to(path), 'symbolic links')):
                with self.subTest(detail):
                    if path.is_dir() and not path.is_symlink():
                        path.rmdir()
                    else:
                        path.unlink()
                    put()
                    self.refused(detail)
                    self.assertEqual(client.sign(self.blob)[0], SIGN_RESPONSE)
        path.unlink()
        self.guard.write_policy(policy('allow', 'after-all'))
        self.loaded('after-all')


def mount_that_never_answers(path):
    """A FUSE file system that nobody serves. Returns its descriptor; to be unmounted."""
    if os.getuid() != 0 or not os.path.exists('/dev/fuse'):
        raise unittest.SkipTest('only root may mount, and it takes /dev/fuse')
    libc = ctypes.CDLL(None, use_errno=True)
    fuse = os.open('/dev/fuse', os.O_RDWR)
    options = f'fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other'.encode()
    if libc.mount(b'none', str(path).encode(), b'fuse', 0, options) != 0:
        os.close(fuse)
        raise unittest.SkipTest(f'no FUSE here: {os.strerror(ctypes.get_errno())}')
    return fuse


class Stuck(ReloadTest):
    def test_a_file_system_that_never_answers_stalls_nobody(self):
        self.start()
        path = self.guard.policy
        stuck = self.place.make_directory(self.place.path / 'stuck')
        fuse = mount_that_never_answers(stuck)
        try:
            path.unlink()
            path.symlink_to(stuck / 'policy.yaml')
            with AgentClient(self.guard.socket) as client:
                for _ in range(100):
                    self.assertEqual(client.sign(self.blob)[0], SIGN_RESPONSE)
            self.refused('does not answer')
            self.assertTrue(self.signs())
            path.unlink()
        finally:
            os.close(fuse)
            subprocess.run(['umount', '-l', stuck], check=True)
        self.guard.write_policy(policy('allow', 'after-all'))
        self.loaded('after-all')


TAKE_ALL = '''
import ctypes, sys
libc = ctypes.CDLL(None)
taken = 0
while libc.inotify_init1(0) >= 0:
    taken += 1
print(taken, flush=True)
sys.stdin.read()
'''


class Exhausted(ReloadTest):
    as_person = True

    def test_where_no_watches_are_left_files_are_looked_at(self):
        if os.getuid() != 0:
            self.skipTest('it would take the watches of whoever runs the tests')
        python = '/usr/bin/python3' if os.path.exists('/usr/bin/python3') else sys.executable
        hog = self.place.spawn(python, '-c', TAKE_ALL, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE)
        with contextlib.closing(hog.stdout):
            self.assertGreater(int(hog.stdout.readline()), 0)
            self.start()
            self.guard.write_policy(policy('allow', 'polled'))
            wait_until(lambda: self.guard.events(trigger='reload'), 'it was looked at')
            self.guard.write_policy(BAD)
            self.refused('policy.yaml:3:27')
            hog.stdin.close()
            hog.wait()


class UnderLoad(ReloadTest):
    def test_reloads_while_8_clients_sign(self):
        """Good ones and bad ones by turns: nothing is decided by half a policy, and nothing lost."""
        self.start(policy('allow', 'even'))
        control = self.place.runtime / 'ssh-agent-guard/control.sock'
        turn, counts, failures = threading.Condition(), [0] * CLIENTS, []
        allowed, done = 0, False

        def sign(number):
            with AgentClient(self.guard.socket) as client:
                while True:
                    with turn:
                        turn.wait_for(lambda: done or counts[number] < allowed)
                        if done:
                            return
                    answer = client.sign(self.blob)
                    if answer is None or answer[0] != SIGN_RESPONSE:
                        failures.append(answer)
                        return
                    counts[number] += 1

        threads = [threading.Thread(target=sign, args=(i,)) for i in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            for number in range(RELOADS):
                bad = number % 2 == 1
                name = 'even' if number % 4 == 2 else 'odd'
                text = BAD if bad else policy('allow', name)
                with turn:
                    allowed += SIGNS_MAX
                    turn.notify_all()
                self.place.write('new', text).rename(self.guard.policy)
                answer = agent_client.control(control, 'reload')
                self.assertTrue(answer.startswith(b'failed' if bad else b'ok'), answer)
        finally:
            with turn:
                done = True
                turn.notify_all()
            for thread in threads:
                thread.join()
        events = self.guard.events()
        signed = [event for event in events if event['trigger'] == 'sign']
        self.assertEqual(failures, [],
                         [event for event in signed if event['decision'] == 'deny'])
        self.assertEqual(len(signed), sum(counts))
        self.assertTrue(all(counts), counts)
        self.assertEqual({event['decision'] for event in signed}, {'allow'})
        pairs = {(event['rule'], event['config_sha256']) for event in signed}
        self.assertEqual(len(pairs), 2, pairs)
        self.assertEqual({rule for rule, _ in pairs}, {'even', 'odd'})
        triggers = [event['trigger'] for event in events]
        # Each was told; one that the guard saw by itself, before it was asked, may be told twice.
        self.assertGreaterEqual(triggers.count('policy-refused'), RELOADS // 2)
        self.assertGreaterEqual(triggers.count('reload'), RELOADS // 2)
