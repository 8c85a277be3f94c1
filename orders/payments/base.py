"""What the order area asks of a payment provider. A new one is a module here and its name in settings."""

from abc import ABC, abstractmethod

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from orders.contract import ChargeLookup, ChargeRequest, ChargeResult, RefundRequest, RefundResult


class PaymentError(Exception):
    """What a provider answers when it does not do as asked. The text is for people and never holds a card token."""


class PermanentError(PaymentError):
    """The provider understood and says no: the card was declined, there is nothing left to refund. Never retried."""


class ValidationError(PaymentError):
    """The request itself makes no sense. Never retried: the same request will not make sense the next time either."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        """Which field of the request, as :mod:`orders.contract` names it."""


class PaymentTransientError(PaymentError):
    """The provider timed out or was out of reach, and may or may not have done it. Retried with the same key.

    When the retries are spent the outcome is looked up by :meth:`PaymentProvider.look_up_charge`, never guessed.
    """


class PaymentProvider(ABC):
    """A payment gateway. Every call may be repeated and may run twice at once: the idempotency key makes it one."""

    @abstractmethod
    def charge(self, request: ChargeRequest) -> ChargeResult:
        """Take the money, once for each idempotency key. A repeat answers with the first charge.

        Raises:
            PermanentError: the card was declined.
            ValidationError: bad data, or the key was used for another amount.
            PaymentTransientError: no answer; the outcome is unknown.
        """

    @abstractmethod
    def look_up_charge(self, idempotency_key: str) -> ChargeLookup:
        """What became of a charge whose answer was lost. Changes nothing.

        Raises:
            PaymentTransientError: no answer.
        """

    @abstractmethod
    def refund(self, request: RefundRequest) -> RefundResult:
        """Give money back, once for each idempotency key and never more than was charged.

        Raises:
            PermanentError: no such payment, or less of it is left than asked for.
            ValidationError: bad data, or the key was used for another refund.
            PaymentTransientError: no answer; the outcome is unknown, ask again with the same key.
        """


def get_provider() -> PaymentProvider:
    """The provider that ``settings.PAYMENT_PROVIDER`` names by its dotted path."""
    provider = import_string(settings.PAYMENT_PROVIDER)()
    if not isinstance(provider, PaymentProvider):
        raise ImproperlyConfigured(f"PAYMENT_PROVIDER {settings.PAYMENT_PROVIDER} is not a PaymentProvider.")
    return provider
