"""policy replay: what real requests would come to under another policy."""

import json

import guard
from guard import ALLOW_ALL, SSH, SSH_KEYGEN
from sshd import Sshd

DENY = 'default_action: deny\n'
HEAD = f'{DENY}rules:\n'


class Replay(guard.GuardTest):
    as_person = True

    def setUp(self):
        super().setUp()
        agent = self.start_agent()
        self.key = self.keys.make()
        self.add(agent, self.key)
        self.key.rename(self.place.path / 'away')
        self.guard = self.start_guard(ALLOW_ALL, upstream=agent)
        self.sshd = Sshd(self.place, 'near', [f'{self.key}.pub'])

    def login(self, count=1):
        for _ in range(count):
            self.place.run_ok(SSH, '-F', self.sshd.client_config, 'near', 'true',
                              env=self.guard.env)

    def sign(self, program=SSH_KEYGEN):
        self.place.run_ok(program, '-Y', 'sign', '-n', 'file', '-f', f'{self.key}.pub',
                          env=self.guard.env, input='data')

    def replay(self, policy, *words):
        path = self.place.write('new.yaml', policy)
        return self.place.run(self.place.program, 'policy', 'replay', path, *words)

    def groups(self, policy, *words):
        """Exit status, the groups, and the counts."""
        done = self.replay(policy, '--json', *words)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(found[-1]['kind'], 'counts', done.stderr)
        return done.returncode, found[:-1], found[-1]

    def test_what_flips_is_grouped_and_the_rest_is_as_before(self):
        self.login(2)
        self.sign()
        seqs = [event['seq'] for event in self.guard.events(trigger='sign', sign_type='ssh-login')]
        new = HEAD + f'  - {{name: files, match: {{exe: {SSH_KEYGEN}}}, action: allow}}\n'
        status, groups, counts = self.groups(new)
        self.assertEqual(status, 1)
        self.assertEqual((counts['requests'], counts['same'], counts['changed'],
                          counts['undecided']), (3, 1, 2, 0))
        group, = groups
        self.assertEqual((group['was'], group['now'], group['count']), ('allow', 'deny', 2))
        self.assertEqual(group['program'], SSH)
        self.assertEqual((group['was_rule'], group['now_rule']), ('default', 'default'))
        self.assertEqual(group['dest_evidence'], 'verified')
        self.assertEqual([group['first_seq'], group['last_seq']], seqs)
        done = self.replay(new)
        self.assertIn('3 requests: 1 as before, 2 changed, 0 not decided again', done.stdout)
        self.assertRegex(done.stdout, rf'(?m)^allow -> deny\n.*\n +2  {SSH} +\S+@\S+ +\S+ +'
                                      rf'default -> default +{seqs[1]}$')

    def test_by_the_policy_of_then_nothing_flips(self):
        self.login()
        self.sign()
        policy = ('hide_denied_keys: false\n' + HEAD +
                  f'  - {{match: {{exe: {SSH}, is_coding_agent: false,\n'
                  '             env: {EDITOR: vi}}, action: confirm}\n'
                  '  - {match: {ancestor: [python3, bash], sign_type: sshsig}, action: confirm}\n')
        self.guard.write_policy(policy)
        self.assertEqual(self.guard.command('reload').returncode, 0)
        # Before there was another policy, which did not ask for the variable.
        status, groups, counts = self.groups(policy)
        self.assertEqual((status, counts['undecided'], counts['same']), (1, 1, 0))
        self.assertIn({'kind': 'undecided', 'not_in_log': 'env'},
                      [{name: group.get(name) for name in ('kind', 'not_in_log')}
                       for group in groups])
        since = self.guard.events()[-1]['timestamp']
        self.place.run(SSH, '-F', self.sshd.client_config, 'near', 'true', env=self.guard.env)
        self.place.run(SSH, '-F', self.sshd.client_config, 'near', 'true',
                       env={**self.guard.env, 'EDITOR': 'vi'})
        status, groups, counts = self.groups(policy, '--since', since)
        self.assertEqual((status, groups), (0, []))
        self.assertEqual(counts['same'], 2)
        self.assertEqual(self.groups(policy, '--until', '2001-01-01')[2]['requests'], 0)

    def test_what_the_guard_refused_itself_is_counted_apart(self):
        self.guard.command('panic')
        self.place.run(SSH, '-F', self.sshd.client_config, 'near', 'true', env=self.guard.env)
        status, groups, counts = self.groups(ALLOW_ALL)
        self.assertEqual((status, groups, counts['refused'], counts['same']), (0, [], 1, 0))

    def test_outside_text_is_not_obeyed(self):
        evil = self.place.copy_program(SSH_KEYGEN, 'x\x1b[2J\u202e')
        self.sign(evil)
        done = self.replay(DENY)
        self.assertEqual(done.returncode, 1)
        self.assertIn('x\\x1b[2J\\xe2\\x80\\xae', done.stdout)
        self.assertTrue(done.stdout.isascii())
        self.assertNotIn('\x1b', done.stdout)
        group, = self.groups(DENY)[1]
        self.assertTrue(group['program'].endswith('x\x1b[2J\u202e'))

    def test_bad_input_is_refused(self):
        self.login()
        for policy, words in (('default_action: perhaps\n', ()), (ALLOW_ALL, ('more.yaml',)),
                              (ALLOW_ALL, ('--since', 'whenever')), (ALLOW_ALL, ('--since',)),
                              (ALLOW_ALL, ('--state-dir', self.place.path / 'nothing'))):
            with self.subTest(policy=policy, words=words):
                done = self.replay(policy, *words)
                self.assertEqual(done.returncode, 2, done.stdout)
                self.assertNotEqual(done.stderr, '')
        day, = (self.guard.state / 'events').glob('*.yaml')
        self.guard.stop()
        with open(day, 'a') as log:
            log.write('---\ntrigger: sign\n...\n')
        done = self.replay(ALLOW_ALL)
        self.assertEqual(done.returncode, 2)
        self.assertIn('no event of the guard', done.stderr)
        self.assertIn('1 as before', done.stdout)

    def test_help(self):
        done = self.place.run(self.place.program, 'policy', 'replay', '--help')
        self.assertEqual(done.returncode, 0)
        self.assertIn('usage: ssh-agent-guard policy replay NEW', done.stdout)
