"""A real Chromium against the running demonstration; screenshots under artifacts/."""

import itertools
import os
import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.processes import ROOT

SCREENSHOTS = ROOT / "artifacts" / "screenshots"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WINDOW = {"width": 1280, "height": 900}
PATIENCE = 30_000  # milliseconds; other processes test, too
expect.set_options(timeout=PATIENCE)
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


def chromium() -> str | None:
    candidates = [os.environ.get("CHROMIUM"), "/usr/bin/chromium", "google-chrome"]
    found = (shutil.which(candidate) for candidate in candidates if candidate)
    return next(filter(None, found), None)


@pytest.fixture(scope="package")
def browser():
    path = chromium()
    if path is None:
        say = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        say("No Chromium: set CHROMIUM, or install it (Debian: chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser, demo):
    """Somebody's browser: cookies of its own, relative addresses are the portal's."""
    context = browser.new_context(base_url=demo.portal, viewport=WINDOW)
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def page(context, screenshot):
    """A tab in which no page may throw, or break its content security policy."""
    page = context.new_page()
    complaints = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: _note(message, complaints))
    yield page
    screenshot(page, "end")
    assert not complaints


@pytest.fixture
def screenshot(request):
    """A function that keeps what a page looks like now, numbered, under a name."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    test = re.sub(r"\W+", "-", request.node.name.removeprefix("test_")).strip("-")
    number = itertools.count(1)

    def keep(page, name: str) -> Path:
        path = SCREENSHOTS / f"{test}-{next(number):02}-{name}.png"
        page.screenshot(path=path, full_page=True)
        return path

    return keep


def _note(message, complaints: list[str]) -> None:
    # A refused form is an answer with an error status, which is not a fault.
    if message.type == "error" and not message.text.startswith("Failed to load"):
        complaints.append(message.text)
