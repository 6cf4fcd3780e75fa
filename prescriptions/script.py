"""NCPDP SCRIPT 2017071: NewRx from an archived record, and what comes back.

The message is built from the signed bytes alone, so that what is sent is what was
signed (21 CFR 1311.170(e)); the same record always gives the same bytes.
"""

import json
from dataclasses import dataclass
from enum import Enum

from lxml import etree

NAMESPACE = "http://www.ncpdp.org/schema/SCRIPT"
VERSION = "20170715"  # as 2017071 is written on the wire
QUANTITY_SOLD = "38"  # CodeListQualifier: original quantity
SCHEDULES = {"II": "C48675", "III": "C48676", "IV": "C48677", "V": "C48679"}
LONGEST = {  # characters; what does not fit is refused and never cut
    "MessageID": 35,
    "LastName": 35,
    "FirstName": 35,
    "AddressLine1": 40,
    "AddressLine2": 40,
    "City": 35,
    "StateProvince": 2,
    "PostalCode": 10,
    "BusinessName": 70,
    "DrugDescription": 105,
    "SigText": 1000,
    "Note": 210,
    "Value": 11,
    "NumberOfRefills": 2,
    "DaysSupply": 3,
}


class DoesNotFit(Exception):
    """The record cannot be said in SCRIPT without loss; nothing is sent."""


class Outcome(Enum):
    ACCEPTED = "accepted"  # by the pharmacy
    PASSED_ON = "passed on"  # by the network, on its way to the pharmacy
    TRY_AGAIN = "try again"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Answer:
    outcome: Outcome
    code: str = ""
    description: str = ""
    relates_to: str = ""


OUTCOMES = {
    ("Status", "010"): Outcome.ACCEPTED,
    ("Status", "000"): Outcome.PASSED_ON,
    ("Error", "600"): Outcome.TRY_AGAIN,
    ("Error", "602"): Outcome.TRY_AGAIN,
    ("Error", "601"): Outcome.REJECTED,
    ("Error", "900"): Outcome.REJECTED,
}


def new_rx(payload: bytes) -> bytes:
    """Return the NewRx of an archived record; raise DoesNotFit."""
    record = json.loads(payload)
    content = record["content"]
    root = etree.Element(
        etree.QName(NAMESPACE, "Message"),
        {
            "DatatypesVersion": VERSION,
            "TransportVersion": VERSION,
            "TransactionDomain": "SCRIPT",
            "TransactionVersion": VERSION,
            "StructuresVersion": VERSION,
            "ECLVersion": VERSION,
        },
        nsmap={None: NAMESPACE},  # type: ignore[dict-item]
    )
    _header(_add(root, "Header"), record)
    message = _add(_add(root, "Body"), "NewRx")
    _patient(_add(_add(message, "Patient"), "HumanPatient"), content["patient"])
    _pharmacy(_add(message, "Pharmacy"), content["pharmacy"])
    _prescriber(_add(_add(message, "Prescriber"), "NonVeterinarian"), content)
    _medication(_add(message, "MedicationPrescribed"), content)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def parse_answer(body: bytes) -> Answer:
    """Return what a network or pharmacy said; what cannot be read is asked again."""
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return Answer(Outcome.TRY_AGAIN, description="The answer is not XML.")
    if root.getroottree().docinfo.doctype:  # type: ignore[union-attr]
        return Answer(Outcome.TRY_AGAIN, description="The answer has a document type.")
    found = {kind: root.find(f"{{*}}Body/{{*}}{kind}") for kind in ["Status", "Error"]}
    for kind, element in found.items():
        if element is not None:
            code = _text(element, "{*}Code")
            return Answer(
                OUTCOMES.get((kind, code), Outcome.TRY_AGAIN),
                code=code[:10],
                description=_text(element, "{*}Description")[:70],
                relates_to=_text(root, "{*}Header/{*}RelatesToMessageID"),
            )
    return Answer(Outcome.TRY_AGAIN, description="The answer says nothing.")


