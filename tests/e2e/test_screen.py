"""A locked screen: what was remembered ends, and another method asks."""

import fuse
import guard
from guard import SSH, wait_until
from login_manager import MANAGER, LoginManager
from place import is_running
from test_confirm import POLICY, ConfirmTest


class ScreenTest(ConfirmTest):
    def start_guard(self, policy, **options):
        """With two sessions of its user, and one of somebody else."""
        uid = self.place.uid
        self.sessions = [f'{MANAGER}/session/_3{i}' for i in (1, 2)]
        other = f'{MANAGER}/session/c1'
        self.manager = LoginManager(self.place.path / 'bus', {
            self.sessions[0]: [uid, False], other: [uid + 1, True],
            self.sessions[1]: [uid, False]})
        self.addCleanup(self.manager.end)
        started = super().start_guard(policy, env={
            'DBUS_SYSTEM_BUS_ADDRESS': self.manager.address}, **options)
        self.wait_asked(1)
        return started

    def wait_asked(self, count):
        if b'sd_bus_open_system' not in guard.pathlib.Path(guard.PROGRAM).read_bytes():
            self.skipTest('built without libsystemd')
        wait_until(lambda: self.manager.asked >= count, 'the login manager is asked')

    def lock(self, is_locked=True):
        asked = self.manager.asked
        self.manager.set_locked(self.sessions[1], is_locked)
        self.wait_asked(asked + 1)


class Grants(ScreenTest):
    POLICY = POLICY.replace('action: confirm', '''action: confirm
    confirm: {remember: 10m, scope: [exe]}''')

    def test_what_was_remembered_ends_when_the_screen_is_locked(self):
        ssh = self.ssh()
        self.wait_pending()
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(ssh.wait(30), 0)
        self.lock(False)
        self.assertEqual(self.ssh().wait(30), 0)
        self.lock()
        self.assertEqual(self.guard.wait_event(trigger='grants-revoked')['detail'],
                         'the screen was locked')
        self.assertEqual(self.guard.command('grants').stdout, '')
        again = self.ssh()
        self.wait_pending()
        self.guard.command('deny')
        self.assertNotEqual(again.wait(30), 0)

    def test_a_login_manager_that_goes_stops_nobody(self):
        ssh = self.ssh()
        self.wait_pending()
        self.manager.end()
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(ssh.wait(30), 0)


class Auto(ScreenTest):
    POLICY = POLICY.replace('timeout: 60s', 'timeout: 60s, methods: auto')

    def test_without_a_key_it_is_the_pin_wherever_the_person_is(self):
        for env in ({'DISPLAY': ':0'}, {'SSH_CONNECTION': 'a 1 b 2'}, {}):
            with self.subTest(env):
                before = dict(self.guard.env)
                self.guard.env.update(env)
                ssh = self.ssh()
                self.guard.env = before
                self.assertIn('methods: pin (weak)', list(self.wait_pending().values())[0])
                self.guard.command('deny')
                self.assertNotEqual(ssh.wait(30), 0)


class Presence(ScreenTest):
    pin = None
    POLICY = f'''
default_action: deny
rules:
  - {{name: away, match: {{user_presence: locked}}, action: deny}}
  - {{name: ssh, match: {{exe: {SSH}}}, action: allow}}
'''

    def login(self, **env):
        self.guard.env.update(env)
        return self.ssh().wait(30)

    def test_nobody_is_at_a_screen_that_is_locked(self):
        self.assertEqual(self.login(DISPLAY=':0'), 0)
        self.lock()
        self.assertNotEqual(self.login(), 0)
        event = self.guard.wait_event(trigger='sign', decision='deny')
        self.assertEqual((event['rule'], event['user_presence'], event['user_presence_evidence']),
                         ('away', 'locked', 'screen'))
        self.lock(False)
        self.assertEqual(self.login(), 0)

    def test_whoever_came_from_afar_is_not_kept_out_by_it(self):
        self.lock()
        self.assertEqual(self.login(SSH_CONNECTION='a 1 b 2'), 0)


