"""The pharmacy network: one message over HTTPS, and its delivery result.

21 CFR 1311.170(f): this is the only way out, and it stays electronic to the pharmacy.
"""

import logging
import time

import requests

from prescriptions import script
from prescriptions.models import Transmission
from prescriptions.network_settings import script_settings
from prescriptions.safeguards import certification

logger = logging.getLogger(__name__)

LARGEST_ANSWER = 64 * 1024  # bytes
# HTTP statuses that no retry can fix: the message itself is refused.
REFUSED_FOR_GOOD = {400, 413, 415, 422}
HEADERS = {"Content-Type": "application/xml", "Accept": "application/xml"}


def post(xml: bytes, *, message_id: str) -> script.DeliveryResult:
    """Send a message and return its delivery result, also when there is no answer.

    Nothing leaves for a live network while that is locked: 21 CFR 1311.300(a).
    """
    if locked := certification.lock_reason():
        logger.error("Message %s is kept back: %s", message_id, locked)
        return try_again(
            f"{Transmission.KEPT_BACK}, tell your administrator: {locked}"[:200]
        )
    try:
        with requests.post(
            script_settings().network_url,
            data=xml,
            headers=HEADERS
            | {"Authorization": f"Bearer {script_settings().network_token}"},
            timeout=script_settings().network_timeout,
            allow_redirects=False,
            stream=True,
        ) as response:
            return _result_of(response, message_id=message_id)
    except requests.RequestException as error:
        logger.warning("No answer for %s: %s", message_id, type(error).__name__)
        return try_again("The pharmacy network could not be reached.")


def try_again(description: str) -> script.DeliveryResult:
    """Return a result that has the outbox send the same message again later."""
    return script.DeliveryResult(script.Outcome.TRY_AGAIN, description=description)


def outcomes() -> dict[str, script.Outcome]:
    """Return what answers mean on this network, where it differs from SCRIPT."""
    return {
        answer: script.Outcome(meaning)
        for answer, meaning in script_settings().answers.items()
    }


def _result_of(
    response: requests.Response, *, message_id: str
) -> script.DeliveryResult:
    """Read the result out of an HTTP response; an answer to another message is none."""
    if response.status_code != 200:
        return _http_error(response.status_code)
    body = _body(response)
    if body is None:
        return try_again("The answer of the pharmacy network was too long or too slow.")
    result = script.parse_result(body, outcomes=outcomes())
    if result.outcome != script.Outcome.TRY_AGAIN and result.relates_to != message_id:
        return try_again("The pharmacy network answered another message.")
    return result


def _http_error(code: int) -> script.DeliveryResult:
    if code not in REFUSED_FOR_GOOD:
        return try_again(f"The pharmacy network answered HTTP {code}.")
    return script.DeliveryResult(
        script.Outcome.REJECTED,
        code=str(code),
        description=f"The pharmacy network refused the message (HTTP {code}).",
    )


def _body(response: requests.Response) -> bytes | None:
    """Read the answer; None if it is larger or slower than the limits."""
    deadline = time.monotonic() + script_settings().network_timeout
    body = b""
    for part in response.iter_content(8192):
        body += part
        if len(body) > LARGEST_ANSWER or time.monotonic() > deadline:
            return None
    return body
