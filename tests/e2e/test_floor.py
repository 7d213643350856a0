"""The system floor: what root wrote down holds for a user, whatever the user writes, sets or says.
"""

import os
import pathlib
import sys

import floors
import guard
from agent_client import SIGN_RESPONSE
from binds import BIND, Host, login, session_id
from guard import SSH_KEYGEN
from place import wait_until
from terminal import Terminal

FLOOR = '''rules:
  - name: no-files
    match: {sign_type: sshsig, namespace: file}
    action: deny
'''
USER = 'default_action: allow\ndefault_change_action: allow\n'


PYTHON = '/usr/bin/python3' if os.path.exists('/usr/bin/python3') else sys.executable

# Binds a connection to a host, and has the key sign a login there; says the answer's type.
LOGIN = '''
import socket, struct, sys
def ask(kind, *parts):
    body = bytes([kind]) + b''.join(parts)
    ours.sendall(struct.pack('>I', len(body)) + body)
    answer = stream.read(struct.unpack('>I', stream.read(4))[0])
    return answer[0]
def string(data):
    return struct.pack('>I', len(data)) + data
ours = socket.socket(socket.AF_UNIX)
ours.connect(sys.argv[1])
stream = ours.makefile('rb')
bind, key, data = (bytes.fromhex(word) for word in sys.argv[2:])
assert ask(27, bind) == 6
print(ask(13, string(key), string(data), bytes(4)))
'''


class FloorTest(floors.OwnEtc, guard.GuardTest):
    as_person = True

    def setUp(self):
        self.need_root()
        super().setUp()
        self.make_etc()
        self.agent = self.start_agent()
        self.key = self.keys.make()
        self.add(self.agent, self.key)

    def write_floor(self, text=FLOOR, **options):
        super().write_floor(text, **options)

    def start(self, text=USER, **options):
        self.guard = self.start_guard(text, upstream=self.agent, **self.floor_options(), **options)
        return self.guard

    def signs(self, namespace):
        done = self.place.run(SSH_KEYGEN, '-Y', 'sign', '-n', namespace, '-f', f'{self.key}.pub',
                              env=self.guard.env, input='data')
        return done.returncode == 0

    def last(self):
        return self.guard.wait_event(trigger='sign')


