from django.core.management.base import BaseCommand

from mfa import rekeying


class Command(BaseCommand):
    help = "Refuse all codes shown until now. Run it after restoring a backup."

    def handle(self, **options):
        return f"Burned the current codes of {rekeying.burn_current_codes()} devices."
