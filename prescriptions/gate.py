"""What has to be in order before anything is marked ready or signed.

21 CFR 1311.100(d): a prescription is invalid if a required function was disabled.
"""

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from audit import chain
from mfa import challenges
from prescriptions import signer


def problems(*, by=None) -> list[str]:
    """Return what is out of order, in words for the page; empty means go ahead."""
    found = []
    if timezone.now().year not in challenges.PLAUSIBLE_YEARS:
        found.append("The clock of this server is wrong.")
    if not settings.SCRIPT_NETWORK_URL:
        found.append("No pharmacy network is configured.")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return [*found, *chain.check_health(by=by), *signer.check_health()]
    except DatabaseError:
        return [*found, "The database does not answer."]
