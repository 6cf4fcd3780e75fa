"""Push requests through ID.me: OpenID CIBA Core 1.0, poll mode. No database."""

import re
import unicodedata
from dataclasses import dataclass, field

from audit.reasons import Reason
from mfa.oidc import tokens
from mfa.oidc.client import check_policy, client
from mfa.oidc.errors import IdmeRefused, from_protocol
from mfa.oidc.http import shared_timeout
from mfa.oidc.provider_settings import idme_settings
from mfa.oidc.responses import Tokens

GRANT = "urn:openid:params:grant-type:ciba"
ENDPOINT = "backchannel_authentication_endpoint"
INTERVAL = 5  # seconds, where the provider names none; CIBA Core 7.3
# Up to this length providers accept these characters only; FAPI-CIBA 5.2.2, item 9.
PLAIN_LENGTH = 20
NOT_PLAIN = re.compile(r"[^A-Za-z0-9._+/!?#]+")
# "R.R. oxycodone 5 mg tablet, 30 tablets": one prescription, not several.
PRESCRIPTION = re.compile(r"(\S+) (\S+)[^;]*, ([\d.]+) \S+")


@dataclass(frozen=True)
class Started:
    """A request that the provider accepted; its id is a secret: it gets the answer."""

    request_id: str = field(repr=False)
    expires_in: int  # seconds
    interval: int  # seconds


@dataclass(frozen=True)
class Answer:
    """Result of a poll: pending, slow_down, approved, denied, not_me or expired."""

    state: str
    claims: dict = field(default_factory=dict, repr=False)


def is_offered() -> bool:
    """Return True if the provider offers push in poll mode; raise IdmeUnavailable."""
    metadata = client().load_server_metadata()
    modes = metadata.get("backchannel_token_delivery_modes_supported")
    return ENDPOINT in metadata and isinstance(modes, list) and "poll" in modes


@shared_timeout()
def start(
    *, subject: str, device: str, message: str, number: str, expires_in: int
) -> Started:
    """Send a push to the phone of an account; raise IdmeError.

    A provider that matches numbers itself gets the number apart from the message; else
    the person compares it with the end of the message. `expires_in` is in seconds.
    """
    metadata = client().load_server_metadata()
    form = {
        "scope": idme_settings().scopes,
        "login_hint": subject,
        "requested_expiry": str(expires_in),
        "device": device,
    } | client().requested_claims()
    if metadata.get("backchannel_number_matching_supported") is True:
        form |= {"binding_message": binding_message(message), "match_number": number}
    else:
        form["binding_message"] = binding_message(message, number=number)
    answer = client().post(ENDPOINT, **form)
    if "error" in answer:
        raise from_protocol(answer["error"])
    return _started(answer)


@shared_timeout()
def poll(request_id: str, *, subject: str) -> Answer:
    """Return whether and how the phone has answered; raise IdmeError."""
    answer = client().post("token_endpoint", grant_type=GRANT, auth_req_id=request_id)
    if "error" in answer:
        return _unanswered(answer)
    granted = Tokens.of(answer)
    check_policy(granted.scope)
    header, claims = tokens.signed_claims(granted.id_token, keys=client().keys)
    tokens.check_backchannel_id_token(
        header,
        claims,
        subject=subject,
        request_id=request_id,
        access_token=granted.access_token,
    )
    return Answer("approved", claims)


def binding_message(message: str, *, number: str = "") -> str:
    """Return the message as the provider accepts it, ending with the number."""
    length = idme_settings().binding_message_length
    if length > PLAIN_LENGTH:
        ending = f" #{number}" if number else ""
        return _cut(message, length - len(ending)) + ending
    ending = f"-#{number}" if number else ""
    return (_plain(message, length - len(ending)) + ending).lstrip("-")


def _plain(message: str, length: int) -> str:
    """Keep patient, drug and quantity; the end of the drug's name is cut first."""
    prescription = PRESCRIPTION.fullmatch(message)
    if prescription is None:
        return _plain_text(message)[:length].rstrip("-")
    patient, drug, quantity = map(_plain_text, prescription.groups())
    room = max(0, length - len(f"{patient}--{quantity}"))
    plain = f"{patient}-{drug[:room].rstrip('-')}-{quantity}"
    return plain[:length].rstrip("-")


def _plain_text(text: str) -> str:
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return NOT_PLAIN.sub("-", text).strip("-")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def _started(answer: dict) -> Started:
    request_id = answer.get("auth_req_id")
    if not isinstance(request_id, str) or not request_id:
        raise IdmeRefused(Reason.BAD_ANSWER)
    return Started(
        request_id=request_id,
        expires_in=_seconds(answer.get("expires_in")),
        interval=_seconds(answer.get("interval", INTERVAL)),
    )


def _seconds(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise IdmeRefused(Reason.BAD_ANSWER)
    return value


def _unanswered(answer: dict) -> Answer:
    """Return what an error of the token endpoint means for the push; CIBA Core 11."""
    match answer["error"]:
        # invalid_grant: another poll of ours, at the same moment, may have fetched the
        # tokens. To treat that as a denial would undo its approval; pending grants
        # nothing, and ends with the challenge.
        case "authorization_pending" | "invalid_grant":
            return Answer("pending")
        case "slow_down":
            return Answer("slow_down")
        case "expired_token":
            return Answer("expired")
        case "access_denied":
            is_not_me = answer.get("decline_reason") == "not_me"
            return Answer("not_me" if is_not_me else "denied")
        case error:
            raise from_protocol(error)
