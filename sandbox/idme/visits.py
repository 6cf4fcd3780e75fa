"""Who is at this browser, how far their sign-in has come, and when it was finished.

The session holds: `account` and `authenticated_at` once signed in; `security_at`
once the three steps were done for Sign In & Security; `proof`, how it was shown who
it is; `pending` on the way there; `recovery`, a new recovery code, until it was shown.
"""

import time

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from sandbox.idme.models import Account, Device

PENDING_TIME = 15 * 60  # seconds
SECURITY = "security"


def account_of(request: HttpRequest) -> Account | None:
    """Return the account that finished signing in here."""
    return Account.objects.filter(pk=request.session.get("account", 0)).first()


def begin(
    request: HttpRequest, *, account: Account, next_url: str, purpose: str
) -> None:
    """Remember that step 1 of 3 is done: e-mail and password."""
    request.session["pending"] = {
        "account": account.pk,
        "next": safe_next(request, next_url),
        "purpose": purpose,
        "at": time.time(),
    }


def pending(request: HttpRequest) -> dict | None:
    found = request.session.get("pending")
    if found and time.time() - found["at"] < PENDING_TIME:
        return found
    return None


def pending_account(request: HttpRequest) -> Account | None:
    found = pending(request)
    return Account.objects.filter(pk=found["account"]).first() if found else None


def choose(request: HttpRequest, *, device: Device, request_id: str = "") -> None:
    """Remember step 2 of 3: which method, and the push request it was sent."""
    chosen = {"device": str(device.pk), "push": request_id}
    request.session["pending"] = request.session["pending"] | chosen


def complete(
    request: HttpRequest, *, by: Device | None, extra_security: bool = False
) -> str:
    """Finish step 3 of 3, under a new session id; return where to go next.

    `by` is the device that was used. After a recovery code there is none, and of the
    methods that RFC 8176 knows only the password is left to name.
    """
    done = request.session.pop("pending")
    now = time.time()
    kept = request.session.get("account") == done["account"]
    secured = request.session.get("security_at") if kept else None
    request.session.cycle_key()
    request.session["account"] = done["account"]
    request.session["authenticated_at"] = now
    request.session["proof"] = [by.amr, str(by.pk)] if by else [["pwd"], ""]
    if done["purpose"] == SECURITY or extra_security:
        secured = now
    request.session["security_at"] = secured
    return done["next"]


def show_once(request: HttpRequest, code: str, *, next_url: str) -> str:
    """Remember a recovery code for the next page; return that page."""
    request.session["recovery"] = {"code": code, "next": next_url}
    return reverse("recovery-code")


def take_recovery_code(request: HttpRequest) -> dict | None:
    """Return the code to show and where to go next, for the first time only."""
    return request.session.pop("recovery", None)


def proof_of(request: HttpRequest) -> tuple[list[str], str]:
    """Return the methods of this sign-in (RFC 8176) and the id of its device."""
    amr, device_id = request.session.get("proof", [[], ""])
    return amr, device_id


def end(request: HttpRequest) -> None:
    request.session.flush()


def may_change_security(request: HttpRequest) -> bool:
    return bool(request.session.get("security_at")) and bool(account_of(request))


def account_being_secured(request: HttpRequest) -> Account | None:
    """Return who may set up a method here.

    Either somebody who passed the three steps, or somebody after step 1 whose account
    has no method yet: the "Secure your account" of a first sign-in.
    """
    newcomer = pending_account(request)
    if newcomer and not newcomer.devices.usable().exists():
        return newcomer
    return account_of(request) if may_change_security(request) else None


def safe_next(request: HttpRequest, url: str) -> str:
    here = url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()})
    return url if url and here else "/"
