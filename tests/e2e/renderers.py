"""What the tests of renderers share: a script as there were for the older ssh-agent-guard, and requests
of each kind."""

import shutil
import subprocess

import guard
from guard import SSH_KEYGEN, wait_until
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
