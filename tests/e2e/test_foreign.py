"""An agent that the guard did not start: who could put another one in its place, and who reaches it."""

import json
import os
import re
import unittest

import guard
import place
from agent_client import EXTENSION, AgentClient, frame, string
from chains import ChainTest
from guard import SSH, SSH_ADD
from place import wait_until

NOBODY = 65534


class Foreign(guard.GuardTest):
    as_person = True

    def agent_at(self, path):
        agent = self.start_agent(str(path.relative_to(self.place.path)))
        self.add(agent, self.keys.make(path.parent.name))
        return agent

    def directory(self, name, mode):
        path = self.place.make_directory(self.place.path / name)
        path.chmod(mode)
        return path

    def refused(self, upstream, *words):
        """The guard does not start, and says so with these words."""
        server = self.start_guard(upstream=upstream, wait=False)
        server.asked_to_end = True
        self.assertEqual(server.process.wait(place.DEADLINE_S), 1)
        for word in words:
            self.assertIn(word, server.output())
        self.assertFalse(server.socket.exists())

    def serves(self, upstream):
        server = self.start_guard(upstream=upstream)
        self.assertIn('ED25519', self.place.run_ok(SSH_ADD, '-l', env=server.env))
        return server

    def examine(self, server):
        done = self.place.run(self.place.program, 'doctor', '--json', env=server.env)
        findings = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, [(finding['grade'], finding['text']) for finding in findings
                                 if finding['area'] == 'upstream']


class OfThePolicy(Foreign):
    """`upstream:` in the policy: the command line goes before it, and the floor before both."""

    def setUp(self):
        super().setUp()
        self.agent = self.agent_at(self.directory('own', 0o700) / 's')
        self.policy = f'upstream: {self.agent.socket}\n{guard.ALLOW_ALL}'

    def keys_of(self, server):
        return self.place.run(SSH_ADD, '-l', env=server.env).stdout

    def test_it_is_the_agent_where_no_option_says_another(self):
        server = self.start_guard(self.policy)
        self.assertIn('ED25519', self.keys_of(server))
        self.assertEqual(server.status()['upstream'], str(self.agent.socket))
        server.stop()
        server = self.start_guard(self.policy, upstream='managed')
        self.assertIn('no identities', self.keys_of(server))
        server.stop()
        self.place.run_ok('ln', '-s', self.agent.socket, self.place.home / 'link')
        server = self.start_guard(f'upstream: ~/link\n{guard.ALLOW_ALL}')
        self.assertIn('ED25519', self.keys_of(server))

    def test_its_place_is_looked_at(self):
        agent = self.agent_at(self.directory('open', 0o777) / 's')
        server = self.start_guard(f'upstream: {agent.socket}\n{guard.ALLOW_ALL}', wait=False)
        server.asked_to_end = True
        self.assertEqual(server.process.wait(place.DEADLINE_S), 1)
        self.assertIn('others may write to', server.output())

    def test_another_one_counts_from_the_next_start_on(self):
        server = self.start_guard(upstream=None)
        self.assertIn('no identities', self.keys_of(server))
        server.write_policy(self.policy)
        event = server.wait_event(trigger='upstream-later')
        self.assertIn(str(self.agent.socket), event['detail'])
        self.assertIn('no identities', self.keys_of(server))
        server.stop()
        server = self.start_guard(self.policy)
        self.assertIn('ED25519', self.keys_of(server))


