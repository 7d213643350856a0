"""The popup that the guard opens by itself, in the tmux client that the person looks at. Each client
runs in a tmux of its own, because a popup is seen by the terminal around it alone."""

import contextlib
import os
import shutil
import signal
import socket
import tempfile
import time
import pathlib
import unittest

import guard
from guard import wait_until
from place import command_line, is_running
from test_confirm import PIN, POLICY, ConfirmTest

TMUX = shutil.which('tmux', path='/usr/bin:/bin:/usr/local/bin')
PROMPT = 'PIN, to say yes'


def setUpModule():
    if not TMUX:
        raise unittest.SkipTest('needs tmux')


class PopupTest(ConfirmTest):
    POLICY = POLICY.replace('timeout: 60s', 'timeout: 120s, tmux_popup: true')
    program_of_tmux = TMUX

    def setUp(self):
        # The guard has it from its environment; /tmp is everybody's, and so not for tests.
        self.tmux_program = self.program_of_tmux
        super().setUp()
        self.around = self.place.make_directory(self.place.path / 'around')

    def start_guard(self, policy, **options):
        self.own = self.place.make_directory(self.place.path / 'tmp' / f'tmux-{self.place.uid}')
        return super().start_guard(policy, env={'TMUX_TMPDIR': str(self.own.parent)}, **options)

    def tmux(self, path, *words):
        return self.place.run_ok(self.tmux_program, '-f', '/dev/null', '-S', path, *words,
                                 env={'TERM': 'xterm', **self.guard.env})

    def start_server(self, name='default', session='work', command='exec cat'):
        """A session, and the server's PID."""
        path = self.own / name
        self.tmux(path, 'new-session', '-d', '-s', session, command)
        pid = int(self.tmux(path, 'display-message', '-p', '#{pid}'))
        self.addCleanup(self.end_server, pid)
        return path, pid

    @staticmethod
    def end_server(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGKILL)

    def attach(self, path, session='work', name='outer'):
        """A client of it, in the one pane of another tmux; returns the path of that one."""
        around = self.around / name
        self.tmux(around, 'new-session', '-d', '-x', '120', '-y', '40', f'TERM=screen exec env -u '
                  f'TMUX {self.tmux_program} -S {path} attach -t {session}')
        self.addCleanup(self.end_server, int(self.tmux(around, 'display-message', '-p', '#{pid}')))
        wait_until(lambda: session in self.tmux(path, 'list-clients', '-F', '#{client_session}'),
                   'somebody looks at it')
        return around

    def screen(self, around):
        return self.tmux(around, 'capture-pane', '-p')

    def wait_shown(self, around, text=PROMPT, is_shown=True):
        return wait_until(lambda: (text in self.screen(around)) == is_shown,
                          f'{text!r} is shown: {is_shown}')

    def stays_hidden(self, around):
        """For longer than it takes where it is shown."""
        end = time.monotonic() + 2
        while time.monotonic() < end:
            self.assertNotIn(PROMPT, self.screen(around))

    def type(self, around, text, *keys):
        if text:
            self.tmux(around, 'send-keys', '-l', text)
        self.tmux(around, 'send-keys', *(keys or ('Enter',)))

    def children(self):
        found = pathlib.Path(f'/proc/{self.guard.pid}/task/{self.guard.pid}/children')
        return [pid for pid in map(int, found.read_text().split()) if is_running(pid)]

    def clients_of_tmux(self):
        return [pid for pid in self.children() if command_line(pid)[:1] == [b'tmux']]

    def deny_all(self, *clients):
        self.guard.command('deny', '--all')
        for ssh in clients:
            self.assertNotEqual(ssh.wait(30), 0)


