"""What status bars and scripts get: STATE/current.yaml, and what the guard itself renders of it."""

import os
import pathlib
import shutil

import events
import guard
from guard import SSH_KEYGEN, wait_until
from place import is_running

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
        return self.place.spawn(*self.words('ask'), env=self.guard.env)

    def enroll_pin(self):
        """So that something can be asked for."""
        from terminal import Terminal
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
