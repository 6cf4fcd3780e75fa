"""Production refuses a page whose static file is missing; the tests must see it too."""

import re
from pathlib import Path

from django.contrib.staticfiles import finders

TEMPLATES = Path(__file__).parents[2] / "templates"


def test_every_static_file_that_a_template_names_is_there():
    named = {
        name
        for template in TEMPLATES.rglob("*.html")
        for name in re.findall(
            r"{% static ['\"]([^'\"]+)['\"] %}", template.read_text()
        )
    }

    assert len(named) >= 4
    assert [name for name in named if not finders.find(name)] == []
