"""lock: true: a name in a rule means the host keys that known_hosts had when the policy was accepted.
A program of the user may write into the file what it likes: that is refused until a person has said
yes, by real ssh at real hosts."""

import os
import pathlib
import re
import time

import floors
import test_touch
from chains import ChainTest
from guard import SSH_KEYGEN, wait_until
from screen import SETTLE_S
from terminal import Terminal

PIN = 'correct horse 7'


class LockHosts(ChainTest):
    """Host a is known; host b is the attacker's, and nobody has heard of it."""

    RULES = '  - {name: to-a, match: {ssh_dest: a}, action: allow}\n'
    locked = True

    def setUp(self):
        super().setUp()
        self.names = self.place.write('names', self.line('a') + self.line('c'))
        self.user = self.place.user_name
        self.guard = self.start_guard(self.policy(), upstream=self.agent)

    def policy(self, rules=None, more=''):
        return (f'default_action: deny\nhide_denied_keys: false\n{more}'
                + ('lock: true\n' if self.locked else '')
                + f'known_hosts: {{user: [{self.names}], system: []}}\n'
                + 'rules:\n' + (rules or self.RULES))

    def host_key(self, host):
        public = pathlib.Path(f'{self.hosts[host].host_key}.pub')
        return ' '.join(public.read_text().split()[:2])

    def line(self, name, host=None):
        return f'{name} {self.host_key(host or name)}\n'

    def write(self, text):
        """Any program of the user can; the guard has seen it then."""
        before = len(self.guard.events(trigger='known-hosts'))
        os.replace(self.place.write('new', text), self.names)
        wait_until(lambda: len(self.guard.events(trigger='known-hosts')) > before,
                   'known_hosts is read again')

    def append(self, text):
        self.write(self.names.read_text() + text)

    def last(self, **fields):
        event = self.signed()[-1]
        self.assert_fields(event, **fields)
        return event

    def restart(self, change=None):
        self.guard.stop()
        if change:
            change()
        self.guard = self.start_guard(None, upstream=self.agent)

    def terminal(self, *words):
        return Terminal(self.place, self.guard.program, *words)

    def enroll(self):
        terminal = self.terminal('enroll', 'pin')
        for question in ('The new PIN: ', 'again: '):
            terminal.wait_for(question)
            terminal.type(PIN + '\n')
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)

    def accept(self):
        terminal = self.terminal('policy', 'accept')
        terminal.wait_for('PIN, to say yes')
        terminal.type(PIN + '\n')
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        return shown

    @property
    def copy(self):
        return self.guard.state / 'known_hosts.accepted'


class WithoutLock(LockHosts):
    locked = False

    def test_there_a_line_is_all_it_takes(self):
        self.assertFalse(self.arrives('b'))
        self.append(self.line('a', 'b'))
        self.assertTrue(self.arrives('b'))
        self.last(rule='to-a', ssh_dest=f'{self.user}@a', known_hosts_accepted=None)
        self.assertFalse(self.copy.exists())


