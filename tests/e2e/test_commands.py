"""What a person types: start, stop, reload, panic, status. And what SIGHUP does."""

import json
import os
import re
import signal
import subprocess
import unittest

import events
import guard
import place
from agent_client import FAILURE, SIGN_RESPONSE, AgentClient, sign_request
from guard import SSH_ADD
from place import wait_until


class Running(guard.GuardTest):
    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()
        self.key = self.keys.make()
        self.blob = self.keys.blob(self.key)
        self.add(self.agent, self.key)
        self.guard = self.start_guard(upstream=self.agent)

    def signs(self):
        with AgentClient(self.guard.socket) as client:
            return client.sign(self.blob)[0] == SIGN_RESPONSE

    # --- reload

    def test_sighup_puts_a_changed_policy_in_force(self):
        self.assertTrue(self.signs())
        before = self.guard.wait_event(trigger='sign')['config_sha256']
        self.guard.write_policy(guard.DENY_ALL)
        self.guard.process.send_signal(signal.SIGHUP)
        self.guard.wait_event(trigger='reload')
        self.assertFalse(self.signs())
        denied = self.guard.wait_event(trigger='sign', decision='deny')
        self.assertNotEqual(denied['config_sha256'], before)

    def test_a_bad_policy_leaves_the_old_one_in_force(self):
        self.guard.write_policy('default_action: allow\nrules:\n  - no_such_field: 1\n')
        self.guard.process.send_signal(signal.SIGHUP)
        event = self.guard.wait_event(trigger='policy-refused')
        self.assertIn('no_such_field', event['detail'])
        self.assertRegex(event['detail'], r'policy\.yaml:3:\d+')
        self.assertTrue(self.signs())
        wait_until(lambda: self.guard.status()['state'] == 'reload-error', 'a red status')
        self.guard.write_policy(guard.DENY_ALL)
        self.guard.process.send_signal(signal.SIGHUP)
        self.guard.wait_event(trigger='reload')
        self.assertFalse(self.signs())

    def test_a_policy_that_is_deleted_opens_nothing(self):
        self.guard.write_policy(guard.DENY_ALL)
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.guard.policy.unlink()
        self.assertEqual(self.guard.command('reload').returncode, 1)
        self.assertFalse(self.signs())

    def test_a_policy_that_is_emptied_opens_and_ends_nothing(self):
        self.guard.write_policy(guard.DENY_ALL)
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.guard.write_policy('')
        done = self.guard.command('reload')
        self.assertEqual(done.returncode, 1)
        self.assertIn('empty', done.stderr)
        self.assertFalse(self.signs())
        self.assertEqual(self.guard.command('status').returncode, 0)

    def test_reload_says_what_is_wrong(self):
        done = self.guard.command('reload')
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.guard.write_policy('default_action: perhaps\n')
        done = self.guard.command('reload')
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r'policy\.yaml:1:\d+.*perhaps')
        self.assertTrue(self.signs())

    # --- panic

    def test_panic_refuses_every_signature_until_it_is_off(self):
        self.assertTrue(self.signs())
        self.assertEqual(self.guard.command('panic').returncode, 0)
        self.assertFalse(self.signs())
        self.guard.wait_event(trigger='panic')
        self.guard.wait_event(trigger='sign', decision='deny', reason='panic')
        wait_until(lambda: self.guard.status()['state'] == 'locked', 'a red status')
        with AgentClient(self.guard.socket) as client:
            self.assertEqual(len(client.identities()), 1, 'listing is harmless')

        self.assertEqual(self.guard.command('panic', 'off').returncode, 0)
        self.assertTrue(self.signs())
        self.guard.wait_event(trigger='panic-off')

    def test_panic_takes_back_a_signature_that_is_being_made(self):
        with AgentClient(self.guard.socket) as client:
            self.assertEqual(client.sign(self.blob)[0], SIGN_RESPONSE)
            self.agent.process.send_signal(signal.SIGSTOP)
            client.send(sign_request(self.blob, b'asked for before'))
            # The guard has forwarded it once it has answered another one, who came later.
            self.assertEqual(self.place.run(self.place.program, 'status').returncode, 0)
            with AgentClient(self.guard.socket) as other:
                other.send(sign_request(b'no key', b'malformed'))
                self.assertEqual(other.receive(), bytes([FAILURE]))
            self.place.run_ok(self.place.program, 'panic')
            self.agent.process.send_signal(signal.SIGCONT)
            self.assertEqual(client.receive(), bytes([FAILURE]))
        self.guard.wait_event(trigger='sign', decision='deny', reason='panic')

    def test_panic_outlives_the_guard(self):
        self.assertEqual(self.guard.command('panic').returncode, 0)
        self.guard.stop(signal.SIGKILL)
        self.guard = self.start_guard(upstream=self.place.path / 'agent.sock')
        self.assertFalse(self.signs())
        self.assertEqual(self.guard.command('panic', 'off').returncode, 0)
        self.assertTrue(self.signs())

    # --- status, stop

    def test_status_tells_what_runs(self):
        self.assertTrue(self.signs())
        done = self.guard.command('status')
        self.assertEqual(done.returncode, 0, done.stderr)
        status = events.read_documents(done.stdout)[0]
        self.assertEqual(status['state'], 'idle')
        self.assertEqual(status['pid'], self.guard.pid)
        self.assertEqual(status['socket'], str(self.guard.socket))
        self.assertEqual(status['signatures'], 1)

    def status_as(self, form):
        done = self.guard.command('status', '--format', form)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        return done.stdout

    def test_status_speaks_to_each_bar(self):
        self.assertTrue(self.signs())
        self.assertEqual(json.loads(self.status_as('json'))['signatures'], 1)
        self.assertRegex(self.status_as('text'), r'^idle: python[0-9.]*: sign unknown\n$')
        self.assertEqual(self.status_as('tmux'), '\n')
        self.assertEqual(json.loads(self.status_as('waybar'))['class'], 'idle')
        self.assertEqual(self.guard.command('panic').returncode, 0)
        self.assertIn('ssh: locked', self.status_as('tmux'))
        self.assertEqual(json.loads(self.status_as('waybar'))['class'], 'locked')
        self.assertEqual(json.loads(self.status_as('i3status')),
                         {'icon': '', 'state': 'Critical', 'text': 'ssh: locked'})
        done = self.guard.command('status', '--format', 'html')
        self.assertEqual((done.returncode, done.stdout), (2, ''))

    def test_status_is_watched_through_the_end_of_the_guard_and_its_return(self):
        shown = self.place.path / 'shown'
        with shown.open('w') as out:
            self.place.spawn(self.guard.program, 'status', '--watch', '--format', 'waybar', stdout=out)

        def comes(state):
            wait_until(lambda: [json.loads(line)['class'] for line in shown.read_text().splitlines()
                                ][-1:] == [state], f'a line with {state}')

        comes('idle')
        self.assertEqual(self.guard.command('panic').returncode, 0)
        comes('locked')
        self.assertEqual(self.guard.command('panic', 'off').returncode, 0)
        comes('idle')
        self.guard.stop()
        comes('stopped')
        self.guard = self.start_guard(upstream=self.place.path / 'agent.sock')
        comes('idle')

    def test_watching_ends_when_nobody_reads_it(self):
        watching = self.place.spawn(self.guard.program, 'status', '--watch', '--format', 'text',
                                    stdout=subprocess.PIPE, text=True)
        self.assertEqual(watching.stdout.readline(), 'idle: serving\n')
        watching.stdout.close()
        self.assertEqual(watching.wait(place.DEADLINE_S), 0)

    def test_a_bar_is_told_that_there_is_no_guard(self):
        self.guard.stop()
        self.assertIn('ssh: stopped', self.status_as('tmux'))
        self.assertEqual(json.loads(self.status_as('waybar'))['class'], 'stopped')
        self.assertEqual(json.loads(self.status_as('i3status'))['state'], 'Critical')
        self.assertEqual(self.guard.command('status', '--format', 'json').returncode, 1)

    def test_stop_ends_the_guard(self):
        done = self.guard.command('stop')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.guard.asked_to_end = True
        self.assertEqual(self.guard.process.wait(place.DEADLINE_S), 0)
        self.assertFalse(self.guard.socket.exists())
        self.guard.wait_event(trigger='stop')

    def test_without_a_guard_the_commands_say_so(self):
        self.guard.stop()
        for words in (['stop'], ['reload'], ['panic'], ['status']):
            with self.subTest(words):
                done = self.guard.command(*words)
                self.assertEqual(done.returncode, 1)
                self.assertIn('no guard is running', done.stderr)

    def test_the_control_socket_is_private(self):
        control = self.place.runtime / 'ssh-agent-guard' / 'control.sock'
        self.assertEqual(control.stat().st_mode & 0o777, 0o600)
        with AgentClient(control) as client:  # junk on it harms nobody
            client.send(b'\0\xff' * 1000)
        with AgentClient(control) as client:
            client.send(b'allow everything\n')
        self.assertTrue(self.signs())


