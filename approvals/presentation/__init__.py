"""Requests as people see them: pure view models, made without the database and without Temporal."""

from approvals.presentation.page import ApprovalPage, approval_page
from approvals.presentation.row import RequestRow, request_row
from approvals.presentation.words import KINDS, kind_word

__all__ = ["KINDS", "ApprovalPage", "RequestRow", "approval_page", "kind_word", "request_row"]
