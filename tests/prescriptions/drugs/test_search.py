"""A drug is found by the beginnings of words, by its strength and by its NDC."""

from importlib import import_module

import pytest
from django.apps import apps
from django.urls import reverse

from prescriptions.drugs import formulary, search
from prescriptions.drugs.ndc import importer
from prescriptions.models import Drug, DrugWord, Prescription, Status
from tests.prescriptions.drugs.ndc.files import package, product, write
from tests.prescriptions.factories import make_draft, make_patient, make_pharmacy

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
OXYCODONE = "Oxycodone hydrochloride 5 mg tablet"


@pytest.fixture
def shelf(db):
    """The formulary that comes with the portal."""
    formulary.load()


@pytest.fixture
def sold(shelf, tmp_path):
    """Oxycodone 5 mg as one labeler sells it, under a brand."""
    importer.run(
        write(
            tmp_path,
            [product("0001-0552", PROPRIETARYNAME="Roxyinvented")],
            [package("0001-0552-01"), package("0001-0552-90")],
        )
    )


def names(query):
    return [drug.name for drug in search.find(query)]


FINDS = {
    "the beginning and the strength": ("oxyco 5", OXYCODONE),
    "the strength first": ("5 oxyco", OXYCODONE),
    "capitals": ("OXYCODONE 5 MG TABLET", OXYCODONE),
    "strength and unit in one": ("oxycodone 5mg", OXYCODONE),
    "an abbreviated salt": ("oxycodone hcl 5", OXYCODONE),
    "an accent": ("Oxycodoné 5", OXYCODONE),
    "a fraction": (
        "oxycod apap 7.5",
        "Oxycodone hydrochloride and acetaminophen 7.5 mg-325 mg tablet",
    ),
    "two strengths": (
        "acetaminophen oxy 5/325",
        "Oxycodone hydrochloride and acetaminophen 5 mg-325 mg tablet",
    ),
    "an abbreviated form": (
        "oxycodone er 10",
        "Oxycodone hydrochloride 10 mg extended-release tablet",
    ),
    "a brand of the formulary": ("xanax 0.5", "Alprazolam 0.5 mg tablet"),
    "a brand of some strengths": ("roxicod", OXYCODONE),
    "the unit": ("fentanyl 25 mcg", "Fentanyl 25 mcg/hour transdermal patch"),
}


@pytest.mark.parametrize(("query", "name"), FINDS.values(), ids=FINDS)
def test_the_drug_meant_comes_first(shelf, query, name):
    assert names(query)[0] == name


def test_the_exact_strength_comes_before_the_longer_one(shelf):
    found = names("morphine 1")

    assert "Morphine sulfate 15 mg tablet" in found
    assert names("morphine 15")[0] == "Morphine sulfate 15 mg tablet"
    assert names("oxycodone 1")[0].startswith("Oxycodone hydrochloride 1")


def test_a_name_that_begins_as_typed_comes_before_one_with_the_word_inside(shelf):
    found = names("acetaminophen")

    assert found[0].startswith("Acetaminophen")
    assert any(not name.startswith("Acetaminophen") for name in found)


def test_every_word_has_to_be_there(shelf):
    assert not names("oxycodone patch")
    assert names("oxycodone")


def test_at_most_twenty_are_listed(shelf):
    assert len(names("tablet")) == search.MOST_HITS == 20


def test_a_drug_is_found_by_its_brand(sold):
    assert names("roxyinv") == [OXYCODONE]


@pytest.mark.parametrize(
    "query",
    [
        "0001-0552-01", "0001-0552", "0001-05", "00001055201", "0001055201",
        "000010552", " 0001-0552-9 ", "00001-0552-90", "0001-",
    ],
)  # fmt: skip
def test_a_drug_is_found_by_its_ndc(sold, query):
    assert names(query) == [OXYCODONE]


@pytest.mark.parametrize(
    "query", ["0001-0552-02", "0001-0553", "99999", "00001055299", "0001-0552-012"]
)
def test_another_ndc_finds_nothing(sold, query):
    assert not names(query)


def test_what_cannot_be_prescribed_is_not_found(shelf):
    Drug.objects.filter(name=OXYCODONE).update(is_active=False)
    Drug.objects.filter(name__startswith="Morphine").update(unavailable="Vanished.")

    assert OXYCODONE not in names("oxycodone 5")
    assert not names("morphine")


HOSTILE = ["", " ", "\0", "%", "_", "%%%", "a%", "a_", "';--", "\\", "\ud800", "💊"]
HOSTILE += ["x" * 10_000, "5" * 10_000, "a " * 5_000, "-" * 50, "0001--", "é" * 200]


