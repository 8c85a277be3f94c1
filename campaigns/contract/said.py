"""What somebody outside has told a person's actor, on its way into our rows."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.contract.caps import FrequencyCapInput
from campaigns.contract.preferences import OptOut, Preferences, PreferencesInput
from campaigns.contract.sends import MessageSentInput


@dataclass(frozen=True)
class Said:
    """Input of ``write_down``: one of the last five, as the actor took it in.

    ``version`` is the actor's with it, and ``at`` the moment by the actor's clock, of which no two of a run are the same.
    ``changed`` is False when the actor knew it already.
    """

    user_id: str
    version: int
    at: datetime
    changed: bool = True
    preferences: Preferences | None = None
    """All of them, after ``wish``."""
    opt_out: OptOut | None = None
    opt_in: OptOut | None = None
    message_sent: MessageSentInput | None = None
    wish: PreferencesInput | None = None
    cap: FrequencyCapInput | None = None
