"""Access: what those who set access see and do, and that nobody else sees it."""

import pytest
from django.urls import reverse
from django.utils.html import strip_tags

from audit.acts import Act
from audit.models import Event
from mfa.models import Purpose
from providers.access import access_requests, suspension
from providers.models import (
    AccessGrant,
    AccessRequest,
    Cause,
    DeaSource,
    Designee,
    StateSource,
)
from tests.factories import (
    PASSWORD,
    code_of,
    make_designee,
    make_device,
    make_ready_provider,
    register_with_state,
)

pytestmark = pytest.mark.django_db
OVERVIEW = reverse("access-list")


def words(response):
    return " ".join(strip_tags(response.content.decode()).split())


def about(name, practice, provider=None):
    keys = {"practice_id": practice.public_id}
    return reverse(
        name, kwargs=keys | ({"provider_id": provider.public_id} if provider else {})
    )


def page_of(request, name="access-request"):
    return reverse(name, args=[request.public_id])


def form_for(nora, **overrides):
    registration = nora.dea_registrations.get()
    license_ = nora.state_licenses.get()
    filled = {
        "dea_registration": registration.pk,
        "dea_source": DeaSource.WEB,
        "dea_expires_on": registration.expires_on,
        "state_license": license_.pk,
        "state_source": StateSource.BOARD,
        "license_expires_on": license_.expires_on,
        "in_good_standing": "on",
        "note": "look-up 4711",
    }
    return filled | overrides


@pytest.fixture
def as_(client):
    """Sign in as somebody and return the client."""

    def go(user):
        client.force_login(user)
        return client

    return go


@pytest.fixture
def proof(alice, phone):
    return {"password": PASSWORD, "code": code_of(phone)}


def test_the_navigation_shows_access_to_those_who_set_it(as_, alice, sam):
    assert f'href="{OVERVIEW}"' in as_(alice).get(reverse("home")).content.decode()
    assert f'href="{OVERVIEW}"' not in as_(sam).get(reverse("home")).content.decode()


@pytest.mark.cfr("1311.125(a)")
@pytest.mark.cfr("1311.125(c)")
def test_the_overview_says_who_may_what_and_how_the_first_one_comes_to_sign(
    as_, alice, nora, entered
):
    text = words(as_(alice).get(OVERVIEW))

    assert "Give the right to sign: Nora Example, MD" in text
    assert "Alice Example, MD Verified with ID.me In force" in text
    assert "Alice Example DEA registrant" in text
    assert "The first practitioner, and a solo practice." in text


def test_whoever_sets_access_nowhere_is_told_so(as_, sam, entered):
    text = words(as_(sam).get(OVERVIEW))

    assert "You set access at no practice" in text
    assert "Nora" not in text


@pytest.mark.cfr("1311.125(b)")
@pytest.mark.cfr("1311.125(c)")
def test_a_grant_is_entered_on_the_page(as_, manager, nora, practice):
    client = as_(manager)
    page = about("access-grant", practice, nora)
    assert client.get(page).status_code == 200

    response = client.post(page, form_for(nora))

    request = AccessRequest.objects.get(provider=nora)
    assert response.url == page_of(request)
    assert request.verification.note == "look-up 4711"
    text = words(client.get(response.url))
    assert "You entered this yourself. Another designee executes it." in text
    assert "DEA's registration validation on the web" in text.replace("&#x27;", "'")


def test_what_waits_for_a_second_person_is_not_offered_again(
    as_, manager, nora, practice, entered
):
    page = as_(manager).get(OVERVIEW)

    assert about("access-grant", practice, nora) not in page.text
    assert "Waits for a second person: " in words(page)
    assert page.text.count(page_of(entered)) == 2


@pytest.mark.cfr("1311.125(b)")
@pytest.mark.parametrize(
    "missing",
    ["dea_expires_on", "dea_source", "license_expires_on", "in_good_standing"],
)
def test_a_grant_without_the_look_up_is_refused(as_, manager, nora, practice, missing):
    page = about("access-grant", practice, nora)

    response = as_(manager).post(page, form_for(nora, **{missing: ""}))

    assert response.status_code == 422
    assert missing in response.context["form"].errors
    assert not AccessRequest.objects.filter(provider=nora).exists()


