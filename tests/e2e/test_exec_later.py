"""Programs that `exec` runs, and what is made outside while they run: keys, agents and the guard's
files that were not there when they began."""

import contextlib
import os
import shutil
import socket
import unittest

import place
import test_exec
from guard import SSH_ADD
from place import wait_until
from test_exec import CONNECT, PYTHON


class LaterTest(test_exec.ExecTest):
    def setUp(self):
        super().setUp()
        shutil.rmtree(self.ssh)  # the agent has the key

    @contextlib.contextmanager
    def while_it_runs(self, script, *options):
        """A shell script in the sandbox, of which `wait` lasts until the body of this has run. What
        it prints is in the list afterwards."""
        said = []
        running = self.place.spawn(
            self.place.program, *self.exec, *options, '--', '/bin/sh', '-c',
            f'wait() {{ touch began; read -r line; }}\n{script}\nexit 0', cwd=self.work, stdin=-1,
            stdout=-1)
        wait_until((self.work / 'began').exists, 'the program runs')
        yield said
        out, _ = running.communicate(b'\n', place.DEADLINE_S)
        self.assertEqual(running.returncode, 0)
        said += out.decode().splitlines()

    def listen(self, path):
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(path))
        listener.listen()
        if self.place.person:
            os.chown(path, self.place.uid, -1)


class Later(LaterTest):
    def test_keys_and_agents_that_come_later_are_not_to_be_seen(self):
        self.place.env['GNUPGHOME'] = str(self.place.home / 'keys/gnupg')
        self.place.make_directory(self.place.home / 'keys')
        os.symlink('settings/ssh', self.ssh)  # leads to nothing by now
        self.place.make_directory(self.place.home / 'settings')
        home = self.place.home
        files = ('home/settings/ssh/id', 'home/.gnupg/private-keys-v1.d/key', 'home/keys/gnupg/key')
        sockets = [home / name for name in ('settings/ssh/master', '.gnupg/S.gpg-agent.ssh',
                                            'keys/gnupg/S.gpg-agent', 'agent.sock')]
        self.start()
        names = ' '.join(f'~/{name[5:]}' for name in files)
        self.place.write('home/work/connect.py', CONNECT)
        connect = f"{PYTHON} ~/work/connect.py {' '.join(map(str, sockets))}"
        with self.while_it_runs(f'wait; cat {names} ~/.ssh/id 2>&1 | grep SECRET; {connect}; '
                                'ls -A ~ ~/settings/ ~/keys/ | grep -e gnupg -e ^ssh') as said:
            for name in files:
                self.place.write(name, 'SECRET')
            for path in sockets:
                self.listen(path)
            self.assertEqual(self.place.run_ok('/bin/sh', '-c', connect).split(),
                             [str(path) for path in sockets])
        self.assertEqual(said, [])

    def test_the_guards_policy_that_comes_later_is_not_to_be_seen(self):
        """A guard that began without one: everything needs a person's yes."""
        policy = self.place.make_directory(self.place.home / 'settings') / 'guard.yaml'
        self.start_guard(None, upstream=self.agent, arguments=('--policy', policy))
        with self.while_it_runs(f'wait; cat {policy} 2>&1 | grep SECRET') as said:
            self.place.write('home/settings/guard.yaml', '# SECRET\n')
        self.assertEqual(said, [])

    def test_all_else_of_the_home_is_there_as_before(self):
        self.place.write('home/note', 'a note\n')
        self.place.write('home/.config/tool/settings', 'settings\n')
        self.place.write('home/a b\n/c', 'odd\n')
        os.symlink('note', self.place.home / 'link')
        os.symlink('/etc/passwd', self.place.home / 'system')
        os.symlink('nowhere', self.place.home / 'dangling')
        before = {path.name for path in self.place.home.iterdir()}
        self.start()
        names = {path.name for path in self.place.home.iterdir()} - before
        self.assertEqual(names, set())
        out = self.ok(self.inside(
            'cat ~/note ~/link ~/.config/tool/settings ~/a*/c; cmp ~/system /etc/passwd; '
            f'stat -c %U ~; {SSH_ADD} -l | wc -l'))
        self.assertEqual(out, 'a note\na note\nsettings\nodd\n'
                              f'{self.place.user_name}\n1\n')
        out = self.ok(self.inside_run(PYTHON, '-c', 'import os; print(sorted(os.listdir(os.path.'
                                                    'expanduser("~"))))'))
        self.assertEqual(out, f'{sorted(before)}\n')
        with self.while_it_runs('wait; cat later/new ~/note; echo out > later/answer') as said:
            self.place.write('home/work/later/new', 'new\n')
            (self.place.home / 'note').write_text('changed\n')
        self.assertEqual(said, ['new', 'changed'])
        self.assertEqual((self.work / 'later/answer').read_text(), 'out\n')
        self.assertEqual({path.name for path in self.place.home.iterdir()}, before)

    def test_nothing_can_be_written_there(self):
        self.place.write('home/.bashrc', 'own\n')
        self.start()
        script = ('for name in ~/new ~/.bashrc ~/.ssh; do touch $name; echo x > $name; '
                  'mkdir $name; done; mount -o remount,rw ~; rm ~/.bashrc; ls -A ~; cat ~/.bashrc')
        for options in (), ('--allow-nested',):
            self.assertEqual(self.ok(self.inside(script, *options)), '.bashrc\nwork\nown\n')

    def test_what_is_asked_for_is_there(self):
        self.place.write('home/data/settings/file', 'data\n')
        more = self.place.make_directory(self.place.home / 'more')
        path = self.place.home / 'asked.sock'
        self.listen(path)
        self.start()
        self.place.write('home/work/connect.py', CONNECT)
        done = self.inside(f'cat ~/data/settings/file; echo x > ~/more/x; '
                           f'{PYTHON} connect.py {path}', '--allow-write', more,
                           '--allow-read', self.place.home / 'data/settings',
                           '--allow-socket', path)
        self.assertEqual(self.ok(done), f'data\n{path}\n')
        self.assertEqual((more / 'x').read_text(), 'x\n')

    def test_a_home_with_too_many_files_is_told_of(self):
        for number in range(260):
            self.place.write(f'home/file{number}', '')
        self.start()
        done = self.inside('ls ~ | wc -l')
        self.assertEqual(self.ok(done), '261\n')
        self.assertIn(f'{self.ssh} is not there: if it is made while the program runs, the program '
                      f'sees it ({self.place.home} has too many files', done.stderr)
        self.place.make_directory(self.ssh)
        self.place.make_directory(self.place.home / '.gnupg')
        self.assertNotIn('too many', self.inside('true').stderr)

    def test_a_circle_of_links_is_told_of(self):
        self.place.make_directory(self.ssh)
        circle = self.place.home / '.gnupg'
        os.symlink('.gnupg', circle)
        self.start()
        done = self.inside('true')
        self.ok(done)
        self.assertIn(f'{circle} leads nowhere', done.stderr)


if __name__ == '__main__':
    unittest.main()
