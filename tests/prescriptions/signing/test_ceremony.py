"""Several prescriptions of one patient, each marked by itself, signed with one proof."""

import re

import pytest
from django.urls import reverse

from audit.acts import Act
from audit.models import Event
from mfa.models import Challenge, Purpose
from prescriptions import content
from prescriptions.models import SignedRecord, Status
from prescriptions.signing import ceremony
from prescriptions.writing import drafts
from tests.factories import PASSWORD, code_of, make_ready_provider
from tests.prescriptions.factories import (
    SESSION,
    make_draft,
    make_drug,
    make_patient,
    make_pharmacy,
    prove,
)
from tests.prescriptions.signing.test_signing_page import STATEMENT

pytestmark = pytest.mark.django_db
DRUGS = [
    "Oxycodone hydrochloride 5 mg tablet",
    "Alprazolam 0.5 mg tablet",
    "Tramadol hydrochloride 50 mg tablet",
]


@pytest.fixture
def patient(practice):
    return make_patient(practice)


@pytest.fixture
def three(alice, patient, sam):
    """Prepared by the agent, for one patient."""
    pharmacy = make_pharmacy()
    return [
        make_draft(
            alice.provider,
            by=sam,
            patient=patient,
            drug=make_drug(name),
            pharmacy=pharmacy,
        )
        for name in DRUGS
    ]


@pytest.fixture
def as_alice(client, alice):
    client.force_login(alice)
    return client


def page_of(client, patient):
    url = reverse("prescription-sign-for-patient", args=[patient.public_id])
    return url, client.get(url).content.decode()


def mark(client, patient, prescription):
    """Click the button of this one on the page of all."""
    url, page = page_of(client, patient)
    action = reverse("prescription-ready", args=[prescription.public_id])
    form = re.search(rf'action="{action}">(.*?)</form>', page, re.DOTALL).group(1)
    digest = re.search(r'name="shown_digest" value="(\w{64})"', form).group(1)
    answer = client.post(action, {"shown_digest": digest, "next": url})
    assert answer.url == url


def post_proof(client, patient, phone, **overrides):
    url, page = page_of(client, patient)
    digest = re.findall(r'name="shown_digest" value="(\w{64})"', page)[-1]
    proof = {"password": PASSWORD, "code": code_of(phone), "shown_digest": digest}
    return client.post(url, proof | overrides, follow=True)


def statuses(prescriptions):
    for one in prescriptions:
        one.refresh_from_db()
    return [one.status for one in prescriptions]


@pytest.mark.cfr("1311.120(b)(13)")
@pytest.mark.cfr("1311.140(a)(1)")
@pytest.mark.cfr("1311.140(a)(2)")
def test_two_of_three_are_marked_and_signed_with_one_code(
    as_alice, patient, three, phone
):
    first, second, third = three
    mark(as_alice, patient, first)
    mark(as_alice, patient, second)

    answer = post_proof(as_alice, patient, phone)

    assert statuses(three) == [Status.QUEUED, Status.QUEUED, Status.DRAFT]
    assert len(set(SignedRecord.objects.values_list("challenge", flat=True))) == 1
    assert Challenge.objects.filter(purpose=Purpose.SIGN).count() == 1
    signed, unsigned = answer.content.decode().split("Not signed")
    assert first.drug.name in signed
    assert second.drug.name in signed
    assert third.drug.name in unsigned


@pytest.mark.cfr("1311.140(a)(3)")
@pytest.mark.cfr("1311.140(a)(4)")
def test_all_data_stand_above_the_statement_and_it_above_the_prompt(
    as_alice, patient, three, phone
):
    mark(as_alice, patient, three[0])

    _, page = page_of(as_alice, patient)

    order = [page.index(one.drug.name) for one in three]
    order += [page.index(STATEMENT), page.index('name="password"')]
    assert order == sorted(order)


@pytest.mark.cfr("1311.120(b)(13)")
def test_nothing_marks_all_at_once(as_alice, patient, three):
    _, page = page_of(as_alice, patient)

    actions = re.findall(r'action="([^"]*/ready/)"', page)
    assert sorted(actions) == sorted(
        reverse("prescription-ready", args=[one.public_id]) for one in three
    )
    assert 'name="password"' not in page
    for action in actions:
        assert as_alice.post(action, {"shown_digest": "0" * 64}).status_code == 302
    assert statuses(three) == [Status.DRAFT] * 3


