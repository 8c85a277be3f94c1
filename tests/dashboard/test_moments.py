"""Moments as the server words them, until the browser does."""

from datetime import UTC, datetime

import pytest
from django.template import Context, Template

AT = datetime(2026, 11, 19, 13, 8, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("show", "words"),
    [
        ("ago", "19 Nov, 13:08 UTC"),
        ("Ago", "19 Nov, 13:08 UTC"),
        ("at", "at 13:08 UTC"),
        ("At", "At 13:08 UTC"),
        ("soon", "on Thu 19 Nov"),
        ("Soon", "On Thu 19 Nov"),
    ],
)
def test_a_capital_stands_where_it_begins(show: str, words: str) -> None:
    drawn = Template(f'{{% load ui %}}{{{{ at|moment:"{show}" }}}}').render(Context({"at": AT}))
    assert drawn == (
        f'<time datetime="2026-11-19T13:08:10.000Z" title="2026-11-19 13:08:10 UTC" data-show="{show}">{words}</time>'
    )
