"""The sentence that answers the page's question: does something need a person, and is the rest moving?"""

from collections.abc import Sequence

from dashboard.home.parts import Moving
from dashboard.phrases import Part, counted, number_word, strong, text


def lede_of(needs: int, moving: Sequence[Moving], *, sees_something: bool) -> list[Part]:
    """``Four things need a person. Everything else moves by itself: 193 orders and two campaigns.``"""
    if not sees_something and not needs:
        return [text("What waits for you, and what you have asked for, is here.")]
    if needs:
        first = (
            "One thing needs a person." if needs == 1 else f"{number_word(needs).capitalize()} things need a person."
        )
    else:
        first = "Nothing needs a person."
    named = [counted(one.number, one.one, one.many) for one in moving if one.number > 0]
    if not named:
        return [strong(first), text(" Nothing else is under way.")]
    all_named = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    rest = "Everything else moves" if needs else "All that is under way moves"
    return [strong(first), text(f" {rest} by itself: {all_named}.")]
