"""`log` and `log verify`, on what a real guard wrote."""

import contextlib
import datetime
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import termios
import unittest

import events
import guard
import place
from agent_client import FAILURE, SIGN_RESPONSE, AgentClient
from place import wait_until

HOSTILE = b'evil\x1b[2J\x1b]0;owned\x07\xff\xfe \xc2\x9b31m \xe2\x80\xae\xd7\x90 "q" \\x41 \xf0\x9f\x98\x80'
# What a terminal obeys: controls of either kind, and what turns the direction of writing.
OBEYED = re.compile('[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069'
                    '\u0590-\u08ff]')
COLOURS = re.compile('\x1b\\[(1|31|32|0)m')


def read_json(text):
    return [json.loads(line) for line in text.splitlines()]


class WithLog(guard.GuardTest):
    def setUp(self):
        super().setUp()
        agent = self.start_agent()
        key = self.keys.make()
        self.fingerprint = self.keys.fingerprint(key)
        self.blob = self.keys.blob(key)
        self.add(agent, key)
        self.guard = self.start_guard(upstream=agent)
        self.guard.wait_event(trigger='start')  # which comes after it answers
        self.agent = agent

    def sign(self, expected=SIGN_RESPONSE):
        with AgentClient(self.guard.socket) as client:
            self.assertEqual(client.sign(self.blob)[0], expected)

    def sign_and_be_denied(self):
        self.guard.write_policy(guard.DENY_ALL)
        self.assertEqual(self.guard.command('reload').returncode, 0)
        self.sign(FAILURE)

    def log(self, *words, status=0, **options):
        done = self.guard.command('log', *words, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    @property
    def directory(self):
        return self.guard.state / 'events'

    def day_files(self):
        return sorted(self.directory.glob('*.yaml'))

    def on_terminal(self, *words, columns=80, env=None):
        """What a terminal of that width gets to see."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
        process = self.place.spawn(self.guard.program, 'log', *words, stdout=slave, stderr=slave,
                                   env={'TERM': 'xterm', **(env or {})})
        os.close(slave)
        shown = b''
        with contextlib.suppress(OSError):  # EIO: the last one has closed it
            while chunk := os.read(master, 65536):
                shown += chunk
        os.close(master)
        self.assertEqual(process.wait(place.DEADLINE_S), 0, shown)
        return shown.decode('utf-8').replace('\r\n', '\n')


class Show(WithLog):
    def test_the_table_shows_who_used_which_key_and_what_became_of_it(self):
        self.sign()
        self.sign_and_be_denied()
        lines = self.log().stdout.splitlines()
        self.assertRegex(lines[0], r'^TIME +DECISION +TRIGGER +PROGRAM +KEY +WHY$')
        program = self.guard.events(trigger='sign')[0]['process_name']
        key = self.fingerprint.removeprefix('SHA256:')[:12]
        now = datetime.datetime.now().strftime('%Y-%m-')
        self.assertEqual(len(lines), 1 + len(self.guard.events()))
        # What was looked up of known hosts may come anywhere between.
        lines = [line for line in lines if '  known-hosts  ' not in line]
        self.assertRegex(lines[-3], rf'^{now}\S+ \d\d:\d\d:\d\d  allow +sign +{program} +'
                                    rf'{re.escape(key)} +default$')
        self.assertIn('  reload ', lines[-2])
        self.assertRegex(lines[-1], r'  deny +sign ')

    def test_json_is_the_same_as_the_documents(self):
        self.sign()
        written = self.guard.events()
        shown = read_json(self.log('--json').stdout)
        self.assertEqual(shown, written)
        self.assertIn('local_proc_tree', shown[-1])

    def test_yaml_is_what_was_written(self):
        self.sign()
        written = b''.join(path.read_bytes() for path in self.day_files())
        self.assertEqual(self.log('--yaml').stdout, written.decode())

    def test_requests_are_counted_with_bars(self):
        self.sign()
        self.sign()
        self.sign_and_be_denied()
        shown = self.log('--stats').stdout
        self.assertTrue(shown.startswith('3 requests\n'), shown)
        self.assertRegex(shown, r'(?m)^allow +2  [#\u2588]+$')
        self.assertRegex(shown, r'(?m)^deny +1  [#\u2588]+$')
        self.assertNotIn('\x1b', shown)
        self.assertTrue(self.log('--stats', '--decision', 'deny').stdout.startswith('1 request\n'))
        self.assertTrue(self.log('--stats', '--until', '1999-01-01').stdout == '0 requests\n')
        for columns in (50, 120):
            plain = self.on_terminal('--stats', columns=columns, env={'NO_COLOR': '1'})
            self.assertNotIn('\x1b', plain)
            self.assertLessEqual(max(map(len, plain.splitlines())), columns)
        self.assertIn('\x1b[1mDECISION', self.on_terminal('--stats'))
        for other in ('--json', '--follow'):
            self.assertEqual(self.guard.command('log', '--stats', other).returncode, 2)

    def test_events_are_chosen_by_what_they_say(self):
        self.sign()
        self.sign_and_be_denied()
        denied = read_json(self.log('--json', '--decision', 'deny').stdout)
        self.assertEqual([event['decision'] for event in denied], ['deny'])
        both = read_json(self.log('--json', '--decision', 'deny', '--decision', 'allow',
                                  '--field', 'trigger=sign').stdout)
        self.assertEqual([event['decision'] for event in both], ['allow', 'deny'])
        exe = both[0]['local_proc_tree'][0]['exe']
        for term, count in ((f'key_fingerprint={self.fingerprint}', 2), ('local_pid=1', 0),
                            (f'local_pid={os.getpid()}', 2), ('trigger=start', 1),
                            (f'local_proc_tree.exe={exe}', 2), ('local_proc_tree.exe=/none', 0),
                            (f'command={both[0]["command"][-1]}', 2),
                            ('forensics.sign_request_num=2', 1), ('trigger=sig', 0)):
            with self.subTest(term):
                self.assertEqual(len(read_json(self.log('--json', '--field', term).stdout)), count)

    def test_a_field_that_no_event_has_is_named(self):
        done = self.log('--field', 'exepath=/usr/bin/ssh')
        self.assertEqual(done.stdout, '')
        self.assertIn('exepath', done.stderr)

    def test_events_are_chosen_by_their_time(self):
        self.sign()
        all_events = read_json(self.log('--json').stdout)
        for words, expected in ((['--since', '2 hours ago'], all_events),
                                (['--since', 'now'], []),
                                (['--until', '2 hours ago'], []),
                                (['--since', 'yesterday', '--until', 'now'], all_events),
                                (['--since', all_events[-1]['timestamp']], all_events[-1:]),
                                (['--until', all_events[0]['timestamp']], all_events[:1]),
                                (['--since', '2020-01-01', '--until', '2020-01-01'], [])):
            with self.subTest(words):
                self.assertEqual(read_json(self.log('--json', *words).stdout), expected)

    def test_wrong_words_are_told_what_is_understood(self):
        for words, said in ((['--since', 'soon'], '2 hours ago'), (['--since', ''], '10m'),
                            (['--until', '2026-02-30'], '2026-11-23'),
                            (['--since', '25:00'], '09:30'),
                            (['--since', 'now', '--until', '1h'], 'later than'),
                            (['--follow', '--until', 'now'], '--follow'),
                            (['--decision', 'no'], 'confirm-denied'),
                            (['--field', 'rule'], 'NAME=VALUE'), (['--field', '=x'], 'NAME=VALUE'),
                            (['--json', '--yaml'], '--json'), (['--state-dir', ''], 'empty'),
                            (['--listen', 'x'], 'verify'), (['check'], 'check'),
                            (['verify', 'now'], 'now'), (['verify', '--json'], '--json'),
                            (['--bogus'], '--bogus'), (['--since'], 'needs a value')):
            with self.subTest(words):
                done = self.log(*words, status=2)
                self.assertEqual(done.stdout, '')
                self.assertIn(said, done.stderr)

    def test_help_names_every_option(self):
        text = self.log('--help').stdout
        for option in ('--since', '--until', '--decision', '--field', '--json', '--yaml',
                       '--stats', '--follow', '--state-dir', 'verify', '2 hours ago'):
            self.assertIn(option, text)

    # --- hostile text, terminals

    def use_hostile_program(self):
        """Signs as a program whose name is hostile."""
        program = self.place.copy_program(guard.SSH_KEYGEN, os.fsdecode(HOSTILE))
        text = self.place.write('home/text', 'signed')
        self.place.run_ok(program, '-q', '-Y', 'sign', '-n', 'file', '-f', self.keys.place.home /
                          'id.pub', text, env=self.guard.env)
        self.guard.wait_event(trigger='sign')

    def test_hostile_names_are_json_with_the_documented_escape(self):
        self.use_hostile_program()
        done = self.log('--json', '--field', 'trigger=sign')
        self.assertTrue(done.stdout.isascii())
        name = read_json(done.stdout)[-1]['process_name'].encode()
        undone = re.sub(rb'\\x([0-9a-f]{2})', lambda m: bytes.fromhex(m[1].decode()), name)
        self.assertEqual(undone, HOSTILE)
        # And the escaped form finds it again, as does the name itself.
        for value in (os.fsdecode(name), os.fsdecode(HOSTILE.replace(b'\\x41', b'\\x5cx41'))):
            found = self.log('--json', '--field', f'process_name={value}').stdout
            self.assertEqual(len(read_json(found)), 1, value)

    def test_no_terminal_obeys_an_event(self):
        self.use_hostile_program()
        # And a file that the guard did not write: raw bytes within the quotes.
        day = self.day_files()[-1]
        day.write_bytes(day.read_bytes() + b'---\ntimestamp: "\x1b[1m"\ntrigger: "\x1b]0;x\x07\xff"\n'
                        b'detail: "\x9b31m"\n...\n')
        for lang in ('C.UTF-8', 'C'):
            for words in ([], ['--yaml']):
                with self.subTest((lang, words)):
                    shown = self.on_terminal(*words, columns=400, env={'LANG': lang})
                    self.assertNotRegex(COLOURS.sub('', shown), OBEYED)
                    self.assertIn(r'\x1b', shown)
                    if lang == 'C':
                        self.assertTrue(shown.isascii())
        self.assertNotRegex(self.log().stdout, OBEYED)

    def test_the_table_fits_the_terminal(self):
        self.use_hostile_program()
        for columns in (10, 20, 40, 60, 80, 100, 132, 250):
            with self.subTest(columns):
                shown = self.on_terminal(columns=columns, env={'NO_COLOR': '1'})
                self.assertNotIn('\x1b', shown)
                for line in shown.splitlines():
                    wide = sum(ord(letter) >= 0x1f000 for letter in line)
                    self.assertLessEqual(len(line) + wide, columns, line)

    def test_only_a_terminal_gets_colours(self):
        self.sign()
        self.assertIn('\x1b[32mallow', self.on_terminal())
        self.assertNotIn('\x1b', self.on_terminal(env={'NO_COLOR': '1'}))
        self.assertNotIn('\x1b', self.on_terminal(env={'TERM': 'dumb'}))
        self.assertNotIn('\x1b', self.log(env={'TERM': 'xterm'}).stdout)

    # --- following

    def follow(self, *words):
        process = self.place.spawn(self.guard.program, 'log', '--follow', *words,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return process

    def read_line(self, process):
        self.assertTrue(select.select([process.stdout], [], [], place.DEADLINE_S)[0], 'no line')
        line = b''
        while not line.endswith(b'\n'):
            byte = os.read(process.stdout.fileno(), 1)
            self.assertTrue(byte, 'the end instead of a line')
            line += byte
        return line.decode()

    def test_following_shows_events_as_they_happen_until_interrupted(self):
        process = self.follow('--json', '--field', 'trigger=sign', '--since', '1h')
        for number in (1, 2, 3):
            self.sign()
            event = json.loads(self.read_line(process))
            self.assertEqual(event['forensics']['sign_request_num'], number)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(place.DEADLINE_S), -signal.SIGINT)
        self.assertEqual(process.stdout.read(), b'')
        self.assertEqual(process.stderr.read(), b'')

    def test_following_begins_now_unless_told(self):
        self.sign()
        process = self.follow()
        self.assertTrue(self.read_line(process).startswith('TIME'))
        self.sign_and_be_denied()
        while ' reload ' not in (line := self.read_line(process)):
            self.assertNotIn(' deny ', line)
        while ' deny ' not in self.read_line(process):
            pass  # what else a new policy has to tell
        place.Place.end(self.place, process)

    def test_following_goes_on_over_midnight(self):
        process = self.follow('--json', '--since', '2020-01-01')
        for _ in self.guard.events():
            self.read_line(process)
        for day in ('2090-01-01', '2090-01-02'):
            for hour in (1, 2):
                with open(self.directory / f'{day}.yaml', 'a') as file:
                    file.write(f'---\ntimestamp: "{day}T0{hour}:00:00.000000Z"\n...\n')
                self.assertEqual(json.loads(self.read_line(process))['timestamp'],
                                 f'{day}T0{hour}:00:00.000000Z')
        place.Place.end(self.place, process)

    def test_following_waits_for_the_end_of_an_event_and_survives_a_mended_one(self):
        process = self.follow('--json', '--since', '2080-01-01')
        day = self.directory / '2090-01-01.yaml'
        event = b'---\ntimestamp: "2090-01-01T00:00:00.000000Z"\ndetail: "%s"\n...\n'
        day.write_bytes(event % b'first' + (event % b'half')[:30])
        self.assertEqual(json.loads(self.read_line(process))['detail'], 'first')
        os.truncate(day, len(event % b'first'))
        with open(day, 'ab') as file:
            file.write(event % b'mended')
        self.assertEqual(json.loads(self.read_line(process))['detail'], 'mended')
        place.Place.end(self.place, process)

    def test_following_goes_on_in_a_directory_that_was_made_anew(self):
        process = self.follow('--json', '--field', 'trigger=sign', '--since', '1h')
        self.sign()
        self.read_line(process)
        self.directory.rename(self.guard.state / 'away')
        self.sign()
        self.assertEqual(json.loads(self.read_line(process))['trigger'], 'sign')
        place.Place.end(self.place, process)
        self.assertIn(b'replaced', process.stderr.read())

    def test_a_reader_that_went_away_ends_it(self):
        process = self.follow()
        self.read_line(process)
        process.stdout.close()  # with nothing more to write
        self.assertIn(process.wait(place.DEADLINE_S), (0, -signal.SIGPIPE))
        self.assertEqual(process.stderr.read(), b'')

    def test_an_output_that_takes_nothing_is_an_error(self):
        with open('/dev/full', 'wb') as full:
            process = self.place.spawn(self.guard.program, 'log', stdout=full,
                                       stderr=subprocess.PIPE)
            _, errors = process.communicate(timeout=place.DEADLINE_S)
        self.assertEqual(process.returncode, 1)
        self.assertIn(b'No space left', errors)

    # --- places that are not what they should be

    def test_a_state_directory_that_is_missing_is_named(self):
        for words in ([], ['verify'], ['--follow']):
            with self.subTest(words):
                done = self.log(*words, '--state-dir', '/nonexistent/place', status=2)
                self.assertIn('/nonexistent/place', done.stderr)
                self.assertIn('--state-dir', done.stderr)
        empty = self.place.make_directory(self.place.path / 'empty')
        self.assertIn('empty/events', self.log('--state-dir', empty, status=2).stderr)

    def test_a_day_that_cannot_be_read_does_not_hide_the_others(self):
        day = self.directory / '2026-01-01.yaml'
        for make, said in ((lambda: os.mkfifo(day), 'regular'), (day.mkdir, 'regular'),
                           (lambda: day.symlink_to('/etc/passwd'), 'link')):
            with self.subTest(said):
                make()
                done = self.log('--json', status=2)
                self.assertIn('2026-01-01.yaml', done.stderr)
                self.assertIn(said, done.stderr)
                self.assertEqual(read_json(done.stdout), self.guard_events_but(day))
                done = self.log('verify', status=2)
                self.assertIn('2026-01-01.yaml', done.stderr)
                day.rmdir() if day.is_dir() and not day.is_symlink() else day.unlink()

    def test_a_file_that_is_one_long_hole_keeps_nobody(self):
        count = len(self.guard.events())
        for name, where in (('2026-01-01.yaml', 'before'), ('2999-01-01.yaml', 'behind')):
            with self.subTest(where):
                day = self.directory / name
                day.touch()
                os.truncate(day, 1 << 40)
                for words in (('--json',), ('--stats',), ()):
                    done = self.log(*words, status=2)
                    self.assertIn(f'{name}: holds more than the guard writes', done.stderr)
                    if words == ('--json',):
                        self.assertEqual(len(read_json(done.stdout)), count)
                done = self.log('verify', status=1)
                self.assertRegex(done.stdout, rf'FAULT: .*\nplace: +{name}, line 1')
                day.unlink()

    def guard_events_but(self, day):
        found = []
        for path in self.day_files():
            if path != day:
                found += events.read_documents(path.read_text())
        return found

    def test_what_is_no_event_is_said_and_the_rest_shown(self):
        count = len(self.guard.events())
        day = self.day_files()[-1]
        text = day.read_bytes()
        day.write_bytes(b'garbage\n...\n' + text)
        done = self.log('--json', status=1)
        self.assertEqual(len(read_json(done.stdout)), count)
        self.assertIn('verify', done.stderr)
        # A crash's end is none of that.
        day.write_bytes(text + b'---\nseq: ')
        self.assertEqual(self.log('--json').stderr, '')

    def test_json_refuses_what_the_guard_never_writes(self):
        day = self.day_files()[-1]
        text = day.read_bytes()
        for bad in (b'detail: plain', b'detail: "\xff"', b'detail: "\x1b"', b'detail: "a" b',
                    b'detail: "\\q"', b'detail: "\\ud800"', b'detail: 01', b'detail: [1',
                    b'detail: 1\ndetail: 2', b'detail: *a', b'detail:', b'Detail: 1',
                    b'detail: ' + b'[' * 99 + b']' * 99):
            with self.subTest(bad):
                day.write_bytes(text + b'---\n' + bad + b'\n...\n')
                done = self.log('--json', status=1)
                self.assertEqual(len(read_json(done.stdout)), len(text.split(b'\n...\n')) - 1)


class Verify(WithLog):
    def setUp(self):
        super().setUp()
        for _ in range(3):
            self.sign()

    def verify(self, *words, status=0):
        return self.log('verify', *words, status=status).stdout

    def tamper(self, change):
        day = self.day_files()[-1]
        documents = re.findall(rb'(?s)---\n.*?\n\.\.\.\n', day.read_bytes())
        day.write_bytes(b''.join(change(documents)))
        return day

    def assert_fault(self, text, what, day, line, seq):
        self.assertRegex(text, rf'FAULT: +{what}: .*\nplace: +{day.name}, line {line}, event {seq}\n')

    def line_of(self, documents, index):
        return 1 + b''.join(documents[:index]).count(b'\n')

    def test_a_log_as_it_was_written_is_good(self):
        count = len(self.guard.events())
        text = self.verify()
        self.assertIn(f'{count} events, seq 1 to {count}; 1 day file', text)
        self.assertRegex(text, rf'anchor: +the guard that runs, which wrote event {count} last')
        self.assertIn('every event is as it was written\n', text)
        self.guard.stop()
        text = self.verify()
        self.assertIn(f'{count + 1} events', text)
        self.assertRegex(text, r'anchor: +none; .*none is running there')

    def test_a_changed_event_is_found_with_its_place(self):
        documents = []

        def change(found):
            documents[:] = found
            return [*found[:2], found[2].replace(b'"allow"', b'"deny"'), *found[3:]]
        day = self.tamper(change)
        self.assertNotEqual(documents[2], documents[2].replace(b'"allow"', b'"deny"'))
        self.assert_fault(self.verify(status=1), 'changed', day, self.line_of(documents, 2), 3)

    def test_a_removed_event_is_found_with_its_place(self):
        documents = []

        def remove(found):
            documents[:] = found
            return [*found[:2], *found[3:]]
        day = self.tamper(remove)
        self.assert_fault(self.verify(status=1), 'removed', day, self.line_of(documents, 2), 3)

    def test_an_inserted_event_is_found_with_its_place(self):
        documents = []

        def insert(found):
            documents[:] = found
            return [*found[:2], found[1], *found[2:]]
        day = self.tamper(insert)
        self.assert_fault(self.verify(status=1), 'inserted', day, self.line_of(documents, 2), 3)

    def test_a_cut_end_is_found_while_the_guard_runs(self):
        count = len(self.guard.events())
        self.tamper(lambda found: found[:-1])
        text = self.verify(status=1)
        self.assertRegex(text, rf'FAULT: +cut off: .*\nplace: .*event {count}\n')
        self.guard.stop(signal.SIGKILL)
        self.assertIn('anchor:  none', self.verify())

    def test_a_log_that_was_taken_away_whole_is_found_while_the_guard_runs(self):
        self.day_files()[-1].unlink()
        self.assertIn('cut off', self.verify(status=1))

    def test_a_log_that_was_written_anew_is_found_while_the_guard_runs(self):
        self.tamper(lambda found: [b'---\nseq: 1\nprev: "' + b'0' * 64 + b'"\n...\n'])
        self.assertIn('FAULT', self.verify(status=1))

    def test_an_unfinished_end_is_no_tampering(self):
        self.guard.stop(signal.SIGKILL)
        with open(self.day_files()[-1], 'ab') as file:
            file.write(b'---\nseq: 9\nprev: "00')
        text = self.verify()
        self.assertIn('unfinished tail', text)
        self.assertNotIn('FAULT', text)

    def test_a_guard_with_another_log_is_no_anchor(self):
        other = self.place.make_directory(self.place.path / 'other')
        self.place.make_directory(other / 'events')
        text = self.verify('--state-dir', other)
        self.assertIn('0 events', text)
        self.assertIn('writes another log', text)

    def test_listen_names_the_guard(self):
        socket = self.place.runtime / 'second.sock'
        state = self.place.path / 'second'
        second = guard.Guard(self.place, upstream=self.agent, socket=socket,
                             arguments=['--state-dir', state])
        self.assertIn('writes another log', self.verify('--state-dir', state))
        text = self.verify('--state-dir', state, '--listen', socket)
        self.assertIn('anchor:  the guard that runs', text)
        second.stop()



class Keeping(guard.GuardTest):
    """log.keep and log.sync of the policy."""

    def test_days_that_are_too_old_are_removed_and_the_rest_still_verifies(self):
        server = self.start_guard()
        server.stop()
        today = next((server.state / 'events').iterdir())
        day = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=3)
        before = f'{day:%Y-%m-%d}.yaml'
        for name in ('2020-01-01.yaml', '2020-01-02.yaml', before):
            (today.parent / name).write_bytes(b'')
            (today.parent / name).chmod(0o600)
        again = self.start_guard(policy=guard.ALLOW_ALL + 'log: {keep: 30d, sync: interval}\n')
        event = again.wait_event(trigger='log-expired')
        self.assertIn('2020-01-01.yaml to 2020-01-02.yaml', event['detail'])
        self.assertEqual({path.name for path in today.parent.iterdir()}, {before, today.name})
        self.place.run_ok(self.place.program, 'log', 'verify')


if __name__ == '__main__':
    unittest.main()
