"""Messages that come in: parsed without entities, document types or the network.

Names are matched without their namespace, because networks differ about it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from lxml import etree


class NotReadable(Exception):
    """These bytes are no message; the text fits an Error's Description."""


class Outcome(Enum):
    ACCEPTED = "accepted"  # by the pharmacy
    PASSED_ON = "passed on"  # by the network, on its way to the pharmacy
    TRY_AGAIN = "try again"
    REJECTED = "rejected"


@dataclass(frozen=True)
class DeliveryResult:
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
        """Return all text at a path; WrittenDate, for one, holds a Date."""
        found = self.root.find(path)
        return "" if found is None else "".join(map(str, found.itertext())).strip()

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
        """Return the text at a path within the Body's one element."""
        return self.text(f"Body/{self.kind}/{path}")


def read(body: bytes) -> Message:
    """Return a message; raise NotReadable."""
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(body, parser)
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
    """Return what a network or pharmacy said; what cannot be read is asked again.

    `outcomes` says what answers mean on this network, by kind and code, where that
    differs from what SCRIPT says.
    """
    meanings = OUTCOMES | dict(outcomes or {})
    try:
        message = read(body)
    except NotReadable as problem:
        return DeliveryResult(Outcome.TRY_AGAIN, description=str(problem))
    if message.kind not in ("Status", "Error", "Verify"):
        return DeliveryResult(Outcome.TRY_AGAIN, description="The answer says nothing.")
    code = message.body_text("Code") or message.body_text("VerifyStatus/Code")
    outcome = meanings.get(f"{message.kind}/{code}") or meanings.get(message.kind)
    return DeliveryResult(
        outcome or Outcome.TRY_AGAIN,
        code=code[:10],
        description=message.body_text("Description")[:70],
        relates_to=message.relates_to,
    )
