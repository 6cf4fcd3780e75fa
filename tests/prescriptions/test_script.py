"""NewRx from archived records, and what networks and pharmacies answer."""

import json
from pathlib import Path

import pytest
from lxml import etree

from prescriptions import script
from prescriptions.script import Outcome

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def payload():
    """An archived record that uses every field, as bytes that never change."""
    return (GOLDEN / "record.json").read_bytes()


def changed(payload, path, value):
    """Return the record with one field of its content changed."""
    record = json.loads(payload)
    *parents, last = path.split(".")
    place = record["content"]
    for parent in parents:
        place = place[parent]
    place[last] = value
    return json.dumps(record).encode()


def text(xml, path):
    root = etree.fromstring(xml)
    found = root.find("/".join(f"{{*}}{part}" for part in path.split("/")))
    return None if found is None else found.text


PERSON = "Body/NewRx/Patient/HumanPatient"
PRESCRIBER = "Body/NewRx/Prescriber/NonVeterinarian"
PHARMACY = "Body/NewRx/Pharmacy"
DRUG = "Body/NewRx/MedicationPrescribed"
# 21 CFR 1306.05(a): every archived field, and the element that carries it.
CARRIED = {
    "issued_on": f"{DRUG}/WrittenDate/Date",
    "patient.first_name": f"{PERSON}/Name/FirstName",
    "patient.last_name": f"{PERSON}/Name/LastName",
    "patient.date_of_birth": f"{PERSON}/DateOfBirth/Date",
    "patient.sex": f"{PERSON}/Gender",
    "patient.address.line_1": f"{PERSON}/Address/AddressLine1",
    "patient.address.line_2": f"{PERSON}/Address/AddressLine2",
    "patient.address.city": f"{PERSON}/Address/City",
    "patient.address.state": f"{PERSON}/Address/StateProvince",
    "patient.address.postal_code": f"{PERSON}/Address/PostalCode",
    "patient.phone": f"{PERSON}/CommunicationNumbers/PrimaryTelephone/Number",
    "prescriber.first_name": f"{PRESCRIBER}/Name/FirstName",
    "prescriber.last_name": f"{PRESCRIBER}/Name/LastName",
    "prescriber.credentials": f"{PRESCRIBER}/Name/Suffix",
    "prescriber.npi": f"{PRESCRIBER}/Identification/NPI",
    "prescriber.dea_number": f"{PRESCRIBER}/Identification/DEANumber",
    "practice.name": f"{PRESCRIBER}/PracticeLocation/BusinessName",
    "practice.address.line_1": f"{PRESCRIBER}/Address/AddressLine1",
    "practice.address.line_2": f"{PRESCRIBER}/Address/AddressLine2",
    "practice.address.city": f"{PRESCRIBER}/Address/City",
    "practice.address.state": f"{PRESCRIBER}/Address/StateProvince",
    "practice.address.postal_code": f"{PRESCRIBER}/Address/PostalCode",
    "practice.phone": f"{PRESCRIBER}/CommunicationNumbers/PrimaryTelephone/Number",
    "pharmacy.ncpdp_id": f"{PHARMACY}/Identification/NCPDPID",
    "pharmacy.npi": f"{PHARMACY}/Identification/NPI",
    "pharmacy.name": f"{PHARMACY}/BusinessName",
    "pharmacy.address.line_1": f"{PHARMACY}/Address/AddressLine1",
    "pharmacy.address.line_2": f"{PHARMACY}/Address/AddressLine2",
    "pharmacy.address.city": f"{PHARMACY}/Address/City",
    "pharmacy.address.state": f"{PHARMACY}/Address/StateProvince",
    "pharmacy.address.postal_code": f"{PHARMACY}/Address/PostalCode",
    "pharmacy.phone": f"{PHARMACY}/CommunicationNumbers/PrimaryTelephone/Number",
    "drug.name": f"{DRUG}/DrugDescription",
    "drug.ndc": f"{DRUG}/DrugCoded/ProductCode/Code",
    "drug.unit_code": f"{DRUG}/Quantity/QuantityUnitOfMeasure/Code",
    "quantity": f"{DRUG}/Quantity/Value",
    "directions": f"{DRUG}/Sig/SigText",
    "note": f"{DRUG}/Note",
    "earliest_fill_on": f"{DRUG}/OtherMedicationDate/OtherMedicationDate/Date",
}
HOSTILE = "<b>&amp;\"'é☃]]> </Note> x"


def test_the_message_is_the_golden_one_byte_by_byte(payload):
    assert script.new_rx(payload) == (GOLDEN / "newrx.xml").read_bytes()


@pytest.mark.cfr("1311.170(e)")
@pytest.mark.parametrize("field", CARRIED)
def test_every_archived_field_arrives_byte_for_byte(payload, field):
    archived = json.loads(payload)["content"]
    for part in field.split("."):
        archived = archived[part]

    assert archived
    assert text(script.new_rx(payload), CARRIED[field]) == archived


@pytest.mark.cfr("1311.170(e)")
@pytest.mark.parametrize("field", ["directions", "note", "patient.last_name"])
def test_hostile_text_is_escaped_and_comes_back_whole(payload, field):
    xml = script.new_rx(changed(payload, field, HOSTILE))

    assert text(xml, CARRIED[field]) == HOSTILE


