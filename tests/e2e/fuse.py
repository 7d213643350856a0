"""A file system of a test's own: one directory with some files, served by a process that can be
stopped, or that takes some requests and never answers them. Nothing of it outlives its test: whoever
waits for it is let go as soon as that process is killed, and the mount is in a namespace of the test's
own."""

import ctypes
import errno
import os
import pathlib
import select
import signal
import stat
import struct
import subprocess
import sys
import unittest

DEVICE = '/dev/fuse'
MS_NOSUID, MS_NODEV, MS_REC, MS_PRIVATE = 2, 4, 0x4000, 0x40000
CLONE_NEWNS = 0x20000
(LOOKUP, FORGET, GETATTR, OPEN, READ, RELEASE, FLUSH, INIT, OPENDIR, RELEASEDIR, INTERRUPT,
 BATCH_FORGET) = 1, 2, 3, 14, 15, 18, 25, 26, 27, 29, 36, 42
ROOT = 1
NOTHING = 0  # no kind of request


class Server:
    """What answers the kernel (linux/fuse.h). Of the requests that it keeps it says whose they are."""

    def __init__(self, device, files, keep):
        self.device, self.keep = device, keep
        self.files = {ROOT + 1 + n: pathlib.Path(path) for n, path in enumerate(files)}

    def serve(self):
        while True:
            try:
                request = os.read(self.device, 1 << 20)
            except OSError as error:
                if error.errno == errno.ENODEV:  # unmounted
                    return
                if error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                    continue
                raise
            _, kind, unique, node, _, _, pid = struct.unpack_from('=IIQQIII', request)
            if kind == self.keep:
                print(pid, flush=True)
            elif kind not in (FORGET, BATCH_FORGET, INTERRUPT):
                self.take(kind, unique, node, request[40:])

    def take(self, kind, unique, node, body):
        try:
            self.answer(unique, 0, self.data(kind, node, body))
        except OSError as error:
            self.answer(unique, -error.errno, b'')

    def answer(self, unique, error, data):
        os.write(self.device, struct.pack('=IiQ', 16 + len(data), error, unique) + data)

    def data(self, kind, node, body):
        if kind == INIT:
            return struct.pack('=IIIIHHIIHHI7I', 7, 31, 1 << 17, 0, 16, 12, 1 << 17, 1, 0, 0, 0,
                               *[0] * 7)
        if kind == LOOKUP:
            name = os.fsdecode(body.partition(b'\0')[0])
            found = [number for number, path in self.files.items() if path.name == name]
            if not found:
                raise OSError(errno.ENOENT, name)
            return struct.pack('=QQQQII', found[0], 0, 0, 0, 0, 0) + self.attributes(found[0])
        if kind == GETATTR:  # good for no time: each stat asks anew
            return struct.pack('=QII', 0, 0, 0) + self.attributes(node)
        if kind in (OPEN, OPENDIR):
            return struct.pack('=QII', 0, 0, 0)
        if kind == READ:
            _, offset, size = struct.unpack_from('=QQI', body)
            return self.files[node].read_bytes()[offset:offset + size]
        if kind in (FLUSH, RELEASE, RELEASEDIR):
            return b''
        raise OSError(errno.ENOSYS, 'unknown request')

    def attributes(self, node):
        mode = stat.S_IFDIR | 0o755 if node == ROOT else stat.S_IFREG | 0o755
        size = 0 if node == ROOT else self.files[node].stat().st_size
        return struct.pack('=QQQQQQIIIIIIIIII', node, size, (size + 511) // 512, 0, 0, 0, 0, 0, 0,
                           mode, 1, os.getuid(), os.getgid(), 0, 4096, 0)


def own_mounts():
    """From here on this process, and what it starts, mounts for itself alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.getuid() != 0:
        raise unittest.SkipTest('needs root, to mount a file system')
    if libc.unshare(CLONE_NEWNS) != 0 or libc.mount(b'none', b'/', None, MS_REC | MS_PRIVATE,
                                                    None) != 0:
        raise unittest.SkipTest('there can be no mount namespace here')


class FileSystem:
    """Mounted in a directory of the place (at, below it), with files by their names: what they hold at each time,
    though the times of these never change. keep: requests of that kind are taken and never answered,
    so that who waits for one cannot even be killed."""

    def __init__(self, place, *files, keep=NOTHING, at='fuse'):
        self.directory = place.make_directory(place.path / at)
        try:
            device = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise unittest.SkipTest(f'{DEVICE}: {error.strerror}') from None
        try:
            options = (f'fd={device},rootmode=40000,user_id={place.uid},group_id={place.uid},'
                       'allow_other')
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.mount(b'test', bytes(self.directory), b'fuse', MS_NOSUID | MS_NODEV,
                          options.encode()) != 0:
                raise unittest.SkipTest(f'no mount: {os.strerror(ctypes.get_errno())}')
            script = place.write('fuse.py', pathlib.Path(__file__).read_text(), 0o644)
            self.process = place.spawn(
                os.path.realpath('/usr/bin/python3'), '-I', script, device,
                keep, *files, pass_fds=(device,),
                stdout=subprocess.PIPE)
        finally:
            os.close(device)

    def path(self, name):
        return self.directory / name

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def wait_kept(self):
        """The process whose request was taken."""
        ready, _, _ = select.select([self.process.stdout], [], [], 30)
        line = self.process.stdout.readline() if ready else b''
        if not line:
            raise AssertionError('no such request came')
        return int(line)

    def end(self):
        """Whoever waits for it fails from now on, and waits no longer."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        ctypes.CDLL(None).umount2(bytes(self.directory), 2)


if __name__ == '__main__':
    Server(int(sys.argv[1]), sys.argv[3:], int(sys.argv[2])).serve()
