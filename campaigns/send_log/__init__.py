"""The send log: each decision with its reason, and for what was allowed the intent, committed before the message is sent.

A crash between intent and outcome leaves an intent behind. Nobody knows whether that message went out: whoever finds it
records it as unknown, and it is not sent again.
"""

from campaigns.send_log.intents import DUPLICATE, GIVEN_BACK, Intent, commit_intent, commit_intents, record_handed_out
from campaigns.send_log.outcomes import (
    CRASHED,
    Ending,
    left_over,
    record_outcome,
    record_outcomes,
    record_unused,
    slot_given_back,
)
from campaigns.send_log.refusals import Refusal, record_refusals
from campaigns.send_log.rows import Grant, next_attempt

__all__ = [
    "CRASHED",
    "DUPLICATE",
    "GIVEN_BACK",
    "Ending",
    "Grant",
    "Intent",
    "Refusal",
    "commit_intent",
    "commit_intents",
    "left_over",
    "next_attempt",
    "record_handed_out",
    "record_outcome",
    "record_outcomes",
    "record_refusals",
    "record_unused",
    "slot_given_back",
]
