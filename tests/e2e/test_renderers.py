"""What status bars and scripts get: STATE/current.yaml, and what the guard itself renders of it."""

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest
import xml.etree.ElementTree

import events
import guard
from agent_client import SIGN_RESPONSE, AgentClient
from guard import SSH_KEYGEN, wait_until
from place import command_line, descendants, is_running
from terminal import Terminal

TMUX = shutil.which('tmux', path='/usr/bin:/bin:/usr/local/bin')

POLICY = f'''
default_action: deny
confirm: {{timeout: 60s}}
rules:
  - {{name: good, match: {{namespace: good}}, action: allow}}
  - {{name: ask, match: {{namespace: ask}}, action: confirm}}
  - {{name: bad, match: {{exe: "*"}}, action: deny}}
'''
PIN = '482915'

# As scripts for the older ssh-agent-guard read the status: line by line, with no YAML reader.
OLD_SCRIPT = r'''#!/bin/bash
STATE_DIR="$HOME/.local/state/ssh-ag"
CURRENT="$STATE_DIR/current.yaml"
section= decision= method= time=
while IFS= read -r line; do
    case "$line" in
        state:*) state="${line#state: }"; section= ;;
        text:*) text="${line#text: }"; text="${text#\"}"; text="${text%\"}"; section= ;;
        previous:|pending:|config:) section="${line%:}" ;;
        "  "*)
            line="${line#"${line%%[![:space:]]*}"}"
            value="${line#*: }"; value="${value#\"}"; value="${value%\"}"
            [ "$section" = pending ] && case "$line" in
                confirm_method:*) method="$value" ;;
            esac
            [ "$section" = previous ] && case "$line" in
                decision:*) decision="$value" ;;
                timestamp:*) time="${value#*T}" ;;
            esac ;;
        *) section= ;;
    esac
done < "$CURRENT"
# The other way that there were examples of.
grep_state=$(grep '^state:' "$CURRENT" | awk '{print $2}')
grep_text=$(grep '^text:' "$CURRENT" | sed 's/^text: *//')
sed_decision=$(sed -n '/^previous:/,/^[^ ]/{ /decision:/s/.*: *//p }' "$CURRENT")
error=no; [ -f "$STATE_DIR/config_error.yaml" ] && error=yes
arguments=$#; input=$(cat | wc -c)
printf '%s|' "$state" "$text" "$decision" "$method" "$error" "$grep_state" "$grep_text" \
    "$sed_decision" "$arguments" "$input" "${#time}" >> "$HOME/rendered"
printf '\n' >> "$HOME/rendered"
'''
FIELDS = ('state', 'text', 'decision', 'method', 'error', 'grep_state', 'grep_text',
          'sed_decision', 'arguments', 'input', 'time_len')


