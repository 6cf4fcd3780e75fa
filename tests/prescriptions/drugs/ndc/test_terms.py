"""FDA's codes, strengths and forms, as a prescription says them."""

import pytest

from prescriptions.drugs import formulary, ndc_codes
from prescriptions.drugs.ndc import crosscheck, products, terms
from prescriptions.drugs.ndc.files import Refused, Row
from tests.prescriptions.drugs.ndc import files

PADDED = {
    "0001-0552-01": "00001055201",
    "12345-678-90": "12345067890",
    "12345-6789-0": "12345678900",
    "12345-6789-01": "12345678901",
}
NOT_AN_NDC = [
    "",
    "0001-0552",
    "00010552-01",
    "0001-552-01",
    "1234-5678-9",
    "12345-67-89",
]
NOT_AN_NDC += ["123456-789-0", "0001-0552-0x", "0001-0552-٠١", "0001-0552-01\n"]


@pytest.mark.parametrize(("ten", "eleven"), PADDED.items())
def test_the_hyphens_say_which_segment_is_padded(ten, eleven):
    assert ndc_codes.eleven_digits(ten) == eleven


@pytest.mark.parametrize("text", NOT_AN_NDC, ids=repr)
def test_what_is_no_ndc_is_refused(text):
    with pytest.raises(ndc_codes.NotAnNdc, match="is not 4-4-2, 5-3-2 or 5-4-1"):
        ndc_codes.eleven_digits(text)


STRENGTHS = {
    "5 mg": [("A", "5", "mg/1")],
    "0.5 mg": [("A", ".50", "mg/1")],
    "5 mg-325 mg": [("A", "5", "mg/1"), ("B", "325.0", "mg/1")],
    "10 mg-100 mg/5 mL": [("A", "10", "mg/5mL"), ("B", "100", "mg/5mL")],
    "1 mg/mL": [("A", "1", "mg/mL")],
    "2 mg/0.5 mL": [("A", "2", "mg/.5mL")],
    "25 mcg/hour": [("A", "25", "ug/h")],
    "9.5 mg/24 hours": [("A", "9.5", "mg/24h")],
    "1 mg/mL-2 mg": [("A", "1", "mg/mL"), ("B", "2", "mg/1")],
    "20 mEq": [("A", "20", "meq/1")],
}


@pytest.mark.cfr("1306.05(a)")
@pytest.mark.parametrize(("said", "parts"), STRENGTHS.items(), ids=STRENGTHS)
def test_a_strength_is_said_as_on_a_prescription(said, parts):
    assert terms.strength([terms.ingredient(*part) for part in parts]) == said


@pytest.mark.parametrize("amount", ["", "0", ".", "-5", "5e3", "NaN", "1/2", "٥", "5 "])
def test_an_amount_that_is_no_number_is_refused(amount):
    with pytest.raises(Refused):
        terms.ingredient("A", amount, "mg/1")


@pytest.mark.parametrize("unit", ["[hp_X]/1", "mg", "", "mg/1/2", "mg/5furlong", "/"])
def test_an_unknown_unit_is_kept_and_cannot_be_written(unit):
    assert not terms.ingredient("A", "5", unit).is_writable


FORMS = {
    ("TABLET", "ORAL"): ("tablet", "C48542"),
    ("TABLET, FILM COATED", "ORAL"): ("tablet", "C48542"),
    ("TABLET, FILM COATED, EXTENDED RELEASE", "ORAL"): (
        "extended-release tablet",
        "C48542",
    ),
    ("TABLET", "SUBLINGUAL"): ("sublingual tablet", "C48542"),
    ("CAPSULE, EXTENDED RELEASE", "ORAL"): ("extended-release capsule", "C48480"),
    ("SOLUTION", "ORAL"): ("oral solution", "C28254"),
    ("INJECTION, SOLUTION", "INTRAMUSCULAR; INTRAVENOUS"): ("injection", "C28254"),
    ("PATCH, EXTENDED RELEASE", "TRANSDERMAL"): ("transdermal patch", "C48524"),
    ("FILM, SOLUBLE", "BUCCAL; SUBLINGUAL"): ("buccal film", "C53499"),
    ("SPRAY, METERED", "NASAL"): ("nasal spray", "C28254"),
    ("GEL", "TRANSDERMAL"): ("topical gel", "C48155"),
    ("TABLET, INVENTED", "ORAL"): ("tablet, invented (oral)", ""),
    ("KIT", ""): ("kit", ""),
}


