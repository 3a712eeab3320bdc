"""Refusals of what is asked for a tenant's own keys."""

from __future__ import annotations

from tenants.errors import ConflictingState, RateLimited, Refusal


class KeyInvalid(Refusal):
    """detail: errors, field -> what is wrong with it."""

    code, status = "key_invalid", 422
    heading = "This key cannot be used"
    sentence = "This key or its certificate cannot be used; `errors` says why."

    def __init__(self, field: str, sentence: str) -> None:
        super().__init__(f"{field}: {sentence}", errors={field: [sentence]})


class KeyTaken(Refusal):
    """Never says where: whoever asks holds the private half already."""

    code, status = "key_taken", 409
    heading = "This key is in use already"
    sentence = "This key is, or was, in use in this service. Make a new one: a key has one place and one use."


class KeyUnfetched(Refusal):
    code, status = "key_unfetched", 409
    heading = "No identity provider can know this key yet"
    sentence = (
        "Nobody who fetched the metadata before this key was made has fetched it since: requests signed with it would be "
        "refused. Others may have, since metadata is public. Give it to your identity provider first, or say that you have "
        "done so (`anyway`)."
    )


class KeyStillUsed(Refusal):
    """detail: identity_providers."""

    code, status = "key_still_used", 409
    heading = "This key is still used"
    sentence = (
        "Identity providers still encrypt to this key; without it their people cannot sign in. "
        "Have them fetch the metadata first, or say that it has to be (`anyway`)."
    )


class KeyErased(Refusal):
    code, status = "key_erased", 409
    heading = "This key is gone"
    sentence = "The private half of this key was erased; nothing brings it back. Make a new key."


class NextExists(ConflictingState):
    heading = "There is a next key already"
    sentence = "There is a next key for this use already. Promote it, or discard it first."


class NotNext(ConflictingState):
    heading = "This key is not the next one any more"
    sentence = "Only the next key can be promoted, and this one is not next; somebody else may have been faster."


class CertificateEnded(ConflictingState):
    heading = "The certificate has ended"
    sentence = "The certificate of this key has ended: identity providers would refuse it. Make a new key."


class ActiveStays(ConflictingState):
    heading = "This key is in use"
    sentence = "This is the active key. Promote another one first; then this one can be retired."


class NothingToGoBackTo(ConflictingState):
    heading = "There is no way back to this key"
    sentence = "One can only go back to a key that was active before."


class TooManyKeys(Refusal):
    code, status = "too_many", 409
    heading = "There are too many old keys"
    sentence = "There are as many retiring keys as one use may have. Retire the oldest one first."


class TooManyMade(RateLimited):
    sentence = "As many keys as an organisation may make in a day have been made. Please wait."
