"""Received messages: parsed without entities, document types or the network.

Names are matched without their namespace, because networks differ about it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from lxml import etree


class NotReadable(Exception):
    """These bytes are not a message; the text fits an Error's Description."""


class Outcome(Enum):
    """What a reply means for the message that it answers."""

    ACCEPTED = "accepted"  # by the pharmacy
    PASSED_ON = "passed on"  # by the network, on its way to the pharmacy
    TRY_AGAIN = "try again"
    REJECTED = "rejected"


@dataclass(frozen=True)
class DeliveryResult:
    """What one delivery attempt led to, or what the pharmacy sent later."""

    outcome: Outcome
    code: str = ""
    description: str = ""
    relates_to: str = ""


OUTCOMES = {
    "Status/010": Outcome.ACCEPTED,
    "Status/000": Outcome.PASSED_ON,
    "Error/600": Outcome.TRY_AGAIN,
    "Error/602": Outcome.TRY_AGAIN,
    "Error/601": Outcome.REJECTED,
    "Error/900": Outcome.REJECTED,
    "Verify": Outcome.ACCEPTED,  # of the end receipt, whatever its code
}


@dataclass(frozen=True)
class Message:
    """A received message, its elements by local name."""

    root: etree._Element

    def text(self, path: str) -> str:
        """Return all text at a path, with that of its children; empty if absent."""
        element = self.root.find(path)
        return "" if element is None else "".join(map(str, element.itertext())).strip()

    @property
    def kind(self) -> str:
        """Return the name of what the Body holds."""
        body = self.root.find("Body")
        return "" if body is None or len(body) == 0 else str(body[0].tag)

    @property
    def message_id(self) -> str:
        return self.text("Header/MessageID")

    @property
    def relates_to(self) -> str:
        return self.text("Header/RelatesToMessageID")

    @property
    def order_number(self) -> str:
        return self.text("Header/PrescriberOrderNumber")

    @property
    def sender(self) -> str:
        return self.text("Header/From")

    def body_text(self, path: str) -> str:
        """Return the text at a path within the element that the Body holds."""
        return self.text(f"Body/{self.kind}/{path}")

    def has(self, path: str) -> bool:
        """Return True if the element that the Body holds has one at this path."""
        return self.root.find(f"Body/{self.kind}/{path}") is not None


def read(body: bytes) -> Message:
    """Return a message; raise NotReadable."""
    try:
        root = etree.fromstring(body, _safe_parser())
    except (etree.XMLSyntaxError, ValueError):
        raise NotReadable("The message is not well-formed XML.") from None
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        raise NotReadable("The message has a document type.")
    for element in root.iter(etree.Element):
        element.tag = etree.QName(element).localname
    return Message(root)


def parse_result(
    body: bytes, *, outcomes: Mapping[str, Outcome] | None = None
) -> DeliveryResult:
    """Return the result that a network or pharmacy reports; try again if unreadable.

    `outcomes` maps kinds and codes to what they mean on this network, where that
    differs from SCRIPT.
    """
    try:
        message = read(body)
    except NotReadable as problem:
        return DeliveryResult(Outcome.TRY_AGAIN, description=str(problem))
    if message.kind not in ("Status", "Error", "Verify"):
        return DeliveryResult(Outcome.TRY_AGAIN, description="The answer says nothing.")
    return _result_in(message, OUTCOMES | dict(outcomes or {}))


def _result_in(message: Message, outcomes: dict[str, Outcome]) -> DeliveryResult:
    code = message.body_text("Code") or message.body_text("VerifyStatus/Code")
    outcome = outcomes.get(f"{message.kind}/{code}") or outcomes.get(message.kind)
    return DeliveryResult(
        outcome or Outcome.TRY_AGAIN,
        code=code[:10],
        description=message.body_text("Description")[:70],
        relates_to=message.relates_to,
    )


def _safe_parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
