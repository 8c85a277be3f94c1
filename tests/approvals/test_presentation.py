"""Requests in words: who is asked, what happens by itself, what changed."""

from datetime import timedelta

from approvals.contract import AtExpiry, By, DecisionInput
from approvals.forms import what_follows
from approvals.presentation import approval_page, request_row
from approvals.presentation.levels import rule_words
from approvals.presentation.words import days_word, size_word
from approvals.process.refusals import decision_refusal
from approvals.standing import standing
from dashboard.phrases import plain
from tests.approvals.requests_of import NOON, Desk, cover, level

TWO_OF_THREE = level("Management", "director", "vp", "bo", rule="n_of_m", needed=2)


def lede(desk: Desk) -> str:
    return plain(approval_page(desk.view, desk.now).lede)


def blocker(desk: Desk, who: str) -> str:
    return plain(request_row(desk.view, who, desk.now).blocker)


class TestWhoIsAsked:
    def test_one_person(self) -> None:
        assert lede(Desk()) == "Waits for Marta Kovács (Manager). HR is next."

    def test_one_person_is_told_that_it_waits_for_them_alone(self) -> None:
        assert blocker(Desk(), "manager") == "Waits for you alone. HR is next."

    def test_the_last_one_is_told_that_it_is_done_then(self) -> None:
        assert blocker(Desk().decide("manager"), "hr") == "Waits for you alone. If you approve, it is done."

    def test_one_of_several(self) -> None:
        assert lede(Desk(level("Finance", "director", "vp"))) == (
            "Needs one of Finance: Daniel Osei or Vera Petrov. Then it is done."
        )

    def test_one_more_of_several(self) -> None:
        desk = Desk(TWO_OF_THREE, level("HR", "hr")).decide("bo")
        assert lede(desk) == (
            "Needs one more of Management: Daniel Osei or Vera Petrov. Approved by Bo Nyman. HR is next."
        )

    def test_all_of_them(self) -> None:
        desk = Desk(level("Board", "director", "vp", rule="all"))
        assert lede(desk) == "Waits for all of Board: Daniel Osei and Vera Petrov. Then it is done."

    def test_many_are_counted(self) -> None:
        desk = Desk(level("Everybody", *(f"person{number}" for number in range(9))))
        assert "person0, person1, person2 or 6 others" in lede(desk)

    def test_who_is_away_and_who_covers(self) -> None:
        desk = Desk(covers=[cover("manager", "bo")])
        assert "Marta Kovács is away until 22 Nov 12:00 UTC, covered by Bo Nyman." in lede(desk)

    def test_somebody_decided_for_somebody_else(self) -> None:
        desk = Desk(TWO_OF_THREE, covers=[cover("vp", "manager")]).decide("manager")
        assert "Approved by Marta Kovács for Vera Petrov." in lede(desk)

    def test_whom_it_was_escalated_to(self) -> None:
        desk = Desk(level("Manager", "manager", escalation_seconds=3600, escalate_to=["director"]))
        desk.wait(timedelta(hours=2))
        assert "Escalated to Daniel Osei: one decision from there is enough." in lede(desk)
        assert approval_page(desk.view, desk.now).status.word == "Escalated"

    def test_who_asked_is_asked_to_change_it(self) -> None:
        desk = Desk().want_changes("manager")
        assert lede(desk) == (
            "Waits for Emil Novak to ask again. Changes were asked for by Marta Kovács; until then nobody can decide."
        )


class TestEndings:
    def test_approved(self) -> None:
        desk = Desk().decide("manager").decide("hr")
        assert lede(desk) == "It is approved by Marta Kovács and Hanna Reyes 19 Nov 12:00 UTC."

    def test_rejected(self) -> None:
        assert lede(Desk().decide("manager", False, "No.")).startswith("It was rejected by Marta Kovács")

    def test_expired_is_no_rejection(self) -> None:
        desk = Desk().wait(timedelta(days=30))
        assert "nobody decided in time. That is no rejection" in lede(desk)
        assert approval_page(desk.view, desk.now).cards == []