class RendererTest(guard.GuardTest):
    as_person = True

    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()
        self.key = self.keys.make()
        self.add(self.agent, self.key)
        self.key.rename(self.place.path / 'away')
        self.data = self.place.write('home/data', 'data\n')
        self.script = self.place.write('bin/ssh-ag-render-status', OLD_SCRIPT, 0o755)

    def start(self, status='', policy=POLICY, **options):
        self.guard = self.start_guard(policy + status, upstream=self.agent, **options)
        return self.guard

    def words(self, name_space, program=SSH_KEYGEN):
        return [program, '-Y', 'sign', '-f', f'{self.key}.pub', '-n', name_space, self.data]

    def sign(self, name_space='good', program=SSH_KEYGEN, **options):
        self.data.with_suffix('.sig').unlink(missing_ok=True)
        return self.place.run(*self.words(name_space, program), env=self.guard.env, **options)

    def ask(self):
        """A request that waits for a person."""
        return self.begin_to_sign('ask')

    def begin_to_sign(self, name_space, program=SSH_KEYGEN):
        return self.place.spawn(*self.words(name_space, program), env=self.guard.env,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def enroll_pin(self):
        """So that something can be asked for."""
        terminal = Terminal(self.place, self.guard.program, 'enroll', 'pin')
        terminal.wait_for('The new PIN: ')
        terminal.type(PIN + '\n')
        terminal.wait_for('again: ')
        terminal.type(PIN + '\n')
        status, shown = terminal.end()
        self.assertEqual(status, 0, shown)

    def wait_state(self, state):
        wait_until(lambda: self.guard.status()['state'] == state, f'the state is {state}')


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
        wait_until(lambda: expected.items() <= self.run_script().items(), f'rendered: {expected}')
        found = self.run_script()
        self.assertEqual(found['grep_state'], found['state'])
        self.assertEqual(found['grep_text'], f'"{found["text"]}"')
        self.assertEqual(found['sed_decision'], found['decision'])
        return found

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
        self.sign('other')
        self.shows(lambda text: '> ssh-keygen: sign for other DENIED <' in text
                   and '#dc322f' in text, 'what was refused')
        self.assertTrue(reads_as_markup(self.file.read_text()))
        self.shows(lambda text: text == '', 'it has decayed')

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


class FalseServer:
    """Takes connections, and never answers; notes what it hears."""

    def __init__(self, path):
        self.path, self.heard = path, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        clients = []
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            clients.append(client)
            client.settimeout(1)
            try:
                self.heard.append(client.recv(4096))
            except OSError:
                self.heard.append(b'')

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


@unittest.skipUnless(TMUX, 'needs tmux')
class Tmux(RendererTest):
    STATUS = 'status: {renderers: [tmux]}\n'

    def setUp(self):
        super().setUp()
        self.directory = self.place.path / 'tmp'
        self.own = self.place.make_directory(self.directory / f'tmux-{self.place.uid}')
        self.tmux_env = {'TMUX_TMPDIR': str(self.directory)}

    def start(self, status=None, **options):
        return super().start(self.STATUS if status is None else status, env=self.tmux_env,
                             **options)

    def tmux(self, name, *words):
        return self.place.run_ok(TMUX, '-f', '/dev/null', '-S', self.own / name, *words,
                                 env={**self.tmux_env, 'TERM': 'xterm'})

    def server(self, name, *words):
        """A server whose status line shows the option; returns its PID. It is drawn by nothing but
        what somebody changes."""
        self.tmux(name, 'new-session', '-d', '-s', 'work', '-x', '120', '-y', '24', *words)
        pid = int(self.tmux(name, 'display-message', '-p', '#{pid}'))
        self.addCleanup(self.end, pid)
        for option, value in (('status-interval', '0'), ('status-right-length', '200'),
                              ('status-right', '#{@ssh_ag_status}|end')):
            self.tmux(name, 'set-option', '-g', option, value)
        return pid

    @staticmethod
    def end(pid):
        os.kill(pid, signal.SIGCONT)
        os.kill(pid, signal.SIGKILL)

    def attach(self, name):
        """A client of it in a terminal whose screen can be read: the pane of another server, which
        is none that the guard may find."""
        outer = self.place.make_directory(self.place.path / 'outer') / name
        words = [TMUX, '-f', '/dev/null', '-S', outer]
        self.place.run_ok(*words, 'new-session', '-d', '-x', '120', '-y', '24',
                          f'TMUX= {TMUX} -S {self.own / name} attach-session',
                          env={'TERM': 'xterm'})
        pid = int(self.place.run_ok(*words, 'display-message', '-p', '#{pid}'))
        self.addCleanup(self.end, pid)
        return lambda: self.place.run_ok(*words, 'capture-pane', '-p')

    def option(self, name='default'):
        return self.tmux(name, 'show-options', '-gqv', '@ssh_ag_status').rstrip('\n')

    def test_the_status_line_shows_what_is_done_and_decays(self):
        self.server('default')
        screen = self.attach('default')
        self.start()
        wait_until(lambda: '|end' in screen(), 'the status line is there')
        self.sign()
        wait_until(lambda: ' ssh-keygen: sign for good |end' in screen(), 'what was allowed')
        shown_at = time.monotonic()
        wait_until(lambda: 'ssh-keygen' not in screen(), 'it has decayed')
        allowed_s = time.monotonic() - shown_at
        self.sign('other')
        wait_until(lambda: ' ssh-keygen: sign for other DENIED |end' in screen(), 'the refusal')
        shown_at = time.monotonic()
        self.sign()
        wait_until(lambda: 'ssh-keygen' not in screen(), 'it has decayed')
        denied_s = time.monotonic() - shown_at
        # 5 s and 10 s, on a machine that may be busy.
        self.assertGreater(allowed_s, 2.5)
        self.assertGreater(denied_s, 6)

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
        for name, shown in (('#(touch pwned)', '_(touch pwned)'), ('#[bg=red]x', '_[bg=red]x'),
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
        false = FalseServer(self.own / 'false')
        self.addCleanup(false.close)
        outside = FalseServer(self.place.path / 'outside')
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

    def test_no_client_is_left_behind(self):
        self.server('default')
        self.start()
        for _ in range(3):
            self.sign()
        wait_until(lambda: 'sign for good' in self.option(), 'it is shown')
        wait_until(lambda: self.option() == '', 'it has decayed')
        wait_until(lambda: not [pid for pid in descendants(self.guard.pid)
                                if command_line(pid)[:1] == [b'tmux']], 'no client is there')


class Command(RendererTest):
    def start(self, renderer=None, **options):
        listed = str(self.script) if renderer is None else renderer
        return super().start(f'status: {{renderers: [{listed}]}}\n', **options)

    def rendered(self):
        path = self.place.home / '.local/state/ssh-ag/rendered'
        lines = path.read_text().splitlines() if path.exists() else []
        return [dict(zip(FIELDS, line.split('|'))) for line in lines if line.count('|') >= 11]

    def setUp(self):
        super().setUp()
        # Where it may write.
        self.script.write_text(OLD_SCRIPT.replace('$HOME/rendered', '$STATE_DIR/rendered'))

    def wait_rendered(self, **expected):
        wait_until(lambda: self.rendered() and expected.items() <= self.rendered()[-1].items(),
                   f'rendered: {expected}, not {self.rendered()[-3:]}')
        return self.rendered()[-1]

    def write_script(self, text):
        self.script.write_text('#!/bin/sh\n' + text)

    def failures(self):
        return [event['detail'] for event in self.guard.events(trigger='renderer-failed')]


class Commands(Command):
    def test_it_is_called_as_the_older_one_was(self):
        self.start()
        first = self.wait_rendered(state='idle', text='serving', decision='')
        self.assertEqual((first['arguments'], first['input']), ('0', '0'))
        self.sign()
        self.wait_rendered(state='idle', text='ssh-keygen: sign for good', decision='allow',
                           sed_decision='allow', grep_state='idle')
        self.sign('other')
        self.wait_rendered(decision='deny')
        self.enroll_pin()
        asking = self.ask()
        self.wait_rendered(state='confirming', text='CONFIRM: ssh-keygen: sign for ask',
                           method='pin')
        self.guard.command('deny', '--all')
        asking.wait(30)
        self.wait_rendered(state='idle', decision='confirm-denied')
        self.guard.write_policy('nonsense\n')
        self.wait_rendered(state='reload-error', error='yes')
        self.guard.write_policy(self.guard.policy.read_text().replace(
            'nonsense\n', f'{POLICY}status: {{renderers: [{self.script}]}}\n'))
        self.wait_rendered(error='no')
        self.assertEqual(self.failures(), [])

    def test_where_the_state_is_there_itself_nothing_is_copied(self):
        old = self.place.make_directory(self.place.home / '.local/state/ssh-ag')
        self.start(arguments=('--state-dir', old))
        self.sign()
        self.guard.state = old
        self.wait_rendered(decision='allow')
        self.guard.stop()
        old.rename(self.place.home / '.local/state/other')
        old.symlink_to('other')
        self.start(arguments=('--state-dir', self.place.home / '.local/state/other'))
        self.guard.state = self.place.home / '.local/state/other'
        self.sign('other')
        self.wait_rendered(decision='deny')
        self.assertEqual(self.failures(), [])

    def test_what_others_may_write_to_is_not_used(self):
        old = self.place.make_directory(self.place.home / '.local/state/ssh-ag')
        old.chmod(0o777)
        self.start()
        wait_until(self.failures, 'it is said')
        self.assertIn('cannot be put into ~/.local/state/ssh-ag', self.failures()[0])
        self.assertEqual(list(old.iterdir()), [])

    def test_of_its_environment_it_gets_what_a_renderer_needs(self):
        self.write_script('env > "$HOME/.local/state/ssh-ag/env"\nid -G >> "$HOME/.local/state/ssh-ag/env"'
                          '\nls /proc/self/fd > "$HOME/.local/state/ssh-ag/fds"\n')
        self.start(env={'SECRET': 'x', 'LD_PRELOAD': '', 'TMUX_TMPDIR': '/tmp/x'})
        path = self.place.home / '.local/state/ssh-ag/fds'
        wait_until(lambda: path.exists() and path.read_text(), 'it was run')
        text = path.with_name('env').read_text()
        self.assertIn(f'HOME={self.place.home}\n', text)
        self.assertIn(f'SSH_AGENT_GUARD_STATE={self.guard.state}\n', text)
        self.assertIn('TMUX_TMPDIR=/tmp/x\n', text)
        for name in ('SECRET', 'LD_PRELOAD', 'SSH_AUTH_SOCK'):
            self.assertNotIn(name, text)
        # Beside the three, the one by which its end is known, and that of ls itself.
        self.assertLessEqual(len(path.read_text().split()), 5)

    def test_it_changes_files_only_where_it_may(self):
        cache = self.place.make_directory(self.place.home / 'cache')
        self.write_script('cd "$HOME"; for place in .local/state/ssh-ag cache .; do '
                          'echo x > $place/written; done 2>/dev/null\n'
                          'echo x > .local/state/ssh-ag/done\n')
        if self.place.run('sh', '-c', 'grep -qw landlock /sys/kernel/security/lsm').returncode:
            self.skipTest('no Landlock here')
        self.start(f'{{command: [{self.script}], writes: [{cache}]}}')
        wait_until((self.place.home / '.local/state/ssh-ag/done').exists, 'it was run')
        self.assertTrue((cache / 'written').exists())
        self.assertFalse((self.place.home / 'written').exists())

    def test_one_that_fails_is_told_of_once(self):
        self.write_script('exit 3\n')
        self.start()
        wait_until(self.failures, 'it is said')
        for _ in range(5):
            self.sign()
        self.assertEqual(self.failures(), [f'{self.script}: ended with exit status 3'])
        wait_until(lambda: 'exit status 3' in self.guard.status().get('renderer_failed', ''),
                   'the status says so')
        self.assertEqual(self.guard.output().count('exit status 3'), 1)
        self.write_script('exit 0\n')
        self.sign()
        wait_until(lambda: 'renderer_failed' not in self.guard.status(), 'it is well again')

    def test_one_that_is_not_there_is_told_of(self):
        self.start('/nonexistent/renderer')
        wait_until(self.failures, 'it is said')
        self.assertEqual(self.failures(), ['/nonexistent/renderer: cannot be run (see the policy)'])
        self.assertEqual(self.sign().returncode, 0)

    def test_one_that_hangs_is_ended_with_what_it_started(self):
        self.write_script('sleep 1000 & echo $$ $! > "$HOME/.local/state/ssh-ag/pids"; sleep 1000\n')
        self.start()
        path = self.place.home / '.local/state/ssh-ag/pids'
        wait_until(lambda: path.exists() and len(path.read_text().split()) == 2, 'it runs')
        pids = list(map(int, path.read_text().split()))
        self.assertEqual(self.sign().returncode, 0)
        self.guard.wait_event(trigger='sign', decision='allow')
        wait_until(self.failures, 'it is said')
        self.assertIn('took longer than 10 s', self.failures()[0])
        wait_until(lambda: not any(map(is_running, pids)), 'both are gone')

    def test_what_it_leaves_behind_is_ended_by_the_next_run(self):
        """As the older scripts do, which clear a line some seconds later."""
        self.write_script('sleep 1000 &\necho $! >> "$HOME/.local/state/ssh-ag/pids"\n')
        self.start()
        path = self.place.home / '.local/state/ssh-ag/pids'

        def pids():
            return list(map(int, path.read_text().split())) if path.exists() else []
        wait_until(pids, 'it has run')
        self.assertTrue(is_running(pids()[0]))
        for count in (2, 3):
            self.sign()
            wait_until(lambda: len(pids()) >= count, 'it has run again')
            wait_until(lambda: not any(map(is_running, pids()[:-1])), 'the ones before are gone')
        self.assertTrue(is_running(pids()[-1]))
        self.guard.stop()
        wait_until(lambda: not is_running(pids()[-1]), 'nothing is left')
        self.assertEqual(self.failures(), [])

    def test_another_policy_names_another(self):
        self.start()
        self.wait_rendered(state='idle')
        other = self.place.write('bin/other', '#!/bin/sh\necho x > "$HOME/.local/state/ssh-ag/other"\n',
                                 0o755)
        self.guard.write_policy(f'{POLICY}status: {{renderers: [[{other}, word]]}}\n')
        wait_until((self.place.home / '.local/state/ssh-ag/other').exists, 'it is run')
        count = len(self.rendered())
        self.sign()
        self.guard.wait_event(trigger='sign')
        self.guard.write_policy(POLICY)
        self.wait_state('reloaded')
        self.assertEqual(len(self.rendered()), count)

    def test_what_is_no_renderer_is_an_error_of_the_policy(self):
        for listed, said in (('waybar', 'waybar: is for whoever asks'), ('tmx', 'tmx: unknown'),
                             ('{writes: [/tmp]}', 'no command: in it'),
                             ('[render]', 'render: not an absolute path'),
                             ('{command: [/x], writes: [tmp]}', 'tmp: not an absolute path'),
                             ('{command: [/x], wrotes: [/tmp]}', 'wrotes: unknown field')):
            with self.subTest(listed):
                path = self.place.write('bad.yaml', 'default_action: deny\n'
                                        f'status: {{renderers: [{listed}]}}\n')
                done = self.place.run(self.place.program, 'policy', 'lint', path)
                self.assertEqual(done.returncode, 1)
                self.assertIn('bad.yaml:2:', done.stdout + done.stderr)
                self.assertIn(said, done.stdout + done.stderr)


class Burst(Command):
    """Many signatures, by one client that is as fast as it can be."""

    as_person = False

    def setUp(self):
        super().setUp()
        self.blob = self.keys.blob(self.key)

    def sign_many(self, count=200):
        """How long the slowest one took."""
        slowest = 0
        with AgentClient(self.guard.socket) as client:
            for _ in range(count):
                began = time.monotonic()
                self.assertEqual(client.sign(self.blob)[0], SIGN_RESPONSE)
                slowest = max(slowest, time.monotonic() - began)
        return slowest

    def allow_all(self, renderer):
        self.guard = self.start_guard(f'default_action: allow\nstatus: {{renderers: [{renderer}]}}\n',
                                      upstream=self.agent, env={'TMUX_TMPDIR': str(self.place.path / 'tmp')})

    def test_a_burst_is_rendered_by_few_runs_and_the_last_state_wins(self):
        self.allow_all(self.script)
        self.wait_rendered(state='idle')
        before, began = len(self.rendered()), time.monotonic()
        self.sign_many()
        self.guard.command('panic')
        self.wait_rendered(state='locked')
        elapsed = time.monotonic() - began
        self.assertLessEqual(len(self.rendered()) - before, elapsed / 0.5 + 2)

    def test_renderers_that_hang_delay_no_signature(self):
        """A program that never ends, and a tmux that is stopped."""
        self.write_script('exec sleep 1000\n')
        if TMUX:
            own = self.place.make_directory(self.place.path / 'tmp' / f'tmux-{self.place.uid}')
            words = [TMUX, '-f', '/dev/null', '-S', own / 'default']
            self.place.run_ok(*words, 'new-session', '-d', 'sleep 1000', env={'TERM': 'xterm'})
            pid = int(self.place.run_ok(*words, 'display-message', '-p', '#{pid}'))
            self.addCleanup(Tmux.end, pid)
            os.kill(pid, signal.SIGSTOP)
        self.allow_all(f'tmux, {self.script}')
        count = len(descendants(self.guard.pid))
        # A quarter of what tmux is given, and a fortieth of what a program is.
        self.assertLess(min(self.sign_many(), self.sign_many()), 0.2)
        # One program with its watcher, and one tmux with its own.
        self.assertLessEqual(len(descendants(self.guard.pid)), count + 5)
