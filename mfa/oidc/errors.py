"""Failures of an exchange with ID.me: a fixed list, no text of the other side.

`error_description` is never shown, stored or logged: anybody can write one.
"""

REFUSALS = {
    "access_denied": (
        "ID.me did not confirm who you are, or you declined there. Nothing was changed."
    ),
    "login_required": "ID.me did not sign you in. Start again.",
    "bad_state": (
        "This answer does not belong to a sign-in that was started here in the last "
        "10 minutes. Start again."
    ),
    "bad_answer": (
        "The answer cannot be shown to come from ID.me, for this portal, just now. "
        "Nothing was changed. Start again; if it happens again, tell your administrator."
    ),
    "code_refused": "ID.me no longer accepts this sign-in. Start again.",
    "unknown_account": (
        "ID.me no longer knows the account that is linked here. Verify with ID.me again "
        "from the eRx Info page, or tell your administrator."
    ),
    "misconfigured": (
        "ID.me does not accept this portal's request. Tell your administrator."
    ),
    "other_policy": (
        "ID.me answered for another kind of identity check than the one this portal "
        "asked for. Tell your administrator."
    ),
    "not_fresh": (
        "ID.me did not say that you signed in just now, so it does not count as a fresh "
        "sign-in. Sign out at ID.me and start again."
    ),
    "unknown": "ID.me refused, without a reason that this portal knows. Start again.",
}

# RFC 6749 4.1.2.1 and 5.2, OpenID Connect Core 3.1.2.6, CIBA Core 13.
PROTOCOL_ERRORS = {
    "access_denied": "access_denied",
    "login_required": "login_required",
    "interaction_required": "login_required",
    "consent_required": "access_denied",
    "account_selection_required": "login_required",
    "invalid_grant": "code_refused",
    "invalid_request": "misconfigured",
    "invalid_client": "misconfigured",
    "invalid_scope": "misconfigured",
    "invalid_redirect_uri": "misconfigured",
    "unauthorized_client": "misconfigured",
    "unsupported_response_type": "misconfigured",
    "unsupported_grant_type": "misconfigured",
    "unknown_user_id": "unknown_account",
    "expired_login_hint_token": "unknown_account",
    "missing_user_code": "misconfigured",
    "invalid_user_code": "misconfigured",
    "invalid_binding_message": "misconfigured",
}
BUSY_ERRORS = ["server_error", "temporarily_unavailable"]


class IdmeError(Exception):
    """ID.me did not confirm anything; the message is fit to show."""

    reason: str
    status: int


class IdmeUnavailable(IdmeError):
    """ID.me was not reached in time, or the answer was not from ID.me."""

    reason = "unavailable"
    status = 503

    def __init__(self) -> None:
        super().__init__(
            "ID.me cannot be reached at the moment. Nothing was changed. "
            "Try again in a few minutes; your code generators go on working."
        )


class IdmeRefused(IdmeError):
    """ID.me refused, or sent something this portal does not accept."""

    status = 400

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(REFUSALS[reason])


def from_protocol(error: object) -> IdmeError:
    """Return the exception for an OAuth error code; "unknown" for any other value."""
    if error in BUSY_ERRORS:
        return IdmeUnavailable()
    reason = PROTOCOL_ERRORS.get(error) if isinstance(error, str) else None
    return IdmeRefused(reason or "unknown")