class Shown(PopupTest):
    def test_the_pin_is_typed_where_the_person_looks(self):
        path, _ = self.start_server()
        around = self.attach(path)
        ssh = self.ssh()
        self.wait_shown(around, f'(pid {ssh.pid})')
        self.wait_shown(around)
        # A popup is no pane.
        self.assertEqual(len(self.tmux(path, 'list-panes', '-a').splitlines()), 1)
        self.guard.wait_output('request 1: shown in tmux, on /dev/pts/')
        self.type(around, PIN)
        self.assertEqual(ssh.wait(30), 0)
        event, = self.signed()
        self.assertEqual((event['decision'], event['confirm_method'], event['confirm_via']),
                         ('confirmed', 'pin', 'control'))
        self.wait_shown(around, PROMPT, False)
        self.assertNotIn(PIN, self.screen(around))
        wait_until(lambda: not self.clients_of_tmux(), 'no tmux is left')

    def test_a_wrong_pin_is_asked_again_in_the_same_popup(self):
        around = self.attach(self.start_server()[0])
        ssh = self.ssh()
        self.wait_shown(around)
        self.type(around, 'wrong one')
        wait_until(lambda: (shown := self.screen(around)).rfind(PROMPT) >
                   shown.rfind('wrong PIN; 4 more') > 0, 'it is asked again')
        self.type(around, PIN)
        self.assertEqual(ssh.wait(30), 0)
        self.assertEqual(len(self.guard.events(trigger='pin-wrong')), 1)

    def test_it_closes_when_the_request_is_answered_elsewhere_or_gone(self):
        around = self.attach(self.start_server()[0])
        for end in (lambda ssh: ssh.send_signal(signal.SIGKILL),
                    lambda ssh: self.guard.command('deny'),
                    lambda ssh: self.assertEqual(self.confirm()[0], 0)):
            ssh = self.ssh()
            self.wait_shown(around, f'(pid {ssh.pid})')
            self.wait_shown(around)
            end(ssh)
            ssh.wait(30)
            self.wait_shown(around, f'(pid {ssh.pid})', False)
            self.wait_shown(around, PROMPT, False)
        wait_until(lambda: not self.clients_of_tmux(), 'no tmux is left')

    def test_who_lets_it_be_is_left_alone_and_the_next_request_is_shown(self):
        around = self.attach(self.start_server()[0])
        first = self.ssh()
        self.wait_shown(around, f'(pid {first.pid})')
        self.wait_shown(around)
        self.type(around, '', 'C-c')
        self.wait_shown(around, PROMPT, False)
        second = self.ssh('true', 'second')
        self.wait_pending(2)
        # Only the oldest is live.
        self.stays_hidden(around)
        self.assertEqual(self.guard.command('deny', '1').returncode, 0)
        self.assertNotEqual(first.wait(30), 0)
        self.wait_shown(around, f'(pid {second.pid})')
        self.deny_all(second)

    def test_each_request_has_its_turn(self):
        around = self.attach(self.start_server()[0])
        clients = [self.ssh('true', str(n)) for n in range(3)]
        self.wait_pending(3)
        order = [next(ssh for ssh in clients if f'(pid {ssh.pid})' in text)
                 for _, text in sorted(self.pending().items())]
        for ssh in order:
            self.wait_shown(around, f'(pid {ssh.pid})')
            self.wait_shown(around)
            self.type(around, PIN)
            self.assertEqual(ssh.wait(30), 0)

    def test_the_end_of_the_guard_closes_it(self):
        around = self.attach(self.start_server()[0])
        ssh = self.ssh()
        self.wait_shown(around)
        self.guard.stop(signal.SIGKILL)
        self.wait_shown(around, PROMPT, False)
        ssh.wait(30)

    def test_what_is_typed_in_its_first_moment_is_no_pin(self):
        """A person who types on while it opens. On a busy machine it may stand before that."""
        around = self.attach(self.start_server()[0])
        for wrong in range(4):
            ssh = self.ssh()
            self.wait_shown(around, f'(pid {ssh.pid})')
            self.type(around, 'words of a command')
            self.wait_shown(around)
            self.type(around, PIN)
            was_wrong = wait_until(
                lambda: ('yes' if len(self.guard.events(trigger='pin-wrong')) > wrong else None) or
                        ('no' if ssh.poll() is not None else None), 'it is answered')
            if was_wrong == 'no':
                self.assertEqual(ssh.wait(), 0)
                return
            self.deny_all(ssh)
            self.wait_shown(around, PROMPT, False)
        self.fail('what was typed at once was taken for a PIN')


