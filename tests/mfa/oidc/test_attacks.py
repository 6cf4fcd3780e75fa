"""The OIDC attack table: what an attacker, a provider or a network can send, row by row.

Every row ends the same way: a plain page with the reason, nobody linked, nothing left in
the session, one failure in the record, and no request to anywhere but ID.me.
"""

from dataclasses import dataclass

import pytest
import requests
from django.urls import reverse

from audit.acts import Outcome
from audit.models import Event
from mfa.models import IdmeAccount
from mfa.oidc import backchannel, tokens
from mfa.oidc.errors import IdmeError
from tests.mfa.idme.provider import BASE, MISSING, REQUEST_ID
from tests.mfa.oidc import attacks as by
from tests.mfa.oidc.attacks import Attack, Visit, tells

HOUR = 3600
YEAR = 365 * 24 * HOUR
POLICY_1 = "openid http://idmanagement.gov/ns/assurance/ial/1/aal/1"


@dataclass(frozen=True)
class Row:
    id: str
    proves: str
    attack: Attack
    ends: str | int = "bad_answer"  # the reason in the record, or a status
    leaves_others: bool = False  # a sign-in under way that it does not belong to

    def __str__(self):
        return self.id


def rows(proves: str, attacks: dict[str, Attack], **how) -> list[Row]:
    return [Row(id_, proves, attack, **how) for id_, attack in attacks.items()]


