"""The signed-in person that a page is made for, and what concerns them on every page."""

from collections import defaultdict
from contextlib import suppress
from functools import cached_property
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import DatabaseError
from django.db.models import Exists, QuerySet

from foundation.actors import AuthenticatedRequest, User
from foundation.statements import Prepared, Unreadable
from mfa import devices
from mfa.models import Device
from prescriptions import permissions
from prescriptions.models import SigningStop, ThirdPartyAudit
from prescriptions.permissions import Permission, Who
from prescriptions.safeguards import certification
from prescriptions.safeguards.releases import software_version
from providers import access_managers
from providers.models import Practice, Provider


class Reader:
    """Reads all of it by one statement, when the first of it is needed."""

    def __init__(self, user: User) -> None:
        self.user = user

    @cached_property
    def _rows(self) -> dict[str, list[Any]]:
        """Return no rows if the database does not answer: the page says so itself."""
        version = software_version()
        with suppress(DatabaseError, Unreadable):
            return _QUESTIONS.fetch(user=self.user.pk, version=version)
        return defaultdict(list)

    @property
    def provider(self) -> Provider | None:
        return next(iter(self._rows["provider"]), None)

    @property
    def is_access_manager(self) -> bool:
        return bool(self._rows["access_manager"])

    @property
    def is_responsible(self) -> bool:
        """Return True if they may stop signing and see the system's status."""
        return permissions.allows(Permission.STOP_SIGNING, self._is)

    @property
    def _is(self) -> set[Who]:
        facts = {
            Who.ADMINISTRATOR: permissions.is_administrator(self.user),
            Who.ACCESS_MANAGER: self.is_access_manager,
        }
        return {who for who, is_so in facts.items() if is_so}

    @property
    def reads_records(self) -> bool:
        return self.provider is not None or self.is_access_manager

    @property
    def stops(self) -> list[SigningStop]:
        """Return the stops that keep them from signing, the latest first."""
        practices = {practice.pk: practice for practice in self._rows["stopped"]}
        for stop in self._rows["stops"]:
            stop.practice = practices.get(stop.practice_id or 0)
        return sorted(self._rows["stops"], key=lambda stop: stop.stopped_at)[::-1]

    @property
    def lost_primary(self) -> Device | None:
        lost = (device for device in self._rows["devices"] if device.lost_primary_at)
        return next(lost, None)

    @property
    def suggested_primary(self) -> Device | None:
        """Return the device to select in place of a lost primary one."""
        return devices.suggested_among(self._rows["devices"])

    @property
    def certified_by(self) -> ThirdPartyAudit | None:
        """Return the audit that covers this version; of a demonstration none does."""
        if settings.DEMO:
            return None
        return certification.current_among(self._rows["audits"])


def reader_of(request: AuthenticatedRequest) -> Reader:
    """Return the reader of a request: the same one for its view and its template."""
    return vars(request).setdefault("reader", Reader(request.user))


def _questions(*, user: int, version: str) -> dict[str, QuerySet[Any]]:
    reader = get_user_model()(pk=user)
    stops = SigningStop.objects.affecting(reader)
    own_devices = Device.objects.visible_to(reader)
    lost = own_devices.exclude(lost_primary_at=None)
    return {
        "provider": Provider.objects.filter(user=reader),
        "access_manager": get_user_model().objects.filter(
            Exists(access_managers.practices_of(reader)), pk=user
        ),
        "stops": stops,
        "stopped": Practice.objects.filter(pk__in=stops.values("practice")),
        "devices": lost | own_devices.usable().filter(user__in=lost.values("user")),
        "audits": ThirdPartyAudit.objects.filter(software_version=version),
    }


_QUESTIONS = Prepared(_questions)
