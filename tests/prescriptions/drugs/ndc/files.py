"""Invented rows in FDA's format; a test names only what it is about."""

from prescriptions.drugs.ndc.files import COLUMNS, PACKAGES, PRODUCTS

LABEL = "0a1b2c3d-0000-4000-8000-00000000"  # of an SPL; four digits follow
PRODUCT = {
    "PRODUCTTYPENAME": "HUMAN PRESCRIPTION DRUG",
    "PROPRIETARYNAME": "Oxycodone Hydrochloride",
    "NONPROPRIETARYNAME": "Oxycodone Hydrochloride",
    "DOSAGEFORMNAME": "TABLET",
    "ROUTENAME": "ORAL",
    "STARTMARKETINGDATE": "20150102",
    "MARKETINGCATEGORYNAME": "ANDA",
    "APPLICATIONNUMBER": "ANDA000001",
    "LABELERNAME": "Invented Laboratories, Inc.",
    "SUBSTANCENAME": "OXYCODONE HYDROCHLORIDE",
    "ACTIVE_NUMERATOR_STRENGTH": "5",
    "ACTIVE_INGRED_UNIT": "mg/1",
    "PHARM_CLASSES": "Full Opioid Agonists [MoA], Opioid Agonist [EPC]",
    "DEASCHEDULE": "CII",
    "NDC_EXCLUDE_FLAG": "N",
    "LISTING_RECORD_CERTIFIED_THROUGH": "20271231",
}
PACKAGE = {
    "STARTMARKETINGDATE": "20150102",
    "NDC_EXCLUDE_FLAG": "N",
    "SAMPLE_PACKAGE": "N",
}
CODEINE = {
    "PROPRIETARYNAME": "Acetaminophen and Codeine Phosphate",
    "SUBSTANCENAME": "ACETAMINOPHEN; CODEINE PHOSPHATE",
    "ACTIVE_NUMERATOR_STRENGTH": "300; 30",
    "ACTIVE_INGRED_UNIT": "mg/1; mg/1",
    "DEASCHEDULE": "CIII",
}
BUTALBITAL = {
    "PROPRIETARYNAME": "Butalbital, Acetaminophen and Caffeine",
    "SUBSTANCENAME": "ACETAMINOPHEN; BUTALBITAL; CAFFEINE",
    "ACTIVE_NUMERATOR_STRENGTH": "325; 50; 40",
    "ACTIVE_INGRED_UNIT": "mg/1; mg/1; mg/1",
    "DEASCHEDULE": "",
}
LISINOPRIL = {
    "PROPRIETARYNAME": "Lisinopril",
    "SUBSTANCENAME": "LISINOPRIL",
    "DEASCHEDULE": "",
}
TRAMADOL = {
    "PROPRIETARYNAME": "Tramadol Hydrochloride",
    "SUBSTANCENAME": "TRAMADOL HYDROCHLORIDE",
    "ACTIVE_NUMERATOR_STRENGTH": "50",
    "DEASCHEDULE": "CIV",
}


def product(ndc, label=1, **values):
    """One row of product.txt."""
    own = {"PRODUCTNDC": ndc, "PRODUCTID": f"{ndc}_{LABEL}{label:04}"}
    return _line(PRODUCTS, PRODUCT | own | values)


def package(code, label=1, **values):
    """One row of package.txt, of the product that its NDC begins with."""
    ndc = code.rpartition("-")[0]
    own = {
        "PRODUCTNDC": ndc,
        "PRODUCTID": f"{ndc}_{LABEL}{label:04}",
        "NDCPACKAGECODE": code,
        "PACKAGEDESCRIPTION": f"100 TABLET in 1 BOTTLE ({code})",
    }
    return _line(PACKAGES, PACKAGE | own | values)


def write(folder, products, packages=()):
    """Write an edition and return its folder."""
    folder.mkdir(exist_ok=True)
    for file, lines in [(PRODUCTS, products), (PACKAGES, packages)]:
        text = "\r\n".join(["\t".join(COLUMNS[file]), *lines]) + "\r\n"
        (folder / file).write_bytes(text.encode("cp1252"))
    return folder


def _line(file, values):
    assert values.keys() <= set(COLUMNS[file])
    return "\t".join(values.get(name, "") for name in COLUMNS[file])
