"""What can go wrong at a remote, told from the caller's side. No HTTP here: `rest` decides which class
applies.
"""

from __future__ import annotations

EXCERPT_LIMIT = 500


class RemoteError(Exception):
    """A call to a remote did not do what was asked.

    ``summary`` (also ``str()``) is a sentence a manager understands, without key, query string or personal
    data. ``excerpt`` is the remote's own reason, at most 500 characters; it may name a person, so it is
    stored with the attempt and never logged. ``retry_after`` is in seconds.
    """

    def __init__(
        self,
        summary: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        excerpt: str = "",
        trace_id: str = "",
        field: str = "",
    ) -> None:
        super().__init__(summary)
        self.summary = summary
        self.status = status
        self.retry_after = retry_after
        self.excerpt = excerpt
        self.trace_id = trace_id
        self.field = field

    def add(self, sentence: str) -> None:
        """Say one more thing to the person who reads the summary."""
        self.summary = f"{self.summary} {sentence}"
        self.args = (self.summary,)


class TransientError(RemoteError):
    """May work later. A write that raised this was certainly not applied."""


class RateLimited(TransientError):
    """The remote asks for patience; ``retry_after`` is 1 to 3600 seconds, or None where it gave no time."""


class RemoteFailing(TransientError):
    """A read that taught nothing: 5xx, no answer in time, a broken connection. Never raised for a write."""


class PermanentError(RemoteError):
    """Asking again without a change, here or there, gives the same answer."""


class CredentialsRefused(PermanentError):
    """401 or 403, or a key that cannot even be sent."""


class NotFound(PermanentError):
    """404 or 410 on a path that names one thing. ``json_body`` is False where a proxy may have said it."""

    json_body: bool = False


class WrongAddress(PermanentError):
    """Whatever answers there is not this remote's API, or must not be called. Nothing was followed."""


class Refused(PermanentError):
    """The remote read the request and said no; its reason is in ``excerpt``, the field at fault in
    ``field``.
    """


class UnexpectedPayload(PermanentError):
    """A read was answered with something that is no answer: HTML, not JSON, truncated, too large, wrong
    shape.
    """


class OutcomeUnknown(RemoteError):
    """A write may or may not have been applied. Look before sending again."""
