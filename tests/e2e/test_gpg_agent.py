"""A gpg-agent that the guard starts for itself: its socket for ssh has no name, gpg works as before,
and its own socket, which signs for every program of the user, is told of."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import unittest

import guard
import own_namespace
import place
import test_isolation
from guard import SSH_ADD, SSH_KEYGEN
from place import command_line, descendants, is_running, wait_until
from racers import LISTS_NO_KEYS

GPG_AGENT, GPG, CONNECT, GPGCONF = (shutil.which(name) for name in
                                    ('gpg-agent', 'gpg', 'gpg-connect-agent', 'gpgconf'))
NAME = 'managed:gpg-agent'

# Says "sesame" to whoever asks, and writes down what it was handed by gpg-agent.
PINENTRY = r'''#!/bin/sh
{ readlink /proc/$$/cwd; ls -l /proc/$$/fd; } >>"$PINENTRY_USER_DATA"
echo 'OK at your service'
while read -r word rest; do
	case $word in
	GETPIN) printf 'S PIN_REPEATED\nD sesame\nOK\n' ;;
	BYE) exit 0 ;;
	*) echo OK ;;
	esac
done
'''


@unittest.skipUnless(GPG_AGENT and CONNECT and GPGCONF, 'needs gpg-agent (Debian: gpg-agent, gpgconf)')
class GpgAgent(test_isolation.Isolation):
    def setUp(self):
        super().setUp()
        self.gnupg = self.place.make_directory(self.place.home / 'gnupg')
        self.place.env['GNUPGHOME'] = str(self.gnupg)
        self.seen = self.place.home / 'pinentry-seen'
        self.place.env['PINENTRY_USER_DATA'] = str(self.seen)
        pinentry = self.place.write('bin/pinentry', PINENTRY, 0o755)
        # Else it finds out first how slow a hash has to be on a machine as fast as this one.
        self.place.write('home/gnupg/gpg-agent.conf',
                         f'pinentry-program {pinentry}\ns2k-count 65536\n')

    def start(self, policy=guard.ALLOW_ALL, **options):
        return self.start_guard(policy, upstream=NAME, **options)

    def start_hidden(self, **options):
        server = self.start(**options)
        why = server.status()['upstream_reachable_why']
        if 'only its socket for ssh is hidden' not in why:
            self.skipTest('this system gives no hidden directory: ' + why)
        return server

    def agent_of(self, server):
        return wait_until(lambda: [pid for pid in descendants(server.pid)
                                   if command_line(pid)[:1] == [b'gpg-agent']],
                          'the managed gpg-agent')[0]

    def std_socket(self):
        return pathlib.Path(self.place.run_ok(GPGCONF, '--list-dirs', 'agent-socket').strip())

    def ask_std(self, *commands):
        """By gpg-agent's own protocol, as gpg does, but without starting another one."""
        return self.place.run(CONNECT, '--no-autostart', *commands, '/bye').stdout

    def signs(self, server, key):
        text = self.place.write('home/text', 'text')
        (self.place.home / 'text.sig').unlink(missing_ok=True)
        return self.place.run(SSH_KEYGEN, '-q', '-Y', 'sign', '-n', 'file', '-f', f'{key}.pub', text,
                              env=server.env)

    def add_key(self, server):
        """A key that only gpg-agent has, protected by what pinentry says."""
        key = self.keys.make()
        self.add(server, key)
        key.unlink()
        return key


