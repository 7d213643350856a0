"""A locked screen: what was remembered ends, and another method asks."""

import guard
from guard import SSH, wait_until
from login_manager import MANAGER, LoginManager
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
