"""Take a message in once; the same MessageID gets the same answer for ever."""

import hashlib

from django.db import transaction
from django.db.models import F

from sandbox.pharmacy import script
from sandbox.pharmacy.models import Behaviour, Mode, Receipt

DUPLICATE = "This MessageID was used for another message"
REJECTED_BY_MODE = "The pharmacy does not fill this prescription"


def behaviour() -> str:
    mode = Mode.objects.first()
    return mode.behaviour if mode else Behaviour.ACCEPT


def behave(behaviour: str) -> None:
    Mode.objects.update_or_create(pk=1, defaults={"behaviour": behaviour})


def receive(content: bytes, *, rejecting: bool) -> bytes:
    """Return the answer to a message, and keep both unless they cannot be filed."""
    try:
        message = script.read(content)
    except script.NotReadable as problem:
        return script.error(None, code=script.REJECTED, description=str(problem))
    return _file(message, content, rejecting=rejecting)


def busy(content: bytes) -> bytes:
    """Return an Error that asks for another try later; keep nothing."""
    try:
        message = script.read(content)
    except script.NotReadable:
        message = None
    return script.error(
        message, code=script.SYSTEM_ERROR, description="Busy, try again later"
    )


@transaction.atomic
def _file(message: script.NewRx, content: bytes, *, rejecting: bool) -> bytes:
    digest = hashlib.sha256(content).hexdigest()
    earlier = Receipt.objects.filter(message_id=message.message_id).first()
    if earlier and earlier.digest != digest:
        return script.error(message, code=script.REJECTED, description=DUPLICATE)
    if earlier:
        Receipt.objects.filter(pk=earlier.pk).update(attempts=F("attempts") + 1)
        return bytes(earlier.answer)
    refusal = script.problem_with(message) or (REJECTED_BY_MODE if rejecting else "")
    answer = (
        script.error(message, code=script.REJECTED, description=refusal)
        if refusal
        else script.status(message)
    )
    Receipt.objects.create(
        message_id=message.message_id,
        digest=digest,
        content=content,
        answer=answer,
        is_accepted=not refusal,
        refusal=refusal,
        patient=message.name_of(script.PATIENT),
        drug=message.text(f"{script.MEDICATION}/DrugDescription"),
        quantity=message.quantity,
        prescriber=message.name_of(script.PRESCRIBER),
    )
    return answer
