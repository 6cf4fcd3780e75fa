"""Search drugs by word beginnings, strength or NDC, the same on both databases."""

import heapq
import re
import unicodedata
from collections.abc import Collection, Iterable

from django.db.models import Exists, OuterRef, Q, QuerySet

from prescriptions.drugs import ndc_codes
from prescriptions.models import Drug, DrugWord

MOST_HITS = 20
MOST_RANKED = 1_000  # a query with more matches is too vague to rank
LONGEST_QUERY, MOST_WORDS, LONGEST_WORD = 100, 6, 40
WORD = re.compile(r"[a-z]+|[0-9]+(?:\.[0-9]+)?")
LAST = b"\xff"  # sorts after every letter and digit
# Abbreviations that people type for words of a description.
ABBREVIATIONS = {
    "acetaminophen": ["apap"],
    "extended": ["er", "xr", "xl", "sr"],
    "delayed": ["dr"],
    "disintegrating": ["odt"],
    "hydrochloride": ["hcl"],
    "oxybate": ["ghb"],
    "mcg": ["ug"],
}
# In nearly every description, so they narrow a search little.
COMMON = [
    "tablet",
    "capsule",
    "oral",
    "solution",
    "extended",
    "release",
    "hydrochloride",
]
COMMON += ["mg", "mcg", "ml", "g", "er", "xr", "hcl", "injection"]


def find(query: str) -> list[Drug]:
    """Return at most MOST_HITS prescribable drugs, the likeliest first."""
    text = query[:LONGEST_QUERY].strip()
    if ndc_codes.is_typed(text):
        sold = Drug.objects.prescribable().filter(_has_package(text))
        return list(sold.order_by("name")[:MOST_HITS])
    wanted = words(text)[:MOST_WORDS]
    return _likeliest(_matching(wanted), wanted=wanted) if wanted else []


def index(drugs: Iterable[Drug]) -> None:
    """Update the search words of drugs to their current names."""
    wanted = {(drug.pk, word.encode()) for drug in drugs for word in _words_of(drug)}
    stored = {
        (pk, bytes(word)): row
        for row, pk, word in DrugWord.objects.filter(drug__in=drugs).values_list(
            "pk", "drug", "word"
        )
    }
    gone = [row for key, row in stored.items() if key not in wanted]
    if gone:
        DrugWord.objects.filter(pk__in=gone).delete()
    DrugWord.objects.bulk_create(
        DrugWord(drug_id=pk, word=word) for pk, word in sorted(wanted - stored.keys())
    )


def words(text: str) -> list[str]:
    """Return the words and numbers of a text, each once, without accents."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    matches = WORD.findall(plain.lower())
    return list(dict.fromkeys(word[:LONGEST_WORD] for word in matches))


def _words_of(drug: Drug) -> set[str]:
    named = set(words(f"{drug.name} {drug.substance} {drug.brands}"))
    return named.union(*(ABBREVIATIONS.get(word, []) for word in named))


def _matching(wanted: list[str]) -> QuerySet[Drug]:
    """Return the prescribable drugs with every word; the rarest word filters first."""
    rarest = max(wanted, key=_rarity)
    matching = Drug.objects.prescribable().filter(
        pk__in=DrugWord.objects.filter(_begins(rarest)).values("drug")
    )
    for word in wanted:
        if word != rarest:
            drug_words = DrugWord.objects.filter(drug=OuterRef("pk"))
            matching = matching.filter(Exists(drug_words.filter(_begins(word))))
    return matching


def _likeliest(matching: QuerySet[Drug], *, wanted: list[str]) -> list[Drug]:
    """Rank names that begin as typed first, then exact words: 5 before 50."""
    names = dict(matching.order_by().values_list("pk", "name")[:MOST_RANKED])
    exact = _exact_matches(names, wanted=wanted)

    def rank(drug: int) -> tuple:
        name = names[drug]
        begins = name.lower().startswith(wanted[0])
        inexact = [(drug, word) not in exact for word in wanted]
        return not begins, inexact, len(name), name

    likeliest = heapq.nsmallest(MOST_HITS, names, key=rank)
    drugs = Drug.objects.in_bulk(likeliest)
    return [drugs[drug] for drug in likeliest]


def _exact_matches(
    drugs: Collection[int], *, wanted: list[str]
) -> set[tuple[int, str]]:
    """Return which drugs have which of the words in full."""
    rows = DrugWord.objects.filter(
        drug__in=drugs, word__in=[word.encode() for word in wanted]
    )
    return {
        (drug, bytes(word).decode()) for drug, word in rows.values_list("drug", "word")
    }


def _rarity(word: str) -> tuple[bool, bool, int]:
    is_common = any(common.startswith(word) for common in COMMON)
    return not is_common, word.isalpha(), len(word)


def _begins(word: str) -> Q:
    return Q(word__gte=word.encode(), word__lt=word.encode() + LAST)


def _has_package(text: str) -> Q:
    """Match drugs with a package whose NDC begins with the typed digits."""
    matches = Q(pk__in=[])
    for digits in ndc_codes.beginnings(text):
        matches |= Q(
            products__packages__ndc__gte=digits.ljust(ndc_codes.DIGITS, "0"),
            products__packages__ndc__lte=digits.ljust(ndc_codes.DIGITS, "9"),
            products__packages__retired_at=None,
        )
    return Q(pk__in=Drug.objects.filter(matches).values("pk"))