class Holds(FloorTest):
    def test_the_stricter_verdict_wins_and_says_whose_it_is(self):
        self.write_floor()
        self.start()
        self.assertTrue(self.signs('git'))
        event = self.last()
        self.assertEqual((event['decision'], event['rule']), ('allow', 'default'))
        self.assertNotIn('decided_by', event)
        self.assertRegex(event['floor_sha256'], '^[0-9a-f]{64}$')
        self.assertFalse(self.signs('file'))
        event = self.last()
        self.assertEqual((event['decision'], event['rule'], event['decided_by']),
                         ('deny', 'no-files', 'floor'))

    def test_a_floor_allows_nothing_that_the_user_denies(self):
        self.write_floor('default_action: allow\ndefault_change_action: allow\n')
        self.start('default_action: deny\n')
        self.assertFalse(self.signs('git'))
        self.assertNotIn('decided_by', self.last())

    def test_the_limit_of_a_rule_holds_where_the_floor_asks_a_person(self):
        """Over it the user's policy denies, which is the stricter of both."""
        self.write_floor('rules: [{name: ask, match: {sign_type: sshsig}, action: confirm}]\n')
        self.start('default_action: deny\nrules: [{name: few, match: {sign_type: sshsig}, '
                   'action: allow, limit: 2/hour}]\n')
        for _ in range(2):  # nothing is enrolled by which somebody could say yes
            self.assertFalse(self.signs('git'))
            event = self.last()
            self.assertEqual((event['decision'], event['rule'], event['decided_by']),
                             ('confirm-denied', 'ask', 'floor'))
        self.assertFalse(self.signs('git'))
        event = self.last()
        self.assertEqual((event['decision'], event['rule'], event['reason']),
                         ('deny', 'few', 'rate-limited'))
        self.assertNotIn('decided_by', event)

    def test_no_option_and_no_variable_leads_around_it(self):
        self.write_floor()
        other = self.place.make_directory(self.place.home / 'etc/ssh-agent-guard')
        self.place.write('home/etc/ssh-agent-guard/policy.yaml', USER)
        self.start(arguments=['--policy', self.place.write('other.yaml', USER)],
                   env={'XDG_CONFIG_HOME': str(other.parent), 'XDG_CONFIG_DIRS': str(other.parent),
                        'SYSCONFDIR': str(other.parent), 'PREFIX': str(self.place.home)})
        self.assertFalse(self.signs('file'))
        self.assertTrue(self.signs('git'))

    def test_a_changed_floor_is_loaded_and_a_bad_one_is_not(self):
        self.start()
        self.assertTrue(self.signs('file'))
        self.write_floor()
        wait_until(lambda: not self.signs('file'), 'the new floor holds')
        self.write_floor('rules: [{match: {}}]\n')
        event = self.guard.wait_event(trigger='policy-refused')
        self.assertIn('/etc/ssh-agent-guard/policy.yaml:1:', event['detail'])
        self.assertFalse(self.signs('file'))
        self.floor.unlink()
        wait_until(lambda: any('gone' in event['detail'] for event in
                               self.guard.events(trigger='policy-refused')), 'it is missed')
        self.assertFalse(self.signs('file'), 'one that is gone stays in force')

    def test_no_policy_below_makes_a_file_roots_or_takes_one_of_roots_away(self):
        roots, users, revoked = Host(), Host(), Host()
        known = self.etc / 'ssh/ssh_known_hosts'
        known.write_text(f'root {roots.line}\n@revoked * {revoked.line}\n')
        known.chmod(0o644)
        mine = self.place.write('mine', f'mine {users.line}\ngone {revoked.line}\n')
        self.write_floor('''rules:
  - {name: roots-hosts, match: {operation: sign, sign_type: ssh-login, known_hosts: system},
     action: allow}
  - {name: other-hosts, match: {operation: sign, sign_type: ssh-login}, action: deny}
''')
        self.start(USER + f'known_hosts: {{user: [], system: {mine}}}\n')
        self.assertTrue(self.logs_in(roots))
        self.assertEqual(self.last()['known_hosts'], ['system'])
        self.assertFalse(self.logs_in(users))
        event = self.last()
        self.assertEqual((event['rule'], event['decided_by'], event['known_hosts']),
                         ('other-hosts', 'floor', ['user']))
        self.assertFalse(self.logs_in(revoked))
        self.assertEqual(self.last()['reason'], 'host-revoked')
        # As root says it in the floor, it is.
        self.write_floor(self.floor.read_text() + f'known_hosts: {{system: {mine}}}\n')
        wait_until(lambda: self.logs_in(users), 'the floor names the file')
        self.assertEqual(self.last()['known_hosts'], ['system'])

    def logs_in(self, host):
        """By a program of the user, to a host that has proved its key."""
        session, key = session_id(), self.keys.blob(self.key)
        done = self.place.run(PYTHON, '-c', LOGIN, self.guard.socket,
                              (BIND + host.bind(session)).hex(), key.hex(),
                              login(session, key, 'alice', host.blob).hex(), cwd='/')
        self.assertEqual(done.returncode, 0, done.stderr)
        return int(done.stdout) == SIGN_RESPONSE


class Upstream(FloorTest):
    """What the floor says of the real agent, neither the user's policy nor an option changes."""

    def keys_of(self, server):
        return self.place.run(guard.SSH_ADD, '-l', env=server.env).stdout

    def test_the_floor_names_it(self):
        self.write_floor('upstream: managed\n')
        server = self.start_guard(f'upstream: {self.agent.socket}\n{USER}',
                                  **self.floor_options())
        self.assertIn('no identities', self.keys_of(server))

    def test_an_option_that_says_another_one_is_refused(self):
        self.write_floor('upstream: managed\n')
        self.start(wait=False)
        self.guard.asked_to_end = True
        self.assertEqual(self.guard.process.wait(10), 2)
        self.assertIn('the system floor', self.guard.output())
        self.write_floor(f'upstream: {self.agent.socket}\n')
        self.start()
        self.assertTrue(self.signs('git'))

    def test_an_option_that_says_the_same_one_by_another_path_is_not(self):
        link = self.place.path / 'link'
        self.place.run_ok('ln', '-s', self.agent.socket.parent, link)
        self.write_floor(f'upstream: {link / self.agent.socket.name}\n')
        self.start()
        self.assertTrue(self.signs('git'))