class Serves(GpgAgent):
    def test_a_key_that_is_added_is_listed_and_signs_and_stays_when_the_agent_is_restarted(self):
        server = self.start()
        key = self.add_key(server)
        self.assertIn(self.keys.fingerprint(key), self.place.run_ok(SSH_ADD, '-l', env=server.env))
        self.assertEqual(self.signs(server, key).returncode, 0)
        event = server.wait_event(trigger='sign')
        self.assertEqual(event['decision'], 'allow')
        asked = self.seen.read_text()
        os.kill(self.agent_of(server), signal.SIGKILL)
        wait_until(lambda: len(server.events(trigger='upstream-started')) == 2, 'a new agent')
        # It has forgotten the passphrase, asks for it, and has the key.
        self.assertEqual(self.signs(server, key).returncode, 0)
        self.assertGreater(len(self.seen.read_text()), len(asked))
        self.assertNotRegex(self.place.run_ok(self.place.program, 'status'), r'(?m)^notice: ')

    @unittest.skipUnless(GPG, 'needs gpg')
    def test_a_key_of_gpgs_own_that_sshcontrol_names_signs_and_gpg_works(self):
        server = self.start()
        agent = self.agent_of(server)
        self.place.run_ok(GPG, '--batch', '--passphrase', '', '--quick-generate-key', 'a@b',
                          'ed25519', 'auth')
        listed = self.place.run_ok(GPG, '--batch', '--with-keygrip', '--with-colons', '-k')
        grip = re.search(r'^grp:+([0-9A-F]{40}):', listed, re.M)[1]
        self.place.write('home/gnupg/sshcontrol', f'{grip} 0\n')
        public = self.place.run_ok(SSH_ADD, '-L', env=server.env)
        self.assertIn('ssh-ed25519', public)
        self.place.write('home/card.pub', public)
        self.assertEqual(self.signs(server, self.place.home / 'card').returncode, 0)
        server.wait_event(trigger='sign', decision='allow')
        # gpg has started no agent of its own beside it.
        self.assertIn(f'D {agent}\n', self.ask_std('GETINFO pid'))
        self.assertEqual([path.name for path in self.gnupg.iterdir() if path.is_socket()],
                         ['S.gpg-agent'])

    def test_the_policy_decides(self):
        key = self.add_key(self.start())
        self.place.guards[-1].stop()
        server = self.start(guard.DENY_ALL)
        self.assertNotEqual(self.signs(server, key).returncode, 0)
        server.wait_event(trigger='sign', decision='deny', rule='default')

    def test_gpg_reaches_the_next_agent_by_the_same_socket(self):
        server = self.start()
        inode = self.std_socket().stat().st_ino
        agent = self.agent_of(server)
        self.place.run_ok(GPGCONF, '--kill', 'gpg-agent')
        wait_until(lambda: not is_running(agent), 'it ended')
        # Whoever asks at once waits for the new one.
        answer = self.ask_std('GETINFO pid')
        self.assertIn(f'D {self.agent_of(server)}\n', answer)
        self.assertEqual(self.std_socket().stat().st_ino, inode)

    def test_it_ends_with_the_guard_and_its_socket_goes(self):
        server = self.start()
        agent = self.agent_of(server)
        server.stop()
        self.assertFalse(is_running(agent))
        self.assertFalse(self.std_socket().exists())

    def test_it_ends_with_a_killed_guard_whose_successor_takes_its_place(self):
        server = self.start()
        key = self.add_key(server)
        agent = self.agent_of(server)
        server.stop(signal.SIGKILL)
        wait_until(lambda: not is_running(agent), 'the agent ended with its guard')
        self.assertTrue(self.std_socket().is_socket())
        again = self.start()
        self.assertEqual(self.signs(again, key).returncode, 0)


class Hidden(GpgAgent):
    def test_no_path_leads_to_its_socket_for_ssh(self):
        server = self.start_hidden()
        self.add_key(server)
        sockets = {path for path in self.place.path.rglob('*') if path.is_socket()}
        self.assertEqual({path.name for path in sockets},
                         {'ssh-agent-guard.sock', 'control.sock', 'S.gpg-agent'})
        # gpg-agent tells everybody where it listens, which leads nobody there.
        told = re.search(r'^D (\S+)', self.ask_std('GETINFO ssh_socket_name'))[1]
        agent = self.agent_of(server)
        for path in (told, told.replace('self', str(agent)), told.replace('self', str(server.pid))):
            done = self.place.run(SSH_ADD, '-l', env={'SSH_AUTH_SOCK': path})
            self.assertEqual(done.returncode, 2, path)

    def test_other_programs_of_the_user_get_into_neither_guard_nor_agent(self):
        server = self.start_hidden()
        self.add_key(server)
        for pid in {server.pid, self.agent_of(server)}:
            self.assertEqual(self.pry(pid), [], command_line(pid))

    def test_pinentry_is_handed_nothing_that_leads_there(self):
        server = self.start_hidden()
        self.add_key(server)
        seen = self.seen.read_text()
        self.assertEqual(seen.splitlines()[0], '/')
        self.assertIn('pipe:', seen)
        self.assertNotIn('socket:', seen)

    def test_no_one_who_watches_the_start_keeps_a_handle(self):
        added = []

        def start():
            server = self.start_hidden(policy=LISTS_NO_KEYS)
            if not added:  # it keeps what it has
                added.append(self.add_key(server))
            return server

        self.watch_starts(4, start)