class TestTimers:
    def test_the_escalation_and_the_deadline(self) -> None:
        desk = Desk(level("Manager", "manager", escalation_seconds=7200, escalate_to=["director"]))
        first, second = approval_page(desk.view, desk.now).cards
        assert (first.label, first.lead) == ("Manager decides within", "Then it goes to Daniel Osei as well")
        assert first.ends_at == NOON + timedelta(hours=2)
        assert second.lead + second.then == "Then it expires. It is never approved by waiting."

    def test_what_a_deadline_does(self) -> None:
        desk = Desk(level("Manager", "manager", at_expiry=AtExpiry.APPROVE))
        assert approval_page(desk.view, desk.now).cards[0].lead == "Then Manager counts as approved"

    def test_the_time_for_a_change(self) -> None:
        card = approval_page(Desk().want_changes("manager").view, NOON).cards[0]
        assert card.label == "Emil Novak has"


class TestLevels:
    def test_each_place_says_how_it_stands(self) -> None:
        desk = Desk(level("Lead", "manager"), TWO_OF_THREE, level("HR", "hr")).decide("manager", comment="Good.")
        desk.decide("bo")
        done, now, ahead = approval_page(desk.view, desk.now).levels
        assert (done.state, now.state, ahead.state) == ("done", "now", "")
        assert now.rule == "2 of 3, one to go"
        assert [(one.name, one.said or one.word) for one in now.voters] == [
            ("Bo Nyman", "approved on the web"),
            ("Daniel Osei", "Waiting"),
            ("Vera Petrov", "Waiting"),
        ]
        assert ahead.voters[0].word == "Not yet asked"
        assert done.voters[0].comment == "Good."

    def test_words_of_the_rules(self) -> None:
        assert rule_words("any", 1, 1) == "one person"
        assert rule_words("any", 1, 3) == "any one of 3"
        assert rule_words("all", 3, 3) == "all 3"
        assert rule_words("n_of_m", 2, 3) == "2 of 3"


class TestRounds:
    def test_one_round_has_nothing_to_compare(self) -> None:
        assert approval_page(Desk().view, NOON).rounds is None

    def test_what_changed(self) -> None:
        desk = Desk().decide("manager").want_changes("hr").ask_again(amount_cents=90_000)
        page = approval_page(desk.view, desk.now)
        assert page.rounds is not None
        assert [(one.field, one.before, one.after) for one in page.rounds.rows] == [("Amount", "$18,400.00", "$900.00")]
        assert page.rounds.note == "One decision of round 1 does not count any more."
        assert page.rounds.wanted_by == "Hanna Reyes"
        assert page.amount_before == "$18,400.00"


class TestTrail:
    def test_newest_first_with_who_and_how(self) -> None:
        page = approval_page(Desk().decide("manager", comment="Good.").view, NOON)
        newest, approved = page.trail[0], page.trail[1]
        assert newest.lead == "HR was asked:"
        assert (approved.person, approved.by, approved.quote, approved.tone) == ("Marta Kovács", "Web", "Good.", "ok")


class TestRow:
    def test_a_decider(self) -> None:
        row = request_row(Desk().view, "manager", NOON)
        assert row.may_decide
        assert (row.amount, row.requester_name, row.due, row.then) == ("$18,400.00", "Emil Novak", "later", "Expires")

    def test_who_asked_cannot_decide_and_is_told_why(self) -> None:
        row = request_row(Desk().view, "employee", NOON)
        assert not row.may_decide
        assert row.no == "You asked for this, so you cannot decide it."

    def test_who_covers_decides_for_somebody(self) -> None:
        row = request_row(Desk(covers=[cover("manager", "bo")]).view, "bo", NOON)
        assert row.may_decide
        assert row.behalf == "Marta Kovács"

    def test_how_urgent_it_is(self) -> None:
        desk = Desk(level("Manager", "manager", escalation_seconds=7200, escalate_to=["director"]))
        row = request_row(desk.view, "manager", desk.now)
        assert (row.due, row.then, row.tone) == ("soon", "Goes to Daniel Osei", "warn")
        row = request_row(desk.view, "manager", desk.now + timedelta(hours=3))
        assert (row.due, row.tone) == ("overdue", "bad")
        assert request_row(desk.wait(timedelta(hours=3)).view, "manager", desk.now).due == "overdue"


