#!/usr/bin/env python
import os
import sys
from pathlib import Path

if __name__ == "__main__":
    # Run as a file, Python puts this folder on the path in place of the project's.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from django.core.management import execute_from_command_line


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "sandbox.settings"
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
