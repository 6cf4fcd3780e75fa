"""Records move to another installation with their signatures (21 CFR 1311.305)."""

import hashlib
import json

import pytest
import rfc8785
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction
from joserfc import jws

from audit.acts import Act, Outcome
from audit.models import Event
from prescriptions import signer
from prescriptions.models import (
    ImportedBundle,
    ImportedRecord,
    SignedRecord,
    SigningKey,
    Transmission,
)
from prescriptions.records.bundles import reader, verify, writer
from prescriptions.records.bundles.contents import Scope
from tests.factories import make_practice, make_provider
from tests.keys import write_signing_key
from tests.prescriptions.factories import make_ready, sign
from tests.prescriptions.records.bundles.tampering import (
    flip,
    reseal,
    sealed_by_a_thief,
)
from tests.prescriptions.tampering import forget, tamper

pytestmark = pytest.mark.django_db


@pytest.fixture
def other(folder, tmp_path, settings):
    """The same database without the records and keys of the first installation.

    What is left are a practice to import for and a signing key of its own.
    """
    kid = SigningKey.objects.get().kid
    for model in (Transmission, SignedRecord, SigningKey):
        forget(model)
    (tmp_path / "other").mkdir()
    settings.SIGNING_KEY_FILE = str(
        write_signing_key(tmp_path / "other", passphrase="tests only")
    )
    settings.PORTAL_ORIGIN = "https://other.example"
    signer.close()
    return kid


def take(path, kid, practice):
    return reader.import_bundle(path, practice=practice, thumbprint=kid)


@pytest.mark.both_databases
@pytest.mark.cfr("1311.305(e)")
@pytest.mark.cfr("1311.305(f)")
@pytest.mark.cfr("1311.305(g)")
@pytest.mark.cfr("1311.305(h)")
def test_records_go_round_and_verify_again(folder, other, practice, tmp_path):
    """Export, import elsewhere, export from there: the same signed bytes."""
    assert take(folder, other, practice) == reader.Imported(new=2, known=0)
    writer.write(tmp_path / "again", scope=Scope(practice=practice))

    report = verify.check(tmp_path / "again")

    assert report.problems == []
    assert report.signed_with == {other}
    assert report.sealed_with == SigningKey.objects.get().kid != other
    for first in folder.glob("records/*/*"):
        again = tmp_path / "again" / first.relative_to(folder)
        assert again.read_bytes() == first.read_bytes()


@pytest.mark.cfr("1311.305(c)")
@pytest.mark.cfr("1311.305(e)")
def test_what_was_imported_is_readable(folder, other, practice):
    take(folder, other, practice)

    record = ImportedRecord.objects.order_by("drug").last()

    assert record.patient_name == "Pat Patient"
    assert record.drug == "Oxycodone hydrochloride 5 mg tablet"
    assert record.bundle.source == "http://testserver"
    assert record.key["kid"] == other
    assert b"<NewRx>" in bytes(record.xml)
    acts = [json.loads(line)["act"] for line in record.events.splitlines()]
    assert "prescription.signed" in acts


@pytest.mark.both_databases
def test_importing_twice_takes_nothing_more(folder, other, practice):
    take(folder, other, practice)

    assert take(folder, other, practice) == reader.Imported(new=0, known=2)
    assert ImportedRecord.objects.count() == 2
    assert ImportedBundle.objects.count() == 1


def test_what_is_here_already_is_not_imported(folder, practice):
    kid = SigningKey.objects.get().kid

    assert take(folder, kid, practice) == reader.Imported(new=0, known=2)


@pytest.mark.cfr("1311.305(f)")
def test_nothing_is_taken_from_a_bundle_that_does_not_verify(folder, other, practice):
    flip(next(folder.glob("records/*/payload.json")), at=50)

    with pytest.raises(reader.NotImported, match=r"payload\.json: is not as it was"):
        take(folder, other, practice)

    assert not ImportedRecord.objects.exists()
    refused = Event.objects.get(act="records.imported")
    assert (refused.outcome, refused.actor) == ("failure", "system")


