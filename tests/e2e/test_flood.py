"""A hundred questions at once: few are asked, the others are refused, and nobody else waits."""

import statistics
import subprocess

from guard import SSH_KEYGEN, wait_until
from test_confirm import ConfirmTest

POLICY = f'''
default_action: deny
confirm: {{timeout: 120s, max_pending: 3}}
rules:
  - {{name: free, match: {{exe: {SSH_KEYGEN}, namespace: free}}, action: allow}}
  - {{name: ask, match: {{exe: {SSH_KEYGEN}}}, action: confirm}}
'''
FLOOD = 100


class Flood(ConfirmTest):
    POLICY = POLICY

    def sign(self, name_space, number=0):
        return self.place.spawn(SSH_KEYGEN, '-Y', 'sign', '-f', f'{self.key}.pub', '-n', name_space,
                                self.place.write(f'home/{name_space}{number}', str(number)),
                                env=self.guard.env, stderr=subprocess.DEVNULL)

    def latencies(self, numbers):
        """Of signatures that nobody is asked about."""
        before = len(self.signed(rule='free'))
        for number in numbers:
            self.assertEqual(self.sign('free', number).wait(60), 0)
        return [event['latency_us'] for event in self.signed(rule='free')[before:]]

    def test_a_hundred_questions_at_once_keep_nobody_else(self):
        alone = self.latencies(range(20))
        flood = [self.sign('ask', number) for number in range(FLOOD)]
        wait_until(lambda: sum(process.poll() is None for process in flood) == 3,
                   'all but three are refused', 120)
        # The log tells the first ones whole, and counts the others.
        self.assertEqual({event['reason'] for event in self.signed(decision='confirm-denied')},
                         {'rate-limited'})
        self.assertEqual(len(self.pending()), 3)
        beside = self.latencies(range(20, 40))
        print(f'# latency of an allowed signature, median: {statistics.median(alone)} us alone, '
              f'{statistics.median(beside)} us with 3 prompts pending')
        self.assertEqual(len(self.pending()), 3)
        self.assertEqual(self.guard.command('deny', '--all').returncode, 0)
        for process in flood:
            self.assertNotEqual(process.wait(60), 0)
        self.assertEqual(self.signed(decision='confirmed'), [])
