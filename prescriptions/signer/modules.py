"""The cryptographic module that signs, and the record of which one it was."""

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audit import chain
from audit.acts import Act
from prescriptions.models import SigningModule
from prescriptions.signer import stores
from prescriptions.signer.keys import Module


def module() -> Module:
    """Return the module that signs, as it names itself; raise SignerUnavailable."""
    return stores.configured().module()


def record_module() -> SigningModule | None:
    """Record the module that signs if it changed, and return the new row.

    21 CFR 1311.120(b)(16)(i). Raise SignerUnavailable.
    """
    facts = _facts(module())
    with transaction.atomic(durable=True):
        newest = SigningModule.objects.select_for_update(no_key=True).first()
        if newest and all(getattr(newest, name) == facts[name] for name in facts):
            return None
        row = SigningModule.objects.create(found_at=timezone.now(), **facts)
        chain.record(
            Act.SIGNING_MODULE_FOUND,
            by=None,
            of=row,
            source=f"{row.store}: {row.name}",
            version=row.version,
            fips=row.is_fips,
            certificate=row.certificate,
        )
    return row


def _facts(current: Module) -> dict[str, str | bool | None]:
    return {
        "store": current.store,
        "name": current.name[:100],
        "version": current.version[:100],
        "is_fips": current.is_fips,
        "certificate": settings.SIGNING_MODULE_CERTIFICATE[:100],
    }