@pytest.mark.parametrize(("form", "said"), FORMS.items(), ids=lambda it: it[0])
def test_a_form_is_said_as_on_a_prescription_and_has_its_unit(form, said):
    found = terms.form(*form)

    assert (found.name, found.unit_code) == said


def test_a_drug_of_the_formulary_has_one_key_however_it_is_ordered(subtests):
    for drug in formulary.drugs():
        with subtests.test(drug.name):
            label = drug.name.removesuffix(f" {drug.strength} {drug.form}")
            key = terms.key_of(label, drug.strength, drug.form)

            assert key
            assert key.endswith(f"|{drug.form}")
            assert len(key.split("|")) == 1 + len(
                drug.strength.partition("/")[0].split("-")
            )


def test_no_two_drugs_of_the_formulary_share_a_key():
    keys = [
        terms.key_of(
            drug.name.removesuffix(f" {drug.strength} {drug.form}"),
            drug.strength,
            drug.form,
        )
        for drug in formulary.drugs()
    ]

    assert len(set(keys)) == len(keys)


def test_mixed_amphetamine_salts_are_one_substance_of_their_sum():
    names = "AMPHETAMINE ASPARTATE; AMPHETAMINE SULFATE; DEXTROAMPHETAMINE SACCHARATE; "
    row = files.product(
        "0001-0552",
        SUBSTANCENAME=names + "DEXTROAMPHETAMINE SULFATE",
        ACTIVE_NUMERATOR_STRENGTH="2.5; 2.5; 2.5; 2.5",
        ACTIVE_INGRED_UNIT="mg/1; mg/1; mg/1; mg/1",
    )

    found = products.product(Row("product.txt", 2, row), rules="")

    assert found.description == "Amphetamine mixed salts 10 mg tablet"
    assert (found.schedule, found.is_agreed) == ("II", True)


LISTED = {
    "oxycodone": ([("OXYCODONE HYDROCHLORIDE", "5", "mg/1")], [{"II"}]),
    "codeine alone": ([("CODEINE SULFATE", "30", "mg/1")], [{"II"}]),
    "codeine together": (
        [("CODEINE PHOSPHATE", "30", "mg/1"), ("ACETAMINOPHEN", "300", "mg/1")],
        [{"III"}],
    ),
    "codeine above every limit": (
        [("CODEINE PHOSPHATE", "120", "mg/1"), ("ACETAMINOPHEN", "300", "mg/1")],
        [{"II"}],
    ),
    "diphenoxylate with atropine": (
        [("DIPHENOXYLATE HYDROCHLORIDE", "2.5", "mg/1"), ("ATROPINE", ".025", "mg/1")],
        [{"V"}],
    ),
    "two that are listed": (
        [
            ("SERDEXMETHYLPHENIDATE", "26.1", "mg/1"),
            ("DEXMETHYLPHENIDATE", "5", "mg/1"),
        ],
        [{"IV"}, {"II"}],
    ),
    "an oxybate of another salt": ([("CALCIUM OXYBATE", "1", "g/mL")], [{"III"}]),
    "nothing listed": ([("LISINOPRIL", "5", "mg/1")], []),
    "a name inside another": ([("APOMORPHINE", "5", "mg/1")], []),
}


@pytest.mark.cfr("1308.12", "1308.13", "1308.14", "1308.15")
@pytest.mark.parametrize(("parts", "schedules"), LISTED.values(), ids=LISTED)
def test_the_regulation_is_asked_for_every_substance(parts, schedules):
    ingredients = [terms.ingredient(*part) for part in parts]

    found = crosscheck.possible_schedules(ingredients, terms.form("TABLET", "ORAL"))

    assert found == schedules


@pytest.mark.parametrize(
    ("names", "schedule", "facts"),
    [
        (["oxycodone hydrochloride"], "II", ("9143", True)),
        (["codeine phosphate", "acetaminophen"], "III", ("9804", True)),
        (["alprazolam"], "IV", ("2882", False)),
        (["alprazolam"], "II", ("", False)),
        (["inventedol"], "II", ("", True)),
    ],
)
def test_what_the_table_does_not_know_counts_as_narcotic(names, schedule, facts):
    assert crosscheck.dea_facts(names, schedule) == facts
