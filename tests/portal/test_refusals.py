"""A refusal that no page shows is answered with its status, its words and a way back."""

import pytest
from django.urls import reverse

from audit.acts import Act
from audit.models import Event
from foundation.refusals import NotPermitted, Overtaken, Refused
from prescriptions.models import Patient
from prescriptions.writing import drafts
from providers.models import Membership, Role
from tests.factories import make_user
from tests.prescriptions.factories import make_patient

pytestmark = pytest.mark.django_db

WORDS = "The moon is <full>. Come back tomorrow."
STATUSES = {NotPermitted: 403, Overtaken: 409, Refused: 422}
HEADINGS = {
    403: "You may not do this",
    409: "Nothing was done",
    422: "Nothing was done",
}
HTMX = {"HX-Request": "true"}


@pytest.fixture
def post(client, alice, practice, monkeypatch):
    """Return a function that posts a form whose verb refuses with this."""
    patient = make_patient(practice)
    client.force_login(alice)
    data = {
        name: getattr(patient, name) or ""
        for name in [field.name for field in Patient._meta.fields]
        if name not in ("id", "public_id", "practice")
    }

    def refuse(kind, **headers):
        def save_patient(*args, **kwargs):
            raise kind(WORDS)

        monkeypatch.setattr(drafts, "save_patient", save_patient)
        path = reverse("patient-edit", args=[patient.public_id])
        return client.post(path, data, headers=headers)

    return refuse


@pytest.mark.parametrize(("kind", "status"), STATUSES.items())
def test_a_page_says_why_and_leads_back(post, kind, status):
    response = post(kind, Referer="http://testserver/patients/?page=2")

    assert response.status_code == status
    assert f"<h1>{HEADINGS[status]}</h1>" in response.text
    assert "The moon is &lt;full&gt;. Come back tomorrow." in response.text
    assert '<a class="button" href="/patients/">Back</a>' in response.text
    assert response.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(("kind", "status"), STATUSES.items())
def test_htmx_gets_the_part_alone(post, kind, status):
    response = post(kind, **HTMX)

    assert response.status_code == status
    assert "The moon is &lt;full&gt;. Come back tomorrow." in response.text
    assert "<html" not in response.text
    assert f'href="{reverse("home")}"' in response.text


@pytest.mark.parametrize(
    "before", ["https://evil.example/patients/", "not an address", ""]
)
def test_it_leads_back_to_no_other_site(post, before):
    response = post(Refused, Referer=before)

    assert ">Back</a>" not in response.text
    assert f'<a class="button" href="{reverse("home")}">Home</a>' in response.text


@pytest.mark.cfr("1311.150(a)(1)")
def test_one_who_may_not_is_on_record_once(post):
    post(NotPermitted)

    (event,) = Event.objects.filter(act=Act.PERMISSION_DENIED)
    assert (event.actor, event.detail) == ("alice", {"reason": "forbidden"})


@pytest.mark.parametrize("kind", [Overtaken, Refused])
def test_one_who_was_late_or_wrong_attempted_nothing_forbidden(post, kind):
    post(kind)

    assert not Event.objects.filter(act=Act.PERMISSION_DENIED).exists()


@pytest.mark.cfr("1311.150(a)(1)")
def test_what_the_verb_recorded_is_not_recorded_again(client, practice):
    user = make_user("admin")
    Membership.objects.create(user=user, practice=practice, role=Role.ADMINISTRATOR)
    patient = make_patient(practice)
    client.force_login(user)

    response = client.post(reverse("patient-print-list", args=[patient.public_id]))

    assert response.status_code == 403
    (event,) = Event.objects.filter(act=Act.PERMISSION_DENIED)
    assert event.detail == {"reason": "not a provider or agent of the practice"}


def test_what_is_no_refusal_is_not_answered(post):
    with pytest.raises(ZeroDivisionError):
        post(ZeroDivisionError)


def test_an_address_that_is_none_leads_nowhere(post):
    response = post(Refused, referer="http://[")

    assert response.status_code == 422
    assert WORDS.split("<")[0] in response.content.decode()