# Each of these is sent at a sign-in, and in answer to a push.
ID_TOKEN = [
    *rows(
        "A token counts for the client it was issued to, alone.",
        {
            "F05 aud other": tells("id_token", aud="other"),
            "F05 aud other, azp us": tells("id_token", aud="other", azp="portal"),
            "F05 aud list of another": tells("id_token", aud=["other"], azp="portal"),
            "F05 aud us and another": tells("id_token", aud=["portal", "other"]),
            "F05 aud us twice": tells("id_token", aud=["portal", "portal"]),
            "F05 aud empty list": tells("id_token", aud=[]),
            "F05 aud missing": tells("id_token", aud=MISSING),
            "F05 aud object": tells("id_token", aud={"portal": 1}),
            "F05 aud in capitals": tells("id_token", aud="PORTAL"),
            "F05 azp other": tells("id_token", azp="other"),
            "F05 azp list": tells("id_token", azp=["portal"]),
            "F05 azp null": tells("id_token", azp=None),
        },
    ),
    *rows(
        "The issuer is compared letter by letter.",
        {
            "F07 iss other": tells("id_token", iss="https://evil.test/oidc"),
            "F07 iss with a slash": tells("id_token", iss=f"{BASE}/oidc/"),
            "F07 iss over http": tells("id_token", iss="http://idme.test/oidc"),
            "F07 iss in capitals": tells("id_token", iss="https://IDME.test/oidc"),
            "F07 iss missing": tells("id_token", iss=MISSING),
            "F07 iss list": tells("id_token", iss=[f"{BASE}/oidc"]),
        },
    ),
    *rows(
        "Algorithms are the portal's choice, never the token's or the metadata's.",
        {
            "F08 alg none": by.signs_with(by.alg_none),
            "F08 alg none, allowed by the metadata": by.is_like(
                forge=by.alg_none,
                metadata={"id_token_signing_alg_values_supported": ["none"]},
            ),
            "F09 HS256 with the public key": by.signs_with(by.hmac_with_the_public_key),
            "F09 HS256 with a published octet key": by.key_set_of_an_attacker,
            "F09 RS512 with the right key": by.signs_with(by.other_hash),
            "F09 encrypted instead of signed": by.signs_with(by.sealed_id_token),
            "F09 signature cut off": by.signs_with(by.signature_cut),
            "F09 payload changed": by.signs_with(by.payload_changed),
        },
    ),
    *rows(
        "Only published signing keys verify; a key in a token is not even looked at.",
        {
            "F10 attacker's key under ID.me's key id": by.own_key(),
            "F10 attacker's key without a key id": by.own_key(kid=MISSING),
            "F10 header jwk": by.own_key(jwk=by.ATTACKER_JWK),
            "F10 header jku": by.own_key(jku="https://evil.test/jwks"),
            "F10 header x5u": by.own_key(x5u="https://evil.test/chain.pem"),
            "F10 header x5c": by.own_key(x5c=["MIIB"]),
            "F10 key for encryption signs": by.encryption_key_signs,
            "F10 the portal's own key signs": by.portal_key_signs,
        },
    ),
    *rows(
        "A critical header that nobody knows is refused; so is an unencoded payload.",
        {
            "F11 crit unknown": tells("header", crit=["x"], x=1),
            "F11 crit absent": tells("header", crit=["exp"]),
            "F11 crit no list": tells("header", crit="x", x=1),
            "F11 b64 false": by.signs_with(by.unencoded),
        },
    ),
    *rows(
        "Nonsense in a header is refused and breaks nothing.",
        {
            "F12 header of 10 kB": tells("header", junk="x" * 10_000),
            "F12 claims nested 50,000 deep": by.signs_with(by.deeply_nested),
            "F12 kid of 10 kB": tells("header", kid="k" * 10_000),
            "F13 kid unknown": tells("header", kid="unknown"),
            "F13 kid number": tells("header", kid=7),
            "F13 kid path": tells("header", kid="../../etc/passwd"),
            "F13 kid null": tells("header", kid=None),
            "F13 kid unknown, 100 times": by.times(100, tells("header", kid="unknown")),
        },
    ),
    *rows(
        "A token is fresh: half a minute of leeway, five minutes of age.",
        {
            "F14 exp a minute ago": by.dates(exp=-60),
            "F14 exp 31 seconds ago": by.dates(exp=-32),
            "F14 exp missing": tells("id_token", exp=MISSING),
            "F14 exp words": tells("id_token", exp="soon"),
            "F14 exp null": tells("id_token", exp=None),
            "F14 exp true": tells("id_token", exp=True),
            "F14 exp infinity": tells("id_token", exp=1e400),
            "F14 exp not a number": tells("id_token", exp=float("nan")),
            "F14 exp of 400 digits": tells("id_token", exp=10**400),
            "F14 iat in an hour": by.dates(iat=HOUR),
            "F14 iat in 35 seconds": by.dates(iat=35),
            "F14 iat a year ago": by.dates(iat=-YEAR),
            "F14 iat 5 minutes and 2 seconds ago": by.dates(iat=-302),
            "F14 iat missing": tells("id_token", iat=MISSING),
            "F14 iat words": tells("id_token", iat="now"),
            "F14 iat not a number": tells("id_token", iat=float("nan")),
            "F14 iat minus 10 to the 400th": tells("id_token", iat=-(10**400)),
            "F14 nbf tomorrow": by.dates(nbf=24 * HOUR),
            "F14 nbf words": tells("id_token", nbf="later"),
        },
    ),
    *rows(
        "A hash of the access token is of this access token.",
        {
            "F15 at_hash of another": tells("id_token", at_hash="A" * 22),
            "F15 at_hash empty": tells("id_token", at_hash=""),
            "F15 at_hash null": tells("id_token", at_hash=None),
            "F15 at_hash number": tells("id_token", at_hash=7),
            "F15 at_hash list": tells("id_token", at_hash=["A" * 22]),
        },
    ),
    *rows(
        "What must be in an answer is in it, and is what it should be.",
        {
            "F16 id_token missing": tells("token", id_token=MISSING),
            "F16 id_token none": tells("token", id_token="a.b.c"),
            "F16 id_token number": tells("token", id_token=7),
            "F16 id_token empty": tells("token", id_token=""),
            "F16 access_token missing": tells("token", access_token=MISSING),
            "F16 access_token list": tells("token", access_token=["x"]),
            "F16 token_type missing": tells("token", token_type=MISSING),
            "F16 token_type mac": tells("token", token_type="mac"),
        },
    ),
    *rows(
        "A subject is 1 to 255 printable ASCII characters.",
        {
            "F16 sub missing": by.is_like(subject=MISSING),
            "F16 sub empty": by.is_like(subject=""),
            "F16 sub of 10 kB": by.is_like(subject="s" * 10_000),
            "F16 sub of 256": by.is_like(subject="s" * 256),
            "F16 sub number": by.is_like(subject=7),
            "F16 sub list": by.is_like(subject=["x"]),
            "F16 sub null": by.is_like(subject=None),
            "F16 sub with a NUL": by.is_like(subject="a\0b"),
            "F16 sub full-width": by.is_like(subject="１２"),
        },
    ),
    *rows(
        "What is granted is what was asked for.",
        {
            "F20 scope of another policy": tells("token", scope=POLICY_1),
            "F20 scope empty": tells("token", scope=""),
            "F20 scope list": tells("token", scope=["openid"]),
        },
        ends="other_policy",
    ),
    *rows(
        "An error that nobody knows says nothing of its own.",
        {
            "F22 error a script": tells("token", error="<script>surprise</script>"),
            "F22 error a list": tells("token", error=["invalid_grant"]),
        },
        ends="unknown",
    ),
]

