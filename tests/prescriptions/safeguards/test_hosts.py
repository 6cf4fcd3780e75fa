"""Which address of a pharmacy network is a real one, in doubt this one is."""

import pytest

from prescriptions.safeguards import hosts as addresses


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://localhost:8002/script",
        "http://127.0.0.1/script",
        "http://127.9.9.9:1/",
        "http://[::1]:8000/script",
        "https://network.test/script",
        "https://a.b.example/",
        "https://pharmacy.invalid",
        "http://portal.localhost/",
    ],
)
def test_what_stays_on_the_machine_or_leads_nowhere_is_not_live(url):
    assert not addresses.is_live(url)


@pytest.mark.cfr("1311.100(b)(2)")
@pytest.mark.parametrize(
    "url",
    [
        "https://network.com/script",
        "http://10.0.0.1/script",
        "http://192.168.1.5/script",
        "http://0.0.0.0/script",
        "https://localhost.network.com/",
        "https://127.0.0.1.network.com/",
        "https://example.com/",
        "https://test.network.com/",
        "https://networktest/",
        "https://localhost@network.com/",
        "https://network.com@localhost/",
        "https://localhost\\@network.com/",
        "https://network.com\\.test/",
        "https://network.com#.test",
        "https://network.com?.test",
        "https://network.com%2f.test/",
        "https://network.com\n.test/",
        "https://NETWORK.TEST/",
        "https://network.com/.test",
        "https://network.test./",
        "http://0x7f.1/",
        "http://2130706433/",
        "http://[fe80::1]/",
        "//localhost/",
        "localhost",
        "ftp://localhost/",
        " http://localhost/",
        "http://localhost/ ",
        "http://ⓛocalhost/",
    ],
)
def test_any_other_address_is_live(url):
    assert addresses.is_live(url)


def test_the_test_system_of_a_network_is_named_exactly():
    hosts = ["staging.network.com"]

    assert not addresses.is_live("https://staging.network.com/s", test_hosts=hosts)
    assert addresses.is_live("https://network.com/s", test_hosts=hosts)
    assert addresses.is_live("https://a.staging.network.com/s", test_hosts=hosts)