@pytest.mark.cfr("1311.125(b)")
def test_a_grant_asks_for_the_state_s_registration_where_there_is_one(
    as_, manager, nora, practice
):
    page, until = about("access-grant", practice, nora), practice.today()
    assert "registration_expires_on" not in as_(manager).get(page).text
    register_with_state(nora, until=until)

    refused = as_(manager).post(page, form_for(nora))
    entered = as_(manager).post(
        page, form_for(nora, registration_expires_on=until), follow=True
    )

    assert refused.status_code == 422
    assert "registration_expires_on" in refused.context["form"].errors
    request = AccessRequest.objects.get(provider=nora)
    assert "CSR-1, valid until" in words(as_(manager).get(page_of(request)))
    assert entered.status_code == 200


def test_another_date_than_the_registered_one_is_told(as_, manager, nora, practice):
    page = about("access-grant", practice, nora)

    response = as_(manager).post(page, form_for(nora, dea_expires_on="2020-01-01"))

    assert response.status_code == 422
    assert "What was seen is not what is registered here" in words(response)


@pytest.mark.cfr("1311.120(b)(5)")
@pytest.mark.cfr("1311.125(c)")
def test_it_is_executed_below_what_is_shown_with_both_factors(
    as_, alice, nora, entered, proof
):
    client = as_(alice)
    shown = client.get(page_of(entered)).content.decode()
    data, prompt = shown.index(nora.npi), shown.index("Your portal password")
    assert data < prompt

    response = client.post(page_of(entered), proof)

    assert response.url == page_of(entered)
    grant = AccessGrant.objects.current().get(provider=nora)
    assert grant.request.challenge.purpose == Purpose.APPROVE_ACCESS
    assert "Executed by Alice" in words(client.get(response.url))


@pytest.mark.cfr("1311.115(a)")
@pytest.mark.cfr("1311.120(b)(5)")
@pytest.mark.parametrize(
    "wrong", [{"password": "guess"}, {"code": "000000"}, {"code": ""}]
)
def test_one_factor_executes_nothing(as_, alice, nora, entered, proof, wrong):
    response = as_(alice).post(page_of(entered), proof | wrong)

    assert response.status_code == 422
    assert not AccessGrant.objects.filter(provider=nora).exists()


@pytest.mark.cfr("1311.125(c)")
def test_who_entered_it_is_not_asked_and_cannot_post(as_, manager, nora, entered):
    device = make_device(manager)
    client = as_(manager)
    assert "Your portal password" not in words(client.get(page_of(entered)))

    response = client.post(
        page_of(entered), {"password": PASSWORD, "code": code_of(device)}
    )

    assert response.status_code == 422
    assert not AccessGrant.objects.filter(provider=nora).exists()
    refused = Event.objects.get(act=Act.ACCESS_REFUSED)
    assert (refused.actor, refused.detail["reason"]) == (
        manager.username,
        "same_person",
    )


@pytest.mark.cfr("1311.125(c)")
def test_the_own_right_of_the_only_registrant_is_called_that(
    as_, alice, manager, practice
):
    access_requests.give_up(alice.provider, by=alice, reason="pause")
    own = access_requests.request_grant(
        alice.provider,
        practice=practice,
        by=manager,
        look_up=access_requests.LookUp(
            dea_registration=alice.provider.dea_registrations.get(),
            dea_expires_on=alice.provider.dea_registrations.get().expires_on,
            dea_source="web",
            state_license=alice.provider.state_licenses.get(),
            license_expires_on=alice.provider.state_licenses.get().expires_on,
            state_source="board",
        ),
    )

    assert "This is your own right to sign" in words(as_(alice).get(page_of(own)))


def test_declining_and_taking_back(as_, alice, manager, entered):
    declined = as_(alice).post(page_of(entered, "access-decline"), {"reason": ""})
    assert declined.status_code == 422

    as_(manager).post(page_of(entered, "access-withdraw"))

    entered.refresh_from_db()
    assert entered.state == "withdrawn"
    text = words(as_(alice).get(page_of(entered)))
    assert "Withdrawn by Admin-Of-Alice" in text


def test_declining_says_why(as_, alice, entered):
    as_(alice).post(page_of(entered, "access-decline"), {"reason": "Not trained"})

    entered.refresh_from_db()
    assert (entered.state, entered.closing_note) == ("refused", "Not trained")


def test_only_who_entered_it_takes_it_back_on_the_page(as_, alice, entered):
    as_(alice).post(page_of(entered, "access-withdraw"))

    entered.refresh_from_db()
    assert entered.is_open


