"""Metadata that lead elsewhere, and a provider out of order."""

import requests

from tests.mfa.idme.provider import BASE, MISSING
from tests.mfa.oidc.attacks import means as by
from tests.mfa.oidc.attacks.means import tells
from tests.mfa.oidc.attacks.rows import rows

METADATA = rows(
    "Discovery of another issuer, or out of TLS, is no discovery.",
    {
        "F07 metadata of another issuer": tells(
            "metadata", issuer="https://evil.test/oidc"
        ),
        "F07 metadata without an issuer": tells("metadata", issuer=MISSING),
        "F07 metadata issuer with a slash": tells("metadata", issuer=f"{BASE}/oidc/"),
        "F07 metadata issuer list": tells("metadata", issuer=[f"{BASE}/oidc"]),
        "F07 authorize over http": tells(
            "metadata", authorization_endpoint="http://idme.test/oauth/authorize"
        ),
        "F07 authorize in the browser": tells(
            "metadata", authorization_endpoint="javascript:alert(1)"
        ),
        "F07 authorize missing": tells("metadata", authorization_endpoint=MISSING),
        "F07 token over http": tells(
            "metadata", token_endpoint="http://idme.test/oauth/token"
        ),
        "F07 token from a file": tells("metadata", token_endpoint="file:///etc/passwd"),
        "F07 token number": tells("metadata", token_endpoint=7),
        "F07 userinfo over http": tells(
            "metadata", userinfo_endpoint="http://idme.test/api/public/v3/userinfo"
        ),
        "F07 keys over http": tells("metadata", jwks_uri="http://idme.test/jwks"),
        "F07 keys missing": tells("metadata", jwks_uri=MISSING),
        "F07 backchannel over http": tells(
            "metadata", backchannel_authentication_endpoint="http://idme.test/ciba"
        ),
        "F13 keys no list": tells("keys", keys="k1"),
        "F13 keys of no objects": tells("keys", keys=["k1", 7]),
        "F13 keys without a type": tells("keys", keys=[{"kid": "k1"}]),
        "F13 keys missing": tells("keys", keys=MISSING),
    },
    ends="unavailable",
)

ENDPOINTS = {
    "discovery": ("GET", "/oidc/.well-known/openid-configuration"),
    "token": ("POST", "/oauth/token"),
    "keys": ("GET", "/oidc/.well-known/jwks"),
    "userinfo": ("GET", "/api/public/v3/userinfo"),
}

FAILURES = {
    "down": {"body": requests.ConnectionError("refused")},
    "slow": {"body": requests.ReadTimeout("30 s")},
    "TLS error": {"body": requests.exceptions.SSLError("self-signed")},
    "500": {"body": "oops", "status": 500},
    "429": {"body": "{}", "status": 429},
    "HTML": {"body": "<html>maintenance</html>"},
    "list": {"body": "[]"},
    "404 as JSON": {"body": "{}", "status": 404},
    "nothing": {"body": ""},
    "1 MB": {"body": "x" * 1_000_000},
    "deep JSON": {"body": "[" * 100_000},
    "redirect loop": {"body": "", "status": 302},
}

BROKEN = [
    row
    for endpoint, where in ENDPOINTS.items()
    for row in rows(
        "A provider out of order costs a friendly page and no more.",
        {
            f"F23 {endpoint} {failure}": by.fails(where, **how)
            for failure, how in FAILURES.items()
        },
        ends="unavailable",
    )
]