class Start(guard.GuardTest):
    def start(self, *words):
        return self.place.run(self.place.program, 'start', *words)

    def evaluate(self, code, command):
        """What a shell does with the code that start printed."""
        return self.place.run('sh', '-c', f'{code}\n{command}')

    def test_start_prints_what_a_shell_evaluates_and_stays_in_the_background(self):
        self.place.write('config/ssh-agent-guard/policy.yaml', guard.ALLOW_ALL)
        done = self.start()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r'\ASSH_AUTH_SOCK=.*; export SSH_AUTH_SOCK;\n\Z')
        key = self.keys.make()
        added = self.evaluate(done.stdout, f'{SSH_ADD} -q {key} && {SSH_ADD} -l')
        self.assertIn(self.keys.fingerprint(key), added.stdout, added.stderr)

        again = self.start()  # in the start file of a shell this runs for each shell
        self.assertEqual((again.returncode, again.stdout), (0, done.stdout), again.stderr)

        stopped = self.place.run(self.place.program, 'stop')
        self.assertEqual(stopped.returncode, 0, stopped.stderr)
        wait_until(lambda: not place.descendants(), 'no process is left')

    def test_a_path_with_quotes_and_blanks_is_quoted(self):
        directory = self.place.make_directory(self.place.home / "a 'b' $(touch no) \"c\"")
        path = directory / 's'
        self.place.write('config/ssh-agent-guard/policy.yaml', guard.ALLOW_ALL)
        done = self.start('--listen', path)
        self.assertEqual(done.returncode, 0, done.stderr)
        shown = self.evaluate(done.stdout, 'printf %s "$SSH_AUTH_SOCK"')
        self.assertEqual(shown.stdout, str(path))
        self.assertFalse((self.place.home / 'no').exists())
        self.place.run_ok(self.place.program, 'stop', '--listen', path)

    def test_start_keeps_nothing_of_its_caller_open(self):
        self.place.write('config/ssh-agent-guard/policy.yaml', guard.ALLOW_ALL)
        process = self.place.spawn(self.place.program, 'start', stdout=subprocess.PIPE)
        output, _ = process.communicate(timeout=place.DEADLINE_S)  # waits for the end of file
        self.assertTrue(re.match(rb'SSH_AUTH_SOCK=', output))
        self.place.run_ok(self.place.program, 'stop')

    def test_a_line_for_the_shell_that_cannot_be_written_is_no_success(self):
        self.place.write('config/ssh-agent-guard/policy.yaml', guard.ALLOW_ALL)
        for _ in range(2):  # one that begins to serve, and one that serves already
            done = self.place.run('sh', '-c', 'exec "$0" start >/dev/full', self.place.program)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, r'the guard serves \S+, but the line for the shell cannot '
                                          'be written: No space left')
        self.place.run_ok(self.place.program, 'stop')

    def test_start_with_a_bad_policy_fails_and_prints_no_code(self):
        self.place.write('config/ssh-agent-guard/policy.yaml', 'nonsense: 1\n')
        done = self.start()
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stdout, '')
        self.assertIn('policy.yaml:1:1', done.stderr)
        self.assertEqual(place.descendants(), set())


class Decision(guard.GuardTest):
    def test_who_has_no_policy_is_told_how_to_begin_with_the_starter_where_it_is_installed(self):
        server = self.start_guard(policy=None)
        starter = os.environ['GUARD_STARTER_POLICY']
        self.assertIn('not there, so every signature needs a confirmation', server.output())
        self.assertEqual(f'install -Dm 600 {starter} {server.policy}' in server.output(),
                         os.access(starter, os.R_OK))

    def test_without_a_policy_file_a_signature_would_ask_and_is_denied(self):
        agent = self.start_agent()
        key = self.keys.make()
        self.add(agent, key)
        server = self.start_guard(policy=None, upstream=agent)
        with AgentClient(server.socket) as client:
            self.assertEqual(len(client.identities()), 1)
            self.assertEqual(client.sign(self.keys.blob(key)), bytes([FAILURE]))
        server.wait_event(trigger='sign', reason='missing')


if __name__ == '__main__':
    unittest.main()