SIGN_IN = rows(
    "A token answers this sign-in, no other and none.",
    {
        "F15 nonce missing": tells("id_token", nonce=MISSING),
        "F15 nonce empty": tells("id_token", nonce=""),
        "F15 nonce null": tells("id_token", nonce=None),
        "F15 nonce list": tells("id_token", nonce=["x"]),
        "F15 nonce other": tells("id_token", nonce="other"),
    },
) + [
    Row(
        "F15 nonce of the sign-in before",
        "Two sign-ins under way do not answer each other.",
        by.nonce_of_before,
        leaves_others=True,
    ),
    Row(
        "F22 refused with status 200",
        "An error is an error, whatever the status.",
        tells("token", error="invalid_grant"),
        ends="code_refused",
    ),
]

USERINFO = [
    *rows(
        "Userinfo is about the person who signed in.",
        {
            "F18 sub other": tells("userinfo", sub="somebody-else"),
            "F18 sub missing": tells("userinfo", sub=MISSING),
            "F18 sub empty": tells("userinfo", sub=""),
            "F18 sub number": tells("userinfo", sub=7),
            "F18 sub other, as plain JSON": by.is_like(
                userinfo_as="json", userinfo={"sub": "somebody-else"}
            ),
        },
    ),
    *rows(
        "Signed userinfo is ID.me's, for this portal, and not of yesterday.",
        {
            "F18 iss other": tells("userinfo", iss="https://evil.test/oidc"),
            "F18 iss missing": tells("userinfo", iss=MISSING),
            "F18 aud other": tells("userinfo", aud="other"),
            "F18 aud missing": tells("userinfo", aud=MISSING),
            "F18 exp long ago": tells("userinfo", exp=1),
            "F18 exp words": tells("userinfo", exp="soon"),
            "F18 iat an hour ago": by.dates("userinfo", iat=-HOUR),
            "F18 encrypted but not signed": by.is_like(userinfo_as="sealed-unsigned"),
        },
    ),
    *rows(
        "Encryption is by the two algorithms agreed upon, for the portal's key.",
        {
            "F18 JWE alg other": tells("seal_header", alg="RSA-OAEP-256"),
            "F18 JWE enc other": tells("seal_header", enc="A128CBC-HS256"),
            "F18 JWE enc GCM": tells("seal_header", enc="A256GCM"),
            "F18 JWE compressed": tells("seal_header", zip="DEF"),
            "F18 JWE crit unknown": tells("seal_header", crit=["x"], x=1),
            "F18 JWE for another key": by.sealed_for_another,
        },
    ),
]

LEVELS = [
    *rows(
        "Who did not say how well they checked, checked nothing; 1311.105(a)(1).",
        {
            "F20 levels missing": tells(
                "userinfo", credential_ial=MISSING, credential_aal=MISSING
            ),
            "F20 AAL missing": tells("userinfo", credential_aal=MISSING),
            "F20 level true": tells("userinfo", credential_ial=True),
            "F20 level list": tells("userinfo", credential_ial=[2]),
            "F20 level fraction": tells("userinfo", credential_ial=2.5),
            "F20 level words": tells("userinfo", credential_ial="two"),
            "F20 level full-width": tells("userinfo", credential_ial="２"),
            "F20 level null": tells("userinfo", credential_ial=None),
            "F20 level negative": tells("userinfo", credential_ial=-2),
            "F20 level 99": tells("userinfo", credential_ial=99),
            "F20 level in spaces": tells("userinfo", credential_ial=" 2"),
        },
        ends="level_unknown",
    ),
    *rows(
        "IAL2 and AAL2 are the least.",
        {
            "F20 IAL1": tells("userinfo", credential_ial=1),
            "F20 AAL1": tells("userinfo", credential_aal="1"),
            "F20 IAL3, AAL0": tells("userinfo", credential_ial=3, credential_aal=0),
        },
        ends="level_too_low",
    ),
]

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

