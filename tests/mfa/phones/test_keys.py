"""Which keys make a device of a phone: adversarial case H02."""

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from mfa.models import Device
from mfa.phones import messages
from tests.mfa.phones.conftest import scan
from tests.mfa.phones.handset import CLAIM, public_jwk

pytestmark = pytest.mark.django_db


def off_the_curve(jwk):
    return jwk | {"x": jwk["y"], "y": jwk["x"]}


GOOD = public_jwk(ECKey.generate_key("P-256"))
BAD_KEYS = {
    "another curve": public_jwk(ECKey.generate_key("P-384")),
    "another curve by this name": public_jwk(ECKey.generate_key("P-384"))
    | {"crv": "P-256"},
    "RSA of 512 bits": {"kty": "RSA", "n": "A" * 86, "e": "AQAB"},
    "RSA of 2048 bits": RSAKey.generate_key(2048).as_dict(private=False),
    "symmetric": OctKey.generate_key(256).as_dict(),
    "private": ECKey.generate_key("P-256").as_dict(private=True),
    "off the curve": off_the_curve(GOOD),
    "at infinity": GOOD | {"x": "A" * 43, "y": "A" * 43},
    "short": GOOD | {"x": "AA"},
    "without y": {name: GOOD[name] for name in ["kty", "crv", "x"]},
    "with more in it": GOOD | {"x5u": "https://evil.example/key"},
    "with a null": GOOD | {"y": None},
    "a list": [GOOD],
    "text": "key",
    "missing": None,
}


@pytest.mark.parametrize("which", sorted(BAD_KEYS))
def test_nothing_else_is_read_as_a_key(which):
    with pytest.raises(messages.NotFromPhone):
        messages.public_key(BAD_KEYS[which])


@pytest.mark.parametrize("which", sorted(BAD_KEYS))
def test_only_a_public_p256_key_makes_a_device(client, nora, handset, which):
    token = scan(client)
    proof = handset.signed({"token": token}, path=CLAIM)

    response = handset.post(CLAIM, {"jwk": BAD_KEYS[which], "jws": proof})

    assert response.status_code == 403
    assert Device.objects.get(user=nora).public_key == ""


def test_a_key_of_a_megabyte_is_not_read(client, nora, handset):
    jwk = public_jwk(handset.key) | {"x": "A" * 1_000_000}

    assert handset.claim(scan(client), jwk=jwk).status_code == 413


def test_a_key_that_the_sender_does_not_hold_makes_no_device(client, nora, handset):
    response = handset.claim(scan(client), jwk=GOOD)

    assert response.status_code == 403
    assert Device.objects.get(user=nora).public_key == ""


@pytest.mark.cfr("1311.102(a)")
def test_a_key_is_the_key_of_one_device(client, nora, paired, handset):
    first = handset.device

    response = handset.claim(scan(client))

    assert response.status_code == 403
    assert Device.objects.exclude(public_key="").get().public_id == first
