"""What providers and agents prepare, and who may not (21 CFR 1311.135)."""

import pytest

from audit.acts import Act
from audit.models import Event
from prescriptions.models import Patient, Prescription, Status, Transmission
from prescriptions.writing import drafts
from tests.prescriptions.factories import (
    make_draft,
    make_drug,
    make_patient,
    make_ready,
)

pytestmark = pytest.mark.django_db


def acts(act):
    return Event.objects.filter(act=act).count()


@pytest.mark.cfr("1306.05(f)")
@pytest.mark.cfr("1311.135(a)")
def test_an_agent_prepares_for_a_provider(alice, sam):
    draft = make_draft(alice.provider, by=sam)

    assert (draft.prepared_by, draft.prescriber) == (sam, alice.provider)
    assert draft.status == Status.DRAFT
    assert Event.objects.get(act=Act.PRESCRIPTION_CREATED).actor == "sam"


@pytest.mark.parametrize("who", ["bob", "mallory"])
def test_strangers_prepare_nothing(request, alice, who):
    with pytest.raises(drafts.WritingRefused):
        make_draft(alice.provider, by=request.getfixturevalue(who))

    assert not Prescription.objects.exists()
    assert acts(Act.PERMISSION_DENIED) == 1


@pytest.mark.parametrize("who", ["bob", "mallory"])
@pytest.mark.parametrize("verb", [drafts.alter, drafts.discard])
def test_strangers_change_nothing(request, draft, verb, who):
    with pytest.raises(drafts.WritingRefused):
        verb(draft, by=request.getfixturevalue(who))


def test_an_agent_who_left_prepares_nothing(alice, sam):
    sam.memberships.update(left_on="2020-01-01")

    with pytest.raises(drafts.WritingRefused):
        make_draft(alice.provider, by=sam)


def test_a_patient_of_another_practice_is_refused(alice, bob):
    elsewhere = make_patient(bob.memberships.get().practice)

    with pytest.raises(drafts.WritingRefused, match="another practice"):
        make_draft(alice.provider, patient=elsewhere)


def test_a_prescriber_of_another_practice_is_refused(alice, bob):
    with pytest.raises(drafts.WritingRefused, match="does not work at"):
        make_draft(alice.provider, prescriber=bob.provider)


def test_the_schedule_is_that_of_the_drug_when_it_was_written(draft):
    draft.drug.schedule = "V"
    draft.drug.save()

    draft.refresh_from_db()
    assert draft.schedule == "II"


@pytest.mark.cfr("1311.120(b)(10)")
@pytest.mark.cfr("1311.120(b)(23)")
def test_an_alteration_says_what_changed_and_clears_the_mark(alice, ready):
    ready.quantity = 7
    ready.drug = make_drug("Lorazepam 1 mg tablet")

    drafts.alter(ready, by=alice)

    ready.refresh_from_db()
    assert (ready.status, ready.ready_digest, ready.schedule) == ("draft", "", "IV")
    event = Event.objects.get(act=Act.PRESCRIPTION_ALTERED)
    assert event.detail["fields"] == ["drug", "quantity", "schedule"]
    assert acts(Act.PRESCRIPTION_UNREADY) == 1


def test_saving_without_a_change_keeps_the_mark(alice, ready):
    drafts.alter(ready, by=alice)

    ready.refresh_from_db()
    assert ready.status == Status.READY
    assert acts(Act.PRESCRIPTION_ALTERED) == 0


@pytest.mark.both_databases
def test_of_two_people_who_edit_at_once_the_second_is_told(alice, sam, draft):
    other = Prescription.objects.get(pk=draft.pk)
    draft.quantity = 7
    drafts.alter(draft, by=alice)
    other.quantity = 9

    with pytest.raises(drafts.WritingRefused, match="Somebody else"):
        drafts.alter(other, by=sam)

    draft.refresh_from_db()
    assert draft.quantity == 7


@pytest.mark.cfr("1311.120(b)(19)")
@pytest.mark.parametrize("verb", [drafts.alter, drafts.discard])
def test_a_signed_one_is_neither_altered_nor_discarded(alice, queued, verb):
    queued.quantity = 7

    with pytest.raises(drafts.WritingRefused, match="can no longer be changed"):
        verb(queued, by=alice)


@pytest.mark.cfr("1311.120(b)(23)")
def test_a_discarded_one_stays_on_record(alice, ready):
    drafts.discard(ready, by=alice)

    ready.refresh_from_db()
    assert (ready.status, ready.ready_digest) == (Status.DISCARDED, "")
    assert acts(Act.PRESCRIPTION_DISCARDED) == 1


@pytest.mark.cfr("1311.140(c)")
def test_what_was_not_delivered_is_written_again_unsigned(alice, queued):
    Transmission.objects.update(state="failed")
    Prescription.objects.update(status=Status.FAILED, failure_reason="Refused")
    queued.refresh_from_db()

    draft = drafts.copy(queued, by=alice)

    assert draft.pk != queued.pk
    assert (draft.status, draft.quantity) == (Status.DRAFT, queued.quantity)
    assert draft.public_id != queued.public_id


def test_what_is_on_its_way_is_not_written_again(alice, queued):
    with pytest.raises(drafts.WritingRefused, match="not delivered"):
        drafts.copy(queued, by=alice)


def test_keeping_a_patient_is_on_record_without_the_patient(alice, practice):
    patient = make_patient(practice)
    patient.city = "Troy"

    drafts.save_patient(patient, by=alice)

    assert Event.objects.get(act=Act.PATIENT_CHANGED).detail == {}
    assert Patient.objects.get().city == "Troy"


def test_strangers_keep_no_patients(bob, practice):
    with pytest.raises(drafts.WritingRefused):
        drafts.save_patient(make_patient(practice), by=bob)


def test_another_practice_sees_nothing(alice, bob):
    make_ready(alice.provider)

    assert not Prescription.objects.visible_to(bob).exists()
    assert not Patient.objects.visible_to(bob).exists()
    assert Prescription.objects.visible_to(alice).count() == 1
