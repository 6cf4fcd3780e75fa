"""Sign-ins at ID.me that a session started and has not finished."""

import time

from authlib.integrations.django_client import DjangoIntegration
from django.contrib.sessions.backends.base import SessionBase, UpdateError

from audit.reasons import Reason
from mfa.oidc.errors import IdmeRefused

STATE_LIFE = 600  # seconds
MAX_PENDING = 5  # in one session


class PendingSignIns(DjangoIntegration):
    """Pending sign-ins of a session: few, for ten minutes, each usable once."""

    expires_in = STATE_LIFE

    def set_state_data(
        self, session: SessionBase, state: str, data: dict[str, object]
    ) -> None:
        """Store a pending sign-in; only the newest MAX_PENDING are kept."""
        super().set_state_data(session, state, data)
        pending = [key for key in dict(session) if key.startswith(self._prefix)]
        by_age = sorted(pending, key=lambda key: session[key]["exp"])
        for key in by_age[:-MAX_PENDING]:
            del session[key]

    def take(self, session: SessionBase, state: str) -> dict:
        """Return what was stored for `state` and delete it; raise IdmeRefused.

        It is deleted and saved before anything else: Django saves no session with a
        5xx answer.
        """
        entry = session.get(f"{self._prefix}{state}")
        self.clear_state_data(session, state)
        _save(session)
        if not state or entry is None or entry["exp"] <= time.time():
            raise IdmeRefused(Reason.BAD_STATE)
        return entry["data"]

    def forget_all(self, session: SessionBase) -> None:
        """Delete every pending sign-in of the session."""
        for key in [key for key in dict(session) if key.startswith(self._prefix)]:
            del session[key]

    @property
    def _prefix(self) -> str:
        return f"_state_{self.name}_"


def _save(session: SessionBase) -> None:
    try:
        session.save()
    except UpdateError:  # signed out in another tab
        raise IdmeRefused(Reason.BAD_STATE) from None
