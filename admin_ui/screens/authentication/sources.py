"""What the form of a connection says about where metadata comes from, and what is asked of it."""

from __future__ import annotations

from collections.abc import Mapping

from flask import request

from admin_ui.asked import Asked
from tenants.idp_records import ManagedProvider
from tenants.metadata_errors import MAX_METADATA_BYTES
from tenants.metadata_intake import MetadataSource, SourceKind, source_of
from tenants.metadata_signature import MetadataSigner, read_signer
from tenants.wiring import settings

FIELDS = (
    *("name", "display_name", "metadata_url", "metadata_path", "metadata_mdq", "entity_id", "signer", "allow_aggregate"),
)


def source_given(asked: Asked, provider: ManagedProvider | None) -> MetadataSource | None:
    """A file beats an address, since somebody has just chosen it; so does what is not there yet. None: nothing was given."""
    file = request.files.get("metadata_file")
    octets = file.read(MAX_METADATA_BYTES + 1) if file else b""
    if octets:
        return MetadataSource(SourceKind.XML, octets.decode("utf-8-sig", "replace"))
    named = [("metadata_path", SourceKind.PATH)] if may_name_files(asked) else []
    named += [("metadata_mdq", SourceKind.MDQ), ("metadata_url", SourceKind.URL)]
    texts = [(kind, request.form.get(name, "").strip()) for name, kind in named]
    given = [MetadataSource(kind, text) for kind, text in texts if text]
    return next((source for source in given if not _is_present(provider, source)), given[0] if given else None)


def source_shown(provider: ManagedProvider) -> dict[str, str]:
    """Where its metadata comes from, as the form has it."""
    return {
        "metadata_url": "" if provider.metadata_mdq else provider.metadata_url or "",
        "metadata_path": provider.metadata_path or "",
        "metadata_mdq": provider.metadata_mdq or "",
        "signer": provider.metadata_signing_certificate or "",
        "allow_aggregate": "on" if provider.allow_aggregate else "",
    }


def signer_of(provider: ManagedProvider | None) -> MetadataSigner | None:
    """The certificate that is pinned now."""
    pem = provider.metadata_signing_certificate if provider else None
    return read_signer(pem) if pem else None


def is_unchanged(provider: ManagedProvider, source: MetadataSource | None, shown: Mapping[str, str]) -> bool:
    """Whether only the name for people is another one, so that nothing has to be read."""
    judged = shown["signer"].split() == source_shown(provider)["signer"].split()
    judged = judged and bool(shown["allow_aggregate"]) == provider.allow_aggregate
    same = source is None or (_is_present(provider, source) and not shown["entity_id"].strip())
    return judged and same


def _is_present(provider: ManagedProvider | None, source: MetadataSource) -> bool:
    """Whether the metadata comes from there already."""
    present = source_of(provider) if provider else None
    return present is not None and (present.kind, present.value) == (source.kind, source.value)


def may_name_files(asked: Asked) -> bool:
    """Files on the server are staff's to know of, where the operator has set a folder aside for them."""
    return asked.of_staff and settings().metadata_directory is not None