class Attacks(LockHosts):
    def test_a_line_that_a_program_appends_allows_nothing(self):
        first = self.guard.wait_event(trigger='known-hosts-accepted')
        self.assertEqual(first['reason'], 'first-use')
        self.assertEqual(self.copy.stat().st_mode & 0o777, 0o600)
        self.assertTrue(self.arrives('a'))
        self.last(decision='allow', rule='to-a', known_hosts_accepted=None)
        self.append(self.line('a', 'b'))
        self.assertIn('1 lines have come and 0 gone', self.guard.wait_event(
            trigger='known-hosts')['detail'])
        self.assertFalse(self.arrives('b'))
        self.last(decision='deny', rule='default', missing_fact='ssh_dest',
                  known_hosts_accepted=False, is_in_known_hosts=None,
                  dest_key_fingerprint=self.host_keys['b'])
        # Nor under any other name, by a pattern, or with the name hashed.
        for line in (f'* {self.host_key("b")}\n', self.line('a,b', 'b'), self.line('[a]:22', 'b')):
            self.write(self.line('a') + line)
            self.assertFalse(self.arrives('b'), line)
        self.place.write('new', self.line('a') + self.line('a', 'b'))
        self.place.run_ok(SSH_KEYGEN, '-q', '-H', '-f', self.place.path / 'new')
        self.write((self.place.path / 'new').read_text())
        self.assertFalse(self.arrives('b'))
        # And what was accepted still is.
        self.assertTrue(self.arrives('a'))

    def test_nor_across_a_restart(self):
        self.append(self.line('a', 'b'))
        self.restart()
        self.assertFalse(self.arrives('b'))
        self.assertTrue(self.arrives('a'))
        self.restart(lambda: self.names.write_text(self.line('c') + self.line('a', 'b')))
        self.assertFalse(self.arrives('b'))
        # A host key that is gone from the file is not that host's for certain any more.
        self.assertFalse(self.arrives('a'))
        self.assertEqual(self.guard.events(trigger='known-hosts-refused'), [])

    def test_another_program_that_changes_the_copy_gains_nothing_while_the_guard_runs(self):
        whole = self.copy.read_bytes()
        self.append(self.line('a', 'b'))
        for change in (lambda: self.copy.write_bytes(whole + self.line('a', 'b').encode()),
                       self.copy.unlink, lambda: self.copy.chmod(0o666)):
            change()
            wait_until(lambda: self.copy.exists() and self.copy.read_bytes() == whole and
                       self.copy.stat().st_mode & 0o777 == 0o600, 'it is as it was')
            self.assertFalse(self.arrives('b'))
        self.assertIn('known_hosts.accepted', self.guard.wait_event(
            trigger='policy-copy-restored')['detail'])

    def test_a_copy_that_is_missing_or_damaged_accepts_no_name(self):
        whole = self.copy.read_bytes()

        def put(content, mode=0o600):
            self.copy.unlink(missing_ok=True)
            self.place.write(self.copy.relative_to(self.place.path), content, mode)

        def link():
            self.copy.unlink()
            self.copy.symlink_to(self.place.write('elsewhere', whole))
        for what, change in (
                ('missing', self.copy.unlink),
                ('damaged', lambda: put(whole + self.line('b').encode())),
                ('damaged', lambda: put(b'')),
                ('damaged', lambda: put(self.names.read_bytes())),
                ('not private', lambda: put(whole, 0o644)),
                ('a link', link)):
            with self.subTest(what):
                before = len(self.guard.events(trigger='known-hosts-refused'))
                self.restart(change)
                event = wait_until(lambda: self.guard.events(
                    trigger='known-hosts-refused')[before:], 'it is told')[0]
                self.assertIn(what, event['detail'])
                self.assertIn('policy accept', event['detail'])
                self.assertFalse(self.arrives('a'))
                self.last(decision='deny', known_hosts_accepted=False)
                self.restart(lambda: put(whole))
                self.assertTrue(self.arrives('a'))
        # A person mends it.
        self.restart(self.copy.unlink)
        self.assertFalse(self.arrives('a'))
        self.enroll()
        self.accept()
        self.assertTrue(self.arrives('a'))
        self.assertEqual(self.copy.read_bytes(), whole)

    def test_ssh_s_configuration_makes_no_file_of_the_user_the_system_s(self):
        person = self.place.person
        if not person:
            self.skipTest('the files of ssh are in the home of the one who runs this')
        directory = person.home / '.ssh'
        directory.mkdir(exist_ok=True)
        os.chown(directory, person.uid, person.gid)
        self.addCleanup(lambda: (directory / 'config').unlink(missing_ok=True))
        rules = '  - {match: {ssh_dest: a, known_hosts: system}, action: allow}\n'
        self.guard.stop()
        for file in (self.place.write('mine', self.line('a', 'b')), '/proc/self/cmdline'):
            (directory / 'config').write_text(f'GlobalKnownHostsFile {file}\n')
            self.guard = self.start_guard(f'default_action: deny\nhide_denied_keys: false\n'
                                          f'rules:\n{rules}', upstream=self.agent)
            self.assertFalse(self.arrives('b'))
            self.last(decision='deny')
            self.guard.stop()


