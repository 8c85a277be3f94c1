"""How one person's cap is decided: pure functions and bookkeeping. No Temporal, no clock – ``now`` is always an argument."""
