"""NDCs: ten digits that need their hyphens, eleven that do not."""

import re

PRODUCT = re.compile(r"\A(\d{4}-\d{4}|\d{5}-\d{3,4})\Z", re.ASCII)
PACKAGE = re.compile(r"\A(\d{4,5})-(\d{3,4})-(\d{1,2})\Z", re.ASCII)
DIGITS = 11
# Segment lengths FDA assigns: 4-4-2, 5-3-2, 5-4-1, or full length. The short segment
# is the one that is padded.
LENGTHS = {(4, 4, 2), (5, 3, 2), (5, 4, 1), (5, 4, 2)}
TYPED = re.compile(r"\A\d{4,5}-\d{0,4}(-\d{0,2})?\Z|\A\d{5,11}\Z", re.ASCII)


class NotAnNdc(ValueError):
    """The text is not an NDC with its hyphens; the message says what is expected."""


def eleven_digits(ndc: str) -> str:
    """Return a hyphenated NDC in the form SCRIPT and pharmacies use; raise NotAnNdc."""
    match = PACKAGE.match(ndc)
    if not match or tuple(map(len, match.groups())) not in LENGTHS:
        raise NotAnNdc(f"The NDC “{ndc[:20]}” is not 4-4-2, 5-3-2 or 5-4-1.")
    labeler, product, package = match.groups()
    return labeler.zfill(5) + product.zfill(4) + package.zfill(2)


def is_typed(text: str) -> bool:
    """Return True if a query looks like an NDC, not like a name or a strength."""
    return bool(TYPED.match(text))


def beginnings(text: str) -> list[str]:
    """Return the possible beginnings of the eleven digits of a typed NDC."""
    if "-" in text:
        return sorted(_with_hyphens(*text.split("-")))
    if len(text) != DIGITS - 1:
        return [text]
    return sorted({f"0{text}", f"{text[:5]}0{text[5:]}", f"{text[:9]}0{text[9:]}"})


def _with_hyphens(labeler: str, product: str, package: str | None = None) -> set[str]:
    products = {product}
    if len(labeler) == 5 and len(product) <= 3:
        products.add(f"0{product}")
    if package is None:
        return {labeler.zfill(5) + digits for digits in products}
    packages = {package} | ({package.zfill(2)} if len(package) == 1 else set())
    padded = labeler.zfill(5) + product.zfill(4)
    return {padded + digits for digits in packages}