def _header(header, record: dict) -> None:
    content = record["content"]
    _add(header, "To", content["pharmacy"]["ncpdp_id"]).set("Qualifier", "P")
    _add(header, "From", content["prescriber"]["npi"]).set("Qualifier", "D")
    _add(header, "MessageID", record["message_id"])
    _add(header, "SentTime", record["signed_at"])
    software = _add(header, "SenderSoftware")
    product, _, release = record["software"].partition(" ")
    _add(software, "SenderSoftwareDeveloper", product)
    _add(software, "SenderSoftwareProduct", product)
    _add(software, "SenderSoftwareVersionRelease", release)
    _add(header, "PrescriberOrderNumber", record["message_id"])
    # 21 CFR 1311.120(b)(17): the indication that the practitioner signed it.
    signature = _add(header, "DigitalSignature")
    signature.set("Version", "1.1")
    _add(signature, "DigitalSignatureIndicator", "true")


def _patient(element, patient: dict) -> None:
    _name(element, patient)
    _add(element, "Gender", patient["sex"])
    _date(element, "DateOfBirth", patient["date_of_birth"])
    _address(element, patient["address"])
    _phone(element, patient["phone"])


def _pharmacy(element, pharmacy: dict) -> None:
    identification = _add(element, "Identification")
    _add(identification, "NCPDPID", pharmacy["ncpdp_id"])
    _add(identification, "NPI", pharmacy["npi"])
    _add(element, "BusinessName", pharmacy["name"])
    _address(element, pharmacy["address"])
    _phone(element, pharmacy["phone"])


def _prescriber(element, content: dict) -> None:
    prescriber, practice = content["prescriber"], content["practice"]
    identification = _add(element, "Identification")
    _add(identification, "DEANumber", prescriber["dea_number"])
    _add(identification, "NPI", prescriber["npi"])
    _add(_add(element, "PracticeLocation"), "BusinessName", practice["name"])
    _name(element, prescriber)
    _address(element, practice["address"])
    _phone(element, practice["phone"])


def _medication(element, content: dict) -> None:
    drug = content["drug"]
    _add(element, "DrugDescription", drug["name"])
    coded = _add(element, "DrugCoded")
    if drug["ndc"]:
        product = _add(coded, "ProductCode")
        _add(product, "Code", drug["ndc"])
        _add(product, "Qualifier", "ND")
    _add(_add(coded, "DEASchedule"), "Code", SCHEDULES[drug["schedule"]])
    quantity = _add(element, "Quantity")
    _add(quantity, "Value", content["quantity"])
    _add(quantity, "CodeListQualifier", QUANTITY_SOLD)
    _add(_add(quantity, "QuantityUnitOfMeasure"), "Code", drug["unit_code"])
    if content["days_supply"]:
        _add(element, "DaysSupply", str(content["days_supply"]))
    _date(element, "WrittenDate", content["issued_on"])
    _add(element, "Substitutions", "0" if content["substitutions_allowed"] else "1")
    _add(element, "NumberOfRefills", str(content["refills"]))
    if content["note"]:
        _add(element, "Note", content["note"])
    _add(_add(element, "Sig"), "SigText", content["directions"])
    if content["earliest_fill_on"]:
        other = _add(element, "OtherMedicationDate")
        _date(other, "OtherMedicationDate", content["earliest_fill_on"])
        _add(other, "OtherMedicationDateQualifier", "EffectiveDate")


def _name(element, person: dict) -> None:
    name = _add(element, "Name")
    _add(name, "LastName", person["last_name"])
    _add(name, "FirstName", person["first_name"])
    if person.get("credentials"):
        _add(name, "Suffix", person["credentials"])


def _address(element, address: dict) -> None:
    place = _add(element, "Address")
    _add(place, "AddressLine1", address["line_1"])
    if address["line_2"]:
        _add(place, "AddressLine2", address["line_2"])
    _add(place, "City", address["city"])
    _add(place, "StateProvince", address["state"])
    _add(place, "PostalCode", address["postal_code"])
    _add(place, "CountryCode", "US")


def _phone(element, number: str) -> None:
    if number:
        primary = _add(_add(element, "CommunicationNumbers"), "PrimaryTelephone")
        _add(primary, "Number", number)


def _date(element, name: str, day: str) -> None:
    _add(_add(element, name), "Date", day)


def _add(parent, name: str, text: str | None = None):
    if text is not None and len(text) > LONGEST.get(name, len(text)):
        raise DoesNotFit(f"{name} holds {LONGEST[name]} characters, not {len(text)}.")
    child = etree.SubElement(parent, etree.QName(NAMESPACE, name))
    try:
        child.text = text
    except ValueError:
        raise DoesNotFit(f"{name} has a character that XML cannot carry.") from None
    return child


def _text(element, path: str) -> str:
    found = element.find(path)
    return "" if found is None else "".join(found.itertext()).strip()
