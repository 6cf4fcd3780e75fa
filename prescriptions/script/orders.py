"""Messages to pharmacies: NewRx, CancelRx, and responses to their requests.

Everything is built from the signed bytes alone, so that what is sent is what was
signed (21 CFR 1311.170(e)); the same record always gives the same bytes.
"""

import json
from datetime import datetime

from lxml import etree

from prescriptions import content
from prescriptions.script import elements
from prescriptions.script.elements import add
from prescriptions.script.versions import OLDEST, VERSIONS, Version

QUANTITY_SOLD = "38"  # CodeListQualifier: original quantity
SCHEDULES = {"II": "C48675", "III": "C48676", "IV": "C48677", "V": "C48679"}


def new_rx(payload: bytes, *, version: str = OLDEST) -> bytes:
    """Return the NewRx of an archived record; raise DoesNotFit."""
    record = json.loads(payload)
    root = elements.new_message(VERSIONS[version])
    header = _header(root, record, record["message_id"], sent_at=record["signed_at"])
    # 21 CFR 1311.120(b)(17): the indication that the practitioner signed it.
    signature = add(header, "DigitalSignature")
    signature.set("Version", "1.1")
    add(signature, "DigitalSignatureIndicator", "true")
    _order(root, "NewRx", record, VERSIONS[version])
    return elements.serialize(root)


def cancel_rx(
    payload: bytes, *, message_id: str, sent_at: datetime, version: str = OLDEST
) -> bytes:
    """Return the CancelRx for the NewRx of an archived record; raise DoesNotFit."""
    record = json.loads(payload)
    root = elements.new_message(VERSIONS[version])
    _header(
        root,
        record,
        message_id,
        sent_at=content.timestamp(sent_at),
        about=record["message_id"],
    )
    _order(root, "CancelRx", record, VERSIONS[version])
    return elements.serialize(root)


def denial(
    payload: bytes,
    *,
    kind: str,
    about: str,
    reason: str,
    message_id: str,
    sent_at: datetime,
    version: str = OLDEST,
) -> bytes:
    """Return a response that denies a pharmacy's request; raise DoesNotFit.

    What a practitioner prescribes instead is signed by itself and sent as a NewRx; to
    approve the request as well would order the same drug twice.
    """
    record = json.loads(payload)
    root = elements.new_message(VERSIONS[version])
    _header(root, record, message_id, sent_at=content.timestamp(sent_at), about=about)
    response = add(add(root, "Body"), kind)
    add(add(add(response, "Response"), "Denied"), "DenialReason", reason)
    _parties(response, record)
    return elements.serialize(root)


def _header(
    root: etree._Element,
    record: dict,
    message_id: str,
    *,
    sent_at: str,
    about: str = "",
) -> etree._Element:
    signed = record["content"]
    header = add(root, "Header")
    add(header, "To", signed["pharmacy"]["ncpdp_id"]).set("Qualifier", "P")
    add(header, "From", signed["prescriber"]["npi"]).set("Qualifier", "D")
    add(header, "MessageID", message_id)
    if about:
        add(header, "RelatesToMessageID", about)
    add(header, "SentTime", sent_at)
    _software(add(header, "SenderSoftware"), record["software"])
    add(header, "PrescriberOrderNumber", record["message_id"])
    return header


def _software(element: etree._Element, software: str) -> None:
    product, _, release = software.partition(" ")
    add(element, "SenderSoftwareDeveloper", product)
    add(element, "SenderSoftwareProduct", product)
    add(element, "SenderSoftwareVersionRelease", release)


def _order(root: etree._Element, kind: str, record: dict, version: Version) -> None:
    order = add(add(root, "Body"), kind)
    _parties(order, record)
    _medication(order, record["content"], version)
    _supervisor(order, record["content"].get("supervisor"))


def _parties(order: etree._Element, record: dict) -> None:
    signed = record["content"]
    _patient(add(add(order, "Patient"), "HumanPatient"), signed["patient"])
    _pharmacy(add(order, "Pharmacy"), signed["pharmacy"])
    _prescriber(add(add(order, "Prescriber"), "NonVeterinarian"), record)


