"""What tests of the order of confirm.methods share."""

import re

from guard import SSH, SSH_KEYGEN, wait_until
from terminal import Terminal
from test_touch import PIN, TouchTest

KEY_FIRST = f'''
default_action: deny
confirm: {{timeout: 120s, methods: [touch, pin]}}
rules:
  - name: ask
    match: {{exe: [{SSH}, {SSH_KEYGEN}]}}
    action: confirm
'''


def enrol_pin(test, touch=None):
    terminal = Terminal(test.place, test.guard.program, 'enroll', 'pin')
    for question in ('The new PIN: ', 'again: '):
        terminal.wait_for(question)
        terminal.type(PIN + '\n')
    if touch:
        touch()
    status, shown = terminal.end()
    test.assertEqual(status, 0, shown)


class Methods:
    """What a person, and an attacker, does."""

    @property
    def directory(self):
        return self.place.runtime / 'ssh-agent-guard' / 'pending'

    def by_pin(self, pin=PIN, question='PIN, to say yes'):
        terminal = Terminal(self.place, self.guard.program, 'confirm')
        terminal.wait_for(question)
        terminal.type(pin + '\n')
        return terminal.end_or_let_be(question)

    def asks(self):
        """{id: what `pending` says of whose turn it is}"""
        return {number: re.search(r'(?m)^  asks: (.*)$', text).group(1)
                for number, text in self.pending().items()}

    def wait_asks(self, words):
        """Until the only request that waits is asked so."""
        try:
            wait_until(lambda: list(self.asks().values()) == [words], f'{words!r} is asked')
        except AssertionError as error:
            raise AssertionError(f'{error}\n{self.pending()}\n{self.guard.output()}') from None

    def last(self):
        event = self.signed()[-1]
        return (event['decision'], event.get('reason') or event['confirm_method'],
                event.get('confirm_passed_over'))

    def wait_status(self, state, text):
        def told():
            status = self.guard.status()
            return status['state'] == state and text in status['text']
        try:
            wait_until(told, f'the status says {state}, {text}')
        except AssertionError as error:
            raise AssertionError(f'{error}: {self.guard.status()}') from None


class KeyTest(Methods, TouchTest):
    POLICY = KEY_FIRST

    def setUp(self):
        super().setUp()
        self.one = self.softkeys['one']
        enrol_pin(self, self.one.touch)

    def vanish(self, key=None):
        key = key or self.one
        key.say('vanish')
        key.wait('gone')
