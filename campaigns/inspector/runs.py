"""The runs of an actor, each of which took over what the one before knew."""

from collections.abc import Sequence
from dataclasses import dataclass

from campaigns.contract import RunView
from campaigns.gateway.runs import Run
from campaigns.inspector.clock import Clock

UPDATES_A_RUN = 2_000
"""The server's limit (history.maxTotalUpdates); an actor continues as new long before."""


@dataclass(frozen=True)
class RunLine:
    """One run. ``number`` 0: it cannot be said any more, because earlier ones are past retention."""

    word: str
    span: str
    figure: str
    reason: str
    run_id: str
    is_now: bool = False
    handled: int = 0
    renew_after: int = 0

    @property
    def share(self) -> str:
        return f"{min(100.0, 100 * self.handled / max(1, self.renew_after)):.1f}%"


def run_lines(now: RunView, earlier: Sequence[Run], clock: Clock) -> list[RunLine]:
    """The newest first. ``earlier`` are the runs that the server still has, the newest first too, the running one as well."""
    open_run = next((run for run in earlier if run.is_open), None)
    lines = [
        RunLine(
            word=f"Run {now.number}",
            span=f"since {clock.short(now.started_at)}" if now.started_at else "",
            figure=f"{now.handled} of {now.renew_after}",
            reason="",
            run_id=open_run.run_id if open_run else "",
            is_now=True,
            handled=now.handled,
            renew_after=now.renew_after,
        )
    ]
    number = now.number
    for run in (run for run in earlier if not run.is_open):
        # A run that was not continued ended a chain: the numbers of the one before are another story.
        number = number - 1 if run.reason == "continued" and number > 1 else 0
        until = f" – {clock.short(run.closed_at)}" if run.closed_at else ""
        lines.append(
            RunLine(
                word=f"Run {number}" if number else "Before",
                span=f"{clock.short(run.started_at)}{until}" if run.started_at else "",
                figure=f"{run.events:,} events",
                reason=_REASONS.get(run.reason, run.reason),
                run_id=run.run_id,
            )
        )
    return lines


_REASONS = {
    "continued": "Continued as new",
    "terminated": "Terminated by hand",
    "completed": "Ended",
    "failed": "Failed",
    "canceled": "Cancelled",
    "timed_out": "Timed out",
}
