from django.apps import AppConfig


class PharmacyConfig(AppConfig):
    name = "sandbox.pharmacy"
    label = "pharmacy"
