#!/usr/bin/env python3
"""How long a signature that is allowed takes while three prompts wait, beside the same guard without
any, in one run: three guards before one agent, asked in turn, of which one has the prompts. The two
without tell how much of a difference is noise.

usage: GUARD_PROGRAM=... GUARD_SOURCE=... prompts.py BENCH_SIGN [ROUNDS]"""

import os
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'e2e'))

from guard import Agent, Guard, Keys, PROGRAM, SSH_ADD, SSH_KEYGEN  # noqa: E402
from place import Place, wait_until  # noqa: E402
from terminal import Terminal  # noqa: E402

PROMPTS = 3
PIN = 'correct horse 7'
POLICY = f'''
default_action: allow
confirm: {{timeout: 1h, max_pending: {PROMPTS}, methods: pin}}
rules:
  - {{name: ask, match: {{exe: {SSH_KEYGEN}}}, action: confirm}}
'''


def start(place, agent, name):
    """A guard with a PIN, in directories of its own."""
    own = {**place.env}
    for variable in ('XDG_RUNTIME_DIR', 'XDG_STATE_HOME'):
        directory = place.path / name / variable
        directory.mkdir(mode=0o700, parents=True)
        own[variable] = str(directory)
    socket = pathlib.Path(own['XDG_RUNTIME_DIR']) / 'ssh-agent-guard.sock'
    guard = Guard(place, POLICY, upstream=agent, env=own, wait=False)
    guard.socket, guard.env = socket, {**own, 'SSH_AUTH_SOCK': str(socket)}
    guard.wait_ready()
    terminal = Terminal(place, guard.program, 'enroll', 'pin', env=own)
    for question in ('The new PIN: ', 'again: '):
        terminal.wait_for(question)
        terminal.type(PIN + '\n')
    status, shown = terminal.end()
    if status != 0:
        raise SystemExit(f'prompts.py: enroll pin: {shown}')
    return guard


def wait_for_prompts(place, guard, key):
    for number in range(PROMPTS):
        text = place.write(f'home/text{number}', f'{number}')
        place.spawn(SSH_KEYGEN, '-Y', 'sign', '-n', 'ask', '-f', f'{key}.pub', text, env=guard.env,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def pending():
        return place.run_ok(guard.program, 'pending', env=guard.env).count('\n  rule: ask\n')
    wait_until(lambda: pending() == PROMPTS, f'{PROMPTS} prompts wait')
    return pending


def main(bench_sign, rounds='4000'):
    place = Place()
    place.guards, place.program = [], pathlib.Path(PROGRAM)
    try:
        agent = Agent(place)
        key = Keys(place).make()
        place.run_ok(SSH_ADD, '-q', key, env=agent.env)
        key.rename(place.path / 'away')
        guards = {name: start(place, agent, name) for name in ('none', 'none-too', 'waiting')}
        pending = wait_for_prompts(place, guards['waiting'], key)
        table = place.run_ok(pathlib.Path(bench_sign).resolve(), rounds,
                             *(f'{name}={guard.socket}' for name, guard in guards.items()),
                             timeout=600)
        if pending() != PROMPTS:
            raise SystemExit('prompts.py: not all prompts waited to the end')
        for guard in guards.values():
            guard.check_end()
    finally:
        place.close()
    print(table, end='')
    median = {line.split()[0]: float(line.split()[1]) for line in table.splitlines()[1:]}
    without = (median['none'] + median['none-too']) / 2
    print(f'{PROMPTS} prompts wait: p50 {median["waiting"] - without:+.1f} us '
          f'({(median["waiting"] / without - 1) * 100:+.1f} %) on {without:.1f} us; '
          f'two guards without differ by {abs(median["none"] - median["none-too"]):.1f} us')


if __name__ == '__main__':
    if not 2 <= len(sys.argv) <= 3 or not PROGRAM or not os.access(sys.argv[1], os.X_OK):
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