class Round(Foreign):
    """Guards whose real agent is a guard, so that a request would come back to where it was."""

    POLICY = guard.ALLOW_ALL

    def pair(self):
        """Two guards, each the other's real agent."""
        first, second = (self.place.make_directory(self.place.path / name)
                         for name in ('first', 'second'))
        sockets = first / 's', second / 's'
        servers = []
        for directory, own, other in ((first, *sockets), (second, *sockets[::-1])):
            runtime = self.place.make_directory(directory / 'runtime')
            server = self.start_guard(
                self.POLICY, upstream=other, socket=own,
                arguments=('--state-dir', directory / 'state'),
                env={'XDG_RUNTIME_DIR': str(runtime)})
            server.state = directory / 'state'
            server.env['XDG_RUNTIME_DIR'] = str(runtime)
            servers.append(server)
        return servers

    def descriptors(self, server):
        return len(os.listdir(f'/proc/{server.pid}/fd'))

    def loops(self, servers):
        return [event for server in servers for event in server.events(reason='upstream-loop')]

    def test_a_ring_of_two_refuses_what_comes_back(self):
        servers = self.pair()
        key = self.keys.make('key')
        text = self.place.write('text', 'data')
        before = [self.descriptors(server) for server in servers]
        os.rename(key, f'{key}.away')  # ssh-keygen would sign by it
        for server in servers:
            done = self.place.run(SSH_ADD, '-l', env=server.env)
            self.assertIn('no identities', done.stdout)
            self.assertNotEqual(self.place.run(SSH_ADD, f'{key}.away', env=server.env).returncode, 0)
            done = self.place.run(guard.SSH_KEYGEN, '-Y', 'sign', '-n', 'file', '-f', f'{key}.pub',
                                  text, env=server.env)
            self.assertNotEqual(done.returncode, 0)
        events = self.loops(servers)
        self.assertEqual({event['trigger'] for event in events}, {'list', 'add'})
        for event in events:
            self.assertEqual(event['decision'], 'deny')
            self.assertIn(event['local_pid'], [server.pid for server in servers])
        for server, first in zip(servers, before):
            wait_until(lambda: self.descriptors(server) <= first + 2, 'connections have ended')
            wait_until(lambda: 'requests go round' in server.status().get('text', ''), 'it is told')

    def test_what_passes_without_a_rule_does_not_go_round_either(self):
        servers = self.pair()
        for server in servers:
            with AgentClient(server.socket) as client:
                client.send(frame(EXTENSION, string('query')))
                client.receive()
        self.assertIn('query', {event['trigger'] for event in self.loops(servers)})

    def test_doctor_finds_it(self):
        servers = self.pair()
        for server in servers:
            done = server.command('doctor', '--json', '--listen', server.socket, env=server.env)
            self.assertEqual(done.returncode, 1)
            self.assertIn('requests go round', done.stdout)

    def test_it_is_well_again_once_the_other_has_a_real_agent(self):
        first, second = self.pair()
        self.place.run(SSH_ADD, '-l', env=first.env)
        wait_until(lambda: first.status().get('state') == 'upstream-down', 'it is told')
        second.stop()
        agent = self.agent_at(self.place.make_directory(self.place.path / 'real') / 's')
        self.start_guard(self.POLICY, upstream=agent, socket=second.socket,
                         arguments=('--state-dir', second.state),
                         env={'XDG_RUNTIME_DIR': str(second.state.parent / 'runtime')})
        self.assertIn('ED25519', self.place.run_ok(SSH_ADD, '-l', env=first.env))
        wait_until(lambda: first.status().get('state') == 'idle', 'it is told')

    def test_a_chain_of_two_is_none(self):
        agent = self.agent_at(self.place.make_directory(self.place.path / 'real') / 's')
        below = self.place.make_directory(self.place.path / 'below')
        self.start_guard(self.POLICY, upstream=agent, socket=below / 's',
                         arguments=('--state-dir', below / 'state'),
                         env={'XDG_RUNTIME_DIR': str(self.place.make_directory(below / 'run'))})
        above = self.start_guard(self.POLICY, upstream=below / 's')
        self.assertIn('ED25519', self.place.run_ok(SSH_ADD, '-l', env=above.env))
        self.assertEqual(above.events(reason='upstream-loop'), [])

    def test_its_own_socket_in_a_new_policy_is_told_at_once(self):
        link = self.place.path / 'link'
        server = self.start_guard(f'upstream: {self.place.path}/nothing\n{guard.ALLOW_ALL}')
        os.symlink(server.socket, link)
        os.lchown(link, self.place.uid, -1)
        for path in server.socket, link:
            server.write_policy(f'upstream: {path}\n{guard.ALLOW_ALL}')
            event = wait_until(lambda: [event for event in server.events(trigger='upstream-later')
                                       if f'{path} ' in event['detail']], 'it is told')[-1]
            self.assertIn("is the guard's own socket", event['detail'])
        server.stop()
        server = self.start_guard(None, wait=False)
        server.asked_to_end = True
        self.assertEqual(server.process.wait(place.DEADLINE_S), 2)
        self.assertIn("the guard's own socket", server.output())


