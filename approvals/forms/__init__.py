"""The forms by which people ask and act. Each says in words what it does and sends itself through the gateway."""

from approvals.forms.absence import AbsenceForm
from approvals.forms.acting import ACTION_FORMS, CommentForm
from approvals.forms.asking import RequestForm
from approvals.forms.deciding import BulkForm, DecisionForm, RequestActionForm, what_follows

__all__ = [
    "ACTION_FORMS",
    "AbsenceForm",
    "BulkForm",
    "CommentForm",
    "DecisionForm",
    "RequestActionForm",
    "RequestForm",
    "what_follows",
]
