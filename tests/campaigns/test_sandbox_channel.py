"""The sandbox does what is written in the address."""

import pytest

from campaigns.channels import ChannelProvider, Message, OutcomeUnknown, SendFailed, get_provider
from campaigns.channels.sandbox import SandboxProvider
from campaigns.models import SandboxMessage
from tests.campaigns.messages_of import mail, sms


@pytest.mark.django_db
class TestSandbox:
    @pytest.fixture
    def sandbox(self) -> ChannelProvider:
        return get_provider("sms")

    def test_takes_each_grant_once(self, sandbox: ChannelProvider) -> None:
        assert isinstance(sandbox, SandboxProvider)
        assert sandbox.send(sms()) == sandbox.send(sms())
        row = SandboxMessage.objects.get()
        assert (row.calls, row.is_delivered, row.user_id) == (2, True, "USER-001")

    @pytest.mark.parametrize(
        ("address", "ends"),
        [
            ("bounce@example.com", ["permanent", "permanent"]),
            ("+15555550001", ["permanent", "permanent"]),
            ("busy.bee@example.com", ["transient", "transient", "transient", "transient"]),
            ("flaky-7", ["transient", "transient", "sent", "sent"]),
            ("lost@example.com", ["unknown", "sent"]),
            ("+15555550005", ["unknown", "unknown"]),
            ("someone@busy.example.com", ["sent"]),
        ],
    )
    def test_does_what_the_address_says(self, sandbox: ChannelProvider, address: str, ends: list[str]) -> None:
        assert [end_of(sandbox, mail(address=address)) for _ in ends] == ends
        assert SandboxMessage.objects.get().is_delivered is (ends[-1] == "sent")


def end_of(provider: ChannelProvider, message: Message) -> str:
    try:
        provider.send(message)
    except SendFailed as failed:
        return "permanent" if failed.permanent else "transient"
    except OutcomeUnknown:
        return "unknown"
    return "sent"
