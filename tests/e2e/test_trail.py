"""What the trail of a guard is worth: what is counted, and what never is."""

import datetime
import json
import os
import select
import shutil
import subprocess
import unittest

import guard
from agent_client import FAILURE, REMOVE_ALL, SIGN_RESPONSE, SUCCESS, AgentClient, sign_request
from place import wait_until


class WithKey(guard.GuardTest):
    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()
        self.key = self.keys.make()
        self.blob = self.keys.blob(self.key)
        self.add(self.agent, self.key)

    def sign(self, server, count=1, expected=SIGN_RESPONSE):
        with AgentClient(server.socket) as client:
            for _ in range(count):
                self.assertEqual(client.sign(self.blob)[0], expected)


class Repeats(WithKey):
    def test_refusals_that_repeat_are_counted_and_none_is_lost(self):
        server = self.start_guard(guard.DENY_ALL, upstream=self.agent)
        self.sign(server, 500, FAILURE)
        server.stop()
        found = server.events(trigger='sign', decision='deny')
        self.assertLess(len(found), 100)  # on a slow machine several windows
        self.assertEqual(sum(event.get('repeated', 1) for event in found), 500)
        counts = [event for event in found if 'repeated' in event]
        self.assertEqual(counts[-1]['exe_path'], found[0]['exe_path'])
        self.assertEqual(counts[-1]['key_fingerprint'], self.keys.fingerprint(self.key))
        self.assertLessEqual(counts[-1]['repeated_first'], counts[-1]['repeated_last'])
        self.assertEqual(server.events()[-1]['trigger'], 'stop')  # which tells all before
        self.assertIn('again, times ', server.command('log').stdout)
        stamps = [event['timestamp'] for event in server.events()]
        self.assertEqual(stamps, sorted(stamps))

    def test_a_refusal_tells_which_rules_were_tried(self):
        server = self.start_guard(guard.DENY_ALL + 'rules:\n'
                                  '- {name: other, match: {exe: /nowhere}, action: allow}\n'
                                  '- {name: adds, match: {operation: add}, action: allow}\n'
                                  '- {name: this, match: {}, action: deny}\n'
                                  '- {name: late, match: {}, action: deny}\n',
                                  upstream=self.agent)
        self.sign(server, 1, FAILURE)
        trace = server.wait_event(trigger='sign')['forensics']['rule_trace']
        self.assertEqual(trace, ['other: no exe', 'this: fits'])

    def test_signatures_are_never_counted_together(self):
        server = self.start_guard(upstream=self.agent)
        self.sign(server, 100)
        self.assertEqual(len(server.events(trigger='sign', decision='allow')), 100)


class Sync(WithKey):
    """log.sync: always. strace stands for a slow disk, and for a broken one."""

    def attach(self, server, *words):
        strace = shutil.which('strace')
        if not strace:
            self.skipTest('needs strace, to be a disk')
        trace = self.place.path / 'trace'
        attached = self.place.spawn(strace, '-qq', '-f', '-e', 'trace=fdatasync', *words, '-o',
                                    trace, '-p', server.pid, stderr=subprocess.DEVNULL)
        wait_until(lambda: 'TracerPid:\t0' not in open(f'/proc/{server.pid}/status').read() or
                   attached.poll() is not None, 'it is watched')
        if attached.poll() is not None:
            self.skipTest('strace may not look here')
        return attached, trace

    def test_an_answer_waits_for_its_own_event_and_others_do_not(self):
        server = self.start_guard(guard.ALLOW_ALL + 'log: {sync: always}\n', upstream=self.agent)
        self.sign(server)
        attached, trace = self.attach(server, '-e', 'inject=fdatasync:delay_enter=3s')
        with AgentClient(server.socket) as waits, AgentClient(server.socket) as other:
            waits.send(sign_request(self.blob, b'data'))
            # Its event is there, and not yet on the disk.
            wait_until(lambda: len(server.events(trigger='sign')) == 2, 'the event is written')
            self.assertEqual(len(other.identities()), 1)
            self.assertEqual(select.select([waits.socket], [], [], 0)[0], [])
            self.assertEqual(waits.receive()[0], SIGN_RESPONSE)
            # What changes the agent waits, too, and is then done.
            self.assertEqual(waits.ask(REMOVE_ALL)[0], SUCCESS)
        self.place.end(attached)
        self.assertGreaterEqual(trace.read_text().count('fdatasync('), 4)

    def test_what_is_not_on_the_disk_is_not_given_out(self):
        server = self.start_guard(guard.ALLOW_ALL + 'log: {sync: always}\n', upstream=self.agent)
        attached, _ = self.attach(server, '-e', 'inject=fdatasync:error=EIO')
        self.sign(server, 1, FAILURE)
        with AgentClient(server.socket) as client:
            self.assertEqual(client.ask(REMOVE_ALL)[0], FAILURE)
        wait_until(lambda: server.status()['state'] == 'log-error', 'the status says so')
        server.wait_output('written through')
        self.place.end(attached)
        wait_until(lambda: AgentClient(server.socket).sign(self.blob)[0] == SIGN_RESPONSE,
                   'signatures are given again')
        server.write_policy(guard.ALLOW_ALL + 'log: {sync: always, on_error: allow}\n')
        self.assertEqual(server.command('reload').returncode, 0)
        attached, _ = self.attach(server, '-e', 'inject=fdatasync:error=EIO')
        self.sign(server)
        self.place.end(attached)


