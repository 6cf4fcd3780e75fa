"""Sign-ins at ID.me that were started in a session and are not finished."""

import time

from authlib.integrations.django_client import DjangoIntegration
from django.contrib.sessions.backends.base import UpdateError

from mfa.oidc.errors import IdmeRefused

STATE_LIFE = 600  # seconds
MOST_PENDING = 5  # in one session


class PendingSignIns(DjangoIntegration):
    """What a session remembers of sign-ins under way: few, not for long, each once."""

    expires_in = STATE_LIFE

    def set_state_data(self, session, state, data):
        super().set_state_data(session, state, data)
        pending = [key for key in dict(session) if key.startswith(self._prefix)]
        by_age = sorted(pending, key=lambda key: session[key]["exp"])
        for key in by_age[:-MOST_PENDING]:
            del session[key]

    def take(self, session, state: str) -> dict:
        """Return what was remembered for `state` and forget it; raise IdmeRefused.

        It is forgotten before anything else is tried: Django saves no session with a
        5xx answer.
        """
        entry = session.get(f"{self._prefix}{state}")
        self.clear_state_data(session, state)
        _save(session)
        if not state or entry is None or entry["exp"] <= time.time():
            raise IdmeRefused("bad_state")
        return entry["data"]

    def forget_all(self, session) -> None:
        for key in [key for key in dict(session) if key.startswith(self._prefix)]:
            del session[key]

    @property
    def _prefix(self) -> str:
        return f"_state_{self.name}_"


def _save(session) -> None:
    try:
        session.save()
    except UpdateError:  # signed out in another tab
        raise IdmeRefused("bad_state") from None
