"""A login manager that is none: as much of D-Bus, and of logind, as asks for locked screens."""

import os
import socket
import struct
import threading

MANAGER = '/org/freedesktop/login1'
CALL, REPLY, SIGNAL = 1, 2, 4
PATH, INTERFACE, MEMBER, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE = 1, 2, 3, 5, 6, 7, 8


def padded(data, to):
    return data + b'\0' * (-len(data) % to)


def text(value):
    value = value.encode()
    return struct.pack('<I', len(value)) + value + b'\0'


def message(kind, serial, fields, body=b'', signature=''):
    if signature:
        fields = [*fields, (SIGNATURE, 'g', signature)]
    packed = b''
    for code, form, value in fields:
        packed = padded(packed, 8) + bytes((code, 1)) + form.encode() + b'\0'
        if form == 'g':
            packed += bytes((len(value),)) + value.encode() + b'\0'
        elif form == 'u':
            packed += struct.pack('<I', value)
        else:
            packed += text(value)
    head = b'l' + bytes((kind, 1, 1)) + struct.pack('<III', len(body), serial, len(packed))
    return padded(head + packed, 8) + body


def fields_of(packed):
    """{code: value} of a header's fields."""
    found, at = {}, 0
    while at < len(packed):
        at += -at % 8
        code, form = packed[at], packed[at + 2:at + 3]
        at += 4
        if form == b'g':
            length = packed[at]
            found[code], at = packed[at + 1:at + 1 + length].decode(), at + length + 2
        elif form == b'u':
            found[code], at = struct.unpack_from('<I', packed, at)[0], at + 4
        else:
            length, = struct.unpack_from('<I', packed, at)
            found[code], at = packed[at + 4:at + 4 + length].decode(), at + length + 5
    return found


class LoginManager:
    """Sessions of users, each locked or not: {path: [uid, is_locked]}."""

    def __init__(self, path, sessions):
        self.sessions = sessions
        self.lock = threading.Lock()
        self.clients = []
        self.asked = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        os.chmod(path, 0o666)
        self.listener.listen()
        self.address = f'unix:path={path}'
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.clients.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            self._authenticate(client)
            while True:
                self._answer(client)
        except (OSError, EOFError):
            client.close()

    @staticmethod
    def _authenticate(client):
        said = b''
        while b'BEGIN\r\n' not in said:
            data = client.recv(1)
            if not data:
                raise EOFError
            said += data
        client.sendall((b'DATA\r\n' if b'\nDATA' in said else b'') + b'OK ' + b'0' * 31 +
                       b'1\r\nAGREE_UNIX_FD\r\n')

    @staticmethod
    def _take(client, count):
        data = b''
        while len(data) < count:
            more = client.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def _answer(self, client):
        head = self._take(client, 16)
        body_len, serial, fields_len = struct.unpack('<III', head[4:])
        fields = fields_of(self._take(client, fields_len + -fields_len % 8)[:fields_len])
        self._take(client, body_len)
        body, signature = b'', ''
        with self.lock:
            if fields[MEMBER] == 'Hello':
                body, signature = text(':1.7'), 's'
            elif fields[MEMBER] == 'ListSessions':
                self.asked += 1
                for path, (uid, _) in self.sessions.items():
                    body = padded(body, 8) + text('1')
                    body = padded(body, 4) + struct.pack('<I', uid) + text('somebody')
                    body = padded(body, 4) + text('seat0')
                    body = padded(body, 4) + text(path)
                # An array of structures begins at the next multiple of 8.
                body, signature = struct.pack('<II', len(body), 0) + body, 'a(susso)'
            elif fields[MEMBER] == 'Get':
                body = b'\1b\0\0' + struct.pack('<I', self.sessions[fields[PATH]][1])
                signature = 'v'
            client.sendall(message(REPLY, 1, [(REPLY_SERIAL, 'u', serial),
                                              (SENDER, 's', 'org.freedesktop.DBus'
                                               if fields[MEMBER] in ('Hello', 'AddMatch')
                                               else ':1.2')], body, signature))

    def set_locked(self, path, is_locked):
        with self.lock:
            self.sessions[path][1] = is_locked
            for client in self.clients:
                try:
                    client.sendall(message(SIGNAL, 2, [
                        (PATH, 'o', path), (SENDER, 's', ':1.2'),
                        (INTERFACE, 's', 'org.freedesktop.DBus.Properties'),
                        (MEMBER, 's', 'PropertiesChanged')]))
                except OSError:
                    pass

    def end(self):
        self.listener.close()
        for client in self.clients:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
