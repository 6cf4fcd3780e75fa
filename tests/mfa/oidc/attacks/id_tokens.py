"""ID tokens that are not in order, at a sign-in and in answer to a push."""

from tests.mfa.idme.provider import BASE, MISSING, REQUEST_ID
from tests.mfa.oidc.attacks import means as by
from tests.mfa.oidc.attacks.means import tells
from tests.mfa.oidc.attacks.rows import HOUR, POLICY_1, YEAR, Row, rows

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
        },
    ),
    *rows(
        "Keys that nobody published are not looked for each time.",
        {"F13 kid unknown, 100 times": by.times(100, tells("header", kid="unknown"))},
        is_slow=True,
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
