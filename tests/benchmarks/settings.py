"""The product's settings with one more URL, for the update that does nothing."""

from dashboard.settings import *  # noqa: F403

ROOT_URLCONF = "tests.benchmarks.urls"
