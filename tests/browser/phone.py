"""What a person with an authenticator app does: scan, and read codes."""

import shutil
import subprocess
import time
from pathlib import Path

import pyotp


def scan(screenshot: Path) -> str:
    """Return what zbarimg reads from a picture of the page: an otpauth URI."""
    read = subprocess.run(
        ["zbarimg", "--raw", "--quiet", str(screenshot)],
        check=True,
        capture_output=True,
        text=True,
    )
    return read.stdout.strip()


def code(secret: str) -> str:
    """Return the current code, from oathtool where it is installed."""
    if not shutil.which("oathtool"):
        return pyotp.TOTP(secret).now()
    made = subprocess.run(
        ["oathtool", "--totp", "--base32", secret],
        check=True,
        capture_output=True,
        text=True,
    )
    return made.stdout.strip()


def next_code(secret: str) -> str:
    """Return a code that was not shown before, early enough to type it."""
    shown = code(secret)
    while code(secret) == shown:
        time.sleep(0.3)
    return code(secret)
