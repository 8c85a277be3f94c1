"""Mails about orders by a real SMTP server, and when it is away."""

from collections.abc import Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from temporalio.exceptions import ApplicationError

from dashboard.processes import free_port
from orders.activities import send_order_mail
from orders.contract import MailRequest
from orders.models import OrderMail
from tests.orders.orders_of import saved

pytestmark = pytest.mark.django_db(transaction=True)


class Box:
    def __init__(self) -> None:
        self.recipients: list[str] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.answer.startswith("250"):
            self.recipients += envelope.rcpt_tos
        return self.answer


@pytest.fixture
def box(settings: Any) -> Iterator[Box]:
    box = Box()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", controller.port
    yield box
    controller.stop()


class TestSending:
    def test_a_server_that_says_no_is_no_surprise_to_the_worker(self, box: Box) -> None:
        """An ``ApplicationError`` is logged in one line; any other has its traceback in the log."""
        order = saved()
        box.answer = "451 later"
        with pytest.raises(ApplicationError, match="later") as error:
            send_order_mail(MailRequest("order_confirmation", order))
        assert not error.value.non_retryable
        assert OrderMail.objects.get().sent_at is None
        box.answer = "250 OK"
        for _ in range(2):
            assert send_order_mail(MailRequest("order_confirmation", order)) == order.customer_email
        assert box.recipients == [order.customer_email]

    def test_a_server_that_is_away_is_no_surprise_either(self, box: Box, settings: Any) -> None:
        order = saved()
        settings.EMAIL_PORT = free_port()
        with pytest.raises(ApplicationError, match="refused"):
            send_order_mail(MailRequest("order_confirmation", order))
