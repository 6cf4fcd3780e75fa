import os

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "epcs_portal.settings")

application = get_wsgi_application()

from epcs_portal import checks  # noqa: E402  needs the apps
from prescriptions import signer  # noqa: E402

# A server runs no system checks, and unsafe settings must not start.
if errors := checks.check_settings(None):
    raise ImproperlyConfigured(" ".join(error.msg for error in errors))
signer.unlock()
