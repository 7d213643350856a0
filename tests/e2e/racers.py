"""Programs of the guard's own user that watch it start, take hold of whatever they can, and try later
what that is good for."""

import contextlib
import json
import os
import signal
import subprocess
import sys

PYTHON = '/usr/bin/python3' if os.path.exists('/usr/bin/python3') else sys.executable

# Whoever is told of a key under this policy was not told of it by the guard.
LISTS_NO_KEYS = '''
default_action: deny
default_change_action: allow
rules:
  - {name: hidden, match: {operation: list}, action: deny}
'''

# Takes hold of whatever it can of each process below its parent, from the first moment on, and again
# whenever that has become another program, until it is told to stop; then says what its handles are
# good for.
RACE = r'''
import json, os, resource, select, socket
parent, directories, memories = os.getppid(), {}, {}
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
print('ready', flush=True)

def below(pid):
    try:
        with open(f'/proc/{pid}/task/{pid}/children') as children:
            children = children.read().split()
    except OSError:
        return []
    return [*map(int, children), *(grand for child in children for grand in below(child))]

def hold_directory(pid):
    try:
        fd = os.open(f'/proc/{pid}/cwd', os.O_PATH)
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return
    status = os.fstat(fd)
    if directories.setdefault((pid, status.st_dev, status.st_ino), fd) != fd:
        os.close(fd)

def hold_memory(pid):
    try:
        with open(f'/proc/{pid}/maps') as maps:
            start = int(maps.readline().split('-')[0], 16)
        if (pid, start) not in memories:
            memories[pid, start] = os.open(f'/proc/{pid}/mem', os.O_RDWR)
    except (FileNotFoundError, PermissionError, ProcessLookupError, ValueError):
        pass

while not select.select([0], [], [], 0)[0]:
    for pid in below(parent):
        if pid != os.getpid():
            hold_directory(pid)
            hold_memory(pid)
wins = []
for (pid, *_), fd in directories.items():
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(f'/proc/self/fd/{fd}/s')
            wins.append([pid, 'socket'])
        except OSError:
            pass
for (pid, start), fd in memories.items():
    try:
        if os.pread(fd, 1, start):
            wins.append([pid, 'mem'])
    except OSError:
        pass
print(json.dumps({'wins': wins, 'held': len(directories) + len(memories)}))
'''

# Told by inotify of whatever is new below its directories, opens it at once, keeps it, and connects
# only when it is told to: to each socket that it got, and to each that is in a directory it got.
KEEP = r'''
import ctypes, json, os, select, socket, stat, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
IN_CREATE, IN_MOVED_TO = 0x100, 0x80
watch, watched, held, seen = libc.inotify_init1(os.O_NONBLOCK), {}, [], set()

def keep(path):
    try:
        fd = os.open(path, os.O_PATH | os.O_NOFOLLOW)
    except OSError:
        return
    status = os.fstat(fd)
    if (status.st_dev, status.st_ino) in seen or os.path.basename(path) == 'control.sock':
        os.close(fd)
        return
    seen.add((status.st_dev, status.st_ino))
    if stat.S_ISSOCK(status.st_mode):
        held.append(fd)
    elif stat.S_ISDIR(status.st_mode):
        held.append(fd)
        number = libc.inotify_add_watch(watch, os.fsencode(path), IN_CREATE | IN_MOVED_TO)
        if number >= 0:
            watched[number] = path
        try:
            for name in os.listdir(path):
                keep(f'{path}/{name}')
        except OSError:
            pass
    else:
        os.close(fd)

def keys_of(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        try:
            client.connect(path)
            client.sendall(bytes([0, 0, 0, 1, 11]))
            answer = client.recv(9, socket.MSG_WAITALL)
        except OSError:
            return None
    return int.from_bytes(answer[5:], 'big') if answer[4:5] == b'\x0c' else None

for path in sys.argv[1:]:
    keep(path)
print('ready', flush=True)
while sys.stdin not in (ready := select.select([watch, sys.stdin], [], [])[0]):
    events, at = os.read(watch, 65536), 0
    while at < len(events):
        number, _, _, length = struct.unpack_from('iIII', events, at)
        name = events[at + 16:at + 16 + length].rstrip(b'\0').decode()
        at += 16 + length
        if number in watched:
            keep(f'{watched[number]}/{name}')
found = []
for fd in held:
    found.append(keys_of(f'/proc/self/fd/{fd}'))
    if stat.S_ISDIR(os.fstat(fd).st_mode):
        found += [keys_of(f'/proc/self/fd/{fd}/{name}') for name in ('s', 'a', 'agent.sock')]
answers = [keys for keys in found if keys is not None]
print(json.dumps({'held': len(held), 'answers': len(answers), 'keys': sum(answers)}))
'''


@contextlib.contextmanager
def running(home, script, *arguments):
    """Such a program. Yields a function that tells what it got."""
    racer = home.spawn(PYTHON, '-c', script, *arguments, stdin=subprocess.PIPE,
                       stdout=subprocess.PIPE)
    racer.stdout.readline()

    def told():
        racer.stdin.close()
        return json.loads(racer.stdout.readline())

    try:
        yield told
    finally:
        racer.stdout.close()
        home.end(racer, signal.SIGKILL)


def racing(home):
    """Somebody who takes hold of each process as it comes to be."""
    return running(home, RACE)


def keeping(home):
    """Somebody who keeps each new socket and directory of that place."""
    return running(home, KEEP, home.path)
