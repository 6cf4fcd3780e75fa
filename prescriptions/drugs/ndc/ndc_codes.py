"""NDCs: ten digits that need their hyphens, eleven that do not."""

import re

from prescriptions.drugs.ndc.files import Refused

PRODUCT = re.compile(r"\A(\d{4}-\d{4}|\d{5}-\d{3,4})\Z", re.ASCII)
PACKAGE = re.compile(r"\A(\d{4,5})-(\d{3,4})-(\d{1,2})\Z", re.ASCII)
DIGITS = 11
# Which segment is short says which is padded: 4-4-2, 5-3-2, 5-4-1, or none.
LENGTHS = {(4, 4, 2), (5, 3, 2), (5, 4, 1), (5, 4, 2)}
TYPED = re.compile(r"\A\d{4,5}-\d{0,4}(-\d{0,2})?\Z|\A\d{5,11}\Z", re.ASCII)


def eleven_digits(ndc: str) -> str:
    """Return the NDC as SCRIPT and pharmacies want it; raise Refused."""
    match = PACKAGE.match(ndc)
    if not match or tuple(map(len, match.groups())) not in LENGTHS:
        raise Refused(f"The NDC “{ndc[:20]}” is not 4-4-2, 5-3-2 or 5-4-1.")
    labeler, product, package = match.groups()
    return labeler.zfill(5) + product.zfill(4) + package.zfill(2)


def is_typed(text: str) -> bool:
    """Say whether somebody types an NDC rather than a name or a strength."""
    return bool(TYPED.match(text))


def beginnings(text: str) -> list[str]:
    """Return what the eleven digits of a typed NDC may begin with."""
    if "-" in text:
        return sorted(_with_hyphens(*text.split("-")))
    if len(text) < DIGITS - 1:
        return [text]
    if len(text) == DIGITS:
        return [text]
    return sorted({f"0{text}", f"{text[:5]}0{text[5:]}", f"{text[:9]}0{text[9:]}"})


def _with_hyphens(labeler: str, product: str, package: str | None = None) -> set[str]:
    products = {product}
    if len(labeler) == 5 and len(product) <= 3:
        products.add(f"0{product}")
    if package is None:
        return {labeler.zfill(5) + one for one in products}
    packages = {package} | ({package.zfill(2)} if len(package) == 1 else set())
    padded = labeler.zfill(5) + product.zfill(4)
    return {padded + one for one in packages}
