"""A place that a careless parser would visit: it counts who comes."""

from __future__ import annotations

import socket
import threading


class Listener:
    """A loopback port with an HTTP address; each connection is counted and closed."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.visits = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                if connection.recv(4) == b"STOP":
                    return
                self.visits += 1

    def close(self) -> None:
        """Stop, after everything that came before was counted."""
        with socket.create_connection(self._socket.getsockname()) as last:
            last.sendall(b"STOP")
        self._thread.join(timeout=5)
        self._socket.close()
