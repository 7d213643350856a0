"""What a person asks of a policy: check, test, policy lint, policy show. None needs a guard, and where
one runs, they are about its policy."""

import os
import re
import signal
import unittest

import guard
from agent_client import SIGN_RESPONSE, AgentClient
from guard import ALLOW_ALL, DENY_ALL

KEY = 'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU'


def rows(text):
    """The lines "name  value" of check as a dictionary; the first of each name."""
    found = {}
    for line in text.splitlines():
        name, _, value = line.partition(' ')
        found.setdefault(name, value.strip())
    return found


class Tool(guard.GuardTest):
    def tool(self, *words, **options):
        return self.place.run(self.place.program, *words, **options)

    def policy(self, text, name='policy.yaml'):
        return self.place.write(name, text)


class Check(Tool):
    def check(self, policy, *words, **options):
        return self.tool('check', '--policy', self.policy(policy), *words, **options)

    def test_the_exit_status_is_the_verdict(self):
        for text, status in ((ALLOW_ALL, 0), (DENY_ALL, 1), ('default_action: confirm\n', 1)):
            with self.subTest(text):
                done = self.check(text)
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertEqual(rows(done.stdout)['verdict'], text.split()[1])
                self.assertEqual(rows(done.stdout)['rule'], 'default')

    def test_it_reads_its_own_parent(self):
        done = self.check(ALLOW_ALL)
        self.assertEqual(rows(done.stdout)['process'], str(os.getpid()))
        self.assertRegex(rows(done.stdout)['process_name'], 'python')
        self.assertEqual(rows(done.stdout)['uid'], str(self.place.uid))

    def test_it_reads_the_process_that_is_named(self):
        program = self.place.copy_program('sleep', 'sleeper')
        process = self.place.spawn(program, '60', cwd=self.place.home)
        done = self.check('default_action: deny\nrules:\n'
                          f'  - {{name: ours, match: {{exe: {program}}}, action: allow}}\n'
                          '  - {name: late, match: {process_name: sleeper}, action: deny}\n',
                          '--pid', process.pid)
        found = rows(done.stdout)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual((found['exe'], found['process_name'], found['cwd'], found['command']),
                         (str(program), 'sleeper', str(self.place.home), f'{program} 60'))
        self.assertEqual((found['verdict'], found['rule']), ('allow', 'ours'))
        self.assertRegex(done.stdout, r'(?m)^=> ours +allow +fits$')
        self.assertRegex(done.stdout, r'(?m)^   late +deny +fits \(but an earlier rule')

    def test_it_names_the_field_and_the_missing_fact(self):
        text = ('default_action: allow\nrules:\n'
                '  - {name: other, match: {has_terminal: [true, false], exe: /x}, action: deny}\n'
                '  - {name: adds, match: {operation: add}, action: deny}\n'
                f'  - {{name: key, match: {{key: {KEY}}}, action: deny}}\n')
        done = self.check(text)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r'(?m)^   other +deny +does not fit: exe$')
        self.assertRegex(done.stdout, r'(?m)^   adds +deny +does not fit: .* sign$')
        self.assertRegex(done.stdout, r'(?m)^=> key +deny +could fit: key is not known$')
        self.assertEqual(rows(done.stdout)['missing_fact'], 'key')
        self.assertRegex(done.stdout, r'(?m)^key +\(not known\)$')

        done = self.check(text, '--key', KEY)
        self.assertRegex(done.stdout, r'(?m)^=> key +deny +fits$')
        self.assertNotIn('missing_fact', done.stdout)
        done = self.check(text, '--key', KEY[:-1] + 'V')
        self.assertEqual(done.returncode, 0, done.stdout)
        done = self.check(text, '--operation', 'add')
        self.assertEqual(rows(done.stdout)['rule'], 'adds')

    def test_what_a_process_calls_itself_reaches_no_terminal(self):
        program = self.place.copy_program('sleep', 'a\x1b[2J\nverdict allow')
        process = self.place.spawn(program, '60')
        done = self.check(DENY_ALL, '--pid', process.pid)
        self.assertEqual(done.returncode, 1)
        self.assertNotIn('\x1b', done.stdout)
        self.assertIn(r'a\x1b[2J\x0averdict allow', done.stdout)
        self.assertEqual(len(re.findall('(?m)^verdict', done.stdout)), 1)

    def test_wrong_usage_is_exit_status_2(self):
        for words in (['--pid', '0'], ['--pid', 'x'], ['--pid', '99999999'], ['--key', 'x'],
                      ['--key', 'SHA256:abc'], ['--operation', 'sing'], ['--frob'], ['--pid'],
                      ['more'], ['--policy', '']):
            with self.subTest(words):
                done = self.check(ALLOW_ALL, *words)
                self.assertEqual((done.returncode, done.stdout), (2, ''), done.stderr)
                self.assertTrue(done.stderr.startswith('ssh-agent-guard: '), done.stderr)

    def test_a_policy_that_cannot_be_used_is_exit_status_2(self):
        done = self.check('default_action: perhaps\n')
        self.assertEqual((done.returncode, done.stdout), (2, ''))
        self.assertRegex(done.stderr, r'policy\.yaml:1:17: .*perhaps')
        done = self.tool('check', '--policy', self.place.path / 'none.yaml')
        self.assertEqual(done.returncode, 2)
        self.assertIn('none.yaml', done.stderr)

    def test_without_a_policy_a_signature_needs_a_yes(self):
        done = self.tool('check')
        self.assertEqual(done.returncode, 1)
        self.assertEqual(rows(done.stdout)['verdict'], 'confirm')
        self.assertIn('not there', done.stderr)

    @unittest.skipUnless(os.getuid() == 0, 'only root can be another user')
    def test_a_process_of_somebody_else_is_not_identified(self):
        import people
        other = self.make_place(people.fresh_person())
        process = other.spawn('sleep', '60')
        done = self.check(ALLOW_ALL, '--pid', process.pid)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn('(not identified: other-uid', done.stdout)
        self.assertEqual(rows(done.stdout)['missing_fact'], 'caller')


