"""Streams of events that go on after a break."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

from tandem._backoff import Backoff
from tandem._errors import TandemError


class Tail(Iterator[Any]):
    """Events as they happen, until `close`. After a break it goes on behind the last event that was given: nothing is
    lost, nothing comes twice. An error that does not pass by itself is raised: LOG_TRIMMED when retention was faster.

    To go on in another process, keep the number of the last event that was dealt with and begin with the next.
    """

    def __init__(self, method: Callable[[Any], Any], request: Any, number: str) -> None:
        self._method, self._number = method, number
        self._request = type(request)()
        self._request.CopyFrom(request)
        self._call: Any = None
        self._closed = threading.Event()
        self._backoff = Backoff()

    def __next__(self) -> Any:
        while not self._closed.is_set():
            try:
                if self._call is None:
                    self._call = self._method(self._request)
                answer = next(self._call, None)
            except TandemError as error:
                answer = None
                if self._closed.is_set():
                    break
                if not error.is_transient:
                    raise
            if answer is None:
                self._call = None
                self._closed.wait(self._backoff.next())
                continue
            self._backoff.reset()
            event = self._take(answer)
            if event is not None:
                return event
        raise StopIteration

    def _take(self, answer: Any) -> Any:
        """The event, if it is one; the next call begins behind it."""
        kind = answer.WhichOneof("item")
        if kind is None:
            return None
        item = getattr(answer, kind)
        is_event = kind != "heartbeat"
        number = getattr(item, self._number if is_event else f"latest_{self._number}")
        setattr(self._request, f"start_{self._number}", number + 1)
        return item if is_event else None

    def close(self) -> None:
        """Ends it, from any thread."""
        self._closed.set()
        call = self._call
        if call is not None:
            call.cancel()

    def __enter__(self) -> Tail:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
