"""A real systemd --user: what it starts descends from none of those who asked for it, programs in
`exec` do not reach it, doctor knows its environment, and the unit that ships runs in it."""

import json
import pathlib
import unittest

import guard
import place
import test_exec
import test_ways_round
import user_manager
from guard import SSH_ADD, SSH_KEYGEN
from place import wait_until
from user_manager import UserManager

SOURCE = guard.SOURCE


def setUpModule():
    user_manager.set_up_module()


def tearDownModule():
    place.libc.umount2(b'/run/systemd', 2)


class Washed(test_ways_round.WashTest):
    def sign_by_manager(self, *before, env=None):
        """The event of what systemd-run has signed for a program with this environment."""
        self.signature.unlink(missing_ok=True)
        n_before = len(self.server.events(trigger='sign'))
        self.place.run(*before, 'systemd-run', '--user', '--quiet', '--wait', '--collect',
                       f'--setenv=SSH_AUTH_SOCK={self.server.socket}', SSH_KEYGEN, '-q', '-Y',
                       'sign', '-n', 'file', '-f', f'{self.key}.pub', self.text, env=env)
        return wait_until(lambda: self.server.events(trigger='sign')[n_before:],
                          'there is an event')[-1]

    def test_what_systemd_starts_for_a_coding_agent_is_not_known_as_its(self):
        manager = UserManager(self)
        self.start()
        event = self.sign(env=self.AGENT)
        self.assertEqual((event['decision'], event['rule']), ('deny', 'agents'))
        event = self.sign_by_manager(env=self.AGENT)
        self.assertEqual((event['decision'], event['rule']), ('allow', 'signs'))
        self.assertTrue(self.signature.exists())
        # Its parent is the manager, whoever asked.
        pids = [process['pid'] for process in event['local_proc_tree']]
        self.assertEqual(pids[:2], [event['local_pid'], manager.process.pid])

    def test_an_endpoint_is_not_washed_off(self):
        UserManager(self)
        self.start(more=', endpoint: people')
        self.assertEqual(self.sign_by_manager(env=self.AGENT)['decision'], 'deny')

    def test_a_persons_yes_is_not_washed_off(self):
        UserManager(self)
        self.start(action='confirm')
        self.assertNotIn(self.sign_by_manager(env=self.AGENT)['decision'], ('allow', 'confirmed'))
        self.assertFalse(self.signature.exists())

    def test_nor_is_where_a_login_goes(self):
        UserManager(self)
        self.start(more=', ssh_dest: "*"')
        self.assertEqual(self.sign_by_manager(env=self.AGENT)['decision'], 'deny')


class Exec(test_exec.ExecTest):
    def test_a_program_in_exec_does_not_reach_it(self):
        manager = UserManager(self)
        self.start()
        outside = self.place.home / 'outside'
        touch = f'systemd-run --user --quiet --wait --collect touch {outside}'
        runtime = self.place.runtime
        bus = f'DBUS_SESSION_BUS_ADDRESS=unix:path={runtime}/bus'
        for way in ('', f'XDG_RUNTIME_DIR={runtime} ', f'XDG_RUNTIME_DIR={runtime} {bus} ',
                    f'{bus} '):
            self.assertNotEqual(self.inside(way + touch).returncode, 0, way)
            self.assertNotEqual(self.inside(way + 'systemctl --user show-environment').returncode,
                                0, way)
        self.assertFalse(outside.exists())
        # It is there, and does as it is told.
        self.assertEqual(manager.run('touch', outside).returncode, 0)
        self.assertTrue(outside.exists())


class Doctor(guard.GuardTest):
    as_person = True

    def session(self, server):
        done = self.place.run(self.place.program, 'doctor', '--json', env=server.env)
        findings = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, [(finding['grade'], finding['text']) for finding in findings
                                 if finding['area'] == 'session' and 'systemd' in finding['text']]

    def set(self, value):
        self.place.run_ok('systemctl', '--user', 'set-environment', f'SSH_AUTH_SOCK={value}')

    def test_it_says_what_programs_of_systemd_use(self):
        UserManager(self)
        server = self.start_guard()
        self.place.run_ok('systemctl', '--user', 'unset-environment', 'SSH_AUTH_SOCK')
        self.assertEqual([grade for grade, _ in self.session(server)[1]], ['note'])
        self.set(server.socket)
        self.assertEqual([grade for grade, _ in self.session(server)[1]], ['ok'])
        self.set('')
        self.assertEqual([grade for grade, _ in self.session(server)[1]], ['note'])
        # One that begins like the guard's is another.
        for other in (f'{server.socket}.other', '/tmp/agent'):
            self.set(other)
            status, found = self.session(server)
            self.assertEqual([grade for grade, _ in found], ['bad'], other)
            self.assertEqual(status, 1)


class Unit(guard.GuardTest):
    as_person = True

    def shown(self, name):
        return self.place.run_ok('systemctl', '--user', 'show', '--value', '-p', name,
                                 'ssh-agent-guard').strip()

    def test_the_unit_that_ships_starts_a_guard_whose_agent_is_hidden(self):
        text = (pathlib.Path(SOURCE) / 'contrib/systemd/ssh-agent-guard.service.in').read_text()
        self.place.write('config/systemd/user/ssh-agent-guard.service',
                         text.replace('@bindir@', str(self.place.program.parent)))
        self.place.write('config/ssh-agent-guard/policy.yaml', guard.ALLOW_ALL)
        UserManager(self)
        self.place.run_ok('systemctl', '--user', 'start', 'ssh-agent-guard')
        socket = self.place.runtime / 'ssh-agent-guard.sock'
        self.assertTrue(place.socket_answers(socket))  # systemd waited for it
        env = {'SSH_AUTH_SOCK': str(socket)}
        self.place.run_ok(SSH_ADD, '-q', self.keys.make(), env=env)
        self.assertIn('ED25519', self.place.run_ok(SSH_ADD, '-l', env=env))
        events = next((self.place.state / 'ssh-agent-guard/events').glob('*.yaml')).read_text()
        if 'other programs of this user can reach' in events:
            self.skipTest('this system gives no hidden directory')
        self.assertIn('only the guard can reach ssh-agent', events)
        pid = self.shown('MainPID')
        status = pathlib.Path(f'/proc/{pid}/status').read_text()
        self.assertIn('Seccomp:\t2', status)
        self.assertEqual(self.shown('StatusText'), f'serving {socket}')
        # Asked to read a policy anew, it has read it, or it says that it is bad.
        reload = ('systemctl', '--user', 'reload', 'ssh-agent-guard')
        self.place.write('config/ssh-agent-guard/policy.yaml', 'default_action: perhaps\n')
        self.assertNotEqual(self.place.run(*reload).returncode, 0)
        self.assertEqual((self.shown('ActiveState'), self.shown('MainPID')), ('active', pid))
        self.place.write('config/ssh-agent-guard/policy.yaml', 'default_action: deny\n')
        self.place.run_ok(*reload)
        denied = self.place.run(SSH_ADD, '-D', env=env)
        self.assertNotEqual(denied.returncode, 0, denied.stdout)
        self.assertEqual(self.shown('MainPID'), pid)
        self.place.run_ok('systemctl', '--user', 'stop', 'ssh-agent-guard')
        self.assertFalse(socket.exists())


if __name__ == '__main__':
    unittest.main()