class Where(PopupTest):
    def test_of_two_clients_it_is_the_one_that_was_used_last(self):
        path, _ = self.start_server()
        self.tmux(path, 'new-session', '-d', '-s', 'other', 'exec cat')
        arounds = [self.attach(path), self.attach(path, 'other', 'second')]
        for used in (0, 1):
            self.use(path, used, arounds)
            ssh = self.ssh()
            self.wait_shown(arounds[used])
            self.assertNotIn(PROMPT, self.screen(arounds[1 - used]))
            self.deny_all(ssh)
            self.wait_shown(arounds[used], PROMPT, False)

    def use(self, path, index, arounds):
        """Somebody types there, later than anywhere else by tmux's clock, which has seconds."""
        def is_last():
            self.tmux(arounds[index], 'send-keys', 'x')
            times = dict(line.split() for line in self.tmux(
                path, 'list-clients', '-F', '#{client_session} #{client_activity}').splitlines())
            mine = times.pop(('work', 'other')[index])
            return all(mine > other for other in times.values())
        wait_until(is_last, 'it is used last')

    def test_of_two_servers_too(self):
        paths = [self.start_server(name)[0] for name in ('one', 'two')]
        first, second = self.attach(paths[0]), self.attach(paths[1], name='second')

        def is_last():
            self.tmux(second, 'send-keys', 'x')
            times = [int(self.tmux(path, 'list-clients', '-F', '#{client_activity}'))
                     for path in paths]
            return times[1] > times[0]
        wait_until(is_last, 'it is used last')
        ssh = self.ssh()
        self.wait_shown(second)
        self.assertNotIn(PROMPT, self.screen(first))
        self.deny_all(ssh)

    def test_the_client_of_the_callers_own_pane_goes_before(self):
        path, _ = self.start_server()
        login = f'{guard.SSH} -F {self.sshd.client_config} near true'
        arounds = [self.attach(path)]
        self.tmux(path, 'new-session', '-d', '-s', 'other', 'exec cat')
        arounds.append(self.attach(path, 'other', 'second'))
        self.use(path, 1, arounds)
        self.tmux(path, 'new-window', '-d', '-t', 'work:', login)
        self.wait_shown(arounds[0])
        self.assertNotIn(PROMPT, self.screen(arounds[1]))
        self.type(arounds[0], PIN)
        self.assertEqual(self.guard.wait_event(trigger='sign')['decision'], 'confirmed')

    def test_where_the_callers_pane_has_no_client_it_is_the_last_used_one(self):
        path, _ = self.start_server()
        self.tmux(path, 'new-session', '-d', '-s', 'alone', 'exec cat')
        around = self.attach(path)
        self.tmux(path, 'new-window', '-d', '-t', 'alone:',
                  f'{guard.SSH} -F {self.sshd.client_config} near true')
        self.wait_shown(around)
        self.deny_all()

    def test_whoever_comes_later_is_shown_it_then(self):
        path, _ = self.start_server()
        ssh = self.ssh()
        self.wait_pending()
        around = self.attach(path)
        self.wait_shown(around)
        self.type(around, PIN)
        self.assertEqual(ssh.wait(30), 0)

    def test_a_popup_of_the_persons_own_is_waited_for(self):
        """tmux says that it has shown ours, and has not."""
        path, _ = self.start_server()
        around = self.attach(path)
        name = self.tmux(path, 'list-clients', '-F', '#{client_name}').strip()
        self.place.spawn(self.tmux_program, '-S', path, 'display-popup', '-E', '-c', name, '--',
                         '/bin/sh', '-c', 'echo mine; read line', env={'TERM': 'xterm'})
        self.wait_shown(around, 'mine')
        ssh = self.ssh()
        self.guard.wait_output('request 1: not shown in tmux, on ')
        self.assertNotIn('request 1: shown', self.guard.output())
        self.type(around, 'x')
        self.wait_shown(around)
        self.type(around, PIN)
        self.assertEqual(ssh.wait(30), 0)

    def test_a_client_that_goes_leaves_it_to_another_one(self):
        path, _ = self.start_server()
        first = self.attach(path)
        ssh = self.ssh()
        self.wait_shown(first)
        self.tmux(path, 'detach-client', '-s', 'work')
        again = self.attach(path, name='second')
        self.wait_shown(again)
        self.type(again, PIN)
        self.assertEqual(ssh.wait(30), 0)

    def test_a_client_that_may_only_look_is_passed_over(self):
        path, _ = self.start_server()
        around = self.around / 'outer'
        self.tmux(around, 'new-session', '-d', '-x', '120', '-y', '40', f'TERM=screen exec env -u '
                  f'TMUX {self.tmux_program} -S {path} attach -r -t work')
        self.addCleanup(self.end_server, int(self.tmux(around, 'display-message', '-p', '#{pid}')))
        wait_until(lambda: self.tmux(path, 'list-clients'), 'somebody looks at it')
        ssh = self.ssh()
        self.wait_pending()
        self.stays_hidden(around)
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(ssh.wait(30), 0)