@pytest.mark.cfr("1311.125(d)")
def test_an_end_is_entered_on_the_page_and_stops_signing(as_, alice, manager, practice):
    page = about("access-revoke", practice, alice.provider)

    response = as_(manager).post(page, {"reason": "left the practice"})

    request = AccessRequest.objects.get(kind="revoke")
    assert response.url == page_of(request)
    grant = AccessGrant.objects.current().get(provider=alice.provider)
    assert [one.cause for one in grant.suspensions.all()] == [Cause.END_ENTERED]
    assert "Two people have to decide" in words(as_(manager).get(OVERVIEW))


@pytest.mark.parametrize(
    ("page", "person", "kind"),
    [("access-name", "sam", "name"), ("access-dismiss", "alice", "dismiss")],
)
def test_designees_are_named_and_ended_on_a_page(
    as_, alice, manager, sam, practice, page, person, kind
):
    person = {"sam": sam, "alice": alice}[person]

    response = as_(manager).post(about(page, practice), {"person": person.pk})

    request = AccessRequest.objects.get(kind=kind)
    assert response.url == page_of(request)
    assert request.person == person


def test_one_resigns_alone(as_, alice, manager, practice):
    as_(manager).post(about("access-resign", practice))

    assert Designee.objects.get(user=manager).until
    assert as_(manager).get(about("access-name", practice)).status_code == 404


def test_one_gives_up_the_right_alone(as_, alice):
    client = as_(alice)
    assert client.post(reverse("access-give-up"), {"reason": ""}).status_code == 422

    client.post(reverse("access-give-up"), {"reason": "retiring"})

    assert not AccessGrant.objects.current().filter(provider=alice.provider).exists()


@pytest.mark.cfr("1311.102(b)")
@pytest.mark.cfr("1311.125(d)(1)")
def test_a_lost_device_is_reported_without_any_factor(as_, alice, phone):
    client = as_(alice)
    page = reverse("device-lost", args=[phone.public_id])
    assert page in client.get(reverse("erx-info")).content.decode()
    assert client.post(page, {"cause": "borrowed"}).status_code == 422

    client.post(page, {"cause": "stolen"})

    phone.refresh_from_db()
    assert phone.retired_at
    assert "Suspended" in words(client.get(reverse("erx-info")))


PAGES = ["access-request", "access-decline", "access-withdraw"]


@pytest.mark.parametrize("name", PAGES)
def test_a_request_is_shown_to_the_designees_of_its_practice_only(
    as_, bob, sam, nora, entered, name
):
    for stranger in (bob, sam, nora.user):
        assert as_(stranger).post(page_of(entered, name)).status_code == 404
        entered.refresh_from_db()
        assert entered.is_open


@pytest.mark.parametrize("name", ["access-grant", "access-revoke"])
def test_a_provider_is_changed_by_the_designees_of_the_practice_only(
    as_, alice, bob, sam, practice, name
):
    for stranger in (bob, sam):
        page = about(name, practice, alice.provider)
        assert as_(stranger).get(page).status_code == 404
    elsewhere = about(name, practice, bob.provider)
    assert as_(alice).get(elsewhere).status_code == 404


def test_another_s_device_is_not_reported(as_, bob, phone):
    page = reverse("device-lost", args=[phone.public_id])

    assert as_(bob).post(page, {"cause": "lost"}).status_code == 404
    phone.refresh_from_db()
    assert phone.retired_at is None


def test_who_left_sees_nothing_any_more(as_, alice, practice, entered):
    alice.memberships.update(left_on=practice.today())

    assert as_(alice).get(page_of(entered)).status_code == 404
    assert "You set access at no practice" in words(as_(alice).get(OVERVIEW))


def test_a_suspension_is_shown_to_those_who_decide(as_, alice, manager, phone):
    suspension.report_device(phone, by=alice, cause=Cause.LOST)

    text = words(as_(manager).get(OVERVIEW))

    assert "Two people have to decide" in text
    assert "Alice Example, MD: a device was lost" in text


def test_the_overview_costs_the_same_however_many_providers(
    as_, alice, practice, django_assert_max_num_queries
):
    client = as_(alice)
    for number in range(4):
        make_ready_provider(f"carol{number}", practice=practice)

    with django_assert_max_num_queries(34):
        client.get(OVERVIEW)


def test_a_second_registrant_ends_the_solo_path(as_, alice, practice, manager):
    carol = make_ready_provider("carol", practice=practice)
    make_designee(carol, practice=practice)
    access_requests.give_up(alice.provider, by=alice, reason="pause")
    page = about("access-grant", practice, alice.provider)
    client = as_(manager)
    client.post(page, form_for(alice.provider))

    own = AccessRequest.objects.open().get(provider=alice.provider)
    assert "Nobody gives a right to themselves" in words(as_(alice).get(page_of(own)))
