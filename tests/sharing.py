"""How two processes share the run of the suite: what is slow to start is started in one of them, once, and comes first.

xdist's own groups by mark (``--dist loadgroup``) have no effect under pytest 9.2, which has no ``_nodeid`` any more.
"""

import pytest
from xdist.scheduler import LoadScopeScheduling

STACK = "the shared stack"
# The journeys that have a stack of their own, to break it, or look at the whole demo: as long as many others together.
OWN_STACK = ("tests/journeys/test_outage.py", "tests/dashboard/test_demo.py")


def share_of(nodeid: str) -> str:
    """The name of what is run by one process: a file, or all files whose tests use the shared stack."""
    path = nodeid.partition("::")[0]
    return STACK if path.startswith("tests/journeys/") and path not in OWN_STACK else path


def order_of(item: pytest.Item) -> int:
    """The longest first, so that no process is left alone with one of them at the end."""
    share = share_of(item.nodeid)
    return 0 if share == STACK else 1 if share in OWN_STACK else 2


class Sharing(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return share_of(nodeid)
