"""What marketers write becomes what one person gets: Django's template language with variables only.

A text knows no tags, a few filters, and the variables of :mod:`campaigns.rendering.values`. It is compiled once
(:func:`compile_message`), which finds everything that is wrong with it, and rendered for each contact.
"""

from campaigns.rendering.compiled import MissingVariables, RenderProblem, Text, UnusableValue
from campaigns.rendering.html_places import check_runs_nothing
from campaigns.rendering.message import MAX_SMS, CompiledMessage, Rendered, compile_message
from campaigns.rendering.missing import LETTERS_AT_A_LAUNCH, Missing, missing_variables
from campaigns.rendering.values import contact_values

__all__ = [
    "LETTERS_AT_A_LAUNCH",
    "MAX_SMS",
    "CompiledMessage",
    "Missing",
    "MissingVariables",
    "RenderProblem",
    "Rendered",
    "Text",
    "UnusableValue",
    "check_runs_nothing",
    "compile_message",
    "contact_values",
    "missing_variables",
]
