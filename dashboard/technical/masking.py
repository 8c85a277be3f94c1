"""What of a history may leave: everything but what its messages hold.

Arguments, results and failure details may carry a card's token, an address, a text that somebody wrote. They are taken out
one and all rather than by name: a list of what is secret is wrong on the day on which a message gets a new field. Summaries
and search attributes stay, which are written to be seen, and so do error messages, where a token is struck out.
"""

import json
import re
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, SearchAttributes
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.sdk.v1 import UserMetadata

MASKED = b"masked"
_TOKEN = re.compile(r"\btok_\w+")


def masked_event(event: HistoryEvent) -> dict[str, Any]:
    """The event as JSON with each payload emptied; ``size`` in its metadata says how many bytes it had."""
    copy = HistoryEvent()
    copy.CopyFrom(event)
    _mask(copy)
    found: dict[str, Any] = json.loads(without_tokens(json.dumps(MessageToDict(copy))))
    return found


def without_tokens(text: str) -> str:
    """A card's token, quoted by an error, is no one's to read."""
    return _TOKEN.sub("tok_…", text)


def _mask(message: Message) -> None:
    if isinstance(message, Payload):
        size = len(message.data)
        message.Clear()
        message.metadata["encoding"] = MASKED
        message.metadata["size"] = str(size).encode()
        return
    if isinstance(message, UserMetadata | SearchAttributes):
        return
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in _messages(value):
                _mask(inner)


def _messages(value: Any) -> list[Message]:
    """What a field holds: one message, several, or those that a map has as its values."""
    if isinstance(value, Message):
        return [value]
    inner = value.values() if hasattr(value, "values") else value
    return [one for one in inner if isinstance(one, Message)]
