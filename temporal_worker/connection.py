"""One Temporal client per process, connected once, on one loop thread.

Sync code cannot await, an event loop per call is not what the client is made for, and a shared lazy client hung on a
concurrent first call. So everything that touches the client runs on the loop of one daemon thread, which also makes
"connect once" a matter of one task on one loop: there is no lock to hold across an ``await``.
"""

import asyncio
import atexit
import concurrent.futures
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog
from temporalio.client import Client
from temporalio.envconfig import ClientConfig
from temporalio.runtime import Runtime
from temporalio.service import RetryConfig

from temporal_worker.converter import ANSWER_CONVERTER
from temporal_worker.errors import CallTimedOut, TemporalUnavailable

T = TypeVar("T")

DEFAULT_ADDRESS = "localhost:7233"
CONNECT_TIMEOUT = 1.5
"""Seconds that one attempt to connect may take."""
REMEMBER_FAILURE = 1.0
"""Seconds for which a failed attempt answers for all, so that twenty waiting pages do not wait one after the other."""

LAST_ANSWER = 0.05
"""Seconds that a process waits at its end for the SDK's threads to have handed over what they had."""

# People wait for these calls, and each may be repeated: better an honest "out of reach" than the SDK's own ten seconds.
_RETRIES = RetryConfig(max_elapsed_time_millis=1500)

log = structlog.get_logger(__name__)


async def connect(retry_config: RetryConfig | None = None, runtime: Runtime | None = None) -> Client:
    """A new client for the address, namespace, key and TLS files that the environment names (``TEMPORAL_*``).

    ``runtime`` is the process's default when left out; another one counts what is done by this client.
    """
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", DEFAULT_ADDRESS)
    return await Client.connect(**config, retry_config=retry_config, data_converter=ANSWER_CONVERTER, runtime=runtime)


def address() -> str:
    """``host:port`` of the Temporal server that this process talks to, for logs and messages."""
    return ClientConfig.load_client_connect_config().get("target_host") or DEFAULT_ADDRESS


class _Connection:
    """Single-flight connecting. Only ever used on the loop thread."""

    def __init__(self) -> None:
        self._client: Client | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._failure = ""
        self._failed_at = -REMEMBER_FAILURE

    async def client(self) -> Client:
        if self._client is None and time.monotonic() - self._failed_at >= REMEMBER_FAILURE:
            if self._attempt is None:
                self._attempt = asyncio.create_task(self._connect())
            # Shielded: a caller that gives up must not take the others' attempt with it.
            await asyncio.shield(self._attempt)
        if self._client is None:
            raise TemporalUnavailable(self._failure)
        return self._client

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                self._client = await connect(_RETRIES)
        except TimeoutError:
            self._failed(f"Temporal at {address()} does not answer.")
        except Exception as error:
            log.warning("temporal_connect_failed", error=str(error))
            self._failed("Temporal is out of reach.")
        finally:
            self._attempt = None

    def _failed(self, message: str) -> None:
        self._failure = message
        self._failed_at = time.monotonic()


class _LoopThread:
    """A daemon thread that runs one event loop for as long as the process lives."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.connection = _Connection()
        self._thread = threading.Thread(target=self.loop.run_forever, name="temporal-client", daemon=True)
        self._thread.start()
        atexit.register(self._end)

    def _end(self) -> None:
        """At the process's exit. A thread of the SDK that hands over its last answer while the interpreter is being taken
        down kills the process ("PyGILState_Release: thread state must be current"), after its work and with its exit code."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(1)
        time.sleep(LAST_ANSWER)


_start = threading.Lock()
_loop_thread: _LoopThread | None = None


def loop_thread() -> _LoopThread:
    """The process's loop thread, started on first use."""
    global _loop_thread
    if _loop_thread is None:
        with _start:
            if _loop_thread is None:
                _loop_thread = _LoopThread()
    return _loop_thread


def call(coro: Coroutine[Any, Any, T], timeout: float = 10.0) -> T:
    """Runs ``coro`` on the loop thread and waits for it, at most ``timeout`` seconds. For sync code only.

    Raises:
        CallTimedOut: it took longer; the coroutine is cancelled.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        coro.close()
        raise RuntimeError("call() would block this event loop: await the coroutine instead.")
    future = asyncio.run_coroutine_threadsafe(coro, loop_thread().loop)
    try:
        return future.result(timeout)
    except concurrent.futures.TimeoutError:
        if future.done():  # the coroutine's own TimeoutError
            raise
        raise CallTimedOut("Temporal did not answer in time.") from None
    finally:
        # Without effect on a finished one; stops the call when this thread is interrupted or out of time.
        future.cancel()


async def on_loop_thread(coro: Coroutine[Any, Any, T]) -> T:
    """Awaits ``coro`` on the loop thread from any loop; a cancelled caller cancels it there."""
    loop = loop_thread().loop
    if asyncio.get_running_loop() is loop:
        return await coro
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coro, loop))


async def aget_client() -> Client:
    """The process's client, for code on any running loop.

    Raises:
        TemporalUnavailable: within about 1.5 s; at once when an attempt failed less than a second ago.
    """
    return await on_loop_thread(loop_thread().connection.client())


def get_client() -> Client:
    """The process's client, for sync code. Raises as ``aget_client`` does."""
    return call(aget_client(), CONNECT_TIMEOUT + 0.5)


def forget_client() -> None:
    """Drops the client, so that the next call connects anew to what the environment names then. For tests."""
    loop_thread().connection = _Connection()