class NotWritten(LockHosts):
    """What a program of the user keeps the guard from writing down does not begin the trust anew."""

    locked = False

    @property
    def policy_copy(self):
        return self.guard.state / 'policy.accepted'

    def lock(self):
        self.locked = True
        self.guard.write_policy(self.policy())
        wait_until(lambda: self.guard.events(trigger='known-hosts-accepted'), 'it is locked')

    def take_place(self):
        """No file can be put there, and none is taken away."""
        self.policy_copy.unlink(missing_ok=True)
        (self.policy_copy / 'in').mkdir(parents=True)
        os.chown(self.policy_copy, self.place.uid, -1)

    def is_held(self):
        """After the policy was read once more."""
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.assertFalse(self.arrives('b'))
        self.assertTrue(self.arrives('a'))

    def test_where_the_lock_is_put_on(self):
        self.take_place()
        self.lock()
        self.append(self.line('a', 'b'))
        self.is_held()
        self.is_held()
        self.assertEqual(len(self.guard.events(trigger='policy-accepted')), 1)
        # And once it can be written, it is.
        (self.policy_copy / 'in').rmdir()
        self.policy_copy.rmdir()
        self.guard.command('reload')
        wait_until(self.policy_copy.is_file, 'it is kept')
        self.assertEqual(len(self.guard.events(trigger='policy-accepted')), 1)
        self.restart()
        self.assertFalse(self.arrives('b'))

    def refused(self):
        terminal = Terminal(self.place, self.guard.program, 'policy', 'accept')
        terminal.wait_for('PIN, to say yes')
        terminal.type(PIN + '\n')
        terminal.end()
        event = self.guard.wait_event(trigger='policy-accept-refused')
        self.assertEqual(event['reason'], 'not-kept')

    def test_where_another_policy_is_accepted(self):
        self.enroll()
        self.lock()
        self.take_place()
        self.guard.write_policy(self.policy(more='# another\n'))
        self.guard.wait_event(trigger='policy-locked')
        self.refused()
        self.append(self.line('a', 'b'))
        self.guard.write_policy(self.policy())
        self.is_held()

    def test_where_known_hosts_cannot_be_kept_the_policy_is_not_changed_either(self):
        """Neither at once nor by the next start; and what was read of known_hosts is not taken."""
        self.enroll()
        self.lock()
        before = self.policy_copy.read_bytes()
        self.copy.unlink()
        (self.copy / 'in').mkdir(parents=True)
        os.chown(self.copy, self.place.uid, -1)
        self.append(self.line('a', 'b'))
        self.guard.write_policy(self.policy(rules='  - {name: to-b, match: {ssh_dest: a}, '
                                                  'action: allow}\n'))
        self.guard.wait_event(trigger='policy-locked')
        self.refused()
        self.assertEqual(self.policy_copy.read_bytes(), before)
        self.assertFalse(self.arrives('b'))
        self.assertTrue(self.arrives('a'))
        self.last(rule='to-a')
        (self.copy / 'in').rmdir()
        self.copy.rmdir()
        wait_until(self.copy.is_file, 'it is kept again')
        self.restart()
        self.assertFalse(self.arrives('b'))
        self.assertTrue(self.arrives('a'))
        self.last(rule='to-a')

    def test_where_the_lock_is_to_be_taken_off(self):
        self.enroll()
        self.lock()
        self.take_place()
        self.append(self.line('a', 'b'))
        text = self.policy()
        self.guard.write_policy(text.replace('lock: true\n', ''))
        self.guard.wait_event(trigger='policy-locked')
        self.refused()
        self.assertFalse(self.arrives('b'))
        self.assertTrue(self.arrives('a'))
        self.guard.write_policy(text)
        self.is_held()

    def test_under_the_name_that_it_is_written_by_first(self):
        self.lock()
        bait = self.guard.state / f'.policy.accepted.{self.guard.pid}'
        bait.mkdir()
        wait_until(self.policy_copy.exists, 'it is kept')
        whole = self.policy_copy.read_bytes()
        self.policy_copy.unlink()
        wait_until(lambda: self.policy_copy.exists() and self.policy_copy.read_bytes() == whole,
                   'it is put back')