class Command(ConfirmTest):
    """A command of the user's tells, where the login manager knows nothing."""

    def start_guard(self, policy, **options):
        self.state = self.place.write('home/screen', 'unlocked\n')
        self.command = ['/bin/cat', str(self.state)]
        return super().start_guard(self.with_command(policy), **options)

    def with_command(self, policy, command=None):
        words = ', '.join(command or self.command)
        return policy.replace('confirm: {', f'confirm: {{screen_state: [{words}], ', 1)

    def tells(self, word):
        self.place.write('home/screen', word)

    def login(self, **env):
        before = dict(self.guard.env)
        self.guard.env.update(env)
        ssh = self.ssh()
        self.guard.env = before
        return ssh

    def wait_login(self, **fields):
        """What was told is good for two seconds, so the next login may still be judged by it."""
        def judged():
            ssh = self.login(DISPLAY=':0')
            ssh.wait(30)
            event = self.signed()[-1]
            return all(event.get(name) == value for name, value in fields.items()) and event
        return wait_until(judged, f'a login is {fields}')


class CommandOfPresence(Command):
    pin = None
    POLICY = Presence.POLICY.replace('rules:', 'confirm: {timeout: 60s}\nrules:')

    def test_it_tells_where_the_person_is(self):
        self.wait_login(decision='allow', user_presence='local')
        self.tells('locked\n')
        self.wait_login(decision='deny', rule='away', user_presence='locked',
                        user_presence_evidence='screen')
        self.tells('remote')
        self.wait_login(decision='allow', user_presence='remote', user_presence_evidence='screen')
        self.tells('unlocked\n')
        self.wait_login(decision='allow', user_presence='local',
                        user_presence_evidence='environment')

    def test_whoever_came_from_afar_is_not_kept_out_by_it(self):
        self.tells('locked\n')
        self.assertEqual(self.login(SSH_CONNECTION='a 1 b 2').wait(30), 0)

    def test_what_it_says_beyond_that_is_unknown_and_said(self):
        for words, why in ((['/bin/echo', 'LOCKED'], 'printed none of the words'),
                           (['/bin/echo', 'unlocked locked'], 'printed none of the words'),
                           (['/bin/echo', '" unlocked"'], 'printed none of the words'),
                           (['/bin/true'], 'printed none of the words'),
                           (['/usr/bin/printf', '"unlocked\\\\n\\\\n"'], 'printed none of the words'),
                           (['/usr/bin/yes', 'unlocked'], 'took longer than 2 s'),
                           (['/bin/cat', '/does/not/exist'], 'it failed'),
                           (['/bin/sh', '-c', '"echo unlocked; exit 3"'], 'it failed'),
                           (['/bin/sh', '-c', '"echo unlocked; kill -9 $$"'], 'it failed'),
                           (['/does/not/exist'], 'cannot be run'),
                           (['/bin/sleep', '1000'], 'took longer than 2 s')):
            with self.subTest(words):
                self.guard.write_policy(self.with_command(self.POLICY, words))
                self.assertEqual(self.guard.command('reload').returncode, 0)
                # It may be locked, so that the rule for that holds.
                self.assertNotEqual(self.login(DISPLAY=':0').wait(30), 0)
                event = self.signed()[-1]
                self.assertEqual((event['decision'], event['rule']), ('deny', 'away'))
                self.assertNotIn('user_presence', event)
                detail = self.guard.wait_event(trigger='screen-unknown')['detail']
                self.assertTrue(detail.startswith('confirm.screen_state: '), detail)
                self.assertIn(why, detail)

    def test_one_that_hangs_keeps_nobody_else_waiting_and_is_killed_with_its_children(self):
        pids = self.place.make_directory(self.place.path / 'pids')
        hang = self.place.write('bin/hang', f'#!/bin/sh\nsleep 1000 &\necho > {pids}/$!\n'
                                f'echo > {pids}/$$\nexec sleep 1000\n', 0o700)
        self.guard.write_policy(self.with_command(self.POLICY, [str(hang)]))
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.assertNotEqual(self.login(DISPLAY=':0').wait(30), 0)
        wait_until(lambda: not any(is_running(int(path.name)) for path in pids.iterdir()),
                   'it is gone, and what it started')
        self.assertEqual(len(list(pids.iterdir())), 2)
        # Not each request waits for it anew.
        for _ in range(3):
            self.assertNotEqual(self.login(DISPLAY=':0').wait(30), 0)
        self.assertEqual(len(self.guard.events(trigger='screen-unknown')), 1)

    def test_without_it_nobody_is_asked_any_more(self):
        self.tells('locked\n')
        self.wait_login(rule='away')
        self.guard.write_policy(self.POLICY)
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.assertEqual(self.login(DISPLAY=':0').wait(30), 0)

    def test_show_writes_it_out(self):
        shown = self.guard.command('policy', 'show', self.guard.policy).stdout
        self.assertIn(f'  screen_state: ["/bin/cat", "{self.state}"]\n', shown)


