"""Hashes by which two requests are told apart."""

import hashlib
import json


def digest(value: object) -> str:
    """SHA-256 of something asked, in hex; a time in it counts by its ISO form."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