class Place(Foreign):
    def test_a_directory_of_its_own_is_good(self):
        server = self.serves(self.agent_at(self.directory('own', 0o700) / 's'))
        self.assertNotIn('upstream', server.output())
        status = server.status()
        self.assertTrue(status['upstream_reachable'])
        self.assertEqual(status['upstream_reachable_why'], 'its path leads there')

    def test_one_that_others_may_write_to_is_refused(self):
        for mode in (0o777, 0o1777, 0o770, 0o702):
            path = self.directory(f'open{mode:o}', mode)
            agent = self.agent_at(path / 's')
            self.refused(agent, f'others may write to {path} (mode {mode:04o})', 'chmod go-w')

    def test_so_is_one_above_it(self):
        above = self.directory('above', 0o777)
        agent = self.agent_at(self.directory('above/own', 0o700) / 's')
        self.refused(agent, f'others may write to {above} ')
        above.chmod(0o1777)  # nobody else can move what is in it
        self.serves(agent)

    def test_so_is_what_anybody_could_make_before_the_agent_does(self):
        for upstream in ('/tmp/sag-not-there.sock', '/tmp/sag-not-there/agent.sock'):
            self.refused(upstream, 'others may write to /tmp ')
        server = self.start_guard(upstream=self.place.home / 'not/there/yet.sock')
        self.assertNotIn('others', server.output())

    @unittest.skipUnless(os.getuid() == 0, 'needs root, to give directories to others')
    def test_so_is_one_that_is_another_users(self):
        path = self.directory('theirs', 0o755)
        agent = self.agent_at(self.directory('theirs/own', 0o700) / 's')
        os.chown(path, NOBODY, -1)
        self.refused(agent, f'{path} belongs to user {NOBODY}')

    @unittest.skipUnless(os.getuid() == 0, 'needs root, to give sockets to others')
    def test_so_is_another_users_agent(self):
        agent = self.agent_at(self.directory('own', 0o755) / 's')
        os.chown(agent.socket, NOBODY, -1)
        self.refused(agent, f'{agent.socket} belongs to user {NOBODY}')

    def test_links_are_followed_and_what_holds_them_is_looked_at(self):
        agent = self.agent_at(self.directory('own', 0o700) / 's')
        links = self.directory('links', 0o700)
        (links / 'absolute').symlink_to(agent.socket)
        (links / 'relative').symlink_to('../own')
        (links / 'twice').symlink_to('./relative/../links/absolute')
        for path in (links / 'absolute', links / 'relative/s', links / 'twice'):
            self.serves(path).stop()
        links.chmod(0o777)
        for path in (links / 'absolute', links / 'relative/s'):
            self.refused(path, f'others may write to {links} ')
        links.chmod(0o700)
        (links / 'round').symlink_to('round')
        self.refused(links / 'round', 'more than 40 links')

    @unittest.skipUnless(os.getuid() == 0, 'needs root, to give links to others')
    def test_another_users_link_is_refused(self):
        agent = self.agent_at(self.directory('own', 0o700) / 's')
        link = self.directory('sticky', 0o1777) / 'link'
        link.symlink_to(agent.socket.parent)
        os.chown(link, self.place.uid, -1, follow_symlinks=False)
        self.serves(link / 's').stop()
        os.chown(link, NOBODY, -1, follow_symlinks=False)
        self.refused(link / 's', f'{link} belongs to user {NOBODY}')

    def test_a_directory_that_others_may_enter_is_told(self):
        path = self.directory('entered', 0o755)
        agent = self.agent_at(path / 's')
        server = self.serves(agent)
        self.assertRegex(server.output(), f'{path}/s: .*mode 0755.*chmod 700')
        path.chmod(0o700)
        server.stop()
        self.assertNotIn('0755', self.serves(agent).output())

    def test_one_that_nobody_can_get_to_is_not_told(self):
        self.directory('closed', 0o700)
        agent = self.agent_at(self.directory('closed/entered', 0o755) / 's')
        self.assertNotIn('0755', self.serves(agent).output())


