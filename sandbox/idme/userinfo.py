"""What the portal is told about an account: signed, then encrypted to the portal."""

import time

from django.conf import settings
from joserfc import jwe, jwt

from sandbox.idme import keys, switches
from sandbox.idme.models import Account, Device, DeviceType, Endpoint

LIFETIME = 5 * 3600  # seconds


def sealed_for_client(account: Account) -> str:
    """Return the claims as a JWE around a JWS, both in compact form."""
    recipient = keys.client_encryption_key()
    signer = switches.signing_key_of(Endpoint.USERINFO)
    signed = jwt.encode({"alg": "RS256", "kid": signer.kid}, claims_of(account), signer)
    header = {
        "alg": "RSA-OAEP",
        "enc": "A256CBC-HS512",
        "cty": "JWT",
        "kid": recipient.kid,
    }
    return jwe.encrypt_compact(
        header, signed, recipient, algorithms=["RSA-OAEP", "A256CBC-HS512"]
    )


def claims_of(account: Account) -> dict:
    now = int(time.time())
    devices = list(account.devices.usable())
    return {
        "iss": switches.issuer_of(Endpoint.USERINFO),
        "sub": str(account.subject),
        "aud": settings.IDME_CLIENT_ID,
        "iat": now,
        "exp": now + LIFETIME,
        "uuid": str(account.subject),
        "email": account.email,
        "fname": account.first_name,
        "lname": account.last_name,
        "credential_ial": account.ial,
        "credential_aal": 2 if devices else 1,
        "multifactor": bool(devices),
        "mfa_devices": [_entry(device) for device in devices],
    }


def _entry(device: Device) -> dict:
    entry = {
        "id": str(device.pk),
        "type": device.type,
        "name": device.name,
        "created_at": int(device.created_at.timestamp()),
    }
    if device.type != DeviceType.CODE_GENERATOR:
        return entry
    seed = {"secret": device.secret, "algorithm": "SHA1", "digits": 6, "period": 30}
    return entry | seed
