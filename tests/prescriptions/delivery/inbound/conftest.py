import pytest
import responses

from prescriptions import script
from prescriptions.delivery import outbox
from prescriptions.models import Status
from tests.prescriptions.delivery.inbound.pharmacy import Pharmacy


@pytest.fixture
def network(settings):
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.sent = []

        def answer(request):
            came = script.read(request.body)
            mock.sent.append(came)
            code = "000"
            return (
                200,
                {},
                "<Message><Header><RelatesToMessageID>"
                f"{came.message_id}</RelatesToMessageID></Header><Body><Status>"
                f"<Code>{code}</Code></Status></Body></Message>",
            )

        mock.add_callback(responses.POST, settings.SCRIPT_NETWORK_URL, answer)
        yield mock


@pytest.fixture
def transmitted(queued, network):
    """Taken by the network; the pharmacy has not said anything yet."""
    outbox.attempt(queued.transmission.pk)
    queued.refresh_from_db()
    assert queued.status == Status.TRANSMITTED
    return queued


@pytest.fixture
def pharmacy(client, transmitted):
    return Pharmacy(client, transmitted)