class Life(WithKey):
    """Files end by size, are packed and removed; the chain and every reader go on."""

    LOG = 'log: {file_size: 64K, %s}\n'

    def files(self, server):
        return sorted(path.name for path in (server.state / 'events').iterdir())

    def verify(self, server, status=0):
        done = server.command('log', 'verify')
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stdout

    def shown(self, server, *words):
        done = server.command('log', '--json', *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def signatures(self, server):
        return [event['forensics']['sign_request_num']
                for event in self.shown(server, '--field', 'trigger=sign')]

    def test_a_long_day_has_several_files_and_all_is_shown_and_followed(self):
        server = self.start_guard(guard.ALLOW_ALL + self.LOG % 'compress: false',
                                  upstream=self.agent)
        follow = self.place.spawn(server.program, 'log', '--follow', '--json', '--since', '1h',
                                  '--field', 'trigger=sign', stdout=subprocess.PIPE)
        self.addCleanup(follow.stdout.close)
        self.sign(server, 200)
        self.assertGreaterEqual(len(self.files(server)), 3)
        self.assertRegex(self.files(server)[1], r'^....-..-..p002\.yaml$')
        self.assertEqual(self.signatures(server), list(range(1, 201)))
        followed = [json.loads(follow.stdout.readline()) for _ in range(200)]
        self.assertEqual([event['forensics']['sign_request_num'] for event in followed],
                         list(range(1, 201)))
        self.place.end(follow)
        self.assertIn('every event is as it was written', self.verify(server))

    def test_closed_files_are_packed_and_nobody_notices(self):
        server = self.start_guard(guard.ALLOW_ALL + self.LOG % 'compress: true',
                                  upstream=self.agent)
        follow = self.place.spawn(server.program, 'log', '--follow', '--json', '--since', '1h',
                                  '--field', 'trigger=sign', stdout=subprocess.PIPE)
        self.addCleanup(follow.stdout.close)
        self.sign(server, 200)

        def packed():
            plain = [name for name in self.files(server) if name.endswith('.yaml')]
            return len(plain) == 1 and len(self.files(server)) > 2
        wait_until(packed, 'all but the last file are packed')
        self.assertEqual(self.signatures(server), list(range(1, 201)))
        followed = [json.loads(follow.stdout.readline()) for _ in range(200)]
        self.assertEqual([event['forensics']['sign_request_num'] for event in followed],
                         list(range(1, 201)))
        self.place.end(follow)
        self.assertIn('every event is as it was written', self.verify(server))
        # A packed file that somebody changed is named.
        server.stop()
        first = server.state / 'events' / self.files(server)[0]
        good = first.read_bytes()
        for bad in (good[:-10], good[:100] + bytes([good[100] ^ 1]) + good[101:], b'', good * 2):
            first.write_bytes(bad)
            self.assertRegex(self.verify(server, 1), rf'FAULT[^\0]*place: +{first.name}, ')
        first.write_bytes(good)
        self.verify(server)
        # What a crash leaves in the middle of packing.
        plain = first.with_suffix('')
        plain.write_bytes(subprocess.run(['zstd', '-dc', first], check=True,
                                         stdout=subprocess.PIPE).stdout)
        plain.chmod(0o600)
        self.assertEqual(self.signatures(server), list(range(1, 201)))
        self.start_guard(guard.ALLOW_ALL + self.LOG % 'compress: true', upstream=self.agent)
        wait_until(lambda: not plain.exists(), 'packing is finished')
        self.assertEqual(self.signatures(server), list(range(1, 201)))
        self.verify(server)

    def test_what_is_too_much_is_removed_and_verify_knows_by_whom(self):
        server = self.start_guard(guard.ALLOW_ALL + self.LOG % 'keep_size: 200K, compress: false',
                                  upstream=self.agent)
        self.sign(server, 300)
        event = server.wait_event(trigger='log-expired')
        self.assertGreater(event['kept_from'], 1)
        wait_until(lambda: len(self.files(server)) <= 5, 'old files are gone')
        text = self.verify(server)
        self.assertRegex(text, r'older: +the \d+ events before were removed by the guard')
        self.assertEqual(self.signatures(server)[-1], 300)
        # The same by another hand is found.
        os.unlink(server.state / 'events' / self.files(server)[0])
        self.assertRegex(self.verify(server, 1), r'FAULT: +removed: ')

    def test_no_false_old_file_has_the_guard_answer_for_what_was_taken(self):
        policy = guard.ALLOW_ALL + 'log: {keep: 30d, compress: false}\n'
        days = []
        for back in 3, 2, 1, 0:
            server = self.start_guard(policy, upstream=self.agent)
            self.sign(server, 2)
            server.stop()
            newest = server.state / 'events' / self.files(server)[-1]
            day = datetime.date.fromisoformat(newest.stem) - datetime.timedelta(days=back)
            days.append(newest.rename(newest.with_name(f'{day}.yaml')))
        last = b'---\n' + days[1].read_bytes().split(b'---\n')[-1]
        days[0].unlink()
        days[1].unlink()
        for false in b'junk\n', last:  # the last one fits, but for its day
            planted = days[0].with_name('2000-01-01.yaml')
            planted.write_bytes(false)
            os.chown(planted, days[2].stat().st_uid, days[2].stat().st_gid)
            server = self.start_guard(policy, upstream=self.agent)
            self.sign(server)
            event = server.wait_event(trigger='log-expired')
            server.stop()
            self.assertFalse(planted.exists())
            self.assertNotIn('kept_from', event)
            self.assertRegex(self.verify(server, 1), r'FAULT: +removed: ')


if __name__ == '__main__':
    unittest.main()
