import pytest
import responses

from tests.prescriptions.delivery.replies import THIS_ONE


@pytest.fixture
def message(queued):
    return queued.transmission


@pytest.fixture
def network(settings, message):
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.url = settings.SCRIPT_NETWORK_URL
        post = mock.post

        def answer(url, body="", **rest):
            if isinstance(body, str):
                body = body.replace(THIS_ONE, message.message_id)
            return post(url, body=body, **rest)

        mock.post = answer
        yield mock
