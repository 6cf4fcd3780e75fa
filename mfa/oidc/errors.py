"""Failures of an exchange with ID.me: a fixed list, no text of the other side.

`error_description` is never shown, stored or logged: anybody can write one.
"""

from audit.reasons import Reason, ReasonChoices

REFUSALS: dict[ReasonChoices, str] = {
    Reason.ACCESS_DENIED: (
        "ID.me did not confirm who you are, or you declined there. Nothing was changed."
    ),
    Reason.LOGIN_REQUIRED: "ID.me did not sign you in. Start again.",
    Reason.BAD_STATE: (
        "This answer does not belong to a sign-in that was started here in the last "
        "10 minutes. Start again."
    ),
    Reason.BAD_ANSWER: (
        "The answer cannot be shown to come from ID.me, for this portal, just now. "
        "Nothing was changed. Start again; if it happens again, tell your administrator."
    ),
    Reason.CODE_REFUSED: "ID.me no longer accepts this sign-in. Start again.",
    Reason.UNKNOWN_ACCOUNT: (
        "ID.me no longer knows the account that is linked here. Verify with ID.me again "
        "from the eRx Info page, or tell your administrator."
    ),
    Reason.MISCONFIGURED: (
        "ID.me does not accept this portal's request. Tell your administrator."
    ),
    Reason.OTHER_POLICY: (
        "ID.me answered for another kind of identity check than the one this portal "
        "asked for. Tell your administrator."
    ),
    Reason.NOT_FRESH: (
        "ID.me did not say that you signed in just now, so it does not count as a fresh "
        "sign-in. Sign out at ID.me and start again."
    ),
    Reason.UNKNOWN: "ID.me refused, without a reason that this portal knows. Start again.",
}

# RFC 6749 4.1.2.1 and 5.2, OpenID Connect Core 3.1.2.6, CIBA Core 13.
PROTOCOL_ERRORS = {
    "access_denied": Reason.ACCESS_DENIED,
    "login_required": Reason.LOGIN_REQUIRED,
    "interaction_required": Reason.LOGIN_REQUIRED,
    "consent_required": Reason.ACCESS_DENIED,
    "account_selection_required": Reason.LOGIN_REQUIRED,
    "invalid_grant": Reason.CODE_REFUSED,
    "invalid_request": Reason.MISCONFIGURED,
    "invalid_client": Reason.MISCONFIGURED,
    "invalid_scope": Reason.MISCONFIGURED,
    "invalid_redirect_uri": Reason.MISCONFIGURED,
    "unauthorized_client": Reason.MISCONFIGURED,
    "unsupported_response_type": Reason.MISCONFIGURED,
    "unsupported_grant_type": Reason.MISCONFIGURED,
    "unknown_user_id": Reason.UNKNOWN_ACCOUNT,
    "expired_login_hint_token": Reason.UNKNOWN_ACCOUNT,
    "missing_user_code": Reason.MISCONFIGURED,
    "invalid_user_code": Reason.MISCONFIGURED,
    "invalid_binding_message": Reason.MISCONFIGURED,
}
BUSY_ERRORS = ["server_error", "temporarily_unavailable"]


class IdmeError(Exception):
    """ID.me did not confirm anything; the message is fit to show."""

    reason: ReasonChoices
    status: int


class IdmeUnavailable(IdmeError):
    """ID.me was not reached in time, or the answer was not from ID.me."""

    reason = Reason.UNAVAILABLE
    status = 503

    def __init__(self) -> None:
        super().__init__(
            "ID.me cannot be reached at the moment. Nothing was changed. "
            "Try again in a few minutes; your code generators go on working."
        )


class IdmeRefused(IdmeError):
    """ID.me refused, or sent something this portal does not accept."""

    status = 400

    def __init__(self, reason: ReasonChoices) -> None:
        self.reason = reason
        super().__init__(REFUSALS[reason])


def from_protocol(error: object) -> IdmeError:
    """Return the exception for an OAuth error code; "unknown" for any other value."""
    if error in BUSY_ERRORS:
        return IdmeUnavailable()
    reason = PROTOCOL_ERRORS.get(error) if isinstance(error, str) else None
    return IdmeRefused(reason or Reason.UNKNOWN)
