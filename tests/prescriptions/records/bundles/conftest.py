import pytest

from prescriptions.records import logs
from prescriptions.records.bundles import writer
from prescriptions.records.bundles.contents import Scope
from prescriptions.signing import ceremony
from tests.prescriptions.factories import SESSION, make_drug, make_ready, prove


@pytest.fixture
def signed(alice, phone, practice):
    """Two signed prescriptions of one patient, and a log of them."""
    first = make_ready(alice.provider, note="With <care> & “love”")
    second = make_ready(
        alice.provider,
        patient=first.patient,
        drug=make_drug("Morphine sulfate 15 mg tablet"),
        refills=0,
    )
    records = ceremony.sign(
        [first, second],
        by=alice,
        challenge=prove([first, second], phone),
        session_key=SESSION,
    )
    today = practice.today()
    logs.make(alice.provider, practice=practice, first=today, last=today, by=alice)
    return records


@pytest.fixture
def folder(signed, tmp_path):
    """A bundle of the whole installation, as a folder."""
    writer.write(tmp_path / "bundle", scope=Scope())
    return tmp_path / "bundle"


@pytest.fixture
def zipped(signed, tmp_path):
    """The same as a zip file."""
    writer.write(tmp_path / "bundle.zip", scope=Scope())
    return tmp_path / "bundle.zip"