def test_lines_of_the_directions_stay_lines(payload):
    lines = "Take 1 tablet.\r\nThen wait.\n\tTwo hours."

    xml = script.new_rx(changed(payload, "directions", lines))

    assert text(xml, CARRIED["directions"]) == lines


@pytest.mark.cfr("1311.120(b)(17)")
def test_it_says_that_the_practitioner_signed(payload):
    path = "Header/DigitalSignature/DigitalSignatureIndicator"

    assert text(script.new_rx(payload), path) == "true"


@pytest.mark.parametrize(
    ("schedule", "code"),
    [("II", "C48675"), ("III", "C48676"), ("IV", "C48677"), ("V", "C48679")],
)
def test_schedules_have_their_codes(payload, schedule, code):
    xml = script.new_rx(changed(payload, "drug.schedule", schedule))

    assert text(xml, f"{DRUG}/DrugCoded/DEASchedule/Code") == code


@pytest.mark.parametrize(("allowed", "code"), [(True, "0"), (False, "1")])
def test_dispense_as_written_is_said(payload, allowed, code):
    xml = script.new_rx(changed(payload, "substitutions_allowed", allowed))

    assert text(xml, f"{DRUG}/Substitutions") == code


@pytest.mark.parametrize(
    ("field", "path"),
    [
        ("note", f"{DRUG}/Note"),
        ("days_supply", f"{DRUG}/DaysSupply"),
        ("earliest_fill_on", f"{DRUG}/OtherMedicationDate"),
        ("drug.ndc", f"{DRUG}/DrugCoded/ProductCode"),
        ("patient.phone", f"{PERSON}/CommunicationNumbers"),
        ("patient.address.line_2", f"{PERSON}/Address/AddressLine2"),
        ("prescriber.credentials", f"{PRESCRIBER}/Name/Suffix"),
    ],
)
def test_what_was_not_given_is_left_out(payload, field, path):
    empty = None if field in ("days_supply", "earliest_fill_on") else ""
    root = etree.fromstring(script.new_rx(changed(payload, field, empty)))

    assert root.find("/".join(f"{{*}}{part}" for part in path.split("/"))) is None


@pytest.mark.cfr("1311.170(e)")
@pytest.mark.parametrize(
    ("field", "longest"),
    [
        ("patient.first_name", 35),
        ("patient.last_name", 35),
        ("patient.address.line_1", 40),
        ("patient.address.line_2", 40),
        ("patient.address.city", 35),
        ("drug.name", 105),
        ("directions", 1000),
        ("note", 210),
        ("pharmacy.name", 70),
    ],
)
def test_what_is_too_long_is_refused_and_never_cut(payload, field, longest):
    whole = "x" * longest

    xml = script.new_rx(changed(payload, field, whole))

    assert text(xml, CARRIED[field]) == whole
    with pytest.raises(script.DoesNotFit, match=f"{longest} characters"):
        script.new_rx(changed(payload, field, whole + "x"))


def test_what_xml_cannot_carry_is_refused(payload):
    with pytest.raises(script.DoesNotFit, match="cannot carry"):
        script.new_rx(changed(payload, "note", "a\x00b"))


def answer(body, related="m1"):
    return (
        f'<Message xmlns="{script.NAMESPACE}"><Header>'
        f"<RelatesToMessageID>{related}</RelatesToMessageID></Header>"
        f"<Body>{body}</Body></Message>"
    ).encode()


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("<Status><Code>010</Code></Status>", Outcome.ACCEPTED),
        ("<Status><Code>000</Code></Status>", Outcome.PASSED_ON),
        ("<Status><Code>999</Code></Status>", Outcome.TRY_AGAIN),
        ("<Error><Code>600</Code></Error>", Outcome.TRY_AGAIN),
        ("<Error><Code>602</Code></Error>", Outcome.TRY_AGAIN),
        ("<Error><Code>601</Code></Error>", Outcome.REJECTED),
        ("<Error><Code>900</Code></Error>", Outcome.REJECTED),
        ("<Error><Code>010</Code></Error>", Outcome.TRY_AGAIN),
        ("<Error/>", Outcome.TRY_AGAIN),
        ("", Outcome.TRY_AGAIN),
    ],
)
def test_answers_mean_what_script_says(body, outcome):
    parsed = script.parse_answer(answer(body))

    assert parsed.outcome == outcome
    assert parsed.relates_to == ("m1" if body else "")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"OK",
        b"<html><body>Gateway</body></html>",
        b"\xff\xfe\x00",
        b'<!DOCTYPE m [<!ENTITY e SYSTEM "file:///etc/passwd">]><m>&e;</m>',
        b"<?xml version='1.0' encoding='nonsense'?><m/>",
    ],
)
def test_what_cannot_be_read_is_asked_again(body):
    assert script.parse_answer(body).outcome == Outcome.TRY_AGAIN


def test_a_reason_is_read_as_far_as_script_allows():
    body = f"<Error><Code>900</Code><Description>{'x' * 90}</Description></Error>"

    assert script.parse_answer(answer(body)).description == "x" * 70
