"""How fields of approval messages are checked, beside ``temporal_worker.contract``."""

import re
from datetime import date, datetime

from temporal_worker.contract import InvalidField

_USERNAME = re.compile(r"[\w.@+-]{1,150}")


def check_username(name: str, value: str) -> None:
    if not _USERNAME.fullmatch(value):
        raise InvalidField(name, "is not a username")


def check_aware(name: str, value: datetime) -> None:
    if value.tzinfo is None:
        raise InvalidField(name, "must carry a time zone")


def check_date(name: str, value: str) -> None:
    if value:
        try:
            date.fromisoformat(value)
        except ValueError:
            raise InvalidField(name, "must be a date like 2027-01-12") from None
