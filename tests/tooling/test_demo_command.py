import os
import signal
import socket
import stat
import subprocess
import sys
import time

import pytest
import requests

from tests.demo import Demo
from tests.processes import ROOT, free_port, is_free

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc, prctl(2)")


@pytest.fixture(scope="module")
def demos(tmp_path_factory):
    """Those started on one folder, the first one ended while it prepared the data."""
    demos = [Demo(tmp_path_factory.mktemp("demo") / "data")]
    while "Preparing" not in demos[0].printed():
        time.sleep(0.05)
    time.sleep(1)
    demos[0].stop(within=20)
    yield demos
    if demos[-1].process.poll() is None:
        demos[-1].stop()


@pytest.fixture
def demo(demos):
    """A running one; started again if the test before ended it."""
    if demos[-1].process.poll() is not None:
        demos.append(Demo(demos[0].folder).wait_until_ready())
    return demos[-1]


@pytest.mark.slow
def test_it_prints_addresses_and_sign_ins(demo):
    printed = demo.printed()

    for text in (demo.portal, demo.idme, demo.pharmacy, demo.password, "nora.new"):
        assert text in printed


@pytest.mark.slow
def test_it_was_interrupted_while_it_prepared_and_begins_anew(demos, demo):
    assert demos[0].process.returncode == 0
    assert demos[0] is not demo


@pytest.mark.slow
def test_its_secrets_are_for_its_owner_only(demo):
    for path in kept(demo):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


@pytest.mark.slow
def test_it_listens_on_this_machine_only(demo):
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.2", demo.port))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_and_starts_again_where_it_was(demo, demos, number):
    before = {path: path.read_bytes() for path in kept(demo)}

    assert demo.stop(number) == 0
    assert all(is_free(demo.port + offset) for offset in range(3))

    demos.append(Demo(demo.folder).wait_until_ready())
    assert {path: path.read_bytes() for path in kept(demo)} == before


@pytest.mark.slow
@on_linux
def test_it_says_which_part_ended_and_ends_the_others(demo):
    worker = demo.child("manage.py")
    os.kill(worker, signal.SIGKILL)

    assert demo.process.wait(timeout=40) == 1
    assert "worker ended by itself" in demo.printed()
    assert all(is_free(demo.port + offset) for offset in range(3))


@pytest.mark.slow
@on_linux
def test_nothing_is_left_when_it_is_killed_outright(demo):
    demo.process.kill()
    demo.process.wait()

    deadline = time.monotonic() + 20
    while not all(is_free(demo.port + offset) for offset in range(3)):
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.slow
def test_it_does_not_run_twice_on_the_same_data(demo):
    second = run(DEMO_DIR=str(demo.folder), PORT=str(free_port(in_a_row=3)))

    assert second.returncode == 1
    assert "already runs" in second.stdout
    assert requests.get(f"{demo.portal}/health/ready", timeout=5).ok


def test_a_taken_port_is_named(tmp_path):
    port = free_port(in_a_row=3)
    with socket.socket() as other:
        other.bind(("127.0.0.1", port + 1))
        other.listen()
        refused = run(DEMO_DIR=str(tmp_path), PORT=str(port))

    assert refused.returncode == 1
    assert f"Port {port + 1} is taken" in refused.stdout


@pytest.mark.parametrize("port", ["80", "65534", "abc", ""])
def test_a_port_that_cannot_be_is_refused(tmp_path, port):
    refused = run(DEMO_DIR=str(tmp_path), PORT=port)

    assert refused.returncode == 1
    assert "1024 to 65533" in refused.stdout


def kept(demo):
    names = ["env", "world.json", "signing-key.pem", "userinfo-key.pem"]
    return [demo.folder / name for name in names]


def run(**variables):
    return subprocess.run(
        [sys.executable, "-m", "sandbox.demo"],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
@on_linux
def test_the_rest_goes_on_without_a_stand_in(demo):
    pharmacy = demo.child(f"127.0.0.1:{demo.port + 2}")
    os.kill(pharmacy, signal.SIGKILL)

    deadline = time.monotonic() + 20
    while "pharmacy ended with exit code" not in demo.printed():
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert requests.get(f"{demo.portal}/health/ready", timeout=5).ok
    assert demo.process.poll() is None
