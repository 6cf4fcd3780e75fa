"""A browser without JavaScript: follows links by their words, fills in forms."""

import time
from urllib.parse import urljoin

import lxml.html
import pyotp
import requests


class Surfer:
    """One person's browser; `page` is the parsed page that is open."""

    def __init__(self):
        self.web = requests.Session()
        self.url = ""
        self.page = None

    def open(self, url):
        return self._show(self.web.get(url, timeout=20))

    def follow(self, words):
        """Click the first link with these words (visible, or as its label)."""
        for link in self.page.iter("a"):
            label = link.get("aria-label") or " ".join(link.text_content().split())
            if words in label:
                return self.open(urljoin(self.url, link.get("href")))
        raise AssertionError(f"No link “{words}” on {self.url}: {self.text}")

    def submit(self, button, **values):
        """Fill in the form that has this button and press it."""
        form = self._form_with(button)
        data = {name: value for name, value in form.form_values() if name}
        action = urljoin(self.url, form.action or self.url)
        return self._show(
            self.web.post(
                action, data=data | values, headers={"Referer": self.url}, timeout=20
            )
        )

    def choices(self, name):
        """Return {words: value} of the radio buttons or options of a field."""
        radios = self.page.xpath(f'//input[@type="radio"][@name="{name}"]')
        found = {
            " ".join(radio.getparent().text_content().split()): radio.get("value")
            for radio in radios
        }
        options = self.page.xpath(f'//select[@name="{name}"]/option')
        return found | {
            " ".join(option.text_content().split()): option.get("value")
            for option in options
        }

    def choice(self, name, words):
        choices = self.choices(name)
        found = [value for label, value in choices.items() if words in label]
        assert found, self.text
        return found[0]

    @property
    def text(self):
        body = self.page.xpath("//main")
        return " ".join((body[0] if body else self.page).text_content().split())

    def _form_with(self, button):
        for form in self.page.forms:
            for one in form.iter("button"):
                if button in " ".join(one.text_content().split()):
                    return form
        raise AssertionError(f"No button “{button}” on {self.url}: {self.text}")

    def _show(self, response):
        self.status, self.url = response.status_code, response.url
        self.page = lxml.html.fromstring(response.text)
        return self


def fresh_code(secret, *, used=frozenset()):
    """Return the current code of a generator, once it is another than those used."""
    generator = pyotp.TOTP(secret)
    while generator.now() in used:
        time.sleep(0.5)
    return generator.now()
