"""How two processes share the run of the suite: what is slow to start is started in one of them, once, and comes first.

xdist's own groups by mark (``--dist loadgroup``) have no effect under pytest 9.2, which has no ``_nodeid`` any more.
"""

import pytest
from xdist.scheduler import LoadScopeScheduling

STACK = "the shared stack"


def share_of(nodeid: str) -> str:
    """The name of what is run by one process: a file, or all files whose tests use the shared stack."""
    path = nodeid.partition("::")[0]
    return STACK if path.startswith("tests/journeys/") else path


def order_of(item: pytest.Item) -> int:
    """The longest share first, so that no process is left alone with it at the end."""
    return 0 if share_of(item.nodeid) == STACK else 1


class Sharing(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)
