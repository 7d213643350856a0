"""Hosts whose private keys the test holds: they sign whatever it likes, right or wrong. And what a
client would have the agent sign for a login on one of them."""

import base64
import ctypes
import ctypes.util
import hashlib
import os

from agent_client import EXTENSION, string

BIND = string('session-bind@openssh.com')
ED25519 = 1087  # NID_ED25519 of openssl/obj_mac.h
HOSTBOUND = 'publickey-hostbound-v00@openssh.com'

_crypto = ctypes.CDLL(ctypes.util.find_library('crypto') or 'libcrypto.so.3')
_crypto.EVP_PKEY_new_raw_private_key.restype = ctypes.c_void_p
_crypto.EVP_PKEY_new_raw_private_key.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p,
                                                 ctypes.c_size_t]
_crypto.EVP_PKEY_get_raw_public_key.argtypes = [ctypes.c_void_p, ctypes.c_char_p,
                                                ctypes.POINTER(ctypes.c_size_t)]
_crypto.EVP_PKEY_free.argtypes = [ctypes.c_void_p]
_crypto.EVP_MD_CTX_new.restype = ctypes.c_void_p
_crypto.EVP_MD_CTX_free.argtypes = [ctypes.c_void_p]
_crypto.EVP_DigestSignInit.argtypes = [ctypes.c_void_p] * 5
_crypto.EVP_DigestSign.argtypes = [ctypes.c_void_p, ctypes.c_char_p,
                                   ctypes.POINTER(ctypes.c_size_t), ctypes.c_char_p,
                                   ctypes.c_size_t]


def fingerprint(blob):
    """As ssh-keygen -l prints it."""
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode()
    return 'SHA256:' + digest.rstrip('=')


class Host:
    """One host key, Ed25519."""

    def __init__(self):
        self.key = _crypto.EVP_PKEY_new_raw_private_key(ED25519, None, os.urandom(32), 32)
        public, length = ctypes.create_string_buffer(32), ctypes.c_size_t(32)
        if not self.key or _crypto.EVP_PKEY_get_raw_public_key(self.key, public, length) != 1:
            raise AssertionError('libcrypto makes no Ed25519 key')
        self.blob = string('ssh-ed25519') + string(public.raw)
        self.fingerprint = fingerprint(self.blob)
        self.line = 'ssh-ed25519 ' + base64.b64encode(self.blob).decode()

    def __del__(self):
        _crypto.EVP_PKEY_free(self.key)

    def sign(self, data):
        """The signature as RFC 8709 has it."""
        context = _crypto.EVP_MD_CTX_new()
        raw, length = ctypes.create_string_buffer(64), ctypes.c_size_t(64)
        ok = (_crypto.EVP_DigestSignInit(context, None, None, None, self.key) == 1 and
              _crypto.EVP_DigestSign(context, raw, length, data, len(data)) == 1)
        _crypto.EVP_MD_CTX_free(context)
        if not ok:
            raise AssertionError('libcrypto does not sign')
        return string('ssh-ed25519') + string(raw.raw)

    def bind(self, session_id, is_forwarding=False):
        """The body of a session-bind, without the extension's name."""
        return bind_body(self.blob, session_id, self.sign(session_id), is_forwarding)


def bind_body(host_blob, session_id, signature, is_forwarding=False):
    return (string(host_blob) + string(session_id) + string(signature) +
            bytes([is_forwarding]))


def session_id():
    return os.urandom(32)


def send_bind(client, body):
    """The answer's type."""
    return client.ask(EXTENSION, BIND + body)[0]


def login(session, key_blob, user='alice', host=None, algorithm='ssh-ed25519'):
    """What is signed to log in: hostbound where a host (key blob) is given."""
    return (string(session) + bytes([50]) + string(user) + string('ssh-connection') +
            string(HOSTBOUND if host else 'publickey') + bytes([1]) + string(algorithm) +
            string(key_blob) + (string(host) if host else b''))


def sshsig(namespace, message=b'message'):
    return (b'SSHSIG' + string(namespace) + string('') + string('sha512') +
            string(hashlib.sha512(message).digest()))