class Told(GpgAgent):
    """What stays open."""

    def test_its_own_socket_signs_for_everybody(self):
        server = self.start(guard.DENY_ALL.replace('deny', 'deny\ndefault_change_action: allow'))
        self.add_key(server)
        grip = next(self.gnupg.glob('private-keys-v1.d/*.key')).stem
        said = self.ask_std(f'SIGKEY {grip}', 'SETHASH --hash=sha256 ' + 32 * '00', 'PKSIGN')
        self.assertIn('sig-val', said)

    def test_doctor_says_so(self):
        server = self.start()
        done = self.place.run(self.place.program, 'doctor', '--json', env=server.env)
        self.assertEqual(done.returncode, 1)
        found = [finding for finding in map(json.loads, done.stdout.splitlines())
                 if finding['area'] == 'upstream']
        self.assertIn(str(self.std_socket()), found[0]['text'])
        self.assertEqual(found[0]['grade'], 'bad')
        self.assertIn('leave --upstream out', found[0]['advice'])

    def test_status_and_events_say_so(self):
        server = self.start()
        status = server.status()
        self.assertEqual(status['upstream'], NAME)
        self.assertTrue(status['upstream_reachable'])
        self.assertIn('signs as well', server.wait_event(trigger='upstream-started')['detail'])


class Open(GpgAgent):
    """Where nothing can be hidden, it works in a directory of the user's own, and that is told."""

    def test_it_listens_in_a_private_directory(self):
        server = own_namespace.start_guard(self, upstream=NAME)
        path, = self.place.runtime.glob('ssh-agent-guard/agent-*/s')
        self.assertEqual(path.parent.stat().st_mode & 0o777, 0o700)
        self.assertIn('user namespace', server.status()['upstream_reachable_why'])
        done = self.place.run(SSH_ADD, '-l', env={'SSH_AUTH_SOCK': str(path)})
        self.assertEqual(done.returncode, 1)  # it answers: it has no keys
        server.stop()
        self.assertFalse(path.parent.exists())


class Refuses(GpgAgent):
    def refused(self, *words):
        server = self.start(wait=False)
        server.asked_to_end = True
        self.assertEqual(server.process.wait(place.DEADLINE_S), 1)
        for word in words:
            self.assertIn(word, server.output())

    def test_another_gpg_agent_that_is_there_already_is_left_alone(self):
        self.place.spawn(GPG_AGENT, '--daemon', '--', 'sleep', '1000',
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = wait_until(lambda: re.search(r'^D \d+$', self.ask_std('GETINFO pid'), re.M),
                            'it answers')[0]
        self.refused(str(self.std_socket()), 'gpgconf --kill gpg-agent')
        self.assertIn(before, self.ask_std('GETINFO pid'))

    def test_a_directory_that_others_can_write_to_is_no_place_for_its_socket(self):
        self.gnupg.chmod(0o777)
        self.refused(str(self.gnupg), 'others can write')

    def test_what_is_no_socket_is_left_alone(self):
        self.place.write('home/gnupg/S.gpg-agent', 'precious')
        self.refused('no socket lies')
        self.assertEqual((self.gnupg / 'S.gpg-agent').read_text(), 'precious')

    def test_an_agent_that_cannot_start_is_told_with_its_own_words(self):
        self.place.write('home/gnupg/gpg-agent.conf', 'no-such-option\ngpgconf-test\n')
        self.refused('gpg-agent ended with status', 'invalid option')

    def test_other_agents_are_no_choice(self):
        done = self.place.run(self.place.program, 'run', '--upstream', 'managed:other')
        self.assertEqual(done.returncode, 2)
        self.assertIn('managed:gpg-agent', done.stderr)


if __name__ == '__main__':
    unittest.main()
