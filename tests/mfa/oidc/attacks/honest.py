"""What looks odd and is in order."""

from tests.mfa.idme.provider import MISSING
from tests.mfa.oidc.attacks import means as by
from tests.mfa.oidc.attacks.callbacks import PROMISED
from tests.mfa.oidc.attacks.means import tells
from tests.mfa.oidc.attacks.rows import Row, rows

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
) + [
    Row(
        "the last of 100 starts",
        "The newest sign-in goes on, however many were started.",
        by.last_of_100,
        ends=302,
        is_slow=True,
    )
]