class Reached(Foreign):
    """doctor tries, and says who else."""

    def test_by_the_users_own_programs(self):
        server = self.serves(self.agent_at(self.directory('own', 0o700) / 's'))
        status, found = self.examine(server)
        self.assertEqual(status, 1)
        self.assertEqual([grade for grade, _ in found], ['bad'])
        self.assertIn('told doctor of 1 key', found[0][1])

    def test_by_nobody_while_it_is_away(self):
        server = self.start_guard(upstream=self.directory('own', 0o700) / 's')
        status, found = self.examine(server)
        self.assertEqual([grade for grade, _ in found], ['bad'])
        self.assertIn('does not answer now', found[0][1])

    def test_by_other_users_where_the_socket_lets_them(self):
        agent = self.agent_at(self.directory('entered', 0o755) / 's')
        server = self.serves(agent)
        _, found = self.examine(server)
        self.assertIn('note', [grade for grade, text in found if 'mode 0755' in text])
        agent.socket.chmod(0o666)
        _, found = self.examine(server)
        self.assertIn('bad', [grade for grade, text in found if 'other users' in text])
        if os.getuid() == 0:  # so it is
            done = self.place.run(SSH_ADD, '-l', env=agent.env, user=NOBODY, group=NOBODY)
            self.assertNotIn('Error connecting', done.stderr)
        agent.socket.chmod(0o600)
        if os.getuid() == 0:
            done = self.place.run(SSH_ADD, '-l', env=agent.env, user=NOBODY, group=NOBODY)
            self.assertIn('Error connecting', done.stderr)

    def test_by_other_users_who_can_exchange_it_by_now(self):
        path = self.directory('own', 0o700)
        server = self.serves(self.agent_at(path / 's'))
        path.chmod(0o777)
        _, found = self.examine(server)
        self.assertIn('bad', [grade for grade, text in found if f'others may write to {path}' in text])


class Moved(ChainTest):
    """An agent that comes by ssh, put into a directory of our own."""

    def test_a_forwarded_agent_in_a_directory_of_ours_stands_behind_a_guard(self):
        directory = self.place.make_directory(self.place.path / 'upstream')
        directory.chmod(0o700)
        path = directory / 'agent.sock'
        output = self.place.path / 'ssh.out'
        with output.open('wb') as file:
            self.place.spawn(SSH, '-F', self.hosts['a'].client_config, '-o',
                             'ExitOnForwardFailure=yes', '-R', f'{path}:{self.agent.socket}', 'a',
                             'echo there; exec sleep 600', stdout=file, env=self.agent.env)
        wait_until(lambda: 'there' in output.read_text(), 'the login is there')
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.start(upstream=path)
        self.assertNotIn('upstream', self.guard.output())
        self.assertTrue(self.arrives('b'))
        self.assertEqual(len(self.signed(decision='allow')), 1)

    def test_a_forwarded_agent_where_sshd_puts_it_does_as_well(self):
        output = self.place.path / 'ssh.out'
        with output.open('wb') as file:
            self.place.spawn(SSH, '-F', self.hosts['a'].client_config, '-A', 'a',
                             'echo at $SSH_AUTH_SOCK; exec sleep 600', stdout=file,
                             env=self.agent.env)
        there = wait_until(lambda: re.search(r'at (/\S+)\n', output.read_text()), 'the login')[1]
        self.assertNotEqual(there, str(self.agent.socket))
        self.start(upstream=there)
        self.assertTrue(self.arrives('b'))


if __name__ == '__main__':
    unittest.main()
