"""SoftHSM, which plays the hardware token."""

import os
import shutil
import subprocess
from pathlib import Path

LIBRARY = Path("/usr/lib/softhsm/libsofthsm2.so")
TOKEN = "epcs"
PIN = "123456"


def is_here() -> bool:
    return LIBRARY.exists() and shutil.which("softhsm2-util") is not None


def make_token(folder: Path) -> None:
    """Make one token; the library finds it by the environment, once a process."""
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(
        f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n"
    )
    os.environ["SOFTHSM2_CONF"] = str(config)
    command = f"softhsm2-util --init-token --free --label {TOKEN} --so-pin 654321"
    subprocess.run([*command.split(), "--pin", PIN], check=True, capture_output=True)
