from django.core.management.base import BaseCommand

from mfa.management import key_rotation


class Command(BaseCommand):
    help = "Refuse all codes shown until now. Run it after restoring a backup."

    def handle(self, **options: object) -> str:
        return (
            f"Burned the current codes of {key_rotation.burn_current_codes()} devices."
        )
