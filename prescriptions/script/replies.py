"""Replies that the portal sends at once to a received message."""

from datetime import datetime

from lxml import etree

from prescriptions import content
from prescriptions.script import elements
from prescriptions.script.elements import add
from prescriptions.script.parser import Message
from prescriptions.script.versions import OLDEST, VERSIONS, Version


def reply(
    message: Message | None,
    kind: str,
    *,
    code: str,
    message_id: str,
    sent_at: datetime,
    description: str = "",
) -> bytes:
    """Return a Status or Error about a message, or about unreadable bytes."""
    root = elements.new_message(version_of(message))
    header = add(root, "Header")
    if message:
        _swap_parties(header, message)
    add(header, "MessageID", message_id)
    if message and message.message_id:
        add(header, "RelatesToMessageID", message.message_id[:35])
    add(header, "SentTime", content.timestamp(sent_at))
    answer = add(add(root, "Body"), kind)
    add(answer, "Code", code)
    if description:
        add(answer, "Description", description)
    return elements.serialize(root)


def version_of(message: Message | None) -> Version:
    """Return the version that a message names, or the oldest."""
    named = message.root.get("TransactionVersion", "") if message else ""
    for version in VERSIONS.values():
        if named in (version.wire_version, version.name):
            return version
    return VERSIONS[OLDEST]


def _swap_parties(header: etree._Element, message: Message) -> None:
    """Address the reply to the sender of a message."""
    for name, source in (("To", "From"), ("From", "To")):
        party = message.root.find(f"Header/{source}")
        if party is not None:
            swapped = add(header, name, (party.text or "")[:35])
            swapped.set("Qualifier", party.get("Qualifier", "")[:3])
