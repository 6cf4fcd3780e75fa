"""NewRx from archived records, its cancellation and denial, byte for byte."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from prescriptions import script
from prescriptions.records.bundles import verify
from prescriptions.script import fields, orders

GOLDEN = Path(__file__).parent / "golden"
VERSIONS = list(script.VERSIONS)


@pytest.fixture
def payload():
    """An archived record that uses every field, as bytes that never change."""
    return (GOLDEN / "record-2.json").read_bytes()


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
DRUG = "Body/NewRx/MedicationPrescribed"
# What is not said in the words of the archive: codes, and what the note is made of.
SAID_OTHERWISE = {
    "agent.first_name": "Sam",
    "agent.last_name": "Staff",
    "drug.schedule": "C48675",
    "note": "Authorization for Emergency Dispensing, oral order of 2026-11-21. "
    "Each partial fill: 10 tablet. Ask for identification.",
    "substitutions_allowed": "0",
}


def path_of(field, version="2017071"):
    within = fields.path_of(field, version=script.VERSIONS[version])
    return f"Body/NewRx/{within}"


HOSTILE = "<b>&amp;\"'é☃]]> </Note> x"


@pytest.mark.cfr("1311.170(e)")
@pytest.mark.parametrize("version", VERSIONS)
def test_the_message_is_the_golden_one_byte_by_byte(payload, version):
    golden = (GOLDEN / f"newrx-{version}.xml").read_bytes()

    assert script.new_rx(payload, version=version) == golden


def test_a_record_of_format_1_still_makes_the_bytes_that_were_sent():
    payload = (GOLDEN / "record-1.json").read_bytes()

    assert script.new_rx(payload) == (GOLDEN / "newrx-1.xml").read_bytes()
    assert script.differences(payload, (GOLDEN / "newrx-1.xml").read_bytes()) == []


def test_the_versions_differ_in_their_name_and_where_the_drug_stands(payload):
    old, new = [script.new_rx(payload, version=one).decode() for one in VERSIONS]

    assert new != old
    assert old == new.replace("2023011", "20170715").replace("<Product>", "").replace(
        "</Product>", ""
    )


@pytest.mark.cfr("1311.170(e)")
@pytest.mark.cfr("1306.08(d)")
@pytest.mark.cfr("1311.300(h)")
@pytest.mark.parametrize("field", fields.CARRIED)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_archived_field_arrives_byte_for_byte(payload, version, field):
    archived = json.loads(payload)["content"]
    for part in field.split(".") if field not in SAID_OTHERWISE else []:
        archived = archived[part]
    said = SAID_OTHERWISE.get(field) or str(archived)

    xml = script.new_rx(payload, version=version)

    assert text(xml, path_of(field, version)) == said


@pytest.mark.cfr("1311.170(e)")
@pytest.mark.cfr("1306.08(d)")
@pytest.mark.parametrize("field", fields.CARRIED)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("how", ["other", "shorter", "gone"])
def test_any_field_that_changes_in_the_message_is_named(payload, version, field, how):
    root = etree.fromstring(script.new_rx(payload, version=version))
    path = "/".join(f"{{*}}{part}" for part in path_of(field, version).split("/"))
    element = root.find(path)
    if how == "gone":
        element.getparent().remove(element)
    else:
        element.text = element.text + "x" if how == "other" else element.text[:-1]

    found = script.differences(payload, etree.tostring(root), version=version)

    assert found == [field]


def test_a_message_that_is_none_differs_in_everything(payload):
    assert script.differences(payload, b"<Message") == ["everything"]


@pytest.mark.cfr("1306.05(a)")
@pytest.mark.parametrize(
    "field",
    [
        "issued_on",
        "patient.first_name",
        "patient.last_name",
        *(f"patient.address.{part}" for part in fields.PLACE),
        "drug.name",
        "quantity",
        "directions",
        "prescriber.first_name",
        "prescriber.last_name",
        "prescriber.dea_number",
        *(f"practice.address.{part}" for part in fields.PLACE),
    ],
)
def test_every_element_the_law_wants_on_a_prescription_is_sent(payload, field):
    assert text(script.new_rx(payload), path_of(field))


@pytest.mark.cfr("1306.05(g)")
@pytest.mark.cfr("1311.120(b)(1)(ii)")
def test_an_institutions_number_goes_out_with_the_internal_code(payload):
    path = path_of("prescriber.dea_number")

    assert text(script.new_rx(payload), path) == "AP5836727-A12"


@pytest.mark.cfr("1311.135(c)")
def test_a_supervisor_is_named_as_one(payload):
    xml = script.new_rx(payload)

    assert text(xml, path_of("supervisor.last_name")) == "Overseer"
    assert text(xml, path_of("prescriber.last_name")) == "Example"


@pytest.mark.cfr("1311.135(a)")
def test_who_prepared_it_is_named_as_the_agent(payload):
    by_alice = {"username": "alice", "first_name": "Alice", "last_name": "Example"}
    unnamed = {"username": "temp7", "first_name": "", "last_name": ""}
    agent = f"{PRESCRIBER}/PrescriberAgent"

    own = script.new_rx(changed(payload, "prepared_by", by_alice))
    other = script.new_rx(changed(payload, "prepared_by", unnamed))

    assert text(own, f"{agent}/Name/LastName") is None
    assert text(other, f"{agent}/Name/LastName") == "temp7"
    assert text(other, f"{agent}/Name/FirstName") is None


@pytest.mark.cfr("1306.12(b)(1)(ii)")
def test_the_earliest_day_to_fill_a_prescription_of_a_series_is_sent(payload):
    qualifier = f"{DRUG}/OtherMedicationDate/OtherMedicationDateQualifier"

    xml = script.new_rx(payload)

    assert text(xml, path_of("earliest_fill_on")) == "2026-12-01"
    assert text(xml, qualifier) == "EffectiveDate"


@pytest.mark.cfr("1306.11(d)")
@pytest.mark.cfr("1306.13(b)")
def test_what_the_law_wants_in_words_stands_before_the_note(payload):
    note = text(script.new_rx(payload), path_of("note"))

    assert note.startswith("Authorization for Emergency Dispensing")
    assert "2026-11-21" in note
    assert "Each partial fill: 10 tablet." in note
    assert note.endswith(" Ask for identification.")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_cancellation_is_the_golden_one_byte_by_byte(payload, version):
    xml = script.cancel_rx(
        payload,
        message_id="c" * 32,
        sent_at=datetime(2026, 11, 23, 15, tzinfo=UTC),
        version=version,
    )

    assert xml == (GOLDEN / f"cancelrx-{version}.xml").read_bytes()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_denial_is_the_golden_one_byte_by_byte(payload, version):
    xml = script.denial(
        payload,
        kind="RxRenewalResponse",
        about="renewal-1",
        reason="A new prescription follows.",
        message_id="d" * 32,
        sent_at=datetime(2026, 11, 23, 15, tzinfo=UTC),
        version=version,
    )

    assert xml == (GOLDEN / f"rxrenewalresponse-{version}.xml").read_bytes()


@pytest.mark.cfr("1311.170(e)")
@pytest.mark.parametrize("field", ["directions", "pharmacy.name", "patient.last_name"])
def test_hostile_text_is_escaped_and_comes_back_whole(payload, field):
    xml = script.new_rx(changed(payload, field, HOSTILE))

    assert text(xml, path_of(field)) == HOSTILE


@pytest.mark.parametrize("directions", ["TAKE 1  tablet", "Take 1\ntablet "])
def test_other_spacing_and_capitals_are_no_other_order(payload, directions):
    mine = changed(payload, "directions", "Take 1 tablet")
    theirs = script.read(script.new_rx(changed(payload, "directions", directions)))

    assert script.changed_in_transit(mine, theirs, version="2017071") == []


@pytest.mark.cfr("1311.170(e)")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", "305"),
        ("refills", 5),
        ("directions", "Take 2 tablets."),
        ("drug.schedule", "III"),
        ("prescriber.dea_number", "BE1388569"),
        ("issued_on", "2026-11-24"),
        ("patient.last_name", "Other"),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_pharmacy_repeats_otherwise_is_noticed(payload, version, field, value):
    theirs = script.new_rx(changed(payload, field, value), version=version)

    found = script.changed_in_transit(payload, script.read(theirs), version=version)

    assert found == [field]


def test_what_a_pharmacy_does_not_repeat_is_no_change(payload):
    theirs = script.read(b"<Message><Body><RxRenewalRequest/></Body></Message>")

    assert script.changed_in_transit(payload, theirs, version="2017071") == []


def test_lines_of_the_directions_stay_lines(payload):
    lines = "Take 1 tablet.\r\nThen wait.\n\tTwo hours."

    xml = script.new_rx(changed(payload, "directions", lines))

    assert text(xml, path_of("directions")) == lines


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
        ("supervisor", "Body/NewRx/Supervisor"),
        ("days_supply", f"{DRUG}/DaysSupply"),
        ("earliest_fill_on", f"{DRUG}/OtherMedicationDate"),
        ("drug.ndc", f"{DRUG}/DrugCoded/ProductCode"),
        ("patient.phone", f"{PERSON}/CommunicationNumbers"),
        ("patient.address.line_2", f"{PERSON}/Address/AddressLine2"),
        ("prescriber.credentials", f"{PRESCRIBER}/Name/Suffix"),
    ],
)
def test_what_was_not_given_is_left_out(payload, field, path):
    is_text = field not in ("days_supply", "earliest_fill_on", "supervisor")
    empty = "" if is_text else None
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
        ("pharmacy.name", 70),
    ],
)
def test_what_is_too_long_is_refused_and_never_cut(payload, field, longest):
    whole = "x" * longest

    xml = script.new_rx(changed(payload, field, whole))

    assert text(xml, path_of(field)) == whole
    with pytest.raises(script.DoesNotFit, match=f"{longest} characters"):
        script.new_rx(changed(payload, field, whole + "x"))


@pytest.mark.cfr("1311.170(e)")
def test_a_note_is_too_long_with_what_the_law_puts_before_it(payload):
    before = len(SAID_OTHERWISE["note"]) - len("Ask for identification.")
    whole = "x" * (210 - before)

    xml = script.new_rx(changed(payload, "note", whole))

    assert text(xml, path_of("note")).endswith(f" {whole}")
    with pytest.raises(script.DoesNotFit, match="210 characters"):
        script.new_rx(changed(payload, "note", whole + "x"))


def test_what_xml_cannot_carry_is_refused(payload):
    with pytest.raises(script.DoesNotFit, match="cannot carry"):
        script.new_rx(changed(payload, "note", "a\x00b"))


def test_the_program_of_a_bundle_reads_the_codes_that_are_written():
    assert verify.SCHEDULES == orders.SCHEDULES