class InForce(Tool):
    """Whose policy it is where none is named: that of the guard that runs, wherever its file is."""

    def setUp(self):
        super().setUp()
        self.ordinary = self.place.write('config/ssh-agent-guard/policy.yaml', DENY_ALL)

    def told(self, done, *parts):
        for part in parts:
            self.assertIn(part, done.stderr)

    def test_it_is_that_of_the_guard(self):
        server = self.start_guard(ALLOW_ALL)
        sha256 = server.status()['config_sha256']
        where = f'goes by {server.policy}, SHA-256 {sha256}'
        done = self.tool('check')
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(rows(done.stdout)['policy'], str(server.policy))
        self.told(done, where)
        done = self.tool('policy', 'show')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f'\n# SHA-256 {sha256}\n', done.stdout)
        self.told(done, where)
        done = self.tool('policy', 'lint')
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(f'{server.policy}: default_action: allow', done.stdout)
        self.told(done, where)

    def test_a_file_that_is_named_is_meant(self):
        self.start_guard(ALLOW_ALL)
        done = self.tool('check', '--policy', self.ordinary)
        self.assertEqual((done.returncode, done.stderr), (1, ''))
        for what in ('show', 'lint'):
            done = self.tool('policy', what, self.ordinary)
            self.assertEqual((done.returncode, done.stderr), (0, ''))

    def test_without_a_guard_it_is_the_one_at_its_place(self):
        for words, status in ((['check'], 1), (['policy', 'show'], 0), (['policy', 'lint'], 0)):
            with self.subTest(words):
                done = self.tool(*words)
                self.assertEqual(done.returncode, status, done.stdout)
                self.told(done, f'no guard runs at {self.place.runtime}/ssh-agent-guard.sock: '
                                f'this is about {self.ordinary}\n')

    def test_a_guard_on_another_socket_can_be_meant(self):
        server = self.start_guard(ALLOW_ALL, socket=self.place.runtime / 'other.sock')
        self.assertEqual(self.tool('check').returncode, 1)
        done = self.tool('check', '--listen', server.socket)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.told(done, f'the guard at {server.socket} goes by {server.policy}')
        done = self.tool('policy', 'show', '--listen', server.socket)
        self.assertIn('\ndefault_action: allow\n', done.stdout)
        self.assertEqual(self.tool('policy', 'lint', '--listen', '').returncode, 2)

    def test_what_the_guard_has_not_loaded_is_not_taken_for_what_holds(self):
        server = self.start_guard(DENY_ALL)
        held = server.status()['config_sha256']
        server.write_policy(ALLOW_ALL + 'rules: [{match: {exe: x}, action: deny}]\n')
        server.wait_event(trigger='policy-refused')
        done = self.tool('check')
        self.assertEqual(done.returncode, 2, done.stdout)
        self.told(done, f'goes by {server.policy}, SHA-256 {held}', 'policy.yaml:3:23: exe: x')
        os.kill(server.pid, signal.SIGSTOP)  # it looks at nothing any more, and answers nobody
        self.addCleanup(os.kill, server.pid, signal.SIGCONT)
        done = self.tool('check')
        self.told(done, f'does not tell which policy it goes by', f'this is about {self.ordinary}')

    def test_a_change_that_waits_for_a_yes_is_told_from_what_holds(self):
        server = self.start_guard('lock: true\n' + DENY_ALL)
        server.write_policy('lock: true\n' + ALLOW_ALL)
        server.wait_event(trigger='policy-locked')
        done = self.tool('check')
        self.assertEqual(rows(done.stdout)['verdict'], 'deny')
        self.told(done, 'this is about the one that was accepted')
        done = self.tool('policy', 'lint')  # is about files, and this one is to be accepted
        self.assertIn('default_action: allow', done.stdout)
        self.told(done, 'says something else', 'which the guard has not loaded')
        # Another state directory's accepted policy is not this guard's.
        self.assertEqual(server.stop(), 0)
        other = self.start_guard(ALLOW_ALL, arguments=('--state-dir', self.place.path / 'other'))
        done = self.tool('check')
        self.assertEqual(rows(done.stdout)['verdict'], 'allow')
        self.assertNotIn('accepted', done.stderr)
        self.assertEqual(other.stop(), 0)


