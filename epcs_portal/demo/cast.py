"""The people, practices and pharmacies of the demonstration, all invented.

NPIs start with 200, which is not assigned; DEA numbers end in the textbook's 1234563;
telephone numbers are in 555-01xx, which is reserved for fiction.
"""

from typing import Any

HUDSON = {
    "name": "Hudson Street Clinic (Demo)",
    "address_line_1": "1 Hudson Street",
    "city": "Albany",
    "state": "NY",
    "postal_code": "12207",
    "phone": "5185550100",
    "time_zone": "America/New_York",
}
BAYSIDE = {
    "name": "Bayside Pain Center (Demo)",
    "address_line_1": "200 Bayside Avenue",
    "city": "Oakland",
    "state": "CA",
    "postal_code": "94607",
    "phone": "5105550100",
    "time_zone": "America/Los_Angeles",
}
PRACTICES = [HUDSON, BAYSIDE]

PROVIDERS: list[dict[str, Any]] = [
    {
        "key": "ready",
        "practice": HUDSON["name"],
        "credentials": "MD",
        "npi": "2000000010",
        "dea_number": "BR1234563",
        "license": "NY-DEMO-0001",
        "primary": "MyiPhone",
    },
    {
        "key": "new",
        "practice": HUDSON["name"],
        "credentials": "MD",
        "npi": "2000000028",
        "dea_number": "BN1234563",
        "license": "NY-DEMO-0002",
        "primary": None,
    },
    {
        "key": "west",
        "practice": BAYSIDE["name"],
        "credentials": "NP",
        "npi": "2000000036",
        "dea_number": "MW1234563",
        "license": "CA-DEMO-0001",
        "primary": "WrenPhone",
    },
]

_ALBANY = {"city": "Albany", "state": "NY", "postal_code": "12207"}
_TROY = {"city": "Troy", "state": "NY", "postal_code": "12180"}
_OAKLAND = {"city": "Oakland", "state": "CA", "postal_code": "94607"}


def _patient(
    name: str, born: str, sex: str, street: str, town: dict[str, str], phone: str
) -> dict[str, str]:
    first_name, last_name = name.split()
    return {
        "first_name": first_name,
        "last_name": last_name,
        "date_of_birth": born,
        "sex": sex,
        "address_line_1": street,
        **town,
        "phone": phone,
    }


PATIENTS: dict[str, list[dict[str, Any]]] = {
    HUDSON["name"]: [
        _patient(
            "Avery Sample", "1961-04-12", "F", "12 Elm Street", _ALBANY, "5185550111"
        ),
        _patient(
            "Blake Specimen", "1978-09-30", "M", "7 Oak Lane", _ALBANY, "5185550112"
        ),
        _patient(
            "Casey Fictional", "1990-01-05", "F", "88 River Road", _TROY, "5185550113"
        ),
        _patient(
            "Drew Pretend", "1984-11-23", "M", "3 Mill Street", _TROY, "5185550114"
        ),
        _patient("Emery Invented", "1949-07-17", "U", "41 Hill Court", _ALBANY, ""),
    ],
    BAYSIDE["name"]: [
        _patient(
            "Finley Makebelieve",
            "1972-02-28",
            "F",
            "5 Bay Walk",
            _OAKLAND,
            "5105550115",
        ),
        _patient(
            "Gale Imaginary",
            "1988-06-09",
            "M",
            "19 Pier Street",
            _OAKLAND,
            "5105550116",
        ),
        _patient("Harper Notreal", "1995-12-01", "F", "60 Lake Drive", _OAKLAND, ""),
    ],
}


def _pharmacy(
    number: int, name: str, town: dict[str, str], *, accepts_epcs: bool = True
) -> dict[str, Any]:
    return {
        "ncpdp_id": f"99000{number:02}",
        "npi": _PHARMACY_NPIS[number],
        "name": name,
        "address_line_1": f"{number}00 Market Street",
        **town,
        "phone": f"{'518' if town['state'] == 'NY' else '510'}55501{20 + number}",
        "accepts_epcs": accepts_epcs,
    }


_PHARMACY_NPIS = {
    1: "2000000051",
    2: "2000000069",
    3: "2000000077",
    4: "2000000085",
    5: "2000000093",
}
PHARMACIES = [
    _pharmacy(1, "Corner Pharmacy (Demo)", _ALBANY),
    _pharmacy(2, "Riverside Drugs (Demo)", _TROY),
    _pharmacy(3, "Old Town Apothecary (Demo)", _ALBANY, accepts_epcs=False),
    _pharmacy(4, "Harbor Pharmacy (Demo)", _OAKLAND),
    _pharmacy(5, "Lakeside Pharmacy (Demo)", _OAKLAND),
]

DRAFTS: list[dict[str, Any]] = [
    {
        "patient": "Sample",
        "prescriber": "ready",
        "drug": ("Oxycodone hydrochloride", "5 mg", "tablet"),
        "quantity": 20,
        "days_supply": 5,
        "directions": "Take 1 tablet by mouth every 6 hours as needed for pain.",
        "pharmacy": "9900001",
    },
    {
        "patient": "Specimen",
        "prescriber": "ready",
        "drug": ("Alprazolam", "0.5 mg", "tablet"),
        "quantity": 30,
        "days_supply": 30,
        "refills": 2,
        "directions": "Take 1 tablet by mouth once daily at bedtime.",
        "pharmacy": "9900002",
    },
    {
        "patient": "Fictional",
        "prescriber": "ready",
        "drug": ("Oxycodone hydrochloride", "10 mg", "tablet"),
        "quantity": 10,
        "days_supply": 5,
        "directions": "Take 1 tablet by mouth every 12 hours as needed for severe pain.",
        "pharmacy": "9900003",
    },
    {
        "patient": "Pretend",
        "prescriber": "new",
        "drug": ("Oxycodone hydrochloride", "5 mg", "tablet"),
        "quantity": 12,
        "days_supply": 3,
        "directions": "Take 1 tablet by mouth every 6 hours as needed for pain.",
        "pharmacy": "9900001",
    },
]
