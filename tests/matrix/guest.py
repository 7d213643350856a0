"""A small machine in qemu: another kernel, under software emulation, and on its disk this system's own
programs and libraries. It counts instructions and calls that its time, so that a busy host does not
make it late: what has 50 ms there has 50 million instructions.

Nothing is installed: the kernel comes from an unpacked package, and the disk is a copy of the files of
packages that are installed here."""

import ctypes
import json
import lzma
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess

from archive import Unavailable

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DISK_MIB = 1024  # most of it is a hole
MEMORY_MIB = 1024

# --- the disk

PACKAGES = ('python3', 'openssh-client', 'openssh-server', 'util-linux', 'passwd', 'procps', 'mount',
            'bubblewrap', 'fuse3', 'tmux', 'git', 'gpg-agent', 'gpgconf', 'gpg')
NOT_NEEDED = ('/usr/share/doc/', '/usr/share/man/', '/usr/share/locale/', '/usr/share/info/',
              '/usr/share/lintian/', '/var/lib/dpkg/')
# What packages make when they are installed, or share.
CONFIGURATION = ('passwd', 'group', 'nsswitch.conf', 'login.defs', 'hosts', 'alternatives',
                 'ld.so.cache', 'default')
# The second serial line takes results alone.
GUEST = '''#!/bin/sh
export PATH=/usr/bin:/usr/sbin LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t devtmpfs dev /dev
mkdir /dev/pts /dev/shm
mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs -o mode=755 run /run
mkdir /run/sshd
busybox ip link set lo up
stty -F /dev/ttyS1 raw -echo
cd '{source}'
/usr/bin/python3 tests/matrix/inside.py /plan.json /dev/ttyS1 1
busybox reboot -f
'''


def output(*words):
    """What a program prints; of many names, what it says of those that it knows."""
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def files_of_packages():
    essential = [line.split()[1] for line in
                 output('dpkg-query', '-W', '-f', '${Essential} ${Package}\n').splitlines()
                 if line.startswith('yes')]
    lines = output('apt-cache', 'depends', '--recurse', '--installed', '--no-recommends',
                   '--no-suggests', '--no-conflicts', '--no-breaks', '--no-replaces',
                   '--no-enhances', *PACKAGES, *essential).splitlines()
    packages = {line for line in lines if line[:1].isalnum()}
    files = {path for path in output('dpkg', '-L', *packages).splitlines()
             if path.startswith('/') and not path.startswith(NOT_NEEDED)}
    for directory in [path for path in files if '/python3' in path]:
        compiled = pathlib.Path(directory) / '__pycache__'
        if compiled.is_dir():  # made at its installation
            files |= {str(compiled), *map(str, compiled.iterdir())}
    return files | {str(path) for path in pathlib.Path('/').iterdir() if path.is_symlink()}


def files_of_ours(tests):
    files = {str(path) for directory in ('tests/e2e', 'tests/matrix', 'policy')
             for path in (SOURCE / directory).rglob('*')}
    words = {word for test in tests for word in (test['cmd'][0], *test['env'].values())}
    programs = {word for word in words if os.path.isfile(word) and os.access(word, os.X_OK)}
    libraries = re.findall(r'(/\S+) \(0x', output('ldd', *sorted(programs)))
    files |= programs | {name for path in libraries for name in (path, os.path.realpath(path))}
    return files | {str(parent) for path in files for parent in pathlib.Path(path).parents}


def copy_files(paths, tree):
    # Each by one name: Debian's packages speak of /bin/sh, which lies in /usr/bin.
    real = {os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
            for path in paths}
    script = ('tar -C / -c --no-recursion --ignore-failed-read --hard-dereference --null -T - |'
              ' tar -x -p -C "$0"')
    subprocess.run(['sh', '-c', script, tree], input='\0'.join(sorted(real)).encode(), check=True,
                   stderr=subprocess.DEVNULL)


def configure(tree, tests):
    etc = tree / 'etc'
    for name in CONFIGURATION:
        subprocess.run(['cp', '-a', f'/etc/{name}', etc], check=True)
    # Nobody's password.
    for name, of, rest in (('shadow', 'passwd', ':*:::::::'), ('gshadow', 'group', ':*::')):
        names = [line.split(':')[0] for line in (etc / of).read_text().splitlines()]
        (etc / name).write_text(''.join(f'{each}{rest}\n' for each in names))
    for name in ('proc', 'sys', 'dev', 'run', 'tmp', 'root', 'mnt'):
        (tree / name).mkdir(exist_ok=True)
    (tree / 'tmp').chmod(0o1777)
    shutil.copy2('/bin/busybox', tree / 'usr/bin/busybox')
    (tree / 'plan.json').write_text(json.dumps(tests))
    (tree / 'guest').write_text(GUEST.format(source=SOURCE))
    (tree / 'guest').chmod(0o755)