class Revoked(floors.OwnEtc, ChainTest):
    """What root revokes for all, the user's configuration of ssh does not take away."""

    def setUp(self):
        self.need_root()
        super().setUp()
        if not self.place.person:
            self.skipTest('the files of ssh are in the home of the one who runs this')
        self.make_etc()
        self.names = self.known_names()
        public = pathlib.Path(f'{self.hosts["a"].host_key}.pub').read_text()
        self.revoked = '@revoked * ' + ' '.join(public.split()[:2]) + '\n'
        directory = self.place.person.home / '.ssh'
        directory.mkdir(exist_ok=True)
        os.chown(directory, self.place.uid, -1)
        self.config = directory / 'config'
        self.addCleanup(lambda: self.config.unlink(missing_ok=True))

    def write_etc(self, name, text):
        (self.etc / 'ssh').mkdir(exist_ok=True)
        (self.etc / 'ssh' / name).write_text(text)

    def begin(self, config, more=''):
        self.config.write_text(config)
        self.guard = self.start_guard(
            'default_action: deny\nhide_denied_keys: false\nlock: true\n'
            f'known_hosts: {{user: [{self.names}]{more}}}\n'
            'rules: [{name: all, match: {ssh_dest: "*"}, action: allow}]\n',
            upstream=self.agent, **self.floor_options())

    def is_refused(self):
        self.assertFalse(self.arrives('a'))
        self.assert_fields(self.signed()[-1], decision='deny', reason='host-revoked')
        self.assertTrue(self.arrives('b'))

    def test_by_no_file_that_the_configuration_names(self):
        self.write_etc('ssh_known_hosts', self.revoked)
        large = self.place.path / 'large'
        with large.open('wb') as file:
            file.truncate(60 * 1024 * 1024)
        # Nor by more than is read of all together, in what it calls the system's.
        for config in ('', 'GlobalKnownHostsFile none\n', f'GlobalKnownHostsFile {self.names}\n',
                       'GlobalKnownHostsFile /etc/ssh/ssh_known_hosts2 /etc/ssh/ssh_known_hosts\n',
                       f'GlobalKnownHostsFile {large} /etc/ssh/ssh_known_hosts\n'):
            with self.subTest(config):
                self.begin(config)
                self.is_refused()
                self.guard.stop()

    def test_by_none_that_it_names_while_the_guard_runs(self):
        self.write_etc('ssh_known_hosts2', self.revoked)
        self.begin('')
        self.is_refused()
        before = len(self.guard.events(trigger='known-hosts'))
        more = self.place.write('more', '')
        self.config.write_text(f'GlobalKnownHostsFile {more}\n')
        self.guard.command('reload')
        wait_until(lambda: len(self.guard.events(trigger='known-hosts')) > before,
                   'ssh is asked again')
        self.is_refused()

    def test_what_the_policy_names_is_all_that_is_read(self):
        self.write_etc('ssh_known_hosts', self.revoked)
        self.begin('', ', system: []')
        self.assertTrue(self.arrives('a'))


class ByFloor(floors.OwnEtc, LockHosts):
    locked = False

    def setUp(self):
        self.need_root()
        self.is_etc_made = False
        super().setUp()

    def start_guard(self, *arguments, **options):
        if not self.is_etc_made:
            self.make_etc()
            self.is_etc_made = True
        return super().start_guard(*arguments, **self.floor_options(), **options)

    def terminal(self, *words):
        return Terminal(self.place, *self.inside(), self.guard.program, *words, user=0, group=0)

    def test_its_lock_begins_while_the_policy_file_is_bad(self):
        self.assertTrue(self.arrives('a'))
        self.guard.write_policy('default_action: perhaps\n')
        self.guard.wait_event(trigger='policy-refused')
        self.write_floor('lock: true\n')
        wait_until(self.copy.exists, 'known_hosts is accepted')
        self.guard.wait_event(trigger='policy-accepted', reason='first-use')
        self.append(self.line('a', 'b'))
        self.assertFalse(self.arrives('b'))
        self.last(decision='deny', known_hosts_accepted=False)
        self.assertTrue(self.arrives('a'))
        # What is in force goes on, also in the next guard, and so does the lock.
        self.restart()
        self.assertFalse(self.arrives('b'))
        self.assertTrue(self.arrives('a'))

    def test_where_nothing_was_accepted_thousands_of_lines_are_shown_and_accepted(self):
        key = self.host_key('c')
        many = [f'host-{number:04}.example.org,192.0.2.{number % 250} {key}\n'
                for number in range(5000)]
        self.guard.stop()
        self.write_floor('lock: true\n')
        self.names.write_text(''.join(many) + self.line('a'))
        self.restart()
        self.guard.wait_event(trigger='policy-locked')
        self.enroll()
        # With this policy the guard reads that file.
        before = len(self.guard.events(trigger='known-hosts'))
        self.assertIn('use a changed policy\n', self.accept())
        wait_until(lambda: len(self.guard.events(trigger='known-hosts')) > before, 'it is read')
        self.assertFalse(self.arrives('a'))
        shown = self.accept()
        self.assertIn('known_hosts: 5001 lines come, 0 go', shown)
        self.assertEqual(len(re.findall(r'\+ host-', shown)), 5000)
        self.assertIn(f'+ a {self.host_keys["a"]}', shown)
        self.assertTrue(self.arrives('a'))
        self.append(self.line('a', 'b'))
        self.assertFalse(self.arrives('b'))
        self.restart()
        self.assertTrue(self.arrives('a'))
        self.assertFalse(self.arrives('b'))

    def test_it_ends_with_the_floor_s_word(self):
        self.write_floor('lock: true\n')
        wait_until(self.copy.exists, 'known_hosts is accepted')
        self.append(self.line('a', 'b'))
        self.assertFalse(self.arrives('b'))
        self.guard.write_policy('default_action: perhaps\n')
        self.guard.wait_event(trigger='policy-refused')
        self.write_floor('rules: []\n')
        wait_until(lambda: not self.copy.exists(), 'nothing is accepted any more')
        self.assertTrue(self.arrives('b'))


