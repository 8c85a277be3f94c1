"""Mails, by Django's mail backend. With SMTP it is known where a broken connection broke.

A server takes a mail over with its answer to the end of the data (RFC 5321, 4.2.5 and 6.1). What breaks before the data
begins has not been sent; what breaks after, nobody knows; and what is answered is answered.
"""

import smtplib
from contextlib import suppress
from email.policy import Compat32
from email.utils import parseaddr
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.smtp import EmailBackend
from django.core.validators import validate_email

from campaigns.channels.base import ChannelProvider, Message, OutcomeUnknown, Receipt, SendFailed

UNSUBSCRIBE = "List-Unsubscribe"
MAILS_PER_CONNECTION = 100
"""Servers end a session after so many, each at a number of its own; 100 is below what the common ones allow."""


class _WatchedSMTP(smtplib.SMTP):
    """Knows whether the content of the current mail has begun to leave."""

    content_has_left = False
    _awaits_go_ahead = False

    def data(self, msg: bytes | str) -> tuple[int, bytes]:  # type: ignore[override]
        self._awaits_go_ahead = True
        try:
            return super().data(msg)
        finally:
            self._awaits_go_ahead = False

    def send(self, s: bytes | str) -> None:  # type: ignore[override]
        # smtplib sends "DATA" as a text, and after the server's go-ahead all of the content in one call, as bytes.
        if self._awaits_go_ahead and isinstance(s, bytes):
            self.content_has_left = True
        super().send(s)


class _WatchedSMTPS(_WatchedSMTP, smtplib.SMTP_SSL):
    pass


class WatchedEmailBackend(EmailBackend):
    """Django's SMTP backend on a connection that knows how far it has come."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _WatchedSMTPS if self.use_ssl else _WatchedSMTP

    def start_mail(self) -> None:
        if isinstance(self.connection, _WatchedSMTP):
            self.connection.content_has_left = False

    @property
    def content_has_left(self) -> bool:
        return isinstance(self.connection, _WatchedSMTP) and self.connection.content_has_left

    def drop(self) -> None:
        """Without a good-bye, for which a dead server would be waited."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class EmailProvider(ChannelProvider):
    """One connection for many mails. ``repeats_are_safe`` is off: no server looks at the Message-ID."""

    def __init__(self) -> None:
        self._is_smtp = settings.EMAIL_BACKEND.endswith("smtp.EmailBackend")
        self._backend: BaseEmailBackend | None = None
        self._sent = 0

    def send(self, message: Message) -> Receipt:
        mail = _to_mail(message)
        try:
            validate_email(message.address)
        except ValidationError:
            raise SendFailed("This is no mail address.", permanent=True) from None
        if self._sent >= MAILS_PER_CONNECTION:
            self.close()
        if not self._is_smtp:
            return self._send_elsewhere(mail)
        is_old = self._backend is not None
        try:
            return self._send_by_smtp(mail)
        except SendFailed as failed:
            # The server has hung up between two mails, as servers do. Nothing of this one has left.
            if is_old and isinstance(failed.__cause__, smtplib.SMTPServerDisconnected):
                return self._send_by_smtp(mail)
            raise

    def close(self) -> None:
        backend, self._backend, self._sent = self._backend, None, 0
        if backend is not None:
            # Whatever the good-bye says, each mail has had its answer.
            with suppress(OSError, smtplib.SMTPException):
                backend.close()

    def _send_elsewhere(self, mail: EmailMultiAlternatives) -> Receipt:
        self._backend = self._backend or get_connection()
        try:
            self._backend.send_messages([mail])
        except ValueError as error:
            raise _no_mail(error) from error
        except OSError as error:
            self.close()
            raise OutcomeUnknown(str(error)) from error
        self._sent += 1
        return Receipt(mail.extra_headers["Message-ID"])

    def _send_by_smtp(self, mail: EmailMultiAlternatives) -> Receipt:
        backend = self._open()
        try:
            backend.start_mail()
            backend.send_messages([mail])
        except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
            # An answer, and a no: before the data or after it, this mail is not taken. The connection goes on, unless the
            # server has said good-bye.
            code, words = _answer(error)
            has_left = backend.content_has_left
            if code == 421 or code < 0:
                self._drop()
            if has_left and not 400 <= code < 600:
                raise OutcomeUnknown(f"The server answered {code} {words}") from error
            raise SendFailed(f"{code} {words}", permanent=code >= 500) from error
        except (smtplib.SMTPException, OSError) as error:
            has_left = backend.content_has_left
            self._drop()
            words = str(error) or type(error).__name__
            if has_left:
                raise OutcomeUnknown(f"The connection broke before the server answered: {words}") from error
            is_refused_here = isinstance(error, smtplib.SMTPNotSupportedError)
            raise SendFailed(words, permanent=is_refused_here) from error
        except ValueError as error:
            raise _no_mail(error) from error
        self._sent += 1
        return Receipt(mail.extra_headers["Message-ID"])

    def _open(self) -> WatchedEmailBackend:
        if isinstance(self._backend, WatchedEmailBackend) and self._backend.connection is not None:
            return self._backend
        backend = WatchedEmailBackend(timeout=settings.EMAIL_TIMEOUT)
        try:
            backend.open()
        except (smtplib.SMTPException, OSError) as error:
            raise SendFailed(f"The mail server cannot be reached: {error}", permanent=False) from error
        self._backend = backend
        return backend

    def _drop(self) -> None:
        if isinstance(self._backend, WatchedEmailBackend):
            self._backend.drop()
        self._backend, self._sent = None, 0


def _no_mail(error: ValueError) -> SendFailed:
    """Django makes the mail before it talks to the server: a line break in a header (``BadHeaderError``) ends it there."""
    return SendFailed(f"No mail can be made of it: {error}", permanent=True)


def message_id(grant_id: str) -> str:
    """The Message-ID of a grant's mail: the same each time, and of nothing that tells who or what it is for."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{sha256(grant_id.encode()).hexdigest()[:40]}@{domain}>"


class _Headers(Compat32):
    """``List-Unsubscribe`` stays in one line: some who read it find nothing in a header whose first line is empty.

    What fits into a line is not looked at for places where it could be folded, which was a quarter of making a mail.
    """

    def fold(self, name: str, value: Any) -> str:
        line = f"{name}: {value}"
        # RFC 5322, 2.1.1: so many must not, and should not, be exceeded.
        longest = 998 if name == UNSUBSCRIBE else 78
        is_one_line = isinstance(value, str) and len(line) <= longest and line.isascii() and line.isprintable()
        return f"{line}{self.linesep}" if is_one_line else super().fold(name, value)

    def fold_binary(self, name: str, value: Any) -> bytes:
        folded = self.fold(name, value)
        return folded.encode() if folded.isascii() else super().fold_binary(name, value)


class _Mail(EmailMultiAlternatives):
    def message(self, *args: Any, **options: Any) -> Any:
        mail = super().message(*args, **options)
        mail.policy = _Headers()
        return mail


def _to_mail(message: Message) -> EmailMultiAlternatives:
    headers = {"Message-ID": message_id(message.grant_id)}
    if message.unsubscribe_url:
        # RFC 8058: both, and the address takes a POST without log-in.
        headers[UNSUBSCRIBE] = f"<{message.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail = _Mail(subject=message.subject, body=message.text, to=[message.address], headers=headers)
    if message.html:
        mail.attach_alternative(message.html, "text/html")
    return mail


def _answer(error: smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused) -> tuple[int, str]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
    else:
        code, words = error.smtp_code, error.smtp_error  # type: ignore[assignment]
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    return code, " ".join(text.split())[:300]
