"""A real DNS server on the loopback, over UDP and TCP on one port, whose answers a test decides."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

UDP_OCTETS = 512


@dataclass
class DNSServer:
    """What it answers with can be changed while it runs.

    Args:
        txt: name in lower case without the dot at its end -> TXT values; a name that is missing does not exist.
        cname: name -> another name that it stands for.
        rcode: answer everything with this code instead.
        silent: answer nothing at all.
        asked: (name, protocol) of each question.
    """

    port: int = 0
    txt: dict[str, list[str]] = field(default_factory=dict)
    cname: dict[str, str] = field(default_factory=dict)
    rcode: dns.rcode.Rcode | None = None
    silent: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, wire: bytes, protocol: str) -> bytes | None:
        """The answer to a question; over UDP cut to what fits, with the flag that asks for TCP."""
        question = dns.message.from_wire(wire)
        name = question.question[0].name.to_text(omit_final_dot=True).lower()
        self.asked.append((name, protocol))
        if self.silent:
            return None
        answer = dns.message.make_response(question, recursion_available=True)
        self._fill(answer, name)
        octets = answer.to_wire()
        if protocol == "udp" and len(octets) > UDP_OCTETS:
            answer = dns.message.make_response(question, recursion_available=True)
            answer.flags |= dns.flags.TC
            octets = answer.to_wire()
        return octets

    def _fill(self, answer: dns.message.Message, name: str) -> None:
        if self.rcode is not None:
            answer.set_rcode(self.rcode)
            return
        while name in self.cname:
            answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CNAME", f"{self.cname[name]}."))
            name = self.cname[name]
        if name not in self.txt:
            answer.set_rcode(dns.rcode.NXDOMAIN)
            return
        texts = [" ".join(f'"{value[start : start + 255]}"' for start in range(0, len(value), 255)) for value in self.txt[name]]
        if texts:
            answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "TXT", *texts))


@contextmanager
def dns_server() -> Iterator[DNSServer]:
    """Serve on a free port until the block ends."""
    state = DNSServer()

    class UDP(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            octets, connection = self.request
            answer = state.answer(octets, "udp")
            if answer is not None:
                connection.sendto(answer, self.client_address)

    class TCP(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", _exactly(self.request, 2))
            answer = state.answer(_exactly(self.request, length), "tcp")
            if answer is not None:
                self.request.sendall(struct.pack("!H", len(answer)) + answer)

    udp, tcp = _on_one_port(UDP, TCP)
    state.port = udp.server_address[1]
    looks = {"poll_interval": 0.02}
    threads = [threading.Thread(target=server.serve_forever, kwargs=looks, daemon=True) for server in (udp, tcp)]
    for thread in threads:
        thread.start()
    try:
        yield state
    finally:
        for server, thread in zip((udp, tcp), threads, strict=True):
            server.shutdown()
            thread.join()
            server.server_close()


def _on_one_port(udp: Any, tcp: Any) -> tuple[socketserver.ThreadingUDPServer, socketserver.ThreadingTCPServer]:
    """A port that is free for both protocols."""
    while True:
        first = socketserver.ThreadingUDPServer(("127.0.0.1", 0), udp)
        try:
            return first, socketserver.ThreadingTCPServer(("127.0.0.1", first.server_address[1]), tcp)
        except OSError:
            first.server_close()


def _exactly(connection: socket.socket, length: int) -> bytes:
    octets = b""
    while len(octets) < length and (part := connection.recv(length - len(octets))):
        octets += part
    return octets
