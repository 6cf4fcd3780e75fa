import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "epcs_portal.settings")

application = get_wsgi_application()

from prescriptions import signer  # noqa: E402  needs the apps

signer.unlock()
