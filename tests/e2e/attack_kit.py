"""What programs that attack a guard have in common. It is read by each of them, as a program of its
own (see attack.py), so it uses nothing of the tests.

argv: this file, the guard's socket, a sign request, an allowed program, a denied one, and what the
attack itself wants to know (MORE)."""

import array
import ctypes
import os
import signal
import socket
import struct
import sys

KIT, PATH, REQUEST = sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3])
ALLOWED, DENIED, MORE = sys.argv[4], sys.argv[5], sys.argv[6:]
ADDR_NO_RANDOMIZE = 0x0040000
PR_SET_PDEATHSIG, PR_SET_MM, PR_SET_MM_MAP = 1, 35, 14

libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def fork():
    """A child that dies with us."""
    pid = os.fork()
    if pid == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    return pid


def connect():
    client = socket.socket(socket.AF_UNIX)
    # Python's own timeout would have everybody who holds the connection not wait.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack('@ll', 60, 0))
    client.connect(PATH)
    return client


def answer(client):
    """The type of the answer; 0 where the connection was closed instead."""
    data = b''
    while len(data) < 5:
        try:
            more = client.recv(5 - len(data))
        except ConnectionError:
            return 0
        if not more:
            return 0
        data += more
    return data[4]


def say(*words):
    os.write(1, (' '.join(map(str, words)) + '\n').encode())


def pass_on(channel, client):
    channel.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                              array.array('i', [client.fileno()]))])


def take(channel):
    _, control, _, _ = channel.recvmsg(1, socket.CMSG_SPACE(4))
    return socket.socket(fileno=struct.unpack('i', control[0][2][:4])[0])


def become(program, script, *sockets, argv0=None):
    """Executes a Python program that runs the script, which finds the sockets in GIVEN."""
    for given in sockets:
        os.set_inheritable(given.fileno(), True)
    given = 'GIVEN = [socket.socket(fileno=n) for n in %r]\n' % [s.fileno() for s in sockets]
    start = 'import sys\nexec(open(sys.argv[1]).read())\n'
    os.execv(program, [argv0 or program, '-I', '-S', '-c', start + given + script, *sys.argv[1:]])


def layout_of(pid):
    """Where in its memory everything is, as its stat says."""
    with open(f'/proc/{pid}/stat') as stat:
        fields = stat.read().rpartition(')')[2].split()
    at = {number: int(fields[number - 3]) for number in (26, 27, 28, 45, 46, 47, 48, 49, 50, 51)}
    return [at[n] for n in (26, 27, 45, 46, 47)] + [at[47], at[28]] + [at[n] for n in
                                                                       (48, 49, 50, 51)]


def take_layout(layout):
    """Has our own stat say the same addresses."""
    data = struct.pack('=11QQIi', *layout, 0, 0, -1)
    return libc.prctl(PR_SET_MM, PR_SET_MM_MAP, data, len(data), 0) == 0


def fix_addresses():
    libc.personality(ADDR_NO_RANDOMIZE)