class CommandThatCannotBeKilled(Command):
    """Its program lies where nothing answers, and not even a kill ends it."""

    pin = None
    POLICY = CommandOfPresence.POLICY

    def start_guard(self, policy, **options):
        fuse.own_mounts()
        self.files = fuse.FileSystem(self.place, '/bin/true', keep=fuse.READ)
        self.addCleanup(self.files.end)
        return super().start_guard(policy, **options)

    def with_command(self, policy, command=None):
        return super().with_command(policy, command or [str(self.files.path('true'))])

    def test_nobody_waits_for_its_end(self):
        self.assertNotEqual(self.login(DISPLAY=':0').wait(60), 0)
        stuck = self.files.wait_kept()
        # Nor by those who come later, when it would be asked anew.
        for _ in range(2):
            self.assertNotEqual(self.login(DISPLAY=':0').wait(60), 0)
        self.assertTrue(is_running(stuck))
        event = self.signed()[-1]
        self.assertEqual((event['decision'], event['rule']), ('deny', 'away'))
        self.assertNotIn('user_presence', event)
        told, = self.guard.events(trigger='screen-unknown')
        self.assertIn('took longer than 2 s', told['detail'])
        # Another command is not kept from telling.
        self.guard.write_policy(self.with_command(self.POLICY, ['/bin/echo', 'unlocked']))
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.assertEqual(self.login(DISPLAY=':0').wait(60), 0)
        self.assertTrue(is_running(stuck))


class CommandOfAnotherPolicy(Command):
    """A policy that comes while a request waits has the person asked for by its own command."""

    POLICY = POLICY.replace('rules:', '''rules:
  - {name: away, match: {user_presence: locked}, action: deny}''')

    def with_command(self, policy, command=None):
        return super().with_command(policy, command) if command else policy

    def answered(self, command):
        ssh = self.login(DISPLAY=':0')
        self.wait_pending()
        self.guard.write_policy(self.with_command(self.POLICY, command))
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.confirm()
        ssh.wait(60)
        return self.signed()[-1]

    def test_what_it_tells_decides(self):
        event = self.answered(['/bin/echo', 'locked'])
        self.assertEqual((event['decision'], event['rule'], event['user_presence']),
                         ('deny', 'away', 'locked'))

    def test_who_is_there_is_not_refused(self):
        event = self.answered(['/bin/echo', 'unlocked'])
        self.assertEqual((event['decision'], event['user_presence']), ('confirmed', 'local'))

    def test_before_it_has_told_nobody_is_known_to_be_there(self):
        event = self.answered(['/bin/sleep', '1000'])
        self.assertEqual((event['decision'], event['rule']), ('deny', 'away'))
        self.assertNotIn('user_presence', event)

    def test_it_is_asked_at_once_for_what_waits(self):
        asked = self.place.path / 'tmp' / 'asked'
        self.login(DISPLAY=':0')
        self.wait_pending()
        self.guard.write_policy(self.with_command(self.POLICY, ['/usr/bin/touch', str(asked)]))
        wait_until(asked.exists, 'it is asked')


class CommandOfGrants(Command):
    POLICY = Grants.POLICY

    def test_what_was_remembered_ends_when_it_tells_of_a_lock(self):
        for word, why in (('locked\n', 'the screen was locked'),
                          ('remote\n', 'the person is not at this machine'),
                          ('?', 'whether the screen is locked cannot be told')):
            with self.subTest(word):
                self.tells('unlocked\n')
                ssh = self.ssh()
                self.wait_pending()
                self.assertEqual(self.confirm()[0], 0)
                self.assertEqual(ssh.wait(30), 0)
                self.assertIn('grant ', self.guard.command('grants').stdout)
                told = len(self.guard.events(trigger='grants-revoked'))
                # Nobody has to ask for that.
                self.tells(word)
                wait_until(lambda: len(self.guard.events(trigger='grants-revoked')) > told,
                           'it is revoked')
                self.assertEqual(self.guard.events(trigger='grants-revoked')[-1]['detail'], why)
                self.assertEqual(self.guard.command('grants').stdout, '')
