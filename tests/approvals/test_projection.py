"""A request's rows: only ever newer, chained, and saying who has what to decide."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from approvals import projection
from approvals.audit import trail_digest
from approvals.contract import ApprovalInput, ApprovalView, By, Cover, DecisionView
from approvals.models import ApprovalRequest, Involvement
from approvals.process.state import ApprovalState
from approvals.projection import cover_times
from tests.workflows.office import level, policy

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
REQUEST = ApprovalInput(
    "REQ-20261121-120000-aaaa",
    "leave",
    "Leave",
    "employee",
    policy(level("Board", "ann", "bo", rule="all", escalate_to=["vera"], escalation_seconds=3_600), level("HR", "hr")),
    by=By("employee", "web"),
)


def running(**more: object) -> ApprovalState:
    return ApprovalState(replace(REQUEST, **more), lambda: AT, lambda: None)  # type: ignore[arg-type]


def in_inbox() -> set[tuple[str, str]]:
    return set(Involvement.objects.filter(can_decide=True).values_list("username", "on_behalf_of"))


class TestSave:
    def test_a_late_write_changes_nothing(self) -> None:
        state = running()
        early = state.view()
        state.decide(By("ann", "web"), True, "", "ann", escalated=False)
        late = state.view()
        assert projection.save(late) is True
        assert projection.save(early) is False
        row = ApprovalRequest.objects.get()
        assert (row.version, row.trail.count()) == (late.version, late.trail_total)
        assert in_inbox() == {("bo", "")}

    def test_each_write_raises_the_change_counter(self) -> None:
        state = running()
        projection.save(state.view())
        first = ApprovalRequest.objects.get().change
        state.decide(By("ann", "web"), True, "", "ann", escalated=False)
        projection.save(state.view())
        assert ApprovalRequest.objects.get().change == first + 1

    def test_what_was_saved_comes_back(self) -> None:
        view = running().view()
        projection.save(view)
        assert projection.load_view(ApprovalRequest.objects.get()) == view

    def test_the_trail_is_chained_in_its_order(self) -> None:
        state = running()
        projection.save(state.view(), "run-1")
        state.decide(By("ann", "web"), True, "", "ann", escalated=False)
        projection.save(state.view(trail_after=2), "run-1")
        digest = ""
        rows = list(ApprovalRequest.objects.get().trail.all())
        assert [row.what for row in rows] == ["submitted", "level_opened", "approved"]
        for row in rows:
            digest = trail_digest(digest, row, REQUEST.request_id)
            assert row.digest == digest
        rows[1].text = "altered"
        assert trail_digest(rows[0].digest, rows[1], REQUEST.request_id) != rows[1].digest


class TestInvolvements:
    def test_of_the_open_level_only(self) -> None:
        state = running()
        projection.save(state.view())
        assert in_inbox() == {("ann", ""), ("bo", "")}
        for name in ("ann", "bo"):
            state.decide(By(name, "web"), True, "", name, escalated=False)
        projection.save(state.view())
        assert in_inbox() == {("hr", "")}
        decided = Involvement.objects.exclude(decided_at=None)
        assert set(decided.values_list("username", flat=True)) == {"ann", "bo"}

    def test_of_whom_it_was_escalated_to(self) -> None:
        state = running()
        state.level.escalate_at = AT
        state.let_time_pass()
        projection.save(state.view())
        assert in_inbox() == {("ann", ""), ("bo", ""), ("vera", "")}

    def test_of_who_covers_for_them(self) -> None:
        state = running(covers=[Cover("out-of-office:1", "vera", "cy", AT, AT + timedelta(days=2))])
        projection.save(state.view())
        assert in_inbox() == {("ann", ""), ("bo", "")}
        state.level.escalate_at = AT
        state.let_time_pass()
        projection.save(state.view())
        assert in_inbox() == {("ann", ""), ("bo", ""), ("vera", ""), ("cy", "vera")}

    def test_of_nobody_who_has_had_their_say(self) -> None:
        """Both of them approve, and one covers for whom it is escalated to: that is no second vote."""
        state = running(covers=[Cover("out-of-office:1", "vera", "ann", AT, AT + timedelta(days=2))])
        state.level.escalate_at = AT
        state.let_time_pass()
        state.decide(By("ann", "web"), True, "", "ann", escalated=False)
        projection.save(state.view())
        assert in_inbox() == {("bo", ""), ("vera", "")}

    def test_nobody_has_it_once_it_is_over_or_waits_for_changes(self) -> None:
        for end in ("want_changes", "withdraw"):
            state = running()
            getattr(state, end)(By("ann", "web"), "because")
            ApprovalRequest.objects.all().delete()
            projection.save(state.view())
            assert in_inbox() == set()

    def test_covers_have_their_times(self) -> None:
        covers = [Cover("out-of-office:1", "ann", "cy", AT, AT + timedelta(days=2))]
        projection.save(running(covers=covers).view())
        row = Involvement.objects.get(username="cy")
        assert (row.on_behalf_of, row.starts_at, row.until) == ("ann", AT, AT + timedelta(days=2))

    def test_what_somebody_decided_for_another_stays_theirs_when_the_cover_ends(self) -> None:
        state = running(covers=[Cover("out-of-office:1", "ann", "cy", AT, AT + timedelta(days=2))])
        state.decide(By("cy", "web"), True, "", "ann", escalated=False)
        state.it.covers = []
        projection.save(state.view())
        row = Involvement.objects.get(username="cy", role=Involvement.Role.COVER)
        assert (row.on_behalf_of, row.decided_at, row.can_decide) == ("ann", AT, False)
        assert state.involved() >= {"cy"}

    def test_separation_of_duties_holds_in_the_inbox(self) -> None:
        """Who has decided one level has the next one not in their inbox, though the policy names them."""
        request = replace(REQUEST, policy=policy(level("One", "ann"), level("Two", "ann", "bo")))
        state = ApprovalState(request, lambda: AT, lambda: None)
        state.decide(By("ann", "web"), True, "", "ann", escalated=False)
        projection.save(state.view())
        assert in_inbox() == {("bo", "")}


class TestCoverTimes:
    def test_chains_hold_while_all_their_links_do(self) -> None:
        day = timedelta(days=1)
        covers = [
            Cover("1", "ann", "bo", AT, AT + 4 * day),
            Cover("2", "bo", "cy", AT + 2 * day, AT + 6 * day),
            Cover("3", "bo", "employee", AT, AT + 6 * day),
        ]
        assert cover_times("ann", covers, "employee") == [
            ("bo", AT, AT + 4 * day),
            ("cy", AT + 2 * day, AT + 4 * day),
        ]

    def test_two_times_of_one_delegate(self) -> None:
        day = timedelta(days=1)
        covers = [Cover("1", "ann", "bo", AT, AT + day), Cover("2", "ann", "bo", AT + 2 * day, AT + 3 * day)]
        assert [(start - AT).days for _, start, _ in cover_times("ann", covers, "employee")] == [0, 2]


def test_a_view_of_the_database_keeps_every_decision() -> None:
    state = running()
    state.decide(By("cy", "slack"), True, "Fine.", "ann", escalated=False)
    projection.save(state.view())
    view: ApprovalView = projection.load_view(ApprovalRequest.objects.get())
    assert view.levels[0].decisions == [DecisionView("cy", "ann", True, "Fine.", "slack", AT)]
    assert timezone.is_aware(view.levels[0].decisions[0].at)