@pytest.mark.parametrize("query", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_that_is_typed_breaks_the_search(shelf, query):
    assert len(names(query)) <= search.MOST_HITS


@pytest.mark.parametrize("query", ["%", "_", "%%%", "'--", "\0", " "])
def test_a_wildcard_is_no_wildcard(shelf, query):
    assert not names(query)


@pytest.mark.parametrize("query", HOSTILE, ids=range(len(HOSTILE)))
def test_the_page_answers_whatever_is_asked(client, mallory, shelf, query):
    client.force_login(mallory)
    query = query.encode(errors="replace").decode()

    expected = 400 if "\0" in query else 200

    for data in [{"q": query}, {"q": "oxy", "drug": query}, {"drug": query}]:
        assert client.get(reverse("drug-search"), data).status_code == expected


def test_the_search_asks_the_database_little(shelf, django_assert_num_queries):
    with django_assert_num_queries(3):  # what matches, its words, what is shown
        assert len(names("oxyco 5 tablet")) > 1
    with django_assert_num_queries(1):
        names("0001-0552-01")


def test_what_was_chosen_stays_in_the_list(client, alice, shelf):
    chosen = Drug.objects.get(name="Morphine sulfate 15 mg tablet")
    client.force_login(alice)

    page = client.get(reverse("drug-search"), {"q": "oxyco 5", "drug": chosen.pk})

    text = page.content.decode()
    assert text.index(chosen.name) < text.index(OXYCODONE)
    assert f'value="{chosen.pk}" checked' in text


def test_an_altered_name_is_found_by_its_new_words(shelf):
    drug = Drug.objects.get(name=OXYCODONE)
    drug.name = "Renamed hydrochloride 5 mg tablet"
    drug.save()
    search.index([drug])

    assert names("renamed") == [drug.name]


class Page:
    """The page on which a prescription is written, for Alice's patient."""

    def __init__(self, client, alice):
        client.force_login(alice)
        self.client = client
        patient = make_patient(alice.memberships.get().practice)
        self.url = reverse("prescription-create", args=[patient.public_id])
        self.values = {
            "prescriber": alice.provider.pk,
            "quantity": "12",
            "directions": "Take 1 tablet every 6 hours as needed.",
            "pharmacy": make_pharmacy().pk,
            "refills": "0",
        }

    def post(self, **values):
        return self.client.post(self.url, self.values | values)


@pytest.fixture
def page(client, alice, shelf):
    return Page(client, alice)


def test_find_lists_drugs_and_judges_nothing_yet(page):
    answer = page.post(q="oxyco 5", find="1", quantity="")

    assert answer.status_code == 200
    text = answer.content.decode()
    assert OXYCODONE in text
    assert "Take 1 tablet every 6 hours as needed." in text
    assert "has-errors" not in text
    assert not Prescription.objects.exists()


def test_find_saves_nothing_even_when_all_is_filled_in(page):
    drug = Drug.objects.get(name=OXYCODONE)

    answer = page.post(drug=drug.pk, q="morphine", find="1")

    assert f'value="{drug.pk}" checked' in answer.content.decode()
    assert not Prescription.objects.exists()


@pytest.mark.parametrize("is_chosen", [False, True])
def test_enter_searches_until_there_is_a_drug(page, is_chosen):
    """The first button of a form is what Enter presses."""
    drug = Drug.objects.get(name=OXYCODONE)

    text = page.post(find="1", q="oxyco", **{"drug": drug.pk} if is_chosen else {}).text

    form = text[text.index('<form method="post">') :]
    first = form[form.index("<button") : form.index("</button>")]
    assert ('name="find"' in first) is not is_chosen


def test_without_the_directory_nobody_is_told_to_search_by_ndc(page):
    text = page.post(find="1", q="0406-0552").text

    assert "Name and strength</label>" in text
    assert "NDCs are known once FDA’s directory is imported." in text


def test_with_the_directory_the_search_is_by_ndc_too(page, sold):
    text = page.post(find="1", q="99999").text

    assert "Name, strength or NDC</label>" in text
    assert "directory is imported" not in text


def test_without_a_choice_the_search_is_shown_with_what_to_do(page):
    answer = page.post(q="oxyco 5")

    assert answer.status_code == 422
    text = answer.content.decode()
    assert "Find the drug and choose it." in text
    assert OXYCODONE in text


def test_a_drug_that_was_chosen_is_prescribed(page):
    page.post(drug=Drug.objects.get(name=OXYCODONE).pk, q="oxyco 5")

    prescription = Prescription.objects.get()
    assert (prescription.drug.name, prescription.status) == (OXYCODONE, Status.DRAFT)


NO_DRUG = ["0", "-1", "9" * 30, "x", "1.5", "' OR 1=1"]


@pytest.mark.parametrize("value", NO_DRUG, ids=range(len(NO_DRUG)))
def test_what_is_no_drug_is_refused_at_the_field(page, value):
    answer = page.post(drug=value)

    assert answer.status_code == 422
    assert "cannot be prescribed" in answer.content.decode()


@pytest.mark.cfr("1306.05(a)")
def test_a_drug_that_cannot_be_prescribed_is_refused(page):
    drug = Drug.objects.get(name=OXYCODONE)
    Drug.objects.filter(pk=drug.pk).update(unavailable="It vanished.")

    answer = page.post(drug=drug.pk)

    assert answer.status_code == 422
    assert not Prescription.objects.exists()


def test_a_draft_shows_its_drug_also_when_it_is_gone(client, alice):
    draft = make_draft(alice.provider)
    Drug.objects.filter(pk=draft.drug_id).update(unavailable="It vanished.")
    client.force_login(alice)

    page = client.get(reverse("prescription-edit", args=[draft.public_id]))

    assert f'value="{draft.drug_id}" checked' in page.content.decode()
    assert "It vanished." in page.content.decode()


def test_what_was_there_before_the_search_is_found_after_the_upgrade(shelf):
    migration = import_module("prescriptions.migrations.0006_drug_data")
    DrugWord.objects.all().delete()

    migration.find_what_is_there(apps, None)

    assert names("oxyco 5")[0] == OXYCODONE
