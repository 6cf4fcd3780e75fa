from django.apps import AppConfig
from django.contrib.auth import get_user_model
from django.db.models.signals import post_save


class MfaConfig(AppConfig):
    name = "mfa"
    verbose_name = "Identity and devices"

    def ready(self) -> None:
        from mfa import factor, throttle
        from mfa.factors import FACTORS

        post_save.connect(throttle.begin, sender=get_user_model())
        factor.register(*FACTORS)
