"""What 21 CFR 1311 asks of people, in their browsers, from the grant to the incident."""

import re
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.browser import phone
from tests.browser.access import (
    give_the_right_to_sign,
    in_a_browser_of_their_own,
    sign_in,
)
from tests.demo import Demo
from tests.processes import ROOT

pytestmark = pytest.mark.slow

DELIVERED = 30_000  # milliseconds; the page asks again every two seconds
DRUGS = [
    ("oxyco 5", "Oxycodone hydrochloride 5 mg tablet"),
    ("alpra 0.5", "Alprazolam 0.5 mg tablet"),
    ("tramadol 50", "Tramadol hydrochloride 50 mg tablet"),
]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A demonstration of its own: its clock is moved at the end."""
    demo = Demo(tmp_path_factory.mktemp("demo") / "data")
    yield demo.wait_until_ready()
    demo.stop()


@pytest.fixture
def nora(page, demo):
    """Nora with a verified identity and a primary device, and without a right to sign."""
    sign_in(page, demo, "nora.new")
    page.goto("/settings/erx-info/")
    page.get_by_role("link", name="Verify with ID.me").click()
    page.get_by_label("E-mail").fill("nora.new@demo.example")
    page.get_by_label("Password").fill(demo.password)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("link", name="Set Up Code Generator").click()
    page.get_by_label("QR code: scan it with an authenticator app").check()
    page.get_by_role("button", name="Continue").click()
    secret = page.locator("#secret, code").first.inner_text().replace(" ", "")
    page.get_by_label("6-digit code").fill(phone.code(secret))
    page.get_by_label("Name your device").fill("MyiPhone")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("link", name="Continue").click()
    if page.get_by_role("button", name="Allow").is_visible():
        page.get_by_role("button", name="Allow").click()
    page.get_by_role("link", name="Select as the Primary Device").click()
    page.get_by_label("Your portal password").fill(demo.password)
    page.locator("input[name=code]").fill(phone.next_code(secret))
    page.get_by_role("button", name="Select as the Primary Device").click()
    page.secret = secret
    return page


def write(page, search, drug, *, pharmacy="Corner"):
    """Prepare a prescription of Nora's for Casey Fictional."""
    page.goto("/patients/")
    page.get_by_role("row", name="Fictional").get_by_role(
        "link", name="Write a prescription"
    ).click()
    prescriber = page.locator("select[name=prescriber]")
    if prescriber.count():
        prescriber.select_option(label=_option(prescriber, "Nora New"))
    page.get_by_label("Name and strength").fill(search)
    page.get_by_role("radio", name=drug).check()
    page.get_by_label("Quantity", exact=True).fill("12")
    page.get_by_label("Directions").fill("Take 1 tablet every 6 hours as needed.")
    chooser = page.get_by_label("Pharmacy", exact=True)
    chooser.select_option(label=_option(chooser, pharmacy))
    page.get_by_role("button", name="Preview Prescription").click()


def prove(page, demo):
    page.get_by_label("Your portal password").fill(demo.password)
    page.locator("input[name=code]").fill(phone.next_code(page.secret))
    page.get_by_role("button", name=re.compile("^Sign & Send")).click()


def _option(chooser, words):
    labels = chooser.locator("option").all_inner_texts()
    return next(label for label in labels if words in label)


def the_pharmacy(demo, browser, behaviour):
    page = browser.new_page(base_url=demo.pharmacy)
    page.goto("/")
    page.get_by_label("What the pharmacy does").select_option(value=behaviour)
    page.get_by_role("button", name="Switch mode").click()
    page.close()


def at_the_end_of_the_month(demo, command):
    """Run what the worker does, with a clock of the month that follows."""
    later = (
        "import time_machine, datetime as d, runpy, sys;"
        "t = d.datetime.now(d.UTC).replace(day=1, hour=12) + d.timedelta(days=32);"
        "time_machine.travel(t.replace(day=2)).start();"
        f"sys.argv = ['manage.py', '{command}'];"
        "runpy.run_path('manage.py', run_name='__main__')"
    )
    subprocess.run(
        [sys.executable, "-c", later],
        cwd=ROOT,
        env=demo.portal_environment(),
        check=True,
        timeout=120,
    )


