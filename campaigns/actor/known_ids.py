"""Grant ids that were used once, remembered for as good as ever in eight bytes each."""

from base64 import b64decode, b64encode
from collections.abc import Iterable
from hashlib import sha256

from campaigns.contract import MAX_KNOWN_IDS

_BYTES = 8


class KnownIds:
    """A set of fingerprints that forgets the oldest beyond ``MAX_KNOWN_IDS``.

    Among 10,000 of them, a new id is taken for a known one once in about 10^15 questions – and is then refused, not sent.
    """

    def __init__(self, text: str = "") -> None:
        packed = b64decode(text)
        self._prints = dict.fromkeys(packed[at : at + _BYTES] for at in range(0, len(packed), _BYTES))

    def __contains__(self, grant_id: str) -> bool:
        return _fingerprint(grant_id) in self._prints

    def __len__(self) -> int:
        return len(self._prints)

    def add(self, grant_ids: Iterable[str]) -> None:
        self._prints.update(dict.fromkeys(map(_fingerprint, grant_ids)))
        while len(self._prints) > MAX_KNOWN_IDS:
            del self._prints[next(iter(self._prints))]

    def to_text(self) -> str:
        return b64encode(b"".join(self._prints)).decode()


def _fingerprint(grant_id: str) -> bytes:
    return sha256(grant_id.encode()).digest()[:_BYTES]
