"""A federation's list of 20 MB, signed: what it costs to take one identity provider out of it, in a process of its own."""

from __future__ import annotations

import sys
import time
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from pathlib import Path

from benchmarks.table import plain_lines
from tenants.metadata_aggregate import entity_document
from tenants.metadata_signature import read_signer
from tests.support.idp import ForgingIdP
from tests.support.keys import certificate_of, certificate_pem, rsa_key
from tests.support.xml_signing import sign

MEGABYTES = 20
OPERATOR = "federation"
_PERSON = (
    '<md:ContactPerson contactType="technical"><md:GivenName>Ada</md:GivenName>'
    "<md:EmailAddress>mailto:ada@example.org</md:EmailAddress></md:ContactPerson>"
)


def federation(megabytes: float) -> tuple[bytes, str, str]:
    """A signed list of so many megabytes, the entity ID of one in the middle, and the signer's certificate as PEM."""
    one = ForgingIdP("https://idp.test/saml").metadata_xml(extra_xml=_PERSON * 3)
    count = max(1, int(megabytes * 1e6 / len(one)))
    inside = "".join(one.replace("https://idp.test/saml", f"https://idp{number}.test/saml") for number in range(count))
    opening = '<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" ID="all">'
    key = rsa_key(OPERATOR)
    octets = sign(f"{opening}{inside}</md:EntitiesDescriptor>", "all", key)
    return octets, f"https://idp{count // 2}.test/saml", certificate_pem(certificate_of(key))


def measure(megabytes: float = MEGABYTES) -> str:
    """CPU seconds and peak memory beyond the list itself, with and without its signature being judged."""
    octets, entity_id, pem = federation(megabytes)
    context = get_context("spawn")
    rows = [["a federation's list", "CPU", "peak memory"]]
    for words, signer in (("read, unsigned", None), ("read, its signature judged", pem)):
        told: SimpleQueue[tuple[float, int]] = context.SimpleQueue()
        process = context.Process(target=_read, args=(octets, entity_id, signer, told))
        process.start()
        seconds, kibibytes = told.get()
        process.join()
        rows.append([f"{len(octets) / 1e6:.0f} MB, {words}", f"{seconds:.2f} s", f"{kibibytes / 1024:.0f} MiB"])
    return plain_lines(rows)


def _read(octets: bytes, entity_id: str, pem: str | None, told: SimpleQueue[tuple[float, int]]) -> None:
    signer = read_signer(pem) if pem else None
    before, began = _peak_kibibytes(), time.process_time()
    entity_document(octets, entity_id, signer)
    told.put((time.process_time() - began, _peak_kibibytes() - before))


def _peak_kibibytes() -> int:
    """Of this process alone: getrusage goes on counting what its parent had."""
    status = Path("/proc/self/status").read_text("utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


if __name__ == "__main__":
    print(measure(float(sys.argv[1]) if len(sys.argv) > 1 else MEGABYTES))
