"""A guard in a user namespace that belongs to its own, unprivileged user, who is therefore let into
every process there. Each number means in it what it means outside, as in one that a service manager
makes; a guard trusts no path whose owners have none."""

import os
import pathlib

from racers import PYTHON

# Waits until somebody has mapped the numbers, and becomes another program.
ENTER = r'''
import ctypes, os, sys
CLONE_NEWUSER = 0x10000000
libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(CLONE_NEWUSER) != 0:
    sys.exit(f'unshare: {os.strerror(ctypes.get_errno())}')
done, mapped = map(int, sys.argv[1:3])
os.write(done, b'x')
os.read(mapped, 1)
os.execv(sys.argv[3], sys.argv[3:])
'''
EACH_ITSELF = '0 0 65536\n'


def start_guard(test, policy=None, **options):
    """As the test's own start_guard()."""
    if os.getuid() != 0:
        test.skipTest('needs root, to give other users a number in a user namespace')
    done, mapped = os.pipe(), os.pipe()
    given = (done[1], mapped[0])
    try:
        server = test.start_guard(*filter(None, [policy]), wait=False,
                                  wrapper=(PYTHON, '-I', '-S', '-c', ENTER, *given),
                                  spawn={'pass_fds': given}, **options)
        for end in given:
            os.close(end)
        if not os.read(done[0], 1):
            server.asked_to_end = True
            test.skipTest(f'no user namespaces here: {server.output()}')
        for name in ('uid_map', 'gid_map'):
            pathlib.Path(f'/proc/{server.pid}/{name}').write_text(EACH_ITSELF)
    finally:
        for end in (done[0], mapped[1]):
            os.close(end)
    server.wait_ready()
    return server
