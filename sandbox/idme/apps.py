from django.apps import AppConfig


class IdmeConfig(AppConfig):
    name = "sandbox.idme"
    label = "idme"
