"""What is kept of the credential that a practitioner was given (21 CFR 1311.105)."""

import time
from datetime import UTC, datetime

import pytest
from django.urls import reverse

from audit.acts import Act
from audit.models import Event
from mfa.models import IdmeAccount
from tests.mfa.idme.provider import MISSING


@pytest.mark.cfr("1311.105(a)")
@pytest.mark.cfr("1311.105(a)(1)")
def test_provider_levels_and_time_are_kept(sign_in, nora, settings):
    before = time.time()

    sign_in()

    account = IdmeAccount.objects.get(user=nora)
    assert account.issuer == settings.IDME_ISSUER
    assert (account.identity_assurance, account.authenticator_assurance) == (2, 2)
    assert account.linked_at.timestamp() == pytest.approx(before, abs=5)
    assert account.authenticated_at <= datetime.now(UTC)
    assert Event.objects.get(act=Act.IDME_LINKED).actor == "nora"


@pytest.mark.cfr("1311.105(a)(1)")
@pytest.mark.parametrize("level", [MISSING, 0, 1, "", "two"])
@pytest.mark.parametrize("claim", ["credential_ial", "credential_aal"])
def test_without_both_levels_no_identity_is_proofed(sign_in, idme, nora, claim, level):
    idme.userinfo[claim] = level

    sign_in()

    account = IdmeAccount.objects.filter(user=nora).first()
    assert account is None or not account.is_identity_proofed


@pytest.mark.cfr("1311.105(b)")
def test_the_practitioner_is_led_to_the_provider_s_proofing(client, nora, idme):
    client.force_login(nora)

    page = client.get(reverse("erx-info")).content.decode()

    assert reverse("idme-start") in page