PROMISED = {"authorization_response_iss_parameter_supported": True}
CALLBACK = [
    *rows(
        "An answer belongs to a sign-in that this session started, once, just now.",
        {
            "F02 state missing": by.comes_back(state=None),
            "F02 state empty": by.comes_back(state=""),
            "F02 state garbage": by.comes_back(state="garbage"),
            "F02 state of 10 kB": by.comes_back(state="s" * 10_000),
            "F02 state of another session": by.foreign_state,
            "F22 error without a state": by.comes_back(
                error="access_denied", state=None
            ),
            "F28 the first of 100 starts": by.started_first_of_100,
        },
        ends="bad_state",
        leaves_others=True,
    ),
    *rows(
        "An answer is taken once, and within 10 minutes.",
        {"F04 state twice": by.replayed, "F04 state 10 minutes old": by.too_late},
        ends="bad_state",
    ),
    *rows(
        "A code counts with the verifier of this sign-in.",
        {
            "F01 verifier of another sign-in": by.other_verifier,
            "F03 code that was never given": by.comes_back(code="invented"),
        },
        ends="code_refused",
    ),
    *rows(
        "The answer is of the issuer that was asked; RFC 9207.",
        {
            "F03 code missing": by.comes_back(code=None),
            "F03 code empty": by.comes_back(code=""),
            "F17 iss other": by.comes_back(iss="https://evil.test/oidc"),
            "F17 iss with a slash": by.comes_back(iss=f"{BASE}/oidc/"),
            "F17 iss empty": by.comes_back(iss=""),
            "F17 iss other, with an error": by.comes_back(
                iss="https://evil.test/oidc", error="access_denied"
            ),
            "F17 iss promised and missing": lambda visit: (
                visit.idme.metadata.update(PROMISED) or visit.whole(iss=None)
            ),
        },
    ),
    *rows(
        "What is sent twice means nothing.",
        {
            "F25 code twice": by.doubled("code"),
            "F25 iss twice": by.doubled("iss"),
            "F25 error twice": by.doubled("error"),
        },
    ),
    Row(
        "F25 state twice",
        "Of two states, neither is preferred.",
        by.doubled("state"),
    ),
    *rows(
        "Declining links nobody, and is told in the portal's own words.",
        {
            "F22 declined": by.comes_back(error="access_denied", code=None),
            "F22 declined with a script": by.comes_back(
                error="access_denied", error_description="<script>surprise</script>"
            ),
        },
        ends="access_denied",
    ),
    Row(
        "F22 error that nobody knows",
        "No text of the other side is shown.",
        by.comes_back(error="<b>surprise</b>"),
        ends="unknown",
    ),
    Row(
        "F22 error busy",
        "A busy provider is one that cannot be reached.",
        by.comes_back(error="temporarily_unavailable"),
        ends="unavailable",
    ),
    *rows(
        "A callback is a GET.",
        {"F25 POST": by.by_method("post"), "F25 HEAD": by.by_method("head")},
        ends=405,
        leaves_others=True,
    ),
    Row(
        "F29 Host header",
        "Another host name is not answered, so it cannot lead the answer away.",
        by.evil_host,
        ends=400,
    ),
]

FRESH = [
    *rows(
        "A session that ID.me still had is no fresh sign-in.",
        {
            "F26 auth_time missing": tells("id_token", auth_time=MISSING),
            "F26 auth_time an hour ago": by.dates(auth_time=-HOUR),
            "F26 auth_time 35 seconds ago": by.dates(auth_time=-35),
            "F26 auth_time in a minute": by.dates(auth_time=60),
            "F26 auth_time null": tells("id_token", auth_time=None),
            "F26 auth_time true": tells("id_token", auth_time=True),
            "F26 auth_time 0": tells("id_token", auth_time=0),
            "F26 auth_time infinity": tells("id_token", auth_time=1e400),
            "F26 auth_time not a number": tells("id_token", auth_time=float("nan")),
            "F26 auth_time of 400 digits": tells("id_token", auth_time=10**400),
        },
        ends="not_fresh",
    ),
    Row(
        "F26 auth_time words",
        "A moment is a number.",
        tells("id_token", auth_time="now"),
    ),
]
FRESH = [
    Row(row.id, row.proves, by.wanting("fresh", row.attack), row.ends) for row in FRESH
]

