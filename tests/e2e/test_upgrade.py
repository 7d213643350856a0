"""Another program is installed over that of a guard that runs: it serves on, and whoever asks is told."""

import json
import os
import shutil
import unittest

import guard
from guard import SSH_ADD, SSH_KEYGEN

POLICY = 'default_action: allow\ndefault_change_action: allow\n'


class Upgrade(guard.GuardTest):
    as_person = True

    def install_over(self):
        """As install(1) and packages do it: a new file in the place of the old one."""
        program = self.place.program
        fresh = program.with_suffix('.new')
        shutil.copyfile(program, fresh)
        shutil.copystat(program, fresh)
        if os.geteuid() == 0:
            status = program.stat()
            os.chown(fresh, status.st_uid, status.st_gid)
        fresh.rename(program)

    def of_guard(self):
        done = self.place.run(self.place.program, 'doctor', '--json')
        return [finding for finding in map(json.loads, done.stdout.splitlines())
                if finding['area'] == 'guard']

    def told(self):
        return [finding for finding in self.of_guard() if 'installed by now' in finding['text']]

    def test_a_guard_that_runs_serves_on_and_doctor_and_start_say_that_it_is_the_old_one(self):
        first = self.place.run(self.place.program, 'start')
        self.addCleanup(self.place.run, self.place.program, 'stop')
        self.assertIn('has no keys (add yours: ssh-add)', first.stderr)
        env = {'SSH_AUTH_SOCK': first.stdout.split("'")[1]}
        again = self.place.run(self.place.program, 'start')
        self.assertIn('already serves', again.stderr)
        self.assertNotIn('installed by now', again.stderr)
        self.assertEqual(self.told(), [])

        self.install_over()
        found, = self.told()
        self.assertEqual(found['grade'], 'note')
        self.assertIn('ssh-agent-guard stop', found['advice'])
        again = self.place.run(self.place.program, 'start')
        self.assertEqual((again.returncode, again.stdout), (0, first.stdout))
        self.assertIn('not the program that is installed by now', again.stderr)
        self.assertEqual(self.place.run(SSH_ADD, '-l', env=env).returncode, 1)  # it has no keys
        self.assertEqual(self.place.run(self.place.program, 'status').returncode, 0)

        self.assertEqual(self.place.run(self.place.program, 'stop').returncode, 0)
        self.assertEqual(self.place.run(self.place.program, 'start').returncode, 0)
        self.assertEqual(self.told(), [])

    def test_other_rights_make_no_other_program(self):
        server = self.start_guard(POLICY)
        self.place.program.chmod(0o555)
        self.assertEqual(self.told(), [])
        self.assertEqual(server.status()['program'], str(self.place.program))
        self.assertIn(server.status()['version'], self.place.run_ok(self.place.program, '--version'))

    def test_a_program_that_was_removed_is_told_as_well(self):
        self.start_guard(POLICY)
        elsewhere = self.place.copy_program(self.place.program, 'elsewhere')
        self.place.program.unlink()
        self.place.program = elsewhere
        self.assertEqual(len(self.told()), 1)

    def test_what_it_had_is_there_afterwards_but_the_keys(self):
        server = self.start_guard(POLICY)
        key = self.keys.make()
        self.add(server, key)
        text = self.place.write('home/data', 'data')
        sign = (SSH_KEYGEN, '-q', '-Y', 'sign', '-n', 'file', '-f', f'{key}.pub', text)
        self.install_over()
        self.assertEqual(self.place.run(*sign, env=server.env).returncode, 0)
        n_before = len(server.events())
        server.stop()
        server = self.start_guard(POLICY)
        self.assertIn('no identities', self.place.run(SSH_ADD, '-l', env=server.env).stdout)
        self.add(server, key)
        self.assertGreater(len(server.events()), n_before)
        done = server.command('log', 'verify')
        self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == '__main__':
    unittest.main()
