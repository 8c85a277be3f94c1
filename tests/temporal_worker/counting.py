"""Change counters, counted up and watched."""

from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from django.db import router, transaction

from temporal_worker.models import ChangeCounter


@sync_to_async
def bump(name: str) -> int:
    with transaction.atomic(using=router.db_for_write(ChangeCounter)):
        return ChangeCounter.bump(name)


def count_reads(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    read = ChangeCounter.read
    reads: list[int] = []

    def counting() -> dict[str, int]:
        reads.append(1)
        return read()

    monkeypatch.setattr(ChangeCounter, "read", counting)
    return lambda: len(reads)
