"""ssh-add through the guard: what it lists, adds, removes and locks, and who may."""

import os
import shutil
import unittest

import guard
from guard import SSH_ADD, SSH_KEYGEN

# What a copy of ssh-add may not, ssh-add itself may: told apart by the executable alone.
ONLY_SSH_ADD = f'''
default_action: deny
rules:
  - name: real-ssh-add
    match:
      exe: {SSH_ADD}
      operation: [add, remove, remove-all, lock, unlock]
    action: allow
  - name: real-ssh-add-test
    match:
      exe: {SSH_ADD}
      sign_type: unknown
    action: allow
  - name: no-lists
    match:
      process_name: no-list
      operation: list
    action: deny
'''


class SshAdd(guard.GuardTest):
    def setUp(self):
        super().setUp()
        self.guard = self.start_guard(ONLY_SSH_ADD)
        self.impostor = self.place.copy_program(SSH_ADD)
        self.key = self.keys.make('id', comment='the key')
        self.fingerprint = self.keys.fingerprint(self.key)

    def ssh_add(self, *words, program=SSH_ADD, **options):
        return self.place.run(program, *words, env={**self.guard.env, **options.pop('env', {})},
                              **options)

    def listed(self):
        return [line.split()[1] for line in self.ssh_add('-l').stdout.splitlines()
                if 'SHA256:' in line]

    def assert_decided(self, trigger, decision, rule, program, **fields):
        event = self.guard.wait_event(trigger=trigger, decision=decision, rule=rule, **fields)
        self.assertEqual(event['exe_path'], str(program))
        self.assertEqual(event['process_name'], 'ssh-add')
        self.assertGreater(event['local_pid'], 1)
        self.assertEqual(event['uid'], self.place.uid)
        return event

    def askpass(self, answer):
        program = self.place.write('bin/askpass', f'#!/bin/sh\necho {answer}\n', 0o755)
        return {'SSH_ASKPASS': str(program), 'SSH_ASKPASS_REQUIRE': 'force', 'DISPLAY': ':0'}

    def test_an_added_key_is_listed_and_can_be_removed(self):
        self.assertEqual(self.ssh_add(self.key).returncode, 0)
        self.assert_decided('add', 'allow', 'real-ssh-add', SSH_ADD,
                            key_fingerprint=self.fingerprint)
        self.assertIn(self.fingerprint, self.ssh_add('-l').stdout)
        self.assertIn('the key', self.ssh_add('-L').stdout)

        self.assertEqual(self.ssh_add('-d', self.key).returncode, 0)
        self.assert_decided('remove', 'allow', 'real-ssh-add', SSH_ADD,
                            key_fingerprint=self.fingerprint)
        self.assertEqual(self.listed(), [])

    def test_another_program_can_neither_add_nor_remove(self):
        self.assertNotEqual(self.ssh_add(self.key, program=self.impostor).returncode, 0)
        self.assert_decided('add', 'deny', 'default', self.impostor,
                            key_fingerprint=self.fingerprint)
        self.assertEqual(self.listed(), [])

        self.assertEqual(self.ssh_add(self.key).returncode, 0)
        self.assertNotEqual(self.ssh_add('-d', self.key, program=self.impostor).returncode, 0)
        self.assert_decided('remove', 'deny', 'default', self.impostor)
        self.assertNotEqual(self.ssh_add('-D', program=self.impostor).returncode, 0)
        self.assert_decided('remove-all', 'deny', 'default', self.impostor)
        self.assertEqual(self.listed(), [self.fingerprint])

    def test_a_denied_list_is_empty_and_leaves_an_event(self):
        self.ssh_add(self.key)
        curious = self.place.copy_program(SSH_ADD, 'no-list')
        for word in ('-l', '-L'):
            done = self.ssh_add(word, program=curious)
            self.assertEqual(done.returncode, 1)
            self.assertIn('no identities', done.stdout)
        event = self.guard.wait_event(trigger='list', decision='deny', rule='no-lists')
        self.assertEqual(event['exe_path'], str(curious))
        self.assertEqual(self.listed(), [self.fingerprint])
        # Lists that were allowed use no key, and leave no event.
        self.assertEqual(self.guard.events(trigger='list', decision='allow'), [])

    def test_all_keys_can_be_removed_at_once(self):
        self.ssh_add(self.key, self.keys.make('second'))
        self.assertEqual(len(self.listed()), 2)
        self.assertEqual(self.ssh_add('-D').returncode, 0)
        self.assert_decided('remove-all', 'allow', 'real-ssh-add', SSH_ADD)
        self.assertEqual(self.listed(), [])

    def test_the_agent_can_be_locked_and_unlocked(self):
        self.ssh_add(self.key)
        self.assertEqual(self.ssh_add('-x', env=self.askpass('secret')).returncode, 0)
        self.assert_decided('lock', 'allow', 'real-ssh-add', SSH_ADD)
        self.assertEqual(self.listed(), [])
        self.assertNotEqual(self.ssh_add('-X', env=self.askpass('wrong')).returncode, 0)
        self.assertEqual(self.listed(), [])
        self.assertEqual(self.ssh_add('-X', env=self.askpass('secret')).returncode, 0)
        self.assert_decided('unlock', 'allow', 'real-ssh-add', SSH_ADD)
        self.assertEqual(self.listed(), [self.fingerprint])

    def test_another_program_can_neither_lock_nor_unlock(self):
        self.ssh_add(self.key)
        locked = self.ssh_add('-x', program=self.impostor, env=self.askpass('secret'))
        self.assertNotEqual(locked.returncode, 0)
        self.assert_decided('lock', 'deny', 'default', self.impostor)
        self.assertEqual(self.listed(), [self.fingerprint])
        self.ssh_add('-x', env=self.askpass('secret'))
        unlocked = self.ssh_add('-X', program=self.impostor, env=self.askpass('secret'))
        self.assertNotEqual(unlocked.returncode, 0)
        self.assert_decided('unlock', 'deny', 'default', self.impostor)
        self.assertEqual(self.listed(), [])

    def test_a_key_that_is_there_can_be_tested_by_one_program_only(self):
        self.ssh_add(self.key)
        self.assertEqual(self.ssh_add('-T', f'{self.key}.pub').returncode, 0)
        event = self.assert_decided('sign', 'allow', 'real-ssh-add-test', SSH_ADD,
                                    key_fingerprint=self.fingerprint)
        self.assertEqual(event['outcome'], 'success')

        denied = self.ssh_add('-T', f'{self.key}.pub', program=self.impostor)
        self.assertNotEqual(denied.returncode, 0)
        event = self.assert_decided('sign', 'deny', 'default', self.impostor,
                                    key_fingerprint=self.fingerprint)
        self.assertNotIn('outcome', event)

    def test_the_lifetime_of_a_key_reaches_the_agent(self):
        self.assertEqual(self.ssh_add('-t', '1', self.key).returncode, 0)
        guard.wait_until(lambda: self.listed() == [], 'the key has gone after its lifetime')

    def test_a_smartcard_needs_a_rule_that_names_it(self):
        done = self.ssh_add('-s', '/nonexistent.so', env=self.askpass('1234'))
        self.assertNotEqual(done.returncode, 0)
        self.assert_decided('add-smartcard', 'deny', 'default', SSH_ADD)
        done = self.ssh_add('-e', '/nonexistent.so', env=self.askpass('1234'))
        self.assertNotEqual(done.returncode, 0)
        self.assert_decided('remove-smartcard', 'deny', 'default', SSH_ADD)

    def test_a_name_made_of_anything_stays_one_text_of_one_event(self):
        for name in ('quote" and \\', 'line\n---\ntrigger: "start"', '\x1b[31mred', 'a: b # c',
                     '\u202eevil', 'no', '~', '1e3'):
            with self.subTest(name):
                program = self.place.copy_program(SSH_ADD, name)
                before = len(self.guard.events())
                self.ssh_add(self.key, program=program)
                self.assertEqual(len(self.guard.events()), before + 1)
                event = self.guard.events()[-1]
                self.assertEqual(event['decision'], 'deny')
                self.assertEqual(event['exe_path'], str(program))
                self.assertEqual(event['process_name'], name)

    def test_a_name_that_is_no_utf8_leaves_a_readable_event(self):
        program = os.fsencode(self.place.bin) + b'/ssh\xff\xfe-add'
        shutil.copyfile(SSH_ADD, program)
        os.chmod(program, 0o755)
        self.place.run(os.fsdecode(program), self.key, env=self.guard.env)
        event = self.guard.wait_event(trigger='add', decision='deny')
        self.assertIn('-add', event['process_name'])

    def test_no_event_shows_a_passphrase(self):
        self.ssh_add(self.key)
        self.ssh_add('-x', env=self.askpass('correct-horse'))
        self.ssh_add('-X', env=self.askpass('correct-horse'))
        for day in (self.guard.state / 'events').iterdir():
            self.assertNotIn('correct-horse', day.read_text())
        self.assertNotIn('correct-horse', self.guard.output())


