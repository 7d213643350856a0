"""Packages of another release of Debian. apt itself fetches them and checks their signatures, from the
archive that it uses on this machine, by a configuration of its own: nothing of this machine's is
changed, and nothing is installed."""

import pathlib
import shutil
import subprocess

KEYRING = pathlib.Path('/usr/share/keyrings/debian-archive-keyring.gpg')


class Unavailable(Exception):
    """Why something that is no part of the project cannot be had here."""


def archive_address():
    if not shutil.which('apt-get'):
        raise Unavailable('no apt here, which fetches the packages')
    found = subprocess.run(['apt-get', 'indextargets', '--format', '$(REPO_URI)',
                            'Identifier: Packages', 'Origin: Debian', 'Label: Debian',
                            'Component: main'], capture_output=True, text=True, check=False)
    if not found.stdout.strip():
        raise Unavailable('apt knows no archive of Debian here (apt-get update)')
    return found.stdout.split()[0]


class Release:
    """directory is for what apt needs and fetches."""

    def __init__(self, name, directory):
        self.name = name
        self.directory = pathlib.Path(directory).absolute()
        self.config = self.directory / 'apt.conf'

    def update(self):
        """Reads which packages there are."""
        if not KEYRING.exists():
            raise Unavailable(f'{KEYRING} is missing (package debian-archive-keyring)')
        for name in ('lists/partial', 'archives/partial'):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        sources = self.directory / 'sources.list'
        sources.write_text(f'deb [signed-by={KEYRING}] {archive_address()} {self.name} main\n')
        self.config.write_text(f'''
Dir::State "{self.directory}";
Dir::State::lists "{self.directory}/lists";
Dir::State::status "/dev/null";
Dir::Cache "{self.directory}";
Dir::Cache::archives "{self.directory}/archives";
Dir::Etc::sourcelist "{sources}";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "20";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
''')
        self._apt('apt-get', '-qq', 'update')

    def _apt(self, program, *words, **options):
        done = subprocess.run([program, '-c', self.config, *words], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, check=False, **options)
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if line.startswith('E:')]
            raise Unavailable(f'{self.name}: {program} {words[-1]}: ' +
                              (lines[0] if lines else f'exit status {done.returncode}'))
        return done.stdout

    def needs(self, *packages):
        """The names of these packages and of all that they depend on."""
        lines = self._apt('apt-get', '-qq', '--no-install-recommends', '--print-uris', 'install',
                          *packages).splitlines()
        return [line.split("' ")[1].split('_')[0] for line in lines if line.startswith("'")]

    def depends(self, package):
        """The names of the packages that this one depends on itself."""
        lines = self._apt('apt-cache', '--no-recommends', 'depends', package).splitlines()
        return [line.split()[1] for line in lines if line.strip().startswith('Depends: ')]

    def version(self, package):
        """As the package's authors count, without Debian's own counting: 10.0p1, 6.12.117."""
        lines = self._apt('apt-cache', 'show', '--no-all-versions', package).splitlines()
        version = next(line.split()[1] for line in lines if line.startswith('Version: '))
        return version.partition(':')[2].partition('-')[0] or version.partition('-')[0]

    def unpack(self, name, *packages):
        """Puts the packages' files into a directory of that name, and runs nothing of theirs."""
        downloads, target = self.directory / 'downloads', self.directory / name
        for directory in (downloads, target):
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir()
        self._apt('apt-get', '-qq', 'download', *packages, cwd=downloads)
        for package in sorted(downloads.iterdir()):
            subprocess.run(['dpkg', '-x', package, target], check=True)
        shutil.rmtree(downloads)
        return target
