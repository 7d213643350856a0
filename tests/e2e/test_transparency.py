"""Clients must not be able to tell that the guard is there: with a policy that allows everything,
the answer to every request is that of the agent at hand, byte for byte."""

import struct
import unittest

import guard
from agent_client import (ADD_IDENTITY, ADD_IDENTITY_CONSTRAINED, ADD_SMARTCARD,
                          ADD_SMARTCARD_CONSTRAINED, EXTENSION, LOCK, REMOVE_ALL, REMOVE_IDENTITY,
                          REMOVE_SMARTCARD, REQUEST_IDENTITIES, SIGN_REQUEST, UNLOCK, AgentClient,
                          frame, string)

JUNK = bytes(range(200, 240))
RSA_SHA2_256, RSA_SHA2_512 = 2, 4


def u32(number):
    return struct.pack('>I', number)


def extension(name, body=b''):
    return frame(EXTENSION, string(name) + body)


class Answers(guard.GuardTest):
    """The same requests to an agent and, through a guard, to one in the same state."""

    def setUp(self):
        super().setUp()
        self.agent = self.start_agent('bare.sock')
        self.guard = self.start_guard(upstream=self.start_agent('behind.sock'))
        self.key = self.keys.make('ed', 'ed25519')
        self.rsa = self.keys.make('rsa', 'rsa', '-b', '2048')
        self.other = self.keys.make('other', 'ed25519')

    def load(self):
        for server in (self.agent, self.guard):
            self.add(server, self.key, self.rsa)

    def compare(self, name, *messages):
        """Sends all messages on one new connection to each, one after the other's answer."""
        seen = []
        for server in (self.agent, self.guard):
            answers = []
            with AgentClient(server.socket) as client:
                for message in messages:
                    try:
                        client.send(message)
                    except (BrokenPipeError, ConnectionResetError):
                        answers.append(None)
                        break
                    answers.append(client.receive())
                    if answers[-1] is None:
                        break
            seen.append(answers)
        with self.subTest(name):
            self.assertEqual(seen[1], seen[0], f'{name}: the guard differs from the agent')

    def test_every_message_type_without_a_body_gets_the_agents_answer(self):
        self.load()
        for kind in range(256):
            if kind in (LOCK, UNLOCK):
                continue  # without a passphrase these end OpenSSH's agent; see below
            self.compare(f'type {kind}, empty', frame(kind), frame(REQUEST_IDENTITIES))

    def test_every_message_type_with_junk_gets_the_agents_answer(self):
        self.load()
        for kind in range(256):
            if kind in (LOCK, UNLOCK):
                continue
            self.compare(f'type {kind}, junk', frame(kind, JUNK), frame(REQUEST_IDENTITIES))

    def test_a_lock_without_passphrase_does_not_end_the_agent_behind(self):
        self.load()
        for kind in (LOCK, UNLOCK):
            for body in (b'', JUNK):
                with AgentClient(self.guard.socket) as client:
                    client.send(frame(kind, body))
                    client.receive()
        with AgentClient(self.guard.socket) as client:
            self.assertEqual(len(client.identities()), 2)

    def test_signatures_and_their_flags_are_the_agents(self):
        self.load()
        blob, rsa, other = map(self.keys.blob, (self.key, self.rsa, self.other))
        for name, key, flags in (('ed25519', blob, 0), ('ed25519 with flags', blob, RSA_SHA2_512),
                                 ('rsa, SHA-1', rsa, 0), ('rsa, SHA-256', rsa, RSA_SHA2_256),
                                 ('rsa, SHA-512', rsa, RSA_SHA2_512), ('rsa, both', rsa, 6),
                                 ('unknown flags', blob, 0xffffffff), ('wrong key', other, 0),
                                 ('empty key', b'', 0), ('junk key', JUNK, 0)):
            for data in (b'', b'data', JUNK * 1000):
                self.compare(f'{name}, {len(data)} bytes',
                             frame(SIGN_REQUEST, string(key) + string(data) + u32(flags)))
        for name, body in (('no flags', string(blob) + string(b'data')),
                           ('bytes behind', string(blob) + string(b'data') + u32(0) + b'more'),
                           ('key only', string(blob)),
                           ('lying length', u32(0xffffffff) + blob),
                           ('key with bytes behind', string(blob + b'x') + string(b'd') + u32(0)),
                           ('half a key', string(blob[:-5]) + string(b'd') + u32(0))):
            self.compare(f'sign, {name}', frame(SIGN_REQUEST, body), frame(REQUEST_IDENTITIES))

    def test_extensions_are_answered_as_the_agent_does(self):
        self.load()
        for name, body in (('query', b''), ('query', JUNK), ('no-such-extension@example.org', b''),
                           ('no-such-extension@example.org', JUNK), ('', b''),
                           ('restrict-destination-v00@openssh.com', b''),
                           ('x' * 1000, b''), ('\x00\xff', b'')):
            self.compare(f'extension {name[:40]!r}', extension(name, body),
                         frame(REQUEST_IDENTITIES))
        self.compare('extension with a lying length', frame(EXTENSION, u32(1000) + b'query'))

    def test_pipelined_requests_get_the_agents_answers_in_order(self):
        self.load()
        blob = self.keys.blob(self.key)
        wishes = [frame(REQUEST_IDENTITIES), frame(SIGN_REQUEST, string(blob) + string(b'1') +
                                                   u32(0)),
                  extension('query'), frame(200, JUNK),
                  frame(SIGN_REQUEST, string(JUNK) + string(b'2') + u32(0)),
                  frame(SIGN_REQUEST, string(blob) + string(b'3') + u32(0))] * 5
        seen = []
        for server in (self.agent, self.guard):
            with AgentClient(server.socket) as client:
                client.send(b''.join(wishes))
                seen.append([client.receive() for _ in wishes])
        self.assertEqual(seen[1], seen[0])

    def test_a_message_byte_by_byte_gets_the_agents_answer(self):
        self.load()
        message = frame(SIGN_REQUEST, string(self.keys.blob(self.key)) + string(b'data') + u32(0))
        seen = []
        for server in (self.agent, self.guard):
            with AgentClient(server.socket) as client:
                for byte in message:
                    client.send(bytes([byte]))
                seen.append(client.receive())
        self.assertEqual(seen[1], seen[0])

    def test_changes_of_the_agent_are_answered_as_the_agent_does(self):
        self.load()
        blob = self.keys.blob(self.key)
        everything = (
            ('remove an unknown key', frame(REMOVE_IDENTITY, string(self.keys.blob(self.other)))),
            ('remove junk', frame(REMOVE_IDENTITY, string(JUNK))),
            ('remove', frame(REMOVE_IDENTITY, string(blob))),
            ('remove again', frame(REMOVE_IDENTITY, string(blob))),
            ('add nothing', frame(ADD_IDENTITY)),
            ('add an unknown type', frame(ADD_IDENTITY, string('ssh-new') + string(JUNK))),
            ('add half a key', frame(ADD_IDENTITY, string('ssh-ed25519') + string(JUNK))),
            ('add constrained', frame(ADD_IDENTITY_CONSTRAINED, string('ssh-ed25519'))),
            ('smartcard', frame(ADD_SMARTCARD, string('/nonexistent.so') + string('1234'))),
            ('smartcard constrained', frame(ADD_SMARTCARD_CONSTRAINED,
                                            string('/nonexistent.so') + string('') + b'\x02')),
            ('remove smartcard', frame(REMOVE_SMARTCARD, string('/nonexistent.so') + string(''))),
            ('unlock what is not locked', frame(UNLOCK, string('pass'))),
            ('remove all, version 1', frame(9)),
            ('remove all', frame(REMOVE_ALL)),
        )
        for name, message in everything:
            self.compare(name, message, frame(REQUEST_IDENTITIES))

    def test_a_locked_agent_answers_as_without_the_guard(self):
        self.load()
        blob = self.keys.blob(self.key)
        sign = frame(SIGN_REQUEST, string(blob) + string(b'data') + u32(0))
        self.compare('lock', frame(LOCK, string('pass')), frame(REQUEST_IDENTITIES), sign,
                     frame(LOCK, string('again')), extension('query'), frame(REMOVE_ALL),
                     frame(200))
        self.compare('wrong passphrase', frame(UNLOCK, string('wrong')), frame(REQUEST_IDENTITIES))
        self.compare('unlock', frame(UNLOCK, string('pass')), frame(REQUEST_IDENTITIES), sign)

    def test_messages_at_the_limit_of_length_get_the_agents_answer(self):
        self.load()
        for length in (256 * 1024 - 1, 256 * 1024):
            body = bytes(length - 1)
            self.compare(f'unknown type, {length} bytes', frame(200, body),
                         frame(REQUEST_IDENTITIES))
        for header in (u32(0), u32(256 * 1024 + 1), u32(0xffffffff)):
            self.compare(f'length {header!r}', header + b'\x0b')


if __name__ == '__main__':
    unittest.main()
