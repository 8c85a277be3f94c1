"""Money for people; see :mod:`temporal_worker.money`."""

from temporal_worker.money import amount as amount
from temporal_worker.money import money as money
