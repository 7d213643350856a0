"""What the tests of renderers share: a script as there were for the older ssh-agent-guard, and requests
of each kind."""

import os
import shutil
import signal
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


class TmuxTest(RendererTest):
    """A real server of tmux, and a client of it whose screen is read."""

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