@pytest.mark.cfr("1311.120(b)(10)")
@pytest.mark.cfr("1311.120(b)(11)")
def test_a_proof_for_other_content_than_what_is_marked_now_signs_nothing(
    as_alice, alice, patient, three, phone
):
    mark(as_alice, patient, three[0])
    _, page = page_of(as_alice, patient)
    shown = re.findall(r'name="shown_digest" value="(\w{64})"', page)[-1]
    ceremony.mark_ready(three[1], by=alice)

    answer = post_proof(as_alice, patient, phone, shown_digest=shown)

    assert statuses(three) == [Status.READY, Status.READY, Status.DRAFT]
    assert "changed after the page was shown" in answer.content.decode()
    assert not Challenge.objects.filter(purpose=Purpose.SIGN).exists()


def test_a_wrong_code_leaves_every_mark_as_it_was(as_alice, patient, three, phone):
    mark(as_alice, patient, three[0])
    mark(as_alice, patient, three[1])

    answer = post_proof(as_alice, patient, phone, code="000000")

    assert answer.status_code == 422
    assert statuses(three) == [Status.READY, Status.READY, Status.DRAFT]
    assert not SignedRecord.objects.exists()


@pytest.mark.cfr("1311.120(b)(13)")
@pytest.mark.cfr("1311.140(a)(1)")
def test_prescriptions_of_two_patients_are_not_signed_together(alice, phone):
    two = [make_draft(alice.provider), make_draft(alice.provider)]
    for one in two:
        ceremony.mark_ready(one, by=alice)
        one.refresh_from_db()

    with pytest.raises(ceremony.NotSignable, match="one patient"):
        ceremony.sign(two, by=alice, challenge=prove(two, phone), session_key=SESSION)

    assert statuses(two) == [Status.READY, Status.READY]


@pytest.mark.cfr("1311.120(b)(13)")
def test_with_one_that_is_not_marked_none_is_signed(alice, three, phone):
    ceremony.mark_ready(three[0], by=alice)
    two = three[:2]
    two[0].refresh_from_db()

    with pytest.raises(ceremony.NotSignable, match="is draft"):
        ceremony.sign(two, by=alice, challenge=prove(two, phone), session_key=SESSION)

    assert statuses(two) == [Status.READY, Status.DRAFT]


@pytest.mark.cfr("1311.120(b)(12)")
def test_a_colleague_sees_none_of_them_to_sign(client, practice, patient, three):
    client.force_login(make_ready_provider("carol", practice=practice))

    url, _ = page_of(client, patient)
    answer = client.post(url, {"password": PASSWORD, "code": "123456"}, follow=True)

    assert "Nothing of Pat Patient waits for your signature" in answer.content.decode()
    assert statuses(three) == [Status.DRAFT] * 3


def test_the_result_is_not_shown_to_another_practice(
    as_alice, alice, bob, patient, three, phone
):
    mark(as_alice, patient, three[0])
    mark(as_alice, patient, three[1])
    result = post_proof(as_alice, patient, phone).request["PATH_INFO"]

    as_alice.force_login(bob)

    assert as_alice.get(result).status_code == 404


@pytest.mark.cfr("1311.120(b)(10)")
def test_a_changed_patient_takes_the_marks_back(alice, sam, patient, three):
    ceremony.mark_ready(three[0], by=alice)
    patient.address_line_1 = "77 New Street"

    drafts.save_patient(patient, by=sam)

    assert statuses(three) == [Status.DRAFT] * 3
    withdrawn = Event.objects.get(act=Act.PRESCRIPTION_UNREADY)
    assert withdrawn.detail["reason"] == "patient changed"


def test_a_push_for_several_says_what_and_how_many(three):
    message = content.push_message(three * 9)

    assert len(message) <= content.MESSAGE_LENGTH
    assert message.startswith("27 prescriptions: P.P. Oxycodone")
    assert message.endswith("more")