class Test(Tool):
    PASSING = """
tests:
  - name: ssh is denied
    request: {process_name: ssh}
    expect: {action: deny, rule: default}
"""

    def write_tests(self, text, name='a.test.yaml'):
        return self.place.write(name, text)

    def last_line(self, done):
        return done.stdout.splitlines()[-1]

    def test_the_example_of_the_manual_passes(self):
        text = (guard.SOURCE / 'docs/ssh-agent-guard-policy.5').read_text()
        example = re.search(r'\npolicy_text: \|.*?(?=\n\.Ed)', text, re.S).group().lstrip('\n')
        done = self.tool('test', self.write_tests(example.replace('\\e', '\\')))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_policy_is_found_beside_the_tests(self):
        self.place.write('home/p/mine.yaml', DENY_ALL)
        self.place.write('home/p/mine.test.yaml', 'policy: mine.yaml' + self.PASSING)
        for words, cwd in ((['p/mine.test.yaml'], self.place.home),
                           (['mine.test.yaml'], self.place.home / 'p'),
                           ([self.place.home / 'p/mine.test.yaml'], self.place.path)):
            with self.subTest(words):
                done = self.tool('test', *words, cwd=cwd)
                self.assertEqual((done.returncode, done.stderr), (0, ''))
                self.assertEqual(self.last_line(done), '1 passed, 0 failed')
                self.assertRegex(done.stdout, r'(?m)^  ok +ssh is denied +deny +default$')

    def test_a_test_that_fails_says_what_it_found(self):
        file = self.write_tests('policy_text: "default_action: allow"' + self.PASSING + """
  - name: it is allowed
    request: {}
    expect: {action: allow}
""")
        done = self.tool('test', file)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(self.last_line(done), '1 passed, 1 failed')
        self.assertRegex(done.stdout, r'(?m)^  FAILED +ssh is denied +allow +default$')
        self.assertIn('action: expected deny, but it is allow', done.stdout)

    def test_verbose_says_why(self):
        file = self.write_tests(
            'policy_text: "{default_action: deny, rules: [{match: {exe: /x}, action: allow}]}"' +
            self.PASSING)
        done = self.tool('test', '--verbose', file)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r'(?m)^ +process_name +ssh$')
        self.assertRegex(done.stdout, r'(?m)^ +rule-1 +allow +does not fit: exe$')
        self.assertNotIn('does not fit', self.tool('test', file).stdout)

    def test_a_load_error_is_expected_by_a_part_of_it(self):
        done = self.tool('test', self.write_tests("""
tests:
  - name: unknown fields are refused
    policy_text: |
      default_action: deny
      rules: [{match: {procss_name: git}, action: allow}]
    expect: {load_error: "procss_name"}
  - name: and at that place
    policy_text: |
      default_action: deny
      rules: [{match: {procss_name: git}, action: allow}]
    expect: {load_error: ":2:18:"}
  - name: but that is no reason
    policy_text: "default_action: perhaps"
    expect: {load_error: "procss_name"}
  - name: and this one loads
    policy_text: "default_action: deny"
    expect: {load_error: "procss_name"}
"""))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(self.last_line(done), '2 passed, 2 failed')
        self.assertIn('policy_text:1:17: ', done.stdout)
        self.assertIn('but the policy loads', done.stdout)

    def test_a_file_that_has_errors_is_exit_status_2(self):
        good = self.write_tests('policy_text: "default_action: deny"' + self.PASSING)
        for text, what in (('', 'empty'), ('tests: [', 'not valid YAML'), ('\0', 'control character'),
                           ('policy: none.yaml' + self.PASSING, 'none.yaml'),
                           ('policy_text: "default_action: deny"' +
                            self.PASSING.replace('process_name', 'ssh_dust'),
                            r'b\.test\.yaml:4:15: ssh_dust: unknown field')):
            with self.subTest(text):
                bad = self.write_tests(text, 'b.test.yaml')
                done = self.tool('test', bad, good)
                self.assertEqual(done.returncode, 2)
                self.assertRegex(done.stderr, what)
                self.assertEqual(self.last_line(done), '1 passed, 0 failed')

    def test_what_is_no_file_hangs_nothing(self):
        fifo = self.place.path / 'fifo'
        os.mkfifo(fifo, 0o600)
        os.chown(fifo, self.place.uid, -1)
        for path in (fifo, '/dev/zero', self.place.path, self.place.path / 'nothing'):
            with self.subTest(path):
                done = self.tool('test', path)
                self.assertEqual(done.returncode, 2)
                self.assertIn(str(path), done.stderr)
                self.assertEqual(self.last_line(done), '0 passed, 0 failed')

    def test_wrong_usage_is_exit_status_2(self):
        for words in ([], ['--frob', 'x']):
            with self.subTest(words):
                self.assertEqual(self.tool('test', *words).returncode, 2)

    def test_names_from_the_file_reach_no_terminal(self):
        done = self.tool('test', self.write_tests(
            'policy_text: "default_action: deny"\ntests:\n'
            '- name: "a\\e[2J\\n1 passed"\n  request: {}\n  expect: {action: allow}\n'))
        self.assertEqual(done.returncode, 1)
        self.assertNotIn('\x1b', done.stdout)
        self.assertIn(r'a\x1b[2J\x0a1 passed', done.stdout)

    def test_a_test_decides_as_the_guard_does(self):
        """The same policy and, as far as a file can describe it, the same caller."""
        policy = ('default_action: deny\nrules:\n'
                  f'  - {{name: ours, match: {{exe: {os.path.realpath("/proc/self/exe")},'
                  ' sign_type: unknown}, action: allow}\n')
        agent = self.start_agent()
        key = self.keys.make()
        self.add(agent, key)
        server = self.start_guard(policy, upstream=agent)
        with AgentClient(server.socket) as client:
            self.assertEqual(client.sign(self.keys.blob(key))[0], SIGN_RESPONSE)
        event = server.wait_event(trigger='sign')
        indented = ''.join(f'  {line}\n' for line in policy.splitlines())
        done = self.tool('test', self.write_tests(
            f'policy_text: |\n{indented}tests:\n- name: as the event says\n'
            f'  request: {{exe: {event["exe_path"]}, process_name: {event["process_name"]},'
            f' sign_type: unknown, key: "{event["key_fingerprint"]}"}}\n'
            f'  expect: {{action: {event["decision"]}, rule: {event["rule"]},'
            f' process_name: {event["process_name"]}}}\n'))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Policy(Tool):
    def test_lint_is_silent_where_there_is_nothing_to_say(self):
        done = self.tool('policy', 'lint', self.policy(
            f'default_action: deny\nrules: [{{match: {{key: {KEY}}}, action: allow}}]\n'))
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, '', ''))

    def test_lint_says_where_what_is_weak_or_idle(self):
        done = self.tool('policy', 'lint', self.policy(
            'default_action: deny\nrules:\n'
            '  - {name: a, match: {exe: /x}, action: allow}\n'
            '  - {name: b, match: {exe: /x}, action: allow}\n'))
        self.assertEqual((done.returncode, done.stderr), (1, ''))
        self.assertRegex(done.stdout, r'(?m)policy\.yaml:3:5: note: a: weak')
        self.assertRegex(done.stdout, r'(?m)policy\.yaml:4:5: b: never decides: a \(line 3\)')

    def test_lint_says_where_nobody_could_answer(self):
        file = self.policy(
            f'default_action: deny\nrules: [{{match: {{key: {KEY}}}, action: confirm}}]\n')
        done = self.tool('policy', 'lint', file)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertRegex(done.stdout, r'policy\.yaml:2:9: note: rule-1: nothing .* is enrolled')
        self.assertEqual(self.tool('policy', 'lint', '--strict', file).returncode, 1)
        # Where a security key is enrolled, somebody could.
        state = self.place.make_directory(self.place.state / 'ssh-agent-guard')
        (state / 'fido2').write_text('version 1\nkey one 0 0 0 ab ' + self.point() + '\n')
        done = self.tool('policy', 'lint', '--strict', file)
        self.assertEqual((done.returncode, done.stdout), (0, ''))
        (state / 'fido2').unlink()
        self.policy(f'default_action: deny\nrules: [{{match: {{key: {KEY}}}, action: confirm, '
                    'confirm: {method: askpass}}]\n')
        self.assertNotIn('is enrolled', self.tool('policy', 'lint', file).stdout)

    def point(self):
        """Of some key of P-256, in hex."""
        blob = self.keys.blob(self.keys.make('p256', 'ecdsa'))
        return blob[-64:].hex()

    def test_a_policy_that_ships_is_not_called_wrong_where_nothing_is_enrolled(self):
        for path in sorted((guard.SOURCE / 'policy').glob('*.yaml')):
            if path.name.endswith('.test.yaml') or path.name == 'coding-agents.yaml':
                continue
            with self.subTest(path.name):
                file = self.policy(path.read_text())
                done = self.tool('policy', 'lint', file)
                self.assertEqual((done.returncode, done.stderr), (0, ''), done.stdout)
                self.assertRegex(done.stdout, 'note: .*nothing that could say yes is enrolled')
                for line in done.stdout.splitlines():
                    self.assertIn(': note: ', line)
                self.assertEqual(self.tool('policy', 'lint', '--strict', file).returncode, 1)

    def test_lint_prints_what_keeps_a_policy_from_loading(self):
        file = self.policy('default_action: perhaps\nno_such: 1\n')
        done = self.tool('policy', 'lint', file)
        self.assertEqual((done.returncode, done.stderr), (1, ''))
        self.assertRegex(done.stdout, r'(?s)policy\.yaml:1:17: .*policy\.yaml:2:1: no_such')
        self.policy(DENY_ALL).chmod(0o666)
        done = self.tool('policy', 'lint', file)
        self.assertEqual(done.returncode, 1)
        self.assertIn('chmod', done.stdout)

    def test_the_ordinary_place_is_looked_at_where_none_is_named(self):
        self.place.write('config/ssh-agent-guard/policy.yaml', ALLOW_ALL)
        done = self.tool('policy', 'lint')
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn('default_action: allow', done.stdout)
        done = self.tool('policy', 'show')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('\ndefault_change_action: allow\n', done.stdout)

    def test_what_cannot_be_read_or_meant_is_exit_status_2(self):
        for words in (['lint'], ['lint', 'none.yaml'], ['show', 'none.yaml'],
                      ['show', '/'], [], ['frob'], ['lint', 'a', 'b'], ['show', ''], ['--frob'],
                      ['show', self.policy('default_action: perhaps\n')]):
            with self.subTest(words):
                done = self.tool('policy', *words)
                self.assertEqual((done.returncode, done.stdout), (2, ''))
                self.assertNotEqual(done.stderr, '')

    def test_without_a_policy_show_says_what_holds(self):
        done = self.tool('policy', 'show')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('\ndefault_action: confirm\n', done.stdout)

    def test_the_policies_that_ship_are_shown_as_policies(self):
        for path in sorted((guard.SOURCE / 'policy').glob('*.yaml')):
            if path.name.endswith('.test.yaml') or path.name == 'coding-agents.yaml':
                continue
            with self.subTest(path.name):
                once = self.tool('policy', 'show', self.policy(path.read_text()))
                self.assertEqual(once.returncode, 0, once.stderr)
                twice = self.tool('policy', 'show', self.policy(once.stdout))
                self.assertEqual(twice.returncode, 0, twice.stderr)
                self.assertEqual(twice.stdout.partition('version:')[2],
                                 once.stdout.partition('version:')[2])

    def test_check_says_that_an_allow_is_weak(self):
        for text, weak in ((ALLOW_ALL, True),
                           ('default_action: deny\nrules: [{match: {}, action: allow}]\n', True),
                           ('default_action: deny\n'
                            f'rules: [{{match: {{key: {KEY}}}, action: allow}}]\n', False)):
            with self.subTest(text):
                done = self.tool('check', '--policy', self.policy(text), '--key', KEY)
                self.assertEqual(done.returncode, 0, done.stdout)
                self.assertEqual('weak' in rows(done.stdout), weak)


if __name__ == '__main__':
    unittest.main()
