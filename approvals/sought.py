"""Which requests somebody looks for by a word: the inbox's search and the search box ask the same."""

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from approvals.models import ApprovalRequest
from dashboard.search.findings import Asked

MOST_PEOPLE = 200
"""People by whose addresses requests are looked up one by one; a word that more of them have in theirs is common."""


def that_mention(rows: QuerySet[ApprovalRequest], text: str) -> QuerySet[ApprovalRequest]:
    """Those of ``rows`` in which each word of a text is found. One query for each word, and none of the requests yet."""
    for word in Asked(text).words:
        rows = rows.filter(_mentions(word))
    return rows


def _mentions(word: str) -> Q:
    return (
        Q(request_id__icontains=word.removeprefix("approval-"))
        | Q(title__icontains=word)
        | Q(requester__icontains=word)
        | Q(requester_name__icontains=word)
        | _asked_by_one_with_such_an_address(word)
    )


def _asked_by_one_with_such_an_address(word: str) -> Q:
    """By their names and not by a join: PostgreSQL takes its indexes for each part of an "or" of columns and values, and reads
    the whole table for one with a subquery in it."""
    people = User.objects.filter(email__icontains=word).order_by().values_list("username", flat=True)
    names = list(people[: MOST_PEOPLE + 1])
    return Q(requester__in=names if len(names) <= MOST_PEOPLE else people)
