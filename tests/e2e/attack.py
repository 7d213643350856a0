"""Programs of the same user that would like a signature which only another program may have."""

import os
import pathlib
import subprocess

import guard
from agent_client import SIGN_RESPONSE, sign_request

PYTHON = os.path.realpath('/usr/bin/python3')
KIT = pathlib.Path(__file__).with_name('attack_kit.py')
START = 'import sys\nexec(open(sys.argv[1]).read())\nGIVEN = []\n'


class AttackTest(guard.GuardTest):
    """One program is allowed, which is Python unless told, and a copy of Python is denied."""

    as_person = True

    def setUp(self):
        super().setUp()
        self.agent = self.start_agent()
        self.key = self.keys.make()
        self.add(self.agent, self.key)
        self.allowed = PYTHON
        self.denied = str(self.place.copy_program(PYTHON, 'denied'))
        self.kit = self.place.write('attack_kit.py', KIT.read_text(), 0o644)

    def allow_only(self, program=None, **options):
        self.allowed = str(program or PYTHON)
        return self.start_guard(f'''
default_action: deny
rules:
  - name: the-program
    match: {{exe: {self.allowed}, sign_type: unknown}}
    action: allow
''', upstream=self.agent, **options)

    def words(self, server, script, *more):
        """The arguments of a Python program that attacks."""
        request = sign_request(self.keys.blob(self.key), b'data').hex()
        return ['-I', '-S', '-c', START + script, self.kit, server.socket, request, self.allowed,
                self.denied, *more]

    def start_attack(self, program, server, script, *more, **options):
        return self.place.spawn(program, *self.words(server, script, *more),
                                stdout=subprocess.PIPE, **options)

    def attack(self, program, server, script, *more, **options):
        """What the attack says, word by word."""
        done = self.place.run(program, *self.words(server, script, *more), timeout=240, **options)
        if done.returncode != 0:
            raise AssertionError(f'the attack itself failed:\n{done.stderr}')
        return done.stdout.split()

    def assert_never_signed(self, server, answers, count):
        self.assertEqual(len(answers), count)
        self.assertNotIn(str(SIGN_RESPONSE), answers)
        self.assertEqual(server.events(trigger='sign', decision='allow'), [])
