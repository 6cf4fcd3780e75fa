import pytest

from tests.prescriptions.writing.sheets import answer


@pytest.fixture
def delivered(queued, settings):
    answer(settings, queued.transmission, "<Status><Code>010</Code></Status>")
    queued.refresh_from_db()
    return queued