class OtherRules(LockHosts):
    RULES = '''
  - {name: not-c, match: {ssh_dest: c}, action: deny}
  - {name: no-strangers, match: {is_in_known_hosts: false}, action: deny}
  - {name: known, match: {known_hosts: user, ssh_user: "*"}, unless: {ssh_dest: d}, action: allow}
  - {name: rest, match: {key: "SHA256:*"}, action: allow}
'''

    def test_what_changed_takes_no_deny_off(self):
        self.assertTrue(self.arrives('a'))
        self.last(rule='known')
        self.assertFalse(self.arrives('c'))
        self.last(rule='not-c')
        self.assertFalse(self.arrives('b'))
        self.last(rule='not-c')  # it may be
        # A stranger comes into the file; a host that is denied loses its name, or gets another.
        self.append(self.line('b'))
        self.assertFalse(self.arrives('b'))
        self.write(self.line('a') + self.line('b'))
        self.assertFalse(self.arrives('c'))
        self.write(self.line('a') + self.line('e', 'c'))
        self.assertFalse(self.arrives('c'))
        self.last(rule='not-c')
        # What an allow excepts may be meant; a revocation holds from either.
        self.append(self.line('d', 'a'))
        self.assertFalse(self.arrives('a') and self.signed()[-1]['rule'] == 'known')
        self.write(self.line('a') + f'@revoked * {self.host_key("a")}\n')
        self.assertFalse(self.arrives('a'))
        self.last(reason='host-revoked')