@pytest.mark.cfr("1311.305(f)")
def test_nothing_is_taken_that_another_key_sealed(folder, other, practice):
    sealed_by_a_thief(folder)

    with pytest.raises(reader.NotImported, match="not the one named"):
        take(folder, other, practice)


@pytest.mark.both_databases
def test_one_record_that_is_another_here_refuses_all(
    alice, phone, folder, other, practice
):
    take(folder, other, practice)
    tamper(ImportedRecord, payload_digest="0" * 64)
    ImportedBundle.objects.exclude(pk=None)

    with pytest.raises(reader.NotImported, match="Another prescription"):
        take(folder, other, practice)


@pytest.mark.parametrize(
    "changes",
    [
        {"prescription": "0A0A0A0A-0A0A-4A0A-8A0A-0A0A0A0A0A0A"},
        {"prescription": "of somebody"},
        {"issued_on": "2026-02-30"},
        {"issued_on": 7},
        {"prescriber": {}},
        {"patient": None},
    ],
)
def test_a_record_of_another_form_is_refused_and_that_is_on_record(
    folder, other, practice, changes
):
    """Whoever seals is trusted to be who they are, and not to make no mistake."""
    key = sealed_by_a_thief(folder)
    write_anew(next(folder.glob("records/*")), key, changes)
    reseal(folder, key)
    assert verify.check(folder).problems == []

    with pytest.raises(reader.NotImported, match="cannot be archived here"):
        take(folder, key.thumbprint(), practice)

    assert not ImportedRecord.objects.exists()
    last = Event.objects.filter(act=Act.RECORDS_IMPORTED).latest("pk")
    assert last.outcome == Outcome.FAILURE


def write_anew(record, key, changes):
    """Sign a record with other content, and put it where it says that it belongs."""
    signed = json.loads((record / "payload.json").read_bytes())
    signed["content"] |= changes
    digest = hashlib.sha256(rfc8785.dumps(signed["content"])).hexdigest()
    signed |= {"content_digest": digest, "key_id": key.thumbprint()}
    payload = rfc8785.dumps(signed)
    header = {"alg": "ES256", "kid": key.thumbprint()}
    (record / "payload.json").write_bytes(payload)
    (record / "signature.jws").write_text(jws.serialize_compact(header, payload, key))
    (record / "message.xml").unlink()
    record.rename(record.parent / signed["content"]["prescription"])


def test_a_file_that_changes_after_it_verified_is_refused(
    folder, other, practice, monkeypatch
):
    check = verify.check

    def and_then_changed(path, **more):
        report = check(path, **more)
        flip(next(folder.glob("records/*/message.xml")), at=300)
        return report

    monkeypatch.setattr(verify, "check", and_then_changed)

    with pytest.raises(reader.NotImported, match="was changed while it was read"):
        take(folder, other, practice)
    assert not ImportedRecord.objects.exists()
    assert not ImportedBundle.objects.exists()


@pytest.mark.cfr("1311.305(e)")
def test_a_zip_file_is_imported_by_a_command(zipped, other_zip, practice, capsys):
    call_command(
        "import_records",
        zipped,
        practice=str(practice.public_id),
        key_thumbprint=other_zip,
    )

    assert capsys.readouterr().out == (
        "2 prescriptions were imported, 0 were here before.\n"
    )


@pytest.fixture
def other_zip(zipped):
    kid = SigningKey.objects.get().kid
    for model in (Transmission, SignedRecord):
        forget(model)
    return kid


@pytest.mark.parametrize("practice_id", ["x", "00000000-0000-0000-0000-000000000001"])
def test_records_are_imported_for_a_practice_that_is_there(tmp_path, practice_id):
    with pytest.raises(CommandError, match="No practice"):
        call_command(
            "import_records", tmp_path, practice=practice_id, key_thumbprint="x"
        )