class KeyTypes(guard.GuardTest):
    """Every type that ssh-keygen makes without hardware, plain and with a certificate."""

    TYPES = (('dsa', ()), ('ecdsa', ('-b', '256')), ('ecdsa', ('-b', '384')),
             ('ecdsa', ('-b', '521')), ('ed25519', ()), ('rsa', ('-b', '2048')),
             ('rsa', ('-b', '4096')))

    def test_every_key_type_can_be_added_used_and_removed(self):
        server = self.start_guard(ONLY_SSH_ADD)
        authority = self.keys.make('authority')
        for kind, options in self.TYPES:
            name = '-'.join((kind, *options[1:]))
            path = self.place.home / name
            made = self.place.run(SSH_KEYGEN, '-q', '-t', kind, '-N', '', '-f', path, *options)
            if made.returncode != 0 and 'unknown key type' in made.stderr:
                continue  # DSA is gone from newer versions
            with self.subTest(name):
                self.assertEqual(made.returncode, 0, made.stderr)
                self.place.run_ok(SSH_KEYGEN, '-q', '-s', authority, '-I', name, '-n', 'user',
                                  f'{path}.pub')
                self.add(server, path)  # adds the certificate beside it, too
                fingerprint = self.keys.fingerprint(path)
                added = server.events(trigger='add', key_fingerprint=fingerprint)
                self.assertEqual(len(added), 2, 'one event for the key, one for its certificate')
                lines = self.place.run_ok(SSH_ADD, '-L', env=server.env).splitlines()
                self.assertEqual(len(lines), 2)
                self.place.run_ok(SSH_ADD, '-T', f'{path}.pub', f'{path}-cert.pub', env=server.env)
                signed = server.events(trigger='sign', key_fingerprint=fingerprint)
                self.assertEqual([event['decision'] for event in signed], ['allow', 'allow'])
                self.place.run_ok(SSH_ADD, '-q', '-d', path, env=server.env)
                self.assertEqual(self.place.run(SSH_ADD, '-l', env=server.env).returncode, 1)

    def test_keys_of_a_security_key_can_be_added_and_used(self):
        self.skipTest('sk-* keys are made and used by a FIDO device, and there is none')


if __name__ == '__main__':
    unittest.main()
