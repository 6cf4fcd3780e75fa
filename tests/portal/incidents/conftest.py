import pytest

from audit import incidents
from audit.models import IncidentKind
from providers.models import Membership, Role
from tests.factories import make_designee, make_user
from tests.portal.incidents.days import end_designations


@pytest.fixture
def dana(alice, practice):
    """The one designee of Alice's practice, and no practitioner."""
    user = make_user("dana")
    Membership.objects.create(user=user, practice=practice, role=Role.ADMINISTRATOR)
    end_designations()
    make_designee(user, practice=practice)
    return user


@pytest.fixture
def incident(alice):
    return incidents.report(IncidentKind.NOT_ME, about=alice)
