"""NCPDP SCRIPT as far as a receiver of NewRx needs it: read, check, answer.

Names are matched without their namespace, because networks differ about it.
"""

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

NAMESPACE = "http://www.ncpdp.org/schema/SCRIPT"
VERSION = "20170715"
SCHEDULES = {"C48675": "II", "C48676": "III", "C48677": "IV", "C48679": "V"}
REJECTED = "900"
SYSTEM_ERROR = "602"

TAKEN = ["NewRx", "CancelRx", "RxRenewalResponse", "RxChangeResponse"]
PATIENT = "Patient/HumanPatient"
PRESCRIBER = "Prescriber/NonVeterinarian"
MEDICATION = "MedicationPrescribed"
# 21 CFR 1306.05(a) and 1311.120(b)(9), in SCRIPT's words.
REQUIRED = [
    *(f"{PATIENT}/Name/{name}" for name in ("LastName", "FirstName")),
    *(
        f"{person}/Address/{part}"
        for person in (PATIENT, PRESCRIBER)
        for part in ("AddressLine1", "City", "StateProvince", "PostalCode")
    ),
    *(f"{PRESCRIBER}/Name/{name}" for name in ("LastName", "FirstName")),
    f"{PRESCRIBER}/Identification/DEANumber",
    f"{PRESCRIBER}/Identification/NPI",
    f"{MEDICATION}/DrugDescription",
    f"{MEDICATION}/DrugCoded/DEASchedule",
    f"{MEDICATION}/Quantity/Value",
    f"{MEDICATION}/NumberOfRefills",
    f"{MEDICATION}/WrittenDate",
    f"{MEDICATION}/Sig/SigText",
]


class NotReadable(Exception):
    """These bytes are no message; the text fits an Error's Description."""


@dataclass(frozen=True)
class Message:
    """A received message, its elements by local name.

    SCRIPT 2023011 names the drug within Product; here it is where 2017071 has it.
    """

    root: etree._Element

    def text(self, path: str) -> str:
        """Return all text at a path; WrittenDate, for one, may hold a Date."""
        found = self.root.find(path)
        return "" if found is None else "".join(map(str, found.itertext())).strip()

    def said(self, path: str) -> str:
        return self.text(f"Body/{self.kind}/{path}")

    @property
    def kind(self) -> str:
        body = self.root.find("Body")
        return "" if body is None or len(body) == 0 else str(body[0].tag)

    @property
    def message_id(self) -> str:
        return self.text("Header/MessageID")

    @property
    def relates_to(self) -> str:
        return self.text("Header/RelatesToMessageID")

    def name_of(self, path: str) -> str:
        parts = (self.said(f"{path}/Name/{part}") for part in ("FirstName", "LastName"))
        return " ".join(part for part in parts if part)

    @property
    def quantity(self) -> str:
        return self.said(f"{MEDICATION}/Quantity/Value")


def read(content: bytes) -> Message:
    """Parse one message without entities, document types or the network."""
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise NotReadable("The message is not well-formed XML") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise NotReadable("Document types are not accepted")
    for element in root.iter(etree.Element):
        element.tag = etree.QName(element).localname
    for product in root.findall("Body/*/*/Product"):
        _lift(product)
    message = Message(root)
    if root.tag != "Message":
        raise NotReadable("This is no SCRIPT Message")
    if not 0 < len(message.message_id) <= 35:
        raise NotReadable("MessageID must have 1 to 35 characters")
    return message


def problem_with(message: Message) -> str:
    """Return why this cannot be dispensed, in 70 characters; empty when it can."""
    if message.kind not in TAKEN:
        return "This kind of message is not accepted here"
    if message.kind != "NewRx":
        return ""
    missing = [path for path in REQUIRED if not message.said(path)]
    if missing:
        return f"Missing: {missing[0]}"[:70]
    if message.text("Header/DigitalSignature/DigitalSignatureIndicator") != "true":
        return "DigitalSignatureIndicator is not true"
    return _problem_with_medication(message)


def altered(content: bytes) -> bytes:
    """Return the message as somebody on the way would have it: ten times as much."""
    root = etree.fromstring(content)
    for quantity in root.findall("{*}Body/*/{*}MedicationPrescribed/{*}Quantity"):
        value = quantity.find("{*}Value")
        if value is not None:
            value.text = f"{value.text}0"
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def status(message: Message, *, code: str = "010") -> bytes:
    """Return the Status of a message that was accepted or, by 000, passed on."""
    return _answer(message, "Status", code, "")


def error(message: Message | None, *, code: str, description: str) -> bytes:
    """Return an Error about a message, or about bytes that are none."""
    return _answer(message, "Error", code, description[:70])


def _problem_with_medication(message: Message) -> str:
    schedule = SCHEDULES.get(message.said(f"{MEDICATION}/DrugCoded/DEASchedule"))
    refills = message.said(f"{MEDICATION}/NumberOfRefills")
    if schedule is None:
        return "DEASchedule is not C48675, C48676, C48677 or C48679"
    if not re.fullmatch(r"[0-9]{1,2}", refills, re.ASCII):
        return "NumberOfRefills is not a number"
    if schedule == "II" and int(refills) > 0:  # 21 CFR 1306.12(a)
        return "Schedule II cannot be refilled"
    if not re.fullmatch(r"[0-9]*\.?[0-9]+", message.quantity, re.ASCII):
        return "Quantity is not a number"
    return ""


def _answer(message: Message | None, kind: str, code: str, description: str) -> bytes:
    versions = ("Datatypes", "Transport", "Transaction", "Structures", "ECL")
    root = etree.Element(
        etree.QName(NAMESPACE, "Message"),
        {f"{part}Version": VERSION for part in versions}
        | {"TransactionDomain": "SCRIPT"},
        nsmap={None: NAMESPACE},  # type: ignore[dict-item]  # missing in the stubs
    )
    header = add(root, "Header")
    for name, source in (("To", "From"), ("From", "To")):
        found = message.root.find(f"Header/{source}") if message else None
        if found is not None:
            add(header, name, found.text or "").attrib.update(found.attrib)
    add(header, "MessageID", uuid.uuid4().hex)
    if message:
        add(header, "RelatesToMessageID", message.message_id)
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    add(header, "SentTime", now.replace("+00:00", "Z"))
    answer = add(add(root, "Body"), kind)
    add(answer, "Code", code)
    if description:
        add(answer, "Description", description)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _lift(product: etree._Element) -> None:
    """Put what stands in a Product in its place."""
    parent = product.getparent()
    if parent is None:
        return
    at = parent.index(product)
    parent.remove(product)
    for offset, element in enumerate(list(product)):
        parent.insert(at + offset, element)


def add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, etree.QName(NAMESPACE, name))
    child.text = text
    return child
