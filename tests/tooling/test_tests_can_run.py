import os
import shutil

import pytest

from tests import postgres
from tests.browser.conftest import chromium
from tests.softhsm import is_here as tokens_can_be_tested


def missing(what):
    say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
    say(what)


def test_postgresql_is_here_to_run_the_tests_on():
    if postgres.programs() is None:
        missing(postgres.MISSING)


def test_chromium_is_here_to_run_the_browser_tests_in():
    if chromium() is None:
        missing("Chromium was not found. The browser tests do NOT run.")


@pytest.mark.parametrize("command", ["oathtool", "zbarimg"])
def test_an_independent_authenticator_is_here(command):
    if shutil.which(command) is None:
        missing(f"{command} was not found. Codes are NOT checked by a second program.")


def test_softhsm_is_here_to_hold_the_signing_key():
    if not tokens_can_be_tested():
        missing("SoftHSM was not found. The PKCS#11 key store is NOT tested.")
