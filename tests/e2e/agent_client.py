"""The agent protocol (RFC 9987) by hand: whatever bytes a test likes, in whatever pieces."""

import array
import os
import socket
import struct
import unittest

FAILURE, SUCCESS = 5, 6
REQUEST_IDENTITIES, IDENTITIES_ANSWER = 11, 12
SIGN_REQUEST, SIGN_RESPONSE = 13, 14
ADD_IDENTITY, REMOVE_IDENTITY, REMOVE_ALL = 17, 18, 19
ADD_SMARTCARD, REMOVE_SMARTCARD = 20, 21
LOCK, UNLOCK = 22, 23
ADD_IDENTITY_CONSTRAINED, ADD_SMARTCARD_CONSTRAINED = 25, 26
EXTENSION, EXTENSION_FAILURE, EXTENSION_RESPONSE = 27, 28, 29
MESSAGE_LEN_MAX = 256 * 1024


def string(data):
    if isinstance(data, str):
        data = data.encode()
    return struct.pack('>I', len(data)) + data


def frame(kind, body=b''):
    """A message with its length before it."""
    return string(bytes([kind]) + body)


def sign_request(blob, data, flags=0):
    return frame(SIGN_REQUEST, string(blob) + string(data) + struct.pack('>I', flags))


class AgentClient:
    def __init__(self, path, timeout=30):
        self.socket = socket.socket(socket.AF_UNIX)
        # A timeout of Python's own would make connect() fail at once where the queue is full.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO,
                               struct.pack('@ll', timeout, 0))
        self.socket.connect(str(path))
        self.socket.settimeout(timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_with_descriptors(self, data, descriptors):
        rights = array.array('i', descriptors)
        self.socket.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])

    def receive(self):
        """The next answer without its length; None where the connection was closed instead."""
        header = self._exactly(4)
        if header is None:
            return None
        return self._exactly(struct.unpack('>I', header)[0])

    def _exactly(self, count):
        data = b''
        while len(data) < count:
            try:
                more = self.socket.recv(count - len(data))
            except (ConnectionResetError, BrokenPipeError):
                return None
            if not more:
                if data:
                    raise AssertionError(f'the answer broke off after {data!r}')
                return None
            data += more
        return data

    def ask(self, kind, body=b''):
        self.send(frame(kind, body))
        return self.receive()

    def identities(self):
        """[(blob, comment)]"""
        answer = self.ask(REQUEST_IDENTITIES)
        if answer is None or answer[0] != IDENTITIES_ANSWER:
            raise AssertionError(f'no list of identities: {answer!r}')
        at, found = 5, []
        for _ in range(struct.unpack('>I', answer[1:5])[0]):
            pair = []
            for _ in range(2):
                length = struct.unpack('>I', answer[at:at + 4])[0]
                pair.append(answer[at + 4:at + 4 + length])
                at += 4 + length
            found.append(tuple(pair))
        return found

    def sign(self, blob, data=b'data', flags=0):
        """The answer's message, first byte SIGN_RESPONSE or FAILURE."""
        self.send(sign_request(blob, data, flags))
        return self.receive()


def ask_once(path, kind, body=b''):
    with AgentClient(path) as client:
        return client.ask(kind, body)


def count_descriptors(pid):
    """How many the guard has open. Only root may look: it is not dumpable."""
    if os.getuid() != 0:
        raise unittest.SkipTest('the open descriptors of a guard are shown to root only')
    return len(os.listdir(f'/proc/{pid}/fd'))


def control(path, request):
    """What the guard's control socket answers to a request."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(str(path))
        client.sendall(request.encode() + b'\n')
        answer = b''
        while more := client.recv(65536):
            answer += more
        return answer
