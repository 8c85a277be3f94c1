"""One text, compiled in an engine that has neither tags nor loaders, and the variables that it needs."""

import re
from collections.abc import Mapping

from django.template import Context, Engine, TemplateSyntaxError
from django.template.base import FilterExpression, TextNode, VariableNode
from django.template.defaultfilters import default

from campaigns.rendering.values import ATTRIBUTES, MAX_VALUE, NAMES, is_attribute_name
from temporal_worker.contract import InvalidField

MAX_VARIABLES = 200

# What ends a line for a mail program, or means nothing in a text: control characters and Unicode's own line ends.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LINE_END = re.compile(r"[\r\n\t]")


class _VariablesOnly(Engine):
    """Django's engine without its builtins: no tag is known, and no filter but ours. It loads nothing from anywhere."""

    default_builtins = ["campaigns.rendering.filters"]


_ENGINE = _VariablesOnly(loaders=[])


class RenderProblem(Exception):
    """A text cannot be written for this contact. The words are for the marketer."""


class MissingVariables(RenderProblem):
    """The contact has not what the text names, and the text has no ``default`` for it. ``names`` are sorted."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"Nothing to put in for {', '.join(names)}.")
        self.names = names


class UnusableValue(RenderProblem):
    """The contact's value would break the message, as a line break in a subject does."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} {problem}.")
        self.name = name


class Text:
    """A text of ``field`` with variables. ``one_line`` for subjects: neither it nor what comes into it may break the line.

    Raises:
        InvalidField: naming ``field``: too long, a tag, an unknown filter or variable, a control character
    """

    def __init__(self, field: str, source: str, *, most: int, is_html: bool = False, one_line: bool = False) -> None:
        self.field = field
        self.one_line = one_line
        self._is_html = is_html
        if len(source) > most:
            raise InvalidField(field, f"must have {most} characters at most, has {len(source)}")
        if _CONTROL.search(source) or (one_line and _LINE_END.search(source)):
            raise InvalidField(field, "must be one line of text" if one_line else "must not contain control characters")
        try:
            self._template = _ENGINE.from_string(source)
        except TemplateSyntaxError as error:
            raise InvalidField(field, _in_words(error)) from None
        self.variables: set[str] = set()
        """All that it names."""
        self.required: set[str] = set()
        """Those without a ``default``."""
        self._read_variables()

    def _read_variables(self) -> None:
        # A comment leaves no node; anything that is no text and no variable cannot come out of this engine.
        variables = [node for node in self._template.nodelist if not isinstance(node, TextNode)]
        if len(variables) > MAX_VARIABLES:
            raise InvalidField(self.field, f"must name {MAX_VARIABLES} variables at most, names {len(variables)}")
        for node in variables:
            if not isinstance(node, VariableNode):
                raise InvalidField(self.field, "must have variables only")
            name = self._checked(node.filter_expression)
            self.variables.add(name)
            if not any(function is default for function, _ in node.filter_expression.filters):
                self.required.add(name)

    def _checked(self, expression: FilterExpression) -> str:
        name = getattr(expression.var, "var", None)
        if not expression.is_var or not isinstance(name, str) or not is_variable(name):
            raise InvalidField(self.field, f"must name one of the variables, not {str(expression)[:60]}")
        # Django takes a number for a variable with a literal; a real one could name anything.
        arguments = [one for _, given in expression.filters for is_lookup, one in given if is_lookup]
        if any(one.literal is None for one in arguments):
            raise InvalidField(
                self.field, f"must give filters a number or a text in quotation marks, not {str(expression)[:60]}"
            )
        return name

    def missing(self, values: Mapping[str, str]) -> list[str]:
        return sorted(name for name in self.required if not values.get(name))

    def render(self, values: Mapping[str, str]) -> str:
        """The text for one contact; ``values`` as :func:`campaigns.rendering.values.contact_values` gives them.

        Raises:
            MissingVariables, UnusableValue
        """
        if missing := self.missing(values):
            raise MissingVariables(missing)
        # Every name that the text has is a key here, and every value a text: Django's look-up finds it in the mapping
        # and never goes on to attributes and methods.
        context: dict[str, object] = {}
        attributes: dict[str, str] = {}
        for name in self.variables:
            value = self._usable(name, values.get(name, ""))
            if name.startswith(f"{ATTRIBUTES}."):
                attributes[name.removeprefix(f"{ATTRIBUTES}.")] = value
            else:
                context[name] = value
        values_by_name = {**context, ATTRIBUTES: attributes}
        rendered = self._template.render(
            Context(values_by_name, autoescape=self._is_html, use_l10n=False, use_tz=False)
        )
        # Django marks as safe HTML whatever a template made, also of plain text: a page would show that unescaped.
        return rendered if self._is_html else rendered + ""

    def _usable(self, name: str, value: str) -> str:
        if len(value) > MAX_VALUE:
            raise UnusableValue(name, f"has more than {MAX_VALUE} characters")
        if _CONTROL.search(value) or (self.one_line and _LINE_END.search(value)):
            raise UnusableValue(name, "has a line break or a control character")
        return value


def is_variable(name: str) -> bool:
    """One of the known names, or ``attributes.<name>`` with nothing behind it."""
    if name in NAMES:
        return True
    first, _, rest = name.partition(".")
    return first == ATTRIBUTES and is_attribute_name(rest)


def _in_words(error: TemplateSyntaxError) -> str:
    if "block tag" in str(error):
        return "must have variables only: {% … %} is not known here"
    if "filter" in str(error):
        return "must have known filters only: capfirst, default, lower, title, truncatechars, upper"
    return "has a variable that cannot be read; one looks like {{ first_name }}"
