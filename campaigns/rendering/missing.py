"""Which variables of a text some of its recipients have not: found before a launch, not by the first mail that fails."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from campaigns.rendering.message import CompiledMessage
from campaigns.rendering.values import Addressee, contact_values

EXAMPLES = 5
LETTERS_AT_A_LAUNCH = 20_000
"""Recipients whose variables are looked at before a launch; of a larger audience, evenly so many. All of them are before the
first message goes out (:mod:`campaigns.sending.letters`)."""


@dataclass
class Missing:
    """``name`` is missing for ``count`` contacts, of which ``examples`` are some by their ids."""

    name: str
    count: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def in_words(self) -> str:
        who = f"{self.count:,} recipients have" if self.count != 1 else "1 recipient has"
        return f"{who} no {self.name} ({', '.join(self.examples[:3])})"


def missing_variables(message: CompiledMessage, contacts: Iterable[Addressee]) -> list[Missing]:
    """What the message needs and contacts have not, most often missed first. Give it an iterator: it keeps no contact."""
    needed = message.needed
    found: dict[str, Missing] = {}
    if not needed:
        return []
    for contact in contacts:
        values = contact_values(contact)
        for name in needed - values.keys():
            missing = found.setdefault(name, Missing(name))
            missing.count += 1
            if len(missing.examples) < EXAMPLES:
                missing.examples.append(contact.user_id)
    return sorted(found.values(), key=lambda one: (-one.count, one.name))
