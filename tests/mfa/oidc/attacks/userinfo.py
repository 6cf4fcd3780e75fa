"""Userinfo that is not in order, and levels of assurance that are too low."""

from tests.mfa.idme.provider import MISSING
from tests.mfa.oidc.attacks import means as by
from tests.mfa.oidc.attacks.means import tells
from tests.mfa.oidc.attacks.rows import HOUR, rows

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
