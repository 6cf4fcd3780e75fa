"""Elements of SCRIPT messages to write: nothing is cut, and nothing is lost."""

from lxml import etree

from prescriptions import formats
from prescriptions.script.versions import Version

NAMESPACE = "http://www.ncpdp.org/schema/SCRIPT"
LONGEST = {  # characters; a longer text is refused and never cut
    "MessageID": 35,
    "RelatesToMessageID": 35,
    "DEANumber": 35,
    "LastName": 35,
    "FirstName": 35,
    "AddressLine1": 40,
    "AddressLine2": 40,
    "City": 35,
    "StateProvince": 2,
    "PostalCode": 10,
    "BusinessName": 70,
    "DrugDescription": 105,
    "SigText": formats.DIRECTIONS_LENGTH,
    "Note": formats.NOTE_LENGTH,
    "Value": 11,
    "NumberOfRefills": 2,
    "DaysSupply": 3,
    "DenialReason": 70,
    "Description": 70,
}


class DoesNotFit(Exception):
    """The record cannot be written in SCRIPT without loss; nothing is sent."""


def new_message(version: Version) -> etree._Element:
    """Return the root of a message that holds nothing yet."""
    wire = version.wire_version
    return etree.Element(
        etree.QName(NAMESPACE, "Message"),
        {
            "DatatypesVersion": wire,
            "TransportVersion": wire,
            "TransactionDomain": "SCRIPT",
            "TransactionVersion": wire,
            "StructuresVersion": wire,
            "ECLVersion": wire,
        },
        nsmap={None: NAMESPACE},  # type: ignore[dict-item]
    )


def serialize(root: etree._Element) -> bytes:
    """Return a message as the bytes that are sent."""
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def add(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    """Append and return a child; raise DoesNotFit if its text is too long or not XML."""
    if text is not None and len(text) > LONGEST.get(name, len(text)):
        raise DoesNotFit(f"{name} holds {LONGEST[name]} characters, not {len(text)}.")
    child = etree.SubElement(parent, etree.QName(NAMESPACE, name))
    try:
        child.text = text
    except ValueError:
        raise DoesNotFit(f"{name} has a character that XML cannot carry.") from None
    return child


def add_name(element: etree._Element, person: dict) -> None:
    within = add(element, "Name")
    add(within, "LastName", person["last_name"])
    if person["first_name"]:
        add(within, "FirstName", person["first_name"])
    if person.get("credentials"):
        add(within, "Suffix", person["credentials"])


def add_address(element: etree._Element, place: dict) -> None:
    within = add(element, "Address")
    add(within, "AddressLine1", place["line_1"])
    if place["line_2"]:
        add(within, "AddressLine2", place["line_2"])
    add(within, "City", place["city"])
    add(within, "StateProvince", place["state"])
    add(within, "PostalCode", place["postal_code"])
    add(within, "CountryCode", "US")


def add_phone(element: etree._Element, number: str) -> None:
    if number:
        primary = add(add(element, "CommunicationNumbers"), "PrimaryTelephone")
        add(primary, "Number", number)


def add_date(element: etree._Element, name: str, text: str) -> None:
    add(add(element, name), "Date", text)
