"""Two factors of different kinds, at the moment of the act (21 CFR 1311.115)."""

import re

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from mfa import challenges, refusals
from mfa.models import (
    SIGNING_KINDS,
    Challenge,
    ChallengeState,
    Device,
    Intent,
    Kind,
    Purpose,
)
from prescriptions.models import SignedRecord, Status, Transmission
from providers.models import AccessGrant
from tests.factories import (
    PASSWORD,
    code_of,
    make_device,
    make_idme_account,
    make_provider,
    make_request,
)
from tests.prescriptions.factories import SESSION, make_ready

pytestmark = pytest.mark.django_db
KNOWN, HAD, OTHER = "what is known", "what the phone shows", "what the tablet shows"
NOT_ENOUGH = {
    "the session alone": {},
    "the password alone": {"password": KNOWN},
    "a code alone": {"code": HAD},
    "two passwords": {"password": KNOWN, "code": KNOWN},
    "two codes": {"password": HAD, "code": HAD},
    "codes of two devices": {"password": OTHER, "code": HAD},
    "each in the place of the other": {"password": HAD, "code": KNOWN},
}
OTHER_KINDS = [kind for kind in Kind if kind not in SIGNING_KINDS]


@pytest.fixture
def shown(alice, phone):
    """What Alice can type: her password, and a code of each of two devices."""
    tablet = make_device(alice, name="Tablet")
    return {KNOWN: PASSWORD, HAD: code_of(phone), OTHER: code_of(tablet)}


@pytest.fixture
def as_alice(client, alice):
    client.force_login(alice)
    return client


@pytest.fixture
def post_to_sign(as_alice, alice, phone):
    """Mark a prescription ready, and return how to post factors where it is signed."""
    prescription = make_ready(alice.provider)
    url = reverse("prescription-sign", args=[prescription.public_id])
    digest = re.search(
        r'name="shown_digest" value="(\w{64})"', as_alice.get(url).content.decode()
    ).group(1)

    def post(**factors):
        place = {"device": str(phone.public_id), "shown_digest": digest}
        response = as_alice.post(url, place | factors)
        prescription.refresh_from_db()
        return response.status_code, prescription.status

    return post


def typed(what, shown):
    return {field: shown[value] for field, value in what.items()}


@pytest.mark.cfr("1311.115(a)")
@pytest.mark.cfr("1311.115(a)(1)")
@pytest.mark.cfr("1311.115(a)(3)")
@pytest.mark.cfr("1311.120(b)(5)")
@pytest.mark.cfr("1311.140(c)")
@pytest.mark.parametrize("what", NOT_ENOUGH.values(), ids=NOT_ENOUGH)
def test_no_other_pair_signs(post_to_sign, shown, what):
    assert post_to_sign(**typed(what, shown)) == (422, Status.READY)

    assert not SignedRecord.objects.exists()
    assert not Transmission.objects.exists()
    assert not Challenge.objects.filter(state=ChallengeState.PASSED).exists()


@pytest.mark.cfr("1311.115(a)")
@pytest.mark.cfr("1311.140(a)(5)")
@pytest.mark.cfr("1311.140(a)(6)")
def test_one_of_each_kind_signs_with_nothing_more_to_agree_to(post_to_sign, shown):
    assert post_to_sign(password=shown[KNOWN], code=shown[HAD]) == (302, Status.QUEUED)

    assert SignedRecord.objects.count() == Transmission.objects.count() == 1


@pytest.mark.cfr("1311.115(a)")
@pytest.mark.cfr("1311.120(b)(5)")
@pytest.mark.cfr("1311.125(c)")
@pytest.mark.parametrize("what", NOT_ENOUGH.values(), ids=NOT_ENOUGH)
def test_no_other_pair_gives_the_right_to_sign(as_alice, practice, phone, shown, what):
    nora = make_provider("nora", practice=practice)
    make_idme_account(nora.user)
    entered = make_request(practice=practice, provider=nora)

    response = as_alice.post(
        reverse("access-request", args=[entered.public_id]),
        {"device": str(phone.public_id)} | typed(what, shown),
    )

    assert response.status_code == 422
    assert not AccessGrant.objects.filter(provider=nora).exists()


@pytest.mark.both_databases
@pytest.mark.cfr("1311.115(b)")
@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_no_other_kind_of_device_signs(post_to_sign, alice, shown, kind):
    other = make_device(alice, kind=kind, name="Another way")
    factors = {"password": shown[KNOWN], "code": shown[HAD]}

    assert post_to_sign(device=str(other.public_id), **factors) == (422, Status.READY)

    with pytest.raises(refusals.DeviceNotUsable):
        challenges.prove(
            Intent(alice, Purpose.SIGN, "0" * 64, SESSION),
            device=other,
            **factors,
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        Device.objects.filter(is_primary=True).update(kind=kind)


@pytest.mark.cfr("1311.115(b)")
def test_nothing_offers_to_add_mail_text_or_calls(as_alice):
    page = as_alice.get(reverse("device-add")).content.decode().lower()

    assert "code generator" in page
    for kind in OTHER_KINDS:
        assert kind.label.lower() not in page


@pytest.mark.cfr("1311.115(b)")
def test_no_code_is_ever_mailed(
    post_to_sign, shown, mailoutbox, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        post_to_sign(password=shown[KNOWN], code="000000")
        post_to_sign(password=shown[KNOWN], code=shown[HAD])

    assert not [mail for mail in mailoutbox if re.search(r"\b\d{6}\b", mail.body)]
