#!/usr/bin/env python3
"""Runs chosen tests with what this machine does not have: other releases' OpenSSH, laid over this
system, and other releases' kernels, in qemu. usage: matrix.py RESULTS [PART [RELEASE...]]

PART is openssh or kernel; without one, both. The program and the tests are those of build/gcc. For
summary.py, each part leaves NAME.testlog.json in RESULTS, or NAME.status where it could not run."""

import json
import os
import pathlib
import re
import subprocess
import sys

import guest
from archive import Release, Unavailable

SOURCE = guest.SOURCE
BUILD = SOURCE / 'build'
WORK = BUILD / 'matrix'
OPENSSH = ('trixie', 'sid')  # 10.0, and the newest
KERNELS = ('bookworm', 'trixie', 'sid')  # 6.1, 6.12, and the newest: 7.2 when this was written
# What speaks with OpenSSH's programs, or starts its agent.
WITH_OPENSSH = ('bind', 'chains', 'constraints', 'destination', 'exec', 'git', 'hide', 'isolation',
                'keygen', 'lock_hosts', 'session', 'ssh', 'ssh_add', 'upstream', 'user_namespace',
                'ways_round')
# Who a caller is, the agent that nobody else reaches, and what else the kernel decides. Words after
# a name choose some of it.
WITH_KERNEL = ('platform/calls', 'platform/confine', 'platform/peer', 'platform/process',
               'platform/program', 'caller/attacks', 'caller/caller', 'caller/reader',
               'e2e/landlock', 'e2e/exec', 'e2e/exec_later', 'e2e/exec_ways_out', 'e2e/identity',
               'e2e/impostor', 'e2e/odd_callers', 'e2e/namespaces', 'e2e/stuck', 'e2e/isolation',
               'e2e/user_namespace',
               'e2e/gpg_agent', 'e2e/ways_round', 'e2e/endpoint', 'e2e/doctor', 'e2e/upstream',
               'e2e/confirm AskpassReach',
               'e2e/renderer_commands Commands.test_it_changes_files_only_where_it_may')
KERNEL_LIMIT_S = 3 * 3600  # of a machine that has much else to do; nothing in the guest goes by it


def say(text):
    print(f'matrix: {text}', flush=True)


def built_tests(names):
    """These tests as meson's own list has them."""
    every = json.loads((BUILD / 'gcc/meson-info/intro-tests.json').read_text())
    tests = {test['name']: test for test in every}
    chosen = []
    for name, *some in map(str.split, names):
        test = tests[name]
        chosen.append({'name': name, 'cmd': [*test['cmd'], *some], 'env': test['env'],
                       'timeout': test['timeout']})
    return chosen


def expected(name, command, pattern):
    """A test that this is the system that was asked for."""
    script = (f'echo 1..1; {command} 2>&1 | grep -q "^{re.escape(pattern)}" || printf "not "; '
              f'echo "ok 1 - {command} says {pattern}"; {command} 2>&1 | sed "s/^/# /"')
    return {'name': name, 'cmd': ['/bin/sh', '-c', script], 'env': {}, 'timeout': 60}


def need_root(why):
    if os.getuid() != 0:
        raise Unavailable(f'needs root, {why}')


def two_parts(version):
    return '.'.join(re.findall(r'\d+', version)[:2])


class Results:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory).absolute()

    def keep(self, name, tests, lines, console):
        """What ran in the other system; a test of which nothing is heard has failed."""
        whole = [line for line in lines if line.startswith('{') and line.endswith('}')]
        (self.directory / f'{name}.testlog.json').write_text(''.join(f'{x}\n' for x in whole))
        if len(whole) < len(tests):
            (self.directory / f'{name}.log').write_text(console)
            (self.directory / f'{name}.status').write_text(
                f'no end: {tests[len(whole)]["name"]} and what follows it told nothing\n')

    def skip(self, name, why):
        (self.directory / f'{name}.status').write_text(f'skip: {why}\n')


def openssh(release, results):
    need_root('which lays files over the system')
    release.update()
    version = two_parts(release.version('openssh-client'))
    packages = [name for name in release.needs('openssh-client', 'openssh-server')
                if name.startswith(('lib', 'openssh', 'zlib')) and not name.endswith('-perl')]
    files = release.unpack('openssh', *packages)
    tests = [expected('version', 'ssh -V', f'OpenSSH_{version}'),
             *built_tests(f'e2e/{name}' for name in WITH_OPENSSH)]
    plan = WORK / 'plan.json'
    plan.write_text(json.dumps(tests))
    say(f'OpenSSH {version} ({release.name})')
    done = subprocess.run(['sh', SOURCE / 'tests/matrix/overlay', files, SOURCE, '/usr/bin/python3',
                           'tests/matrix/inside.py', plan, '/dev/stdout', '2'],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                          preexec_fn=guest.die_with_us)
    results.keep(f'openssh-{version}', tests, done.stdout.splitlines(), done.stderr)


def kernel(release, results):
    need_root('which owns the files on the guest\'s disk')
    guest.check_tools()
    release.update()
    image = next(name for name in release.depends('linux-image-cloud-amd64')
                 if name.startswith('linux-image-'))
    parts = [name for name in release.depends(image)
             if name.startswith(('linux-binary-', 'linux-modules-'))]
    found = guest.Kernel(release.unpack('kernel', *(parts or [image])))
    version = two_parts(release.version(image))
    tests = [expected('version', 'uname -r', f'{version}.'), *built_tests(WITH_KERNEL)]
    say(f'Linux {found.release} ({release.name}), in qemu')
    disk = guest.make_disk(release.directory, tests)
    lines, console = guest.boot(found, disk, release.directory, KERNEL_LIMIT_S)
    disk.unlink()
    results.keep(f'linux-{version}', tests, lines, console)


def main():
    results = Results(sys.argv[1])
    parts = {'openssh': (openssh, OPENSSH), 'kernel': (kernel, KERNELS)}
    chosen, names = sys.argv[2:3] or list(parts), sys.argv[3:]
    WORK.mkdir(parents=True, exist_ok=True)
    for part in chosen:
        run, releases = parts[part]
        for name in names or releases:
            try:
                run(Release(name, WORK / name), results)
            except Unavailable as why:
                results.skip(f'{part}-{name}', why)


if __name__ == '__main__':
    main()
