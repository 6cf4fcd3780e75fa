"""What the portal answers at once to a message that came in."""

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
    """Return a Status or Error about a message, or about bytes that are none."""
    root = elements.new_message(version_of(message))
    header = add(root, "Header")
    if message:
        _swap(header, message)
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
    """Return the version that a message says it is in; the oldest when it does not."""
    said = message.root.get("TransactionVersion", "") if message else ""
    known = [one for one in VERSIONS.values() if said in (one.wire_version, one.name)]
    return known[0] if known else VERSIONS[OLDEST]


def _swap(header: etree._Element, message: Message) -> None:
    for name, source in (("To", "From"), ("From", "To")):
        found = message.root.find(f"Header/{source}")
        if found is not None:
            turned = add(header, name, (found.text or "")[:35])
            turned.set("Qualifier", found.get("Qualifier", "")[:3])