class Hanging(PopupTest):
    """Servers that hang, or are none, stop nobody, and not the popup in the one that is well."""

    def answer_in(self, around):
        ssh = self.ssh()
        self.wait_shown(around)
        self.type(around, PIN)
        self.assertEqual(ssh.wait(30), 0)

    def test_a_stopped_server_beside_the_one_that_is_used(self):
        _, stopped = self.start_server('a')
        path, _ = self.start_server('b')
        around = self.attach(path)
        os.kill(stopped, signal.SIGSTOP)
        self.answer_in(around)
        wait_until(lambda: not self.clients_of_tmux(), 'no client of it is left')

    def test_sockets_that_accept_and_never_answer(self):
        heard = []
        for name in ('0', '1'):
            listener = socket.socket(socket.AF_UNIX)
            self.addCleanup(listener.close)
            listener.bind(str(self.own / name))
            os.chown(self.own / name, self.place.uid, -1)
            listener.listen(1 if name == '1' else 64)
            heard.append(listener)
        # Of one the queue is full, so that even a connection waits.
        for _ in range(3):
            full = socket.socket(socket.AF_UNIX)
            self.addCleanup(full.close)
            full.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                full.connect(str(self.own / '1'))
        path, _ = self.start_server('z')
        self.answer_in(self.attach(path))
        # Nothing was said to what is no tmux.
        heard[0].settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                client, _ = heard[0].accept()
                client.settimeout(5)
                self.assertEqual(client.recv(4096), b'')
                client.close()

    def test_where_the_only_server_hangs_requests_are_answered_elsewhere(self):
        path, pid = self.start_server()
        self.attach(path)
        os.kill(pid, signal.SIGSTOP)
        begun = time.monotonic()
        ssh = self.ssh()
        self.wait_pending()
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(ssh.wait(30), 0)
        self.assertLess(time.monotonic() - begun, 30)
        wait_until(lambda: not self.clients_of_tmux(), 'no client of it is left')

    def test_a_server_that_stops_while_it_shows_one(self):
        path, pid = self.start_server()
        around = self.attach(path)
        ssh = self.ssh()
        self.wait_shown(around)
        os.kill(pid, signal.SIGSTOP)
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(ssh.wait(30), 0)
        wait_until(lambda: not self.clients_of_tmux(), 'its client is ended')
        os.kill(pid, signal.SIGCONT)
        self.answer_in(around)

    def test_a_tmux_that_is_not_roots_is_not_asked(self):
        self.tmux_program = self.place.copy_program(TMUX, 'tmux')
        path, _ = self.start_server()
        around = self.attach(path)
        ssh = self.ssh()
        self.wait_pending()
        self.stays_hidden(around)
        self.assertNotIn('shown in tmux', self.guard.output())
        self.deny_all(ssh)

    def test_a_directory_that_others_may_enter_is_not_used(self):
        path, _ = self.start_server()
        around = self.attach(path)
        self.own.chmod(0o750)
        ssh = self.ssh()
        self.wait_pending()
        self.stays_hidden(around)
        self.own.chmod(0o700)
        self.wait_shown(around)
        self.deny_all(ssh)

    def test_nobody_else_can_say_that_it_is_shown(self):
        import agent_client
        around = self.attach(self.start_server()[0])
        control = self.place.runtime / 'ssh-agent-guard' / 'control.sock'
        ssh = self.ssh()
        self.wait_shown(around)
        for request in ('popup', 'popup ', f'popup {"0" * 32}', 'popup-left', f'popup-left {"0" * 32}'):
            self.assertTrue(agent_client.control(control, request).startswith(b'failed\n'), request)
        self.assertIn(PROMPT, self.screen(around))
        self.type(around, PIN)
        self.assertEqual(ssh.wait(30), 0)


class Off(PopupTest):
    POLICY = POLICY

    def test_unless_the_policy_asks_for_it_none_opens(self):
        around = self.attach(self.start_server()[0])
        ssh = self.ssh()
        self.wait_pending()
        self.stays_hidden(around)
        self.assertEqual(self.clients_of_tmux(), [])
        self.assertEqual(self.confirm()[0], 0)
        self.assertEqual(ssh.wait(30), 0)


@unittest.skipIf(os.getuid() != 0, 'needs a tmux of root without popups')
class Split(PopupTest):
    """A real tmux whose command has another name, so that it has none that is called display-popup,
    as before tmux 3.2."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        program = pathlib.Path(TMUX).resolve().read_bytes()
        if program.count(b'display-popup\0') == 0:
            raise unittest.SkipTest('this tmux has no popups; see the other tests')
        directory = pathlib.Path(tempfile.mkdtemp(prefix='sag-tmux-', dir='/usr/local'))
        cls.addClassCleanup(shutil.rmtree, directory)
        directory.chmod(0o755)
        cls.program_of_tmux = directory / 'tmux'
        cls.program_of_tmux.write_bytes(program.replace(b'display-popup\0', b'display-popuq\0'))
        cls.program_of_tmux.chmod(0o755)

    def test_a_pane_is_split_and_closes_again(self):
        path, _ = self.start_server()
        around = self.attach(path)
        self.assertEqual(self.tmux(path, 'list-commands', 'display-popup'), '')
        ssh = self.ssh()
        self.wait_shown(around)
        self.assertEqual(len(self.tmux(path, 'list-panes', '-a').splitlines()), 2)
        self.guard.wait_output('shown in tmux, on /dev/pts/.*a split pane')
        self.type(around, PIN)
        self.assertEqual(ssh.wait(30), 0)
        wait_until(lambda: len(self.tmux(path, 'list-panes', '-a').splitlines()) == 1,
                   'the pane is gone')
        ssh = self.ssh()
        self.wait_shown(around)
        ssh.send_signal(signal.SIGKILL)
        wait_until(lambda: len(self.tmux(path, 'list-panes', '-a').splitlines()) == 1,
                   'the pane goes with the request')


if __name__ == '__main__':
    unittest.main()
