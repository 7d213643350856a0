"""What status bars get: STATE/current.yaml, and what the guard itself renders of it, in tmux and for
i3status-rust."""

import os
import signal
import subprocess
import time
import unittest
import xml.etree.ElementTree

import events
from false_server import FalseServer
from guard import SSH_KEYGEN, wait_until
from place import command_line, descendants, without_landlock
from renderers import FIELDS, POLICY, TMUX, RendererTest, TmuxTest


class CurrentYaml(RendererTest):
    def run_script(self):
        """What a script of the older one makes of the status, when it is run by hand."""
        old = self.place.make_directory(self.place.home / '.local' / 'state') / 'ssh-ag'
        if not old.is_symlink():
            old.symlink_to(self.guard.state)
        self.place.run_ok(self.script)
        line = (self.place.home / 'rendered').read_text().splitlines()[-1]
        return dict(zip(FIELDS, line.split('|')))

    def wait_rendered(self, **expected):
        def rendered():
            found = self.run_script()
            # The script reads the file more than once, and it may be another one by then.
            agrees = ((found['grep_state'], found['grep_text'], found['sed_decision']) ==
                      (found['state'], f'"{found["text"]}"', found['decision']))
            return found if agrees and expected.items() <= found.items() else None
        return wait_until(rendered, f'rendered: {expected}')

    def test_scripts_of_the_older_one_understand_it(self):
        self.start()
        self.wait_rendered(state='idle', text='serving', decision='', error='no')
        self.assertEqual(self.sign().returncode, 0)
        found = self.wait_rendered(state='idle', decision='allow',
                                   text='ssh-keygen: sign for good')
        self.assertEqual(found['time_len'], str(len('15:04:05')))
        self.assertNotEqual(self.sign('other').returncode, 0)
        self.wait_rendered(state='idle', decision='deny',
                           text='ssh-keygen: sign for other DENIED')

    def test_they_see_what_waits_and_how_it_ended(self):
        self.start()
        self.enroll_pin()
        asking = self.ask()
        self.wait_rendered(state='confirming', method='pin',
                           text='CONFIRM: ssh-keygen: sign for ask')
        status = self.guard.status()
        self.assertEqual(status['pending']['decision'], 'confirm')
        self.assertEqual(status['pending']['local_pid'], asking.pid)
        self.assertEqual(status['waiting'], 1)
        self.assertEqual(self.guard.command('deny', '--all').returncode, 0)
        self.assertNotEqual(asking.wait(30), 0)
        self.wait_rendered(state='idle', decision='confirm-denied', method='',
                           text='ssh-keygen: sign for ask DENIED')
        self.assertNotIn('pending', self.guard.status())

    def test_they_see_what_became_of_the_policy(self):
        self.start()
        self.wait_rendered(state='idle', error='no')
        before = self.guard.status()['config']
        self.assertIs(before['is_current_version'], True)
        self.guard.write_policy('rules: [}\n')
        self.wait_rendered(state='reload-error', error='yes')
        errors = events.read_documents((self.guard.state / 'config_error.yaml').read_text())[0]
        self.assertIn('policy.yaml:1:', errors['errors'][0])
        self.assertIs(self.guard.status()['config']['is_current_version'], False)
        self.assertEqual(self.guard.status()['config']['config_sha256'], before['config_sha256'])
        self.guard.write_policy(POLICY + '# another\n')
        self.wait_rendered(error='no')
        wait_until(lambda: self.guard.status()['config']['config_sha256'] != before['config_sha256'],
                   'it is the new one')

    def test_a_start_with_a_good_policy_forgets_old_errors(self):
        self.start()
        self.guard.write_policy('nonsense\n')
        self.wait_state('reload-error')
        self.guard.stop()
        self.assertTrue((self.guard.state / 'config_error.yaml').exists())
        self.start()
        wait_until(lambda: not (self.guard.state / 'config_error.yaml').exists(), 'it is gone')

    def test_states_that_are_ours_are_named_too(self):
        self.start()
        self.assertEqual(self.guard.command('panic').returncode, 0)
        self.wait_rendered(state='locked')
        self.assertEqual(self.guard.command('panic', 'off').returncode, 0)
        self.agent.process.kill()
        self.agent.process.wait()
        self.sign()
        self.wait_rendered(state='upstream-down')

    def test_the_event_is_there_as_it_was_written(self):
        self.start()
        self.sign('other')
        event = self.guard.wait_event(decision='deny')
        status = wait_until(lambda: 'previous' in self.guard.status() and self.guard.status(),
                            'the status has it')
        previous = status['previous']
        self.assertEqual(previous.pop('timestamp_utc'), event['timestamp'])
        self.assertEqual(previous.pop('timestamp'), event['timestamp'][:19])
        for name in ('seq', 'prev', 'timestamp'):
            event.pop(name)
        self.assertEqual(previous, event)
        shown = events.read_documents(self.guard.command('status').stdout)[0]
        self.assertEqual(shown['previous']['decision'], 'deny')

    def test_an_event_of_any_size_is_told(self):
        """Arguments that take five bytes for each: of the caller, and of who is above it."""
        self.start()
        self.enroll_pin()
        wide = '\x01' * 4000

        def words(name_space):
            done = [*self.words(name_space, SSH_KEYGEN), '-I', wide]
            for _ in range(6):
                done = ['/bin/sh', '-c', 'shift; "$@"; exit $?', 'sh', wide, *done]
            return done

        self.place.run(*words('other'), env=self.guard.env)
        self.guard.wait_event(decision='deny')
        self.place.spawn(*words('ask'), env=self.guard.env, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
        wait_until(lambda: 'pending' in self.guard.status(), 'it waits')
        shown = self.guard.command('status')
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertGreater(len(shown.stdout), 1 << 16)
        self.assertIn('previous', events.read_documents(shown.stdout)[0])

    def test_hostile_names_are_not_fields_and_nothing_that_a_bar_obeys(self):
        """A program and a directory whose names would say allow, or be run by tmux."""
        self.start()
        for name in ('#(touch pwned)', '<span>', 'decision: allow', '#[bg=red]', '`id`$(id)'):
            with self.subTest(name):
                program = self.place.copy_program(SSH_KEYGEN, name)
                where = self.place.make_directory(self.place.home / 'decision: allow')
                self.sign('other', program=program, cwd=where)
                self.guard.wait_event(process_name=name)
                wait_until(lambda: self.guard.status().get('previous', {}).get('process_name') == name,
                           'the status has it')
                found = self.wait_rendered(decision='deny')
                self.assertEqual(set('#<>&$`\\"\'') & set(found['text']), set())
                self.assertEqual(self.guard.status()['previous']['local_cwd'], str(where))


def reads_as_markup(text):
    """Whether pango would take it: its elements are closed, and are spans with two colours."""
    root = xml.etree.ElementTree.fromstring(f'<markup>{text}</markup>')
    return all(element.tag == 'span' and set(element.attrib) == {'background', 'foreground'}
               and len(element) == 0 for element in root)


class I3status(RendererTest):
    STATUS = 'status: {renderers: [i3status-rust]}\n'

    @property
    def file(self):
        return self.guard.state / 'i3status'

    def shows(self, condition, what):
        wait_until(lambda: self.file.exists() and condition(self.file.read_text()), what)

    def test_the_file_shows_what_is_done_and_decays(self):
        self.start(self.STATUS)
        self.shows(lambda text: text == '', 'nothing, while all is well')
        self.assertEqual(self.file.stat().st_mode & 0o777, 0o600)
        self.sign()
        self.shows(lambda text: '> ssh-keygen: sign for good <' in text and '#268bd2' in text,
                   'what was allowed')
        self.shows(lambda text: text == '', 'it has decayed')
        self.sign('other')
        self.shows(lambda text: '> ssh-keygen: sign for other DENIED <' in text
                   and '#dc322f' in text, 'what was refused')
        self.assertTrue(reads_as_markup(self.file.read_text()))

    def test_it_is_replaced_whole_and_always_markup(self):
        self.start(self.STATUS)
        program = self.place.copy_program(SSH_KEYGEN, '<b>&"')
        inodes, seen = set(), set()
        for number in range(12):
            self.begin_to_sign('good' if number % 2 else 'other', program)
            end = time.monotonic() + 0.3
            while time.monotonic() < end:
                with self.file.open() as file:
                    inodes.add(os.fstat(file.fileno()).st_ino)
                    seen.add(file.read())
        for text in seen:
            self.assertTrue(reads_as_markup(text), text)
        self.assertTrue([text for text in seen if '> _b___: sign for other DENIED <' in text], seen)
        self.assertGreater(len(inodes), 1)

    def test_an_error_is_a_sign_beside_what_is_done_until_it_is_mended(self):
        self.start(self.STATUS)
        self.guard.write_policy('nonsense\n')
        self.shows(lambda text: '> ssh: reload-error <' in text, 'what is wrong')
        self.sign()
        self.shows(lambda text: 'sign for good <' in text and '> reload-error <' in text,
                   'both of them')
        self.guard.write_policy(POLICY + self.STATUS)
        self.shows(lambda text: 'reload-error' not in text, 'it is mended')

    def test_a_file_that_cannot_be_written_is_not_tried_again_and_again(self):
        self.start(self.STATUS)
        self.shows(lambda text: text == '', 'nothing, while all is well')
        self.file.unlink()
        self.place.make_directory(self.file)
        # A state that does not decay: whatever is done from here on is a try.
        self.assertEqual(self.guard.command('panic').returncode, 0)
        self.guard.wait_event(trigger='renderer-failed')
        current = self.guard.state / 'current.yaml'
        wait_until(lambda: 'renderer_failed' in self.guard.status(), 'the status says so')

        def rests():
            before = current.stat().st_ino
            time.sleep(1.5)
            return current.stat().st_ino == before
        wait_until(rests, 'the status is not written any more')

    def test_the_end_and_another_policy_leave_nothing_false(self):
        self.start(self.STATUS)
        self.assertEqual(self.guard.command('panic').returncode, 0)
        self.shows(lambda text: '> ssh: locked <' in text, 'the lock')
        self.guard.write_policy(POLICY)
        self.shows(lambda text: text == '', 'it is not rendered any more')
        self.guard.write_policy(POLICY + self.STATUS)
        self.shows(lambda text: '> ssh: locked <' in text, 'it is rendered again')
        self.guard.stop()
        self.shows(lambda text: '> ssh: stopped <' in text, 'there is no guard')


@unittest.skipUnless(TMUX, 'needs tmux')
class Tmux(TmuxTest):
    def test_it_shows_what_waits_until_it_is_answered(self):
        self.server('default')
        screen = self.attach('default')
        self.start()
        self.enroll_pin()
        asking = self.ask()
        wait_until(lambda: ' CONFIRM: ssh-keygen: sign for ask |end' in screen(), 'what waits')
        second = self.ask()
        wait_until(lambda: '(1 of 2) |end' in screen(), 'how many wait')
        self.assertEqual(self.guard.command('deny', '--all').returncode, 0)
        wait_until(lambda: ' ssh-keygen: sign for ask DENIED |end' in screen(), 'the answer')
        for process in (asking, second):
            self.assertNotEqual(process.wait(30), 0)

    def test_two_servers_show_the_same_until_another_policy_or_the_end(self):
        self.server('default')
        self.server('other')
        self.start()
        self.assertEqual(self.guard.command('panic').returncode, 0)
        for name in ('default', 'other'):
            wait_until(lambda: 'ssh: locked' in self.option(name), f'{name} shows the lock')
        self.guard.write_policy(POLICY)
        for name in ('default', 'other'):
            wait_until(lambda: self.option(name) == '', f'{name} shows nothing any more')
        self.guard.write_policy(POLICY + self.STATUS)
        wait_until(lambda: 'ssh: locked' in self.option(), 'the lock again')
        self.guard.stop()
        for name in ('default', 'other'):
            wait_until(lambda: 'ssh: stopped' in self.option(name), f'{name} shows the end')

    def test_names_of_programs_are_shown_and_not_obeyed(self):
        self.server('default')
        screen = self.attach('default')
        self.start()
        for name, shown in (('#(touch pwned)', '__touch pwned_'), ('#[bg=red]x', '_[bg=red]x'),
                            ('<span>', '_span_'), ('a#{host}', 'a__host_')):
            with self.subTest(name):
                self.sign('other', program=self.place.copy_program(SSH_KEYGEN, name))
                wait_until(lambda: f' {shown}: sign for other DENIED |end' in screen(), 'its name')
                self.assertNotIn(name, self.option())
        self.assertEqual(list(self.place.path.rglob('pwned')), [])

    def test_a_server_that_hangs_stops_neither_the_guard_nor_the_others(self):
        self.server('default')
        hung = self.server('hung')
        self.start()
        wait_until(lambda: self.guard.status()['state'] == 'idle', 'it serves')
        os.kill(hung, signal.SIGSTOP)
        self.assertEqual(self.guard.command('panic').returncode, 0)
        self.guard.wait_event(trigger='renderer-failed')
        wait_until(lambda: 'tmux: a server does not answer'
                   in self.guard.status().get('renderer_failed', ''), 'the status says so')
        wait_until(lambda: 'ssh: locked' in self.option(), 'the other one shows it')
        self.assertEqual(self.guard.command('panic', 'off').returncode, 0)
        wait_until(lambda: self.option() == '', 'and again')
        for _ in range(5):
            self.sign()
            wait_until(lambda: 'sign for good' in self.option(), 'and what is done')
        self.assertEqual(len(self.guard.events(trigger='renderer-failed')), 1)
        os.kill(hung, signal.SIGCONT)
        self.assertEqual(self.guard.command('panic').returncode, 0)
        wait_until(lambda: 'ssh: locked' in self.option('hung'), 'it is tried again', 60)
        wait_until(lambda: 'renderer_failed' not in self.guard.status(), 'and is well', 60)

    def test_what_is_no_tmux_hears_nothing(self):
        """Beside a real one: a socket that never answers, a link out of there, and another tmux."""
        self.server('default')
        false = FalseServer(self.own / 'false', holds=True)
        self.addCleanup(false.close)
        outside = FalseServer(self.place.path / 'outside', holds=True)
        self.addCleanup(outside.close)
        for server in (false, outside):
            os.chown(server.path, self.place.uid, -1)
        (self.own / 'link').symlink_to(outside.path)
        self.start()
        self.assertEqual(self.guard.command('panic').returncode, 0)
        wait_until(lambda: 'ssh: locked' in self.option(), 'the real one shows it')
        self.assertEqual(set(false.heard) - {b''}, set())
        self.assertEqual(outside.heard, [])
        self.assertNotIn('renderer_failed', self.guard.status())

    def test_where_its_client_cannot_be_kept_from_files_there_is_none(self):
        self.server('default')
        self.start(spawn={'preexec_fn': without_landlock})
        self.assertIn('cannot be kept from files (Landlock)',
                      self.guard.wait_event(trigger='renderer-failed')['detail'])
        self.assertEqual(self.option(), '')

    def test_no_client_is_left_behind(self):
        self.server('default')
        self.start()
        for _ in range(3):
            self.sign()
        wait_until(lambda: 'sign for good' in self.option(), 'it is shown')
        self.assertEqual(self.guard.command('panic').returncode, 0)
        wait_until(lambda: 'locked' in self.option(), 'and the next')
        wait_until(lambda: not [pid for pid in descendants(self.guard.pid)
                                if command_line(pid)[:1] == [b'tmux']], 'no client is there')