def test_from_the_grant_to_the_incident(browser, nora, demo, screenshot):
    give_the_right_to_sign(browser, demo, screenshot, to="Nora New")

    sam = in_a_browser_of_their_own(browser, demo, "sam.staff")
    for search, drug in DRUGS:
        write(sam, search, drug)
        expect(sam.get_by_text("Nobody else can.")).to_be_visible()
    screenshot(sam, "agent-has-prepared")
    sam.context.close()

    nora.goto("/patients/")
    nora.get_by_role("link", name="Fictional").first.click()
    nora.get_by_role("link", name=re.compile("^Review and sign 3")).click()
    expect(nora.get_by_role("button", name=re.compile("^Sign & Send"))).to_have_count(0)
    for _ in range(2):
        nora.get_by_role("button", name="Ready to sign").first.click()
    screenshot(nora, "two-of-three-are-marked")
    the_pharmacy(demo, browser, "accept")
    prove(nora, demo)
    expect(nora.get_by_role("heading", name="Not signed")).to_be_visible()
    expect(nora.get_by_text("Accepted by the pharmacy")).to_have_count(
        2, timeout=DELIVERED
    )
    screenshot(nora, "two-are-signed-and-the-third-stays")

    the_pharmacy(demo, browser, "reject")
    nora.get_by_role("link", name=DRUGS[2][1]).click()
    nora.get_by_role("link", name="Review and sign").first.click()
    nora.get_by_role("button", name="Ready to sign").click()
    prove(nora, demo)
    expect(nora.get_by_text(re.compile("^Not delivered"))).to_be_visible(
        timeout=DELIVERED
    )
    screenshot(nora, "the-pharmacy-failed")
    the_pharmacy(demo, browser, "accept")
    nora.reload()
    failed = nora.url
    nora.get_by_role("button", name="Print it to sign by hand").click()
    expect(nora.get_by_text("Originally sent electronically to")).to_be_visible()
    screenshot(nora, "printed-after-the-failure")
    nora.goto(failed)
    nora.get_by_label("The sheet was spoiled").check()
    nora.get_by_role("button", name="Print the original again").click()
    expect(nora.get_by_text("It is no second prescription.")).to_be_visible()
    screenshot(nora, "reprint")

    nora.goto("/prescriptions/?show=done")
    nora.get_by_role("link", name=re.compile("Fictional|Oxycodone")).first.click()
    nora.get_by_role("button", name="Print a copy").click()
    expect(
        nora.get_by_text("Copy only—not valid for dispensing.").first
    ).to_be_visible()
    screenshot(nora, "labeled-copy")

    nora.goto("/logs/")
    nora.get_by_role("button", name="Make the log").click()
    expect(nora.get_by_text("3 prescriptions.")).to_be_visible()
    screenshot(nora, "log-on-demand")
    nora.get_by_role("link", name="I did not sign this").first.click()
    screenshot(nora, "i-did-not-sign-this")
    nora.locator("main input[name=kind]").first.check()
    nora.get_by_label("How you know").fill("I was not in the office.")
    nora.get_by_role("button", name="Report it").click()
    screenshot(nora, "reported")

    alex = in_a_browser_of_their_own(browser, demo, "alex.admin")
    alex.goto("/incidents/")
    alex.get_by_role("link", name=re.compile("not sign|did not")).first.click()
    screenshot(alex, "incident")
    alex.context.close()

    at_the_end_of_the_month(demo, "run_jobs")
    nora.goto("/logs/")
    expect(nora.get_by_text("New", exact=True).first).to_be_visible()
    screenshot(nora, "monthly-log-is-there")