PUSH = rows(
    "An answer to a push is this person's, to this request, and says when.",
    {
        "H04 sub of somebody else": tells("id_token", sub="somebody-else"),
        "H04 another request": tells("id_token", **{REQUEST_ID: "request-2"}),
        "H04 a list of requests": tells("id_token", **{REQUEST_ID: ["request-1"]}),
        "H04 request null": tells("id_token", **{REQUEST_ID: None}),
        "H04 auth_time missing": tells("id_token", auth_time=MISSING),
        "H04 auth_time null": tells("id_token", auth_time=None),
        "H04 auth_time words": tells("id_token", auth_time="now"),
        "H04 auth_time true": tells("id_token", auth_time=True),
        "H04 auth_time not a number": tells("id_token", auth_time=float("nan")),
        "H04 auth_time of 400 digits": tells("id_token", auth_time=10**400),
        "H04 amr words": tells("id_token", amr="swk"),
    },
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

TABLE = [
    *ID_TOKEN,
    *SIGN_IN,
    *USERINFO,
    *LEVELS,
    *METADATA,
    *CALLBACK,
    *FRESH,
    *BROKEN,
]


@pytest.mark.cfr("1311.105(b)")
@pytest.mark.parametrize("row", TABLE, ids=str)
def test_an_attack_links_nobody(row, client, idme, nora, mallory):
    client.force_login(nora)

    response = row.attack(Visit(client, idme, others=[nora, mallory]))

    assert not IdmeAccount.objects.exists(), row.proves
    assert "idme_authenticated_at" not in client.session, row.proves
    if isinstance(row.ends, int):
        assert response.status_code == row.ends, row.proves
    else:
        assert_refused(response, row)
    if not row.leaves_others:
        assert not [key for key in dict(client.session) if key.startswith("_state")]
    assert idme.was_asked_alone()
    assert idme.count("/oidc/.well-known/jwks") <= 2, "keys are not fetched each time"


@pytest.mark.cfr("1311.115(a)")
@pytest.mark.parametrize("row", [*ID_TOKEN, *PUSH], ids=str)
def test_an_attack_approves_nothing(row, idme):
    class Push(Visit):
        def whole(self):
            return backchannel.poll("request-1", subject=idme.subject)

    idme.has_phones = True
    with pytest.raises(IdmeError) as refusal:
        row.attack(Push(client=None, idme=idme))

    assert refusal.value.reason == row.ends, row.proves
    assert idme.was_asked_alone()


HONEST = rows(
    "What is refused above is refused for its own reason.",
    {
        "nothing changed": by.comes_back(),
        "aud a list of us": tells("id_token", aud=["portal"]),
        "azp us": tells("id_token", azp="portal"),
        "exp 20 seconds ago": by.dates(exp=-20),
        "iat 4 minutes ago": by.dates(iat=-240),
        "iat in 20 seconds": by.dates(iat=20),
        "at_hash right": by.right_hash,
        "a header that nobody has to know": tells("header", x=1),
        "no key id, and one key": tells("header", kid=MISSING),
        "an elliptic key": by.elliptic_key,
        "sub of 255": by.is_like(subject="s" * 255),
        "iss missing, not promised": by.comes_back(iss=None),
        "iss there, and promised": tells("metadata", **PROMISED),
        "parameters that nobody asked for": by.comes_back(
            user="admin", next="https://evil.test/"
        ),
        "the last of 100 starts": by.last_of_100,
        "state 9 minutes old": by.in_time,
        "levels as digits": tells("userinfo", credential_ial="2", credential_aal="2"),
        "levels above": tells("userinfo", credential_ial=3, credential_aal=3),
        "scope as asked, and more": tells(
            "token",
            scope="openid http://idmanagement.gov/ns/assurance/ial/2/aal/2 profile",
        ),
        "userinfo as plain JSON": by.is_like(userinfo_as="json"),
        "userinfo signed only": by.is_like(userinfo_as="signed"),
        "auth_time 20 seconds ago": by.once_linked(
            by.wanting("fresh", by.dates(auth_time=-20))
        ),
        "auth_time missing, nothing fresh asked": tells("id_token", auth_time=MISSING),
    },
    ends=302,
)


@pytest.mark.parametrize("row", HONEST, ids=str)
def test_what_is_honest_links(row, client, idme, nora):
    client.force_login(nora)

    response = row.attack(Visit(client, idme))

    assert response.status_code == row.ends, row.proves
    assert response.url == reverse("erx-info")
    assert IdmeAccount.objects.get().user == nora
    assert not [key for key in dict(client.session) if key.startswith("_state")]


def assert_refused(response, row):
    assert response.context["error"].reason == row.ends, row.proves
    assert response.status_code in (400, 403, 503)
    assert b"surprise" not in response.content
    came_back = response.wsgi_request.path == reverse("idme-callback")
    failures = Event.objects.filter(outcome=Outcome.FAILURE).order_by("-sequence")
    assert [event.detail["reason"] for event in failures[:1]] == [row.ends] * came_back


def test_a_token_is_not_taken_without_a_nonce_to_compare():
    with pytest.raises(IdmeError):
        tokens.check_id_token({}, {"nonce": ""}, nonce="", access_token="x")


def test_each_row_has_a_name_of_its_own_and_says_what_it_proves():
    every = [*TABLE, *PUSH, *HONEST]

    assert len({row.id for row in every}) == len(every)
    assert all(row.proves.endswith(".") for row in every)