class Accept(LockHosts):
    def test_a_person_takes_a_changed_known_hosts_over(self):
        self.enroll()
        done = self.guard.command('policy', 'accept')
        self.assertEqual(done.returncode, 0)
        self.assertIn('nothing to accept', done.stdout)
        self.append(self.line('a', 'b'))
        shown = self.accept()
        self.assertIn('let names in rules mean the host keys that known_hosts has by now', shown)
        self.assertIn('known_hosts: 1 lines come, 0 go', shown)
        self.assertIn(f'+ a {self.host_keys["b"]}', shown)
        self.assertNotIn(self.host_keys['a'], shown)
        event = self.guard.wait_event(trigger='policy-accepted', confirm_method='pin')
        self.assertIn('of known_hosts', event['detail'])
        self.assertTrue(self.arrives('b'))
        self.assertTrue(self.arrives('a'))
        self.restart()
        self.assertTrue(self.arrives('b'))
        # And takes it back.
        self.write(self.line('a'))
        self.assertFalse(self.arrives('b'))
        shown = self.accept()
        self.assertIn(f'- a {self.host_keys["b"]}', shown)
        self.assertFalse(self.arrives('b'))

    def test_it_is_shown_beside_a_changed_policy_and_accepted_with_it(self):
        self.enroll()
        self.append(self.line('b'))
        self.guard.write_policy(self.policy('  - {name: to-b, match: {ssh_dest: b}, '
                                            'action: allow}\n'))
        self.guard.wait_event(trigger='policy-locked')
        shown = self.accept()
        self.assertIn('use a changed policy, and known_hosts as it is by now', shown)
        self.assertIn(f'+ b {self.host_keys["b"]}', shown)
        self.assertIn('to-b', shown)
        self.assertTrue(self.arrives('b'))
        self.assertFalse(self.arrives('a'))

    def test_what_was_shown_is_what_is_taken_over(self):
        self.enroll()
        self.append(self.line('x', 'c'))
        terminal = Terminal(self.place, self.guard.program, 'policy', 'accept')
        terminal.wait_for('PIN, to say yes')
        self.append(self.line('a', 'b'))
        terminal.type(PIN + '\n')
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
        self.assertNotIn(self.host_keys['b'], shown)
        self.assertFalse(self.arrives('b'))
        self.assertTrue(self.arrives('a'))
        self.assertNotIn(self.host_key('b'), self.copy.read_text())

    def test_more_lines_than_are_shown_are_not_asked_about(self):
        self.enroll()
        key = self.host_key('c')
        many = [f'host-{number:05}.example.org {key}\n' for number in range(20000)]
        self.append(''.join(many) + self.line('a', 'b'))
        done = self.guard.command('policy', 'accept')
        self.assertEqual(done.returncode, 1)
        self.assertIn('more lines of known_hosts come and go', done.stderr)
        self.assertEqual(self.guard.command('pending').stdout, '')
        self.assertFalse(self.arrives('b'))
        # In steps they are; each is shown whole.
        self.write(self.line('a') + self.line('c') + ''.join(many[:400]))
        shown = self.accept()
        self.assertEqual(len(re.findall(r'\+ host-', shown)), 400)

    def test_the_monitor_asks_for_nothing_that_is_too_long_for_it(self):
        self.enroll()
        key = self.host_key('c')
        self.append(''.join(f'host-{number:05} {key}\n' for number in range(2000)) +
                    self.line('a', 'b'))
        terminal = Terminal(self.place, self.guard.program, 'policy', 'accept')
        terminal.wait_for('PIN, to say yes')
        monitor = Terminal(self.place, self.guard.program, 'monitor', env={'TERM': 'xterm'})
        monitor.wait_for('Waiting for you: 1')
        monitor.type('j')
        monitor.wait_for('known_hosts: 2001 lines come')
        time.sleep(SETTLE_S)
        monitor.type('a')
        monitor.wait_for('too long to be shown here')
        monitor.type('q')
        self.assertEqual(monitor.end()[0], 0)
        terminal.type(PIN + '\n')
        self.assertEqual(terminal.end()[0], 0)
        self.assertTrue(self.arrives('b'))

    def test_a_prompt_does_not_lend_the_name_its_weight(self):
        self.enroll()
        self.guard.write_policy(self.policy('  - {match: {ssh_user: "*"}, action: confirm}\n'))
        self.guard.wait_event(trigger='policy-locked')
        self.accept()
        self.append(self.line('a', 'b'))
        ssh = self.place.spawn(*self.words_over('b'), env=self.guard.env)
        text = wait_until(lambda: re.search('where: .*', self.guard.command('pending').stdout),
                          'it is asked')[0]
        self.assertIn('by a known_hosts that was changed since the policy was accepted', text)
        self.guard.command('deny')
        self.assertNotEqual(ssh.wait(60), 0)

    def test_taking_the_lock_off_takes_the_copy_away(self):
        self.enroll()
        self.append(self.line('a', 'b'))
        self.guard.write_policy(self.policy().replace('lock: true\n', ''))
        self.guard.wait_event(trigger='policy-locked')
        self.accept()
        self.assertFalse(self.copy.exists())
        self.assertTrue(self.arrives('b'))
        # And on again: trusted as it is, on first use.
        self.guard.write_policy(self.policy())
        wait_until(self.copy.exists, 'it is kept')
        self.append(self.line('a', 'c'))
        self.assertFalse(self.arrives('c'))
        self.assertTrue(self.arrives('b'))


class ByTouch(test_touch.TouchTest):
    POLICY = 'lock: true\n' + test_touch.POLICY

    def test_a_touch_names_the_policy_and_known_hosts(self):
        names = self.place.write('names', '')
        for text in (self.POLICY + f'known_hosts: {{user: [{names}], system: []}}\n', None):
            if text:
                self.guard.write_policy(text)
                self.guard.wait_event(trigger='policy-locked')
            else:
                names.write_text(self.sshd.known_hosts.read_text())
                self.guard.wait_event(trigger='known-hosts')
            terminal = self.terminal('policy', 'accept')
            terminal.wait_for('Touch the security key')
            self.softkeys['one'].touch()
            status, shown = terminal.end()
            self.assertEqual(status, 0, shown)
        self.assertIn('known_hosts: 1 lines come, 0 go', shown)
        _, event = wait_until(lambda: self.guard.events(
            trigger='policy-accepted', confirm_method='touch')[1:] and self.guard.events(
                trigger='policy-accepted', confirm_method='touch'), 'both are told')
        self.assertIn(f'of both together {event["approval"]["new"]}', event['detail'])
        status, text = self.verify_approvals()
        self.assertEqual(status, 0, text)
        self.assertIn('0 not', text)