def _patient(element: etree._Element, patient: dict) -> None:
    elements.add_name(element, patient)
    add(element, "Gender", patient["sex"])
    elements.add_date(element, "DateOfBirth", patient["date_of_birth"])
    elements.add_address(element, patient["address"])
    elements.add_phone(element, patient["phone"])


def _pharmacy(element: etree._Element, pharmacy: dict) -> None:
    identification = add(element, "Identification")
    add(identification, "NCPDPID", pharmacy["ncpdp_id"])
    add(identification, "NPI", pharmacy["npi"])
    add(element, "BusinessName", pharmacy["name"])
    elements.add_address(element, pharmacy["address"])
    elements.add_phone(element, pharmacy["phone"])


def _prescriber(element: etree._Element, record: dict) -> None:
    signed = record["content"]
    prescriber, practice = signed["prescriber"], signed["practice"]
    identification = add(element, "Identification")
    # With the institution's internal code where it has one: 21 CFR 1301.22(c).
    add(identification, "DEANumber", prescriber["dea_number"])
    add(identification, "NPI", prescriber["npi"])
    add(add(element, "PracticeLocation"), "BusinessName", practice["name"])
    elements.add_name(element, prescriber)
    elements.add_address(element, practice["address"])
    if agent := agent_of(record):
        elements.add_name(add(element, "PrescriberAgent"), agent)
    elements.add_phone(element, practice["phone"])


def agent_of(record: dict) -> dict | None:
    """Return who prepared it for the practitioner; records of format 1 do not say."""
    person = record["content"]["prepared_by"]
    if record["content"]["format"] == 1 or person["username"] == record["signer"]:
        return None
    last_name = person["last_name"] or person["username"]
    return {"last_name": last_name, "first_name": person["first_name"]}


def _supervisor(order: etree._Element, supervisor: dict | None) -> None:
    """21 CFR 1311.135(c): named as what they are, apart from the practitioner."""
    if supervisor is None:
        return
    element = add(add(order, "Supervisor"), "NonVeterinarian")
    identification = add(element, "Identification")
    if supervisor["dea_number"]:
        add(identification, "DEANumber", supervisor["dea_number"])
    add(identification, "NPI", supervisor["npi"])
    elements.add_name(element, supervisor)


def _medication(order: etree._Element, signed: dict, version: Version) -> None:
    element = add(order, "MedicationPrescribed")
    _drug(add(element, version.drug) if version.drug else element, signed["drug"])
    _quantity(add(element, "Quantity"), signed)
    if signed["days_supply"]:
        add(element, "DaysSupply", str(signed["days_supply"]))
    elements.add_date(element, "WrittenDate", signed["issued_on"])
    add(element, "Substitutions", "0" if signed["substitutions_allowed"] else "1")
    add(element, "NumberOfRefills", str(signed["refills"]))
    if note := content.note_as_sent(signed):
        add(element, "Note", note)
    add(add(element, "Sig"), "SigText", signed["directions"])
    if signed["earliest_fill_on"]:  # 21 CFR 1306.12(b)(1)(ii)
        other = add(element, "OtherMedicationDate")
        elements.add_date(other, "OtherMedicationDate", signed["earliest_fill_on"])
        add(other, "OtherMedicationDateQualifier", "EffectiveDate")


def _quantity(element: etree._Element, signed: dict) -> None:
    add(element, "Value", signed["quantity"])
    add(element, "CodeListQualifier", QUANTITY_SOLD)
    add(add(element, "QuantityUnitOfMeasure"), "Code", signed["drug"]["unit_code"])


def _drug(element: etree._Element, drug: dict) -> None:
    add(element, "DrugDescription", drug["name"])
    coded = add(element, "DrugCoded")
    if drug["ndc"]:
        product = add(coded, "ProductCode")
        add(product, "Code", drug["ndc"])
        add(product, "Qualifier", "ND")
    add(add(coded, "DEASchedule"), "Code", SCHEDULES[drug["schedule"]])
