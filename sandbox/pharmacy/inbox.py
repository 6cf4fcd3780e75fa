"""Take a message in once; the same MessageID gets the same answer for ever."""

import hashlib

from django.db import transaction
from django.db.models import F

from sandbox.pharmacy import script
from sandbox.pharmacy.models import Behaviour, Mode, Receipt

DUPLICATE = "This MessageID was used for another message"
STATUS: dict[str, str] = {Behaviour.PASS_ON: "000"}
REJECTED_BY_MODE = "The pharmacy does not fill this prescription"


def behaviour() -> str:
    mode = Mode.objects.first()
    return mode.behaviour if mode else Behaviour.ACCEPT


def behave(behaviour: str) -> None:
    Mode.objects.update_or_create(pk=1, defaults={"behaviour": behaviour})


def receive(content: bytes, *, behaviour: str) -> bytes:
    """Return the answer to a message, and keep both unless they cannot be filed."""
    try:
        message = script.read(content)
    except script.NotReadable as problem:
        return script.error(None, code=script.REJECTED, description=str(problem))
    return _file(message, content, behaviour=behaviour)


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
def _file(message: script.Message, content: bytes, *, behaviour: str) -> bytes:
    digest = hashlib.sha256(content).hexdigest()
    earlier = Receipt.objects.filter(message_id=message.message_id).first()
    if earlier and earlier.digest != digest:
        return script.error(message, code=script.REJECTED, description=DUPLICATE)
    if earlier:
        Receipt.objects.filter(pk=earlier.pk).update(attempts=F("attempts") + 1)
        return bytes(earlier.answer)
    is_rejecting = behaviour == Behaviour.REJECT
    refusal = script.problem_with(message) or (REJECTED_BY_MODE if is_rejecting else "")
    answer = (
        script.error(message, code=script.REJECTED, description=refusal)
        if refusal
        else script.status(message, code=STATUS.get(behaviour, "010"))
    )
    if behaviour == Behaviour.ALTER:
        content = script.altered(content)
        message = script.read(content)
    Receipt.objects.create(
        message_id=message.message_id,
        kind=message.kind,
        relates_to=message.relates_to[:35],
        digest=digest,
        content=content,
        answer=answer,
        is_accepted=not refusal,
        refusal=refusal,
        patient=message.name_of(script.PATIENT),
        drug=message.said(f"{script.MEDICATION}/DrugDescription"),
        quantity=message.quantity,
        prescriber=message.name_of(script.PRESCRIBER),
    )
    return answer
