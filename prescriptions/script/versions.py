"""The two versions of SCRIPT that 45 CFR 170.205(b) names.

2017071 may be used until 2028-01-01 and 2023011 since 2024-07-17. The content is the
same in both; 2023011 writes its own version and groups what names the drug in Product.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Version:
    name: str
    wire_version: str  # as written in the message
    drug: str  # the element within MedicationPrescribed that names the drug


OLDEST = "2017071"  # of every message that does not name its version
VERSIONS = {
    version.name: version
    for version in [
        Version("2017071", wire_version="20170715", drug=""),
        Version("2023011", wire_version="2023011", drug="Product"),
    ]
}
