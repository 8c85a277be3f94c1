"""The SDK's own figures about this process's workers, for Prometheus to fetch. Off unless ``METRICS_ADDRESS`` is set."""

from datetime import timedelta
from functools import cache

from django.conf import settings
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig


@cache
def metrics_runtime(address: str = "") -> Runtime | None:
    """The runtime whose figures ``http://<address>/metrics`` tells; None without an address.

    ``address`` is ``host:port``, ``METRICS_ADDRESS`` when left out. One for the whole life of a process: the port stays
    taken. Durations are in seconds, as Prometheus has them.

    Raises:
        ValueError: the address cannot be listened on.
    """
    bind_address = address or settings.METRICS_ADDRESS
    if not bind_address:
        return None
    prometheus = PrometheusConfig(
        bind_address=bind_address, counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
    )
    return Runtime(telemetry=TelemetryConfig(metrics=prometheus), worker_heartbeat_interval=timedelta(seconds=60))
