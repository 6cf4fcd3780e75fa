"""A NewRx compared with what was signed, element by element.

21 CFR 1311.170(e): every element of part 1306 arrives as it was archived.
"""

import json

from prescriptions import content
from prescriptions.script.orders import SCHEDULES, agent_of
from prescriptions.script.parser import Message, NotReadable, read
from prescriptions.script.versions import OLDEST, VERSIONS, Version

PATIENT = "Patient/HumanPatient"
PHARMACY = "Pharmacy"
PRESCRIBER = "Prescriber/NonVeterinarian"
SUPERVISOR = "Supervisor/NonVeterinarian"
DRUG = "MedicationPrescribed"
PHONE = "CommunicationNumbers/PrimaryTelephone/Number"
PLACE = {
    "line_1": "AddressLine1",
    "line_2": "AddressLine2",
    "city": "City",
    "state": "StateProvince",
    "postal_code": "PostalCode",
}
# Every archived field that is sent, and the element within the order that carries it.
CARRIED = {
    "issued_on": f"{DRUG}/WrittenDate/Date",
    "patient.first_name": f"{PATIENT}/Name/FirstName",
    "patient.last_name": f"{PATIENT}/Name/LastName",
    "patient.date_of_birth": f"{PATIENT}/DateOfBirth/Date",
    "patient.sex": f"{PATIENT}/Gender",
    "patient.phone": f"{PATIENT}/{PHONE}",
    "prescriber.first_name": f"{PRESCRIBER}/Name/FirstName",
    "prescriber.last_name": f"{PRESCRIBER}/Name/LastName",
    "prescriber.credentials": f"{PRESCRIBER}/Name/Suffix",
    "prescriber.npi": f"{PRESCRIBER}/Identification/NPI",
    "prescriber.dea_number": f"{PRESCRIBER}/Identification/DEANumber",
    "agent.first_name": f"{PRESCRIBER}/PrescriberAgent/Name/FirstName",
    "agent.last_name": f"{PRESCRIBER}/PrescriberAgent/Name/LastName",
    "practice.name": f"{PRESCRIBER}/PracticeLocation/BusinessName",
    "practice.phone": f"{PRESCRIBER}/{PHONE}",
    "pharmacy.ncpdp_id": f"{PHARMACY}/Identification/NCPDPID",
    "pharmacy.npi": f"{PHARMACY}/Identification/NPI",
    "pharmacy.name": f"{PHARMACY}/BusinessName",
    "pharmacy.phone": f"{PHARMACY}/{PHONE}",
    "drug.name": f"{DRUG}/{{drug}}DrugDescription",
    "drug.ndc": f"{DRUG}/{{drug}}DrugCoded/ProductCode/Code",
    "drug.schedule": f"{DRUG}/{{drug}}DrugCoded/DEASchedule/Code",
    "drug.unit_code": f"{DRUG}/Quantity/QuantityUnitOfMeasure/Code",
    "quantity": f"{DRUG}/Quantity/Value",
    "days_supply": f"{DRUG}/DaysSupply",
    "refills": f"{DRUG}/NumberOfRefills",
    "directions": f"{DRUG}/Sig/SigText",
    "note": f"{DRUG}/Note",
    "substitutions_allowed": f"{DRUG}/Substitutions",
    "earliest_fill_on": f"{DRUG}/OtherMedicationDate/OtherMedicationDate/Date",
    "supervisor.first_name": f"{SUPERVISOR}/Name/FirstName",
    "supervisor.last_name": f"{SUPERVISOR}/Name/LastName",
    "supervisor.credentials": f"{SUPERVISOR}/Name/Suffix",
    "supervisor.npi": f"{SUPERVISOR}/Identification/NPI",
    "supervisor.dea_number": f"{SUPERVISOR}/Identification/DEANumber",
} | {
    f"{party}.address.{part}": f"{path}/Address/{element}"
    for party, path in [
        ("patient", PATIENT),
        ("practice", PRESCRIBER),
        ("pharmacy", PHARMACY),
    ]
    for part, element in PLACE.items()
}
# Fields that make it another order, whatever a pharmacy's system writes differently.
ORDERED = [
    "patient.last_name",
    "prescriber.dea_number",
    "drug.schedule",
    "quantity",
    "refills",
    "directions",
    "issued_on",
]


def path_of(field: str, *, version: Version) -> str:
    """Return the path of the element that carries a field in this version."""
    return CARRIED[field].format(drug=f"{version.drug}/" if version.drug else "")


def archived(payload: bytes) -> dict[str, str]:
    """Return each field as it was signed; what the record does not have is empty."""
    record = json.loads(payload)
    signed_content = record["content"]
    fields = {field: _at(signed_content, field) for field in CARRIED}
    agent = agent_of(record) or {}
    return fields | {
        "agent.first_name": agent.get("first_name", ""),
        "agent.last_name": agent.get("last_name", ""),
        "drug.schedule": SCHEDULES[signed_content["drug"]["schedule"]],
        "note": content.note_as_sent(signed_content),
        "substitutions_allowed": "0"
        if signed_content["substitutions_allowed"]
        else "1",
    }


def sent(message: Message, *, version: Version) -> dict[str, str]:
    """Return each field as the message carries it, not trimmed."""
    order = f"Body/{message.kind}"
    elements = {
        field: message.root.find(f"{order}/{path_of(field, version=version)}")
        for field in CARRIED
    }
    return {
        field: "" if element is None else element.text or ""
        for field, element in elements.items()
    }


def differences(payload: bytes, xml: bytes, *, version: str = OLDEST) -> list[str]:
    """Return the names of the fields in which a message differs from what was signed."""
    try:
        in_message = sent(read(xml), version=VERSIONS[version])
    except NotReadable:
        return ["everything"]
    return [
        field for field, text in archived(payload).items() if in_message[field] != text
    ]


def changed_in_transit(payload: bytes, message: Message, *, version: str) -> list[str]:
    """Return the names of the fields that a pharmacy repeats with another meaning.

    They are compared by meaning, not by spacing or case: conversion from one format to
    another is no change (21 CFR 1311.170(e)).
    """
    repeated = sent(message, version=VERSIONS[version])
    signed = archived(payload)
    return [
        field
        for field in ORDERED
        if repeated[field].strip()
        and _normal(repeated[field]) != _normal(signed[field])
    ]


def _at(signed_content: dict, field: str) -> str:
    value: object = signed_content
    for part in field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return "" if value is None else str(value)


def _normal(text: str) -> str:
    """Return text without case and spacing, and a number without trailing zeros."""
    words = " ".join(text.split()).casefold()
    if not words.replace(".", "", 1).isdecimal() or "." not in words:
        return words
    return words.rstrip("0").rstrip(".")
