"""Ways back from the provider that no sign-in here began."""

from tests.mfa.idme.provider import BASE
from tests.mfa.oidc.attacks import means as by
from tests.mfa.oidc.attacks.rows import Row, rows

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
        },
        ends="bad_state",
        leaves_others=True,
    ),
    Row(
        "F28 the first of 100 starts",
        "A session keeps the last few sign-ins that it started.",
        by.started_first_of_100,
        ends="bad_state",
        leaves_others=True,
        is_slow=True,
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
