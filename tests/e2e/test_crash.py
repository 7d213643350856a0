"""kill -9 at any moment: whatever a client was given a signature for is in the log.

GUARD_KILLS says how many guards are killed; a few are enough to see that the test works."""

import hashlib
import json
import os
import random
import signal
import threading
import time
import unittest

import guard
from agent_client import SIGN_RESPONSE, AgentClient
from place import wait_until

KILLS = int(os.environ.get('GUARD_KILLS', '8'))
CLIENTS = 4
# Files end, and are packed, while all that happens.
POLICY = guard.ALLOW_ALL + 'log: {file_size: 64K, compress: true, journal: off}\n'


class Client(threading.Thread):
    """Asks for signatures until the guard is gone, and remembers what it got."""

    def __init__(self, path, blob, name):
        super().__init__(daemon=True)
        self.path, self.blob, self.label, self.signed = path, blob, name, []

    def run(self):
        try:
            with AgentClient(self.path) as client:
                for number in range(1 << 30):
                    data = f'{self.label} {number}'.encode()
                    answer = client.sign(self.blob, data)
                    if answer is None:
                        return
                    if answer[0] == SIGN_RESPONSE:
                        self.signed.append(hashlib.sha256(data).hexdigest())
        except OSError:
            return


class Crash(guard.GuardTest):
    def shown(self, *words):
        done = self.place.run(self.place.program, 'log', '--json', *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_no_answered_signature_lacks_its_event(self):
        agent = self.start_agent()
        key = self.keys.make()
        self.add(agent, key)
        seed = int(os.environ.get('GUARD_SEED', random.randrange(1 << 32)))
        chance = random.Random(seed)
        signed, unfinished, first = 0, 0, '1970-01-01T00:00:00Z'
        for kill in range(KILLS):
            with self.subTest(kill=kill, seed=seed):
                server = self.start_guard(POLICY, upstream=agent)
                clients = [Client(server.socket, self.keys.blob(key), f'{kill} {number}')
                           for number in range(CLIENTS)]
                for client in clients:
                    client.start()
                wait_until(lambda: any(client.signed for client in clients), 'a signature')
                time.sleep(chance.uniform(0, 0.3))
                server.stop(signal.SIGKILL)
                for client in clients:
                    client.join(30)
                    self.assertFalse(client.is_alive())
                events = self.shown('--since', first, '--field', 'trigger=sign')
                written = {event.get('payload_sha256') for event in events}
                for client in clients:
                    self.assertEqual([digest for digest in client.signed if digest not in written],
                                     [])
                    signed += len(client.signed)
                first = events[-1]['timestamp']
                done = server.command('log', 'verify')
                self.assertEqual(done.returncode, 0, done.stdout)
                self.assertRegex(done.stdout, 'result:  (whole|unfinished tail): ')
                unfinished += 'unfinished tail' in done.stdout
        print(f'# {KILLS} kills, {signed} signatures, {unfinished} unfinished tails, seed {seed}')


if __name__ == '__main__':
    unittest.main()
