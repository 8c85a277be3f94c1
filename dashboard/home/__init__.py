"""The home page: what needs a person, and whether the rest is moving.

Each area says what it has to show in its ``home.py`` (see :mod:`dashboard.home.parts`); nothing here knows an area by name.
One read of the database (:mod:`~dashboard.home.snapshots`) serves everybody who looks through a process; what each may see
of it is drawn once for each set of rights (:mod:`~dashboard.home.frames`).
"""
