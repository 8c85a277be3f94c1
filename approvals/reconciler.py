"""What a crash or an outage left half done, finished a little later. The worker runs these every few seconds.

Each may run in several workers at once: what they call is idempotent.
"""

from approvals import gateway
from approvals.notifiers import slack


def start_taken_requests() -> None:
    """Requests and bulk decisions whose rows were written and whose workflow was not started."""
    gateway.finish_starting_requests()
    gateway.finish_starting_jobs()


def tell_absences() -> None:
    """Open requests hear of who is away, and of who is back."""
    gateway.tell_open_requests()


def finish_slack_presses() -> None:
    """Button presses that Slack's three seconds, or a crash, left without their decision."""
    slack.finish_presses()