class TestStanding:
    def test_buttons_follow_the_rules_of_the_workflow(self) -> None:
        view = Desk().view
        assert standing(view, "manager", NOON).may_decide
        assert standing(view, "hr", NOON).decision == "Manager decides now, and you are not in it."
        assert standing(view, "vp", NOON).decision == "This request is not yours to decide."
        assert standing(view, "employee", NOON).withdrawal == ""
        assert standing(view, "manager", NOON).withdrawal.startswith("Only Emil Novak")

    def test_whom_it_was_escalated_to_decides_in_their_own_place(self) -> None:
        rules = level("Manager", "manager", "hr", rule="all", escalation_seconds=7200, escalate_to=["director"])
        desk = Desk(rules, covers=[cover("manager", "director")]).decide("manager").wait(timedelta(hours=3))
        stands = standing(desk.view, "director", desk.now)
        assert (stands.may_decide, stands.place, stands.behalf) == (True, "director", "")
        by = By("director", "web")
        assert decision_refusal(desk.state, DecisionInput(True, 1, by=by, on_behalf_of="director")) is None
        taken = decision_refusal(desk.state, DecisionInput(True, 1, by=by, on_behalf_of="manager"))
        assert taken is not None
        assert taken.type == "already_decided"

    def test_who_covers_for_them_decides_in_theirs_and_is_named(self) -> None:
        rules = level("Board", "manager", "hr", rule="all", escalation_seconds=7200, escalate_to=["director"])
        desk = Desk(rules, covers=[cover("director", "bo")])
        assert not standing(desk.view, "bo", desk.now).may_decide
        assert standing(desk.view, "bo", desk.now).hand_over == ""
        desk.wait(timedelta(hours=3))
        stands = standing(desk.view, "bo", desk.now)
        assert (stands.may_decide, stands.place, stands.behalf) == (True, "director", "director")
        assert what_follows(desk.view, stands.place).startswith("If you approve, it is done.")
        assert "Daniel Osei is away until" in lede(desk)
        assert "covered by Bo Nyman" in lede(desk)
        voter = approval_page(desk.view, desk.now).levels[0].voters[-1]
        assert (voter.name, voter.note) == ("Daniel Osei", "escalated to, covered by Bo Nyman")

    def test_a_second_place_is_offered_after_the_first(self) -> None:
        desk = Desk(level("Both", "manager", "hr", rule="all"), covers=[cover("hr", "manager")])
        assert standing(desk.view, "manager", NOON).place == "manager"
        assert standing(desk.decide("manager").view, "manager", NOON).behalf == "hr"
        assert request_row(desk.view, "manager", NOON).place == "hr"

    def test_asking_leaves_the_request_as_it_was(self) -> None:
        view = Desk().view
        before = repr(view)
        standing(view, "manager", NOON)
        assert repr(view) == before


class TestWhatFollows:
    def test_the_next_level(self) -> None:
        assert what_follows(Desk().view, "manager").startswith(
            "Approving sends it to HR: Hanna Reyes. You decide on round 1"
        )

    def test_the_end(self) -> None:
        assert what_follows(Desk().decide("manager").view, "hr").startswith("If you approve, it is done.")

    def test_one_more_is_needed(self) -> None:
        assert "needs one more" in what_follows(Desk(TWO_OF_THREE).view, "bo")

    def test_a_rejection(self) -> None:
        assert what_follows(Desk().view, "manager", approves=False).startswith("Rejecting ends the request.")


class TestWords:
    def test_sizes_and_days(self) -> None:
        assert size_word(920) == "920\u00a0bytes"
        assert size_word(1_240_000) == "1.2\u00a0MB"
        assert days_word("2027-01-12", "2027-04-10") == "12\u00a0Jan\u00a02027 – 10\u00a0Apr\u00a02027"
        assert days_word("", "") == ""
