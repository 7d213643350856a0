"""A socket where a server would be: it takes connections and never answers."""

import socket
import threading


class FalseServer:
    """Notes what it hears first on each connection, and ends it then; or holds it."""

    def __init__(self, path, holds=False):
        self.path, self.heard, self.holds = path, [], holds
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        held = []
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.settimeout(5)
            try:
                self.heard.append(client.recv(4096))
            except OSError:
                self.heard.append(b'')
            if self.holds:
                held.append(client)
            else:
                client.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