@pytest.mark.both_databases
@pytest.mark.cfr("1311.305(e)")
@pytest.mark.parametrize("model", [ImportedRecord, ImportedBundle])
@pytest.mark.usefixtures("as_owner")
def test_what_was_imported_is_kept_as_it_came(folder, other, practice, model):
    take(folder, other, practice)

    with pytest.raises(DatabaseError), transaction.atomic():
        model.objects.update(practice=make_practice(name="Elsewhere"))
    with pytest.raises(DatabaseError), transaction.atomic():
        model.objects.all()._raw_delete("default")


# Scopes


def records_of(path):
    return {folder.name for folder in path.glob("records/*")}


@pytest.fixture
def elsewhere(bob):
    """A prescription that Bob signed at another practice."""
    device = bob.mfa_devices.get(is_primary=True)
    return sign(make_ready(bob.provider), device)


@pytest.mark.cfr("1311.305(c)")
def test_a_practice_exports_its_own_records_only(
    signed, elsewhere, practice, tmp_path, capsys
):
    call_command(
        "export_records",
        output=tmp_path / "ours",
        practice=str(practice.public_id),
    )

    ours = {str(record.prescription.public_id) for record in signed}
    assert records_of(tmp_path / "ours") == ours
    assert not (tmp_path / "ours" / "audit").exists()
    everything = "".join(
        path.read_text() for path in (tmp_path / "ours").rglob("*") if path.is_file()
    )
    assert "bob" not in everything
    assert str(elsewhere.prescription.public_id) not in everything
    assert "2 prescriptions are in" in capsys.readouterr().out


def test_an_installation_exports_all_of_them(signed, elsewhere, tmp_path):
    call_command("export_records", output=tmp_path / "all.zip")

    report = verify.check(tmp_path / "all.zip")
    assert (report.problems, len(report.records)) == ([], 3)


@pytest.mark.parametrize(
    ("first", "last", "found"), [(-1, 1, 2), (0, 0, 2), (1, 2, 0), (-2, -1, 0)]
)
def test_days_limit_what_is_exported(signed, practice, tmp_path, first, last, found):
    from datetime import timedelta

    today = practice.today()
    scope = Scope(
        practice=practice,
        first_day=today + timedelta(days=first),
        last_day=today + timedelta(days=last),
    )

    writer.write(tmp_path / "some", scope=scope)

    assert len(records_of(tmp_path / "some")) == found
    assert verify.check(tmp_path / "some").problems == []


def test_what_exists_is_never_written_over(signed, tmp_path):
    with pytest.raises(CommandError, match="exists and is kept"):
        call_command("export_records", output=tmp_path)

    assert list(tmp_path.iterdir()) == []
    assert Event.objects.filter(act="export.failed").exists()


def test_without_a_key_nothing_is_left_behind(signed, tmp_path, settings):
    settings.SIGNING_KEY_FILE = str(tmp_path / "missing.pem")
    signer.close()

    with pytest.raises(CommandError, match="signing key"):
        call_command("export_records", output=tmp_path / "bundle")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.cfr("1311.305(d)")
def test_an_installation_without_records_exports_a_bundle_too(practice, tmp_path):
    make_provider("carol", practice=practice)

    writer.write(tmp_path / "empty.zip", scope=Scope())

    assert verify.check(tmp_path / "empty.zip").problems == []


@pytest.mark.cfr("1311.305(c)")
def test_a_person_can_read_what_is_in_it(folder):
    table = (folder / "prescriptions.csv").read_text()

    for told in [
        "Oxycodone hydrochloride 5 mg tablet",
        "Patient",
        "2 Elm Street, Albany",
    ]:
        assert told in table
    assert "python verify.py" in (folder / "README.txt").read_text()


@pytest.mark.both_databases
def test_a_long_export_holds_little_in_memory_at_a_time(
    signed, tmp_path, monkeypatch, django_assert_max_num_queries
):
    """Two prescriptions in chunks of one: questions grow with chunks, not with rows."""
    monkeypatch.setattr("prescriptions.records.bundles.contents.CHUNK", 1)
    told = []

    with django_assert_max_num_queries(20):
        writer.write(tmp_path / "bundle", scope=Scope(), progress=told.append)

    assert told == [1, 2]