def make_disk(directory, tests):
    """An ext4 image of all that the tests need of this system."""
    image, tree = directory / 'disk', directory / 'disk.tree'
    image.unlink(missing_ok=True)
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(mode=0o755)
    copy_files(files_of_packages() | files_of_ours(tests), tree)
    configure(tree, tests)
    subprocess.run(['mke2fs', '-q', '-t', 'ext4', '-O', '^has_journal', '-d', tree, image,
                    f'{DISK_MIB}M'], check=True, stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return image


# --- the kernel

# Nothing loads any later: there is no modprobe on the disk.
MODULES = ('virtio_pci', 'virtio_blk', 'fuse', 'unix_diag')
BOOT = '''#!/bin/busybox sh
busybox mount -t devtmpfs dev /dev
for module in /modules/*; do
	busybox insmod "$module"
done
for attempt in 1 2 3 4 5 6 7 8 9; do
	[ -e /dev/vda ] || busybox sleep 1
done
busybox mount -t ext4 /dev/vda /disk
exec busybox switch_root /disk /guest
'''


class Kernel:
    """The files of a kernel's packages."""

    def __init__(self, files):
        self.image, = files.glob('**/vmlinuz*')
        self.release = next(files.glob('**/lib/modules/*')).name
        self.modules = {path.name.split('.')[0].replace('-', '_'): path
                        for path in files.glob('**/*.ko*')}

    def load_order(self, name, found):
        """Adds module files to found, each after those that it needs; what is built in has none."""
        path = self.modules.get(name)
        if path is None or path in found:
            return
        needs = re.search(rb'\0depends=([^\0]*)', self.content(path))[1].decode()
        for other in filter(None, needs.split(',')):
            self.load_order(other.replace('-', '_'), found)
        found.append(path)

    @staticmethod
    def content(path):
        content = path.read_bytes()
        return lzma.decompress(content) if path.suffix == '.xz' else content

    def make_initramfs(self, directory):
        """What finds the disk and goes on there."""
        image, tree = directory / 'initramfs', directory / 'initramfs.tree'
        shutil.rmtree(tree, ignore_errors=True)
        for name in ('bin', 'dev', 'disk', 'modules'):
            (tree / name).mkdir(parents=True)
        found = []
        for name in MODULES:
            self.load_order(name, found)
        for number, path in enumerate(found):
            (tree / f'modules/{number:02}.ko').write_bytes(self.content(path))
        shutil.copy2('/bin/busybox', tree / 'bin/busybox')
        (tree / 'init').write_text(BOOT)
        (tree / 'init').chmod(0o755)
        with image.open('wb') as file:
            subprocess.run('busybox find . | busybox cpio -o -H newc', shell=True, cwd=tree,
                           check=True, stdout=file, stderr=subprocess.DEVNULL)
        shutil.rmtree(tree)
        return image


# --- both

LIBC = ctypes.CDLL(None)


def die_with_us():
    """For a child, whatever ends this process."""
    LIBC.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG


def check_tools():
    if platform.machine() != 'x86_64':
        raise Unavailable(f'the guest would have to be a {platform.machine()}; only x86_64 is known')
    for program, package in (('qemu-system-x86_64', 'qemu-system-x86'),
                             ('busybox', 'busybox-static'), ('mke2fs', 'e2fsprogs')):
        if not shutil.which(program):
            raise Unavailable(f'{program} is not installed (package {package})')
    if output('ldd', '/bin/busybox'):
        raise Unavailable('busybox is not linked statically (package busybox-static)')


def boot(kernel, disk, directory, limit_s):
    """Runs the tests on the disk. Returns the lines of inside.py, and what else was said."""
    results, console = directory / 'results', directory / 'console'
    words = ['nice', 'qemu-system-x86_64', '-accel', 'tcg', '-cpu', 'max', '-m', str(MEMORY_MIB),
             '-icount', 'shift=0,sleep=off', '-rtc', 'clock=vm', '-nodefaults', '-display', 'none',
             '-no-reboot', '-kernel', kernel.image,
             '-initrd', kernel.make_initramfs(directory),
             '-append', 'console=ttyS0 panic=-1 quiet',
             '-serial', f'file:{console}', '-serial', f'file:{results}',
             '-drive', f'file={disk},if=virtio,format=raw,snapshot=on']
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=limit_s, env={**os.environ, 'TMPDIR': str(directory)},
                              check=False, preexec_fn=die_with_us)
        said = done.stderr
    except subprocess.TimeoutExpired:
        said = f'qemu did not end within {limit_s} s\n'
    said += console.read_text(errors='replace') if console.exists() else ''
    lines = results.read_text(errors='replace').splitlines() if results.exists() else []
    return lines, said