class Refused(FloorTest):
    def fails(self, what):
        self.start(wait=False)
        wait_until(lambda: self.guard.process.poll() is not None, 'it ends')
        self.assertEqual(self.guard.process.returncode, 2, self.guard.output())
        self.assertIn(what, self.guard.output())
        self.guard.asked_to_end = True

    def test_a_floor_that_others_may_write_or_own_keeps_the_guard_from_starting(self):
        self.write_floor(mode=0o664)
        self.fails('others can write it')
        self.write_floor(owner=self.place.uid)
        self.fails("make it root's")
        self.write_floor()
        self.floor.parent.chmod(0o777)
        self.fails('others than root can replace it')
        self.floor.unlink()
        self.fails('others than root can replace it')
        self.floor.parent.chmod(0o755)
        self.write_floor(mode=0o600)
        self.fails('Permission denied')
        self.write_floor('rules: [')
        self.fails('policy.yaml:')
        self.write_floor()
        self.start()
        self.assertFalse(self.signs('file'))

    def test_the_tools_tell_of_it(self):
        self.write_floor()
        good = pathlib.Path(self.place.write('floor.yaml', FLOOR))
        self.start()
        self.assertEqual(self.guard.command('policy', 'lint', '--floor', good).returncode, 0)
        self.assertEqual(self.guard.command('policy', 'lint', good).returncode, 1)
        inside = self.inside()
        shown = self.place.run(*inside, self.guard.program, 'policy', 'show', '--floor',
                               user=0, group=0)
        self.assertIn('no-files', shown.stdout)
        checked = self.place.run(*inside, self.guard.program, 'check', '--policy',
                                 self.guard.policy, user=0, group=0)
        self.assertRegex(checked.stdout, r'floor +/etc/ssh-agent-guard/policy\.yaml')
        self.assertRegex(checked.stdout, r'the stricter +\w+, by the')


class Locks(FloorTest):
    def test_under_a_floor_that_locks_nothing_is_trusted_on_first_use(self):
        self.write_floor('lock: true\n')
        self.start()
        self.guard.wait_event(trigger='policy-locked')
        self.assertFalse(self.signs('git'))
        event = self.guard.wait_event(trigger='sign', decision='confirm-denied')
        self.assertEqual(event['rule'], 'default')
        done = self.guard.command('policy', 'accept')
        self.assertEqual(done.returncode, 1)
        self.assertIn('enroll', done.stderr)

        self.type('enroll', 'pin', ('The new PIN: ', 'again: '))
        self.type('policy', 'accept', ('PIN, to say yes',))
        self.assertTrue(self.signs('git'))
        # Whoever takes the copy away while no guard runs, gets less by it.
        self.guard.stop()
        (self.guard.state / 'policy.accepted').unlink()
        self.start()
        wait_until(lambda: self.guard.events(trigger='policy-locked')[1:], 'it is held again')
        wait_until(lambda: self.guard.status()['policy'] == 'none', 'every signature asks')

    def test_a_held_policy_that_is_removed_is_not_on_offer_any_more(self):
        self.write_floor('lock: true\n')
        self.start()
        self.guard.wait_event(trigger='policy-locked')
        self.type('enroll', 'pin', ('The new PIN: ', 'again: '))
        self.guard.policy.unlink()
        wait_until(lambda: self.guard.status()['state'] == 'idle', 'nothing waits for a yes')
        done = self.guard.command('policy', 'accept')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('nothing to accept', done.stdout)
        self.assertEqual(self.guard.command('pending').stdout, '')

    def test_a_floor_that_comes_to_lock_keeps_what_is_in_force(self):
        self.start()
        self.assertTrue(self.signs('git'))
        self.write_floor('lock: true\n')
        wait_until(lambda: self.guard.events(trigger='policy-accepted', reason='first-use'),
                   'it is trusted')
        self.guard.write_policy('default_action: deny\n')
        self.guard.wait_event(trigger='policy-locked')
        self.assertTrue(self.signs('git'))

    def test_known_hosts_may_be_accepted_where_there_is_no_policy_file(self):
        names = self.place.write('names', 'a ' + ' '.join(
            pathlib.Path(f'{self.key}.pub').read_text().split()[:2]) + '\n')
        self.write_floor(f'lock: true\nknown_hosts: {{user: [{names}], system: []}}\n')
        self.start(None)
        self.type('enroll', 'pin', ('The new PIN: ', 'again: '))
        self.type('policy', 'accept', ('PIN, to say yes',))
        accepted = self.guard.state / 'known_hosts.accepted'
        self.assertIn(names.read_text(), accepted.read_text())
        self.guard.stop()
        self.start(None)
        self.assertEqual(self.guard.status()['policy'], 'none')
        self.assertEqual(self.guard.events(trigger='known-hosts-refused'), [])
        self.assertIn('nothing to accept', self.inside_command('policy', 'accept').stdout)
        # As a tool sees it, and the first policy file waits for a yes.
        for words in (('policy', 'show'), ('check',)):
            self.assertIn('policy.accepted', self.inside_command(*words).stderr)
        self.guard.write_policy(USER)
        self.guard.wait_event(trigger='policy-locked')
        self.assertEqual(self.guard.status()['policy'], 'none')

    def inside_command(self, *words):
        return self.place.run(*self.inside(), self.guard.program, *words, env=self.guard.env,
                              user=0, group=0)

    def type(self, command, operand, questions):
        terminal = Terminal(self.place, *self.inside(), self.guard.program, command, operand,
                            user=0, group=0)
        for question in questions:
            terminal.wait_for(question)
            terminal.type('correct horse 7\n')
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)
