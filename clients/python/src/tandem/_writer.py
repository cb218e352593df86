"""Many changes over one stream."""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from google.rpc import status_pb2

from tandem._backoff import Backoff
from tandem._errors import TandemError
from tandem.v1 import sync_pb2

#: How many changes are under way at most, unless it is said otherwise.
WINDOW = 256


@dataclass
class _Change:
    request: sync_pb2.WriteRecordRequest
    answer: Future[sync_pb2.WriteRecordResponse] = field(default_factory=Future)


class Writer:
    """Sends changes ahead of their answers, in the order in which they are given.

    At most `window` changes are under way: then `write` waits. After a break what was not answered is sent again under
    the same ids, so that nothing is lost and nothing is written twice. With a `patience` (seconds) it gives up when no
    answer has come for so long; without, it waits for the server.

        with client.writer() as writer:
            futures = [writer.write(change) for change in changes]
    """

    def __init__(self, sync: Any, window: int, patience: float | None) -> None:
        if window < 1:
            raise ValueError("a window has room for one change at least")
        self._sync, self._window, self._patience = sync, window, patience
        self._changed = threading.Condition()
        # What was given and is not answered, in order; of it, how much went over the stream that is open now.
        self._under_way: deque[_Change] = deque()
        self._sent = 0
        self._stream = 0
        self._closing = False
        self._failed: TandemError | None = None
        self._thread = threading.Thread(target=self._run, name="tandem-writer", daemon=True)
        self._thread.start()

    def write(self, change: sync_pb2.WriteRecordRequest) -> Future[sync_pb2.WriteRecordResponse]:
        """Takes a change, as soon as there is room in the window. A change without a `change_id` gets one. The future
        comes to what became of the change, or to a `TandemError`, which does not hold up the changes after it."""
        request = sync_pb2.WriteRecordRequest(change_id=str(uuid.uuid4()))
        request.MergeFrom(change)
        taken = _Change(request)
        taken.answer.set_running_or_notify_cancel()
        with self._changed:
            self._changed.wait_for(lambda: len(self._under_way) < self._window or self._failed or self._closing)
            if self._failed:
                raise self._failed
            if self._closing:
                raise ValueError("the writer is closed")
            self._under_way.append(taken)
            self._changed.notify_all()
        return taken.answer

    def flush(self) -> None:
        """Waits until everything that was given is answered."""
        with self._changed:
            self._changed.wait_for(lambda: not self._under_way)

    def close(self) -> None:
        """Takes nothing more, and waits until everything that was given is answered."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        backoff, heard = Backoff(), time.monotonic()
        while self._has_work():
            error = TandemError(status_pb2.Status(code=14, message="the stream ended before everything was answered"))
            idle = not self._under_way
            try:
                for answer in self._sync.WriteRecords(self._requests()):
                    self._answered(answer)
                    backoff.reset()
                    heard, idle = time.monotonic(), not self._under_way
            except TandemError as broken:
                error = broken
            if idle:
                heard = time.monotonic()  # nobody waited for an answer
            if not self._under_way:
                continue
            patient = self._patience is None or time.monotonic() - heard < self._patience
            if not (error.is_transient and patient):
                return self._fail(error)
            time.sleep(backoff.next())

    def _has_work(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._under_way or self._closing)
            return bool(self._under_way)

    def _requests(self) -> Iterator[sync_pb2.WriteRecordsRequest]:
        """What a stream sends: first what an earlier one left unanswered. Another thread, grpcio's, goes through it."""
        with self._changed:
            self._sent = 0
            self._stream += 1
            self._changed.notify_all()
            stream = self._stream
        return self._requests_of(stream)

    def _requests_of(self, stream: int) -> Iterator[sync_pb2.WriteRecordsRequest]:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: stream != self._stream or self._failed or self._closing or self._sent < len(self._under_way)
                )
                if stream != self._stream or self._failed or self._sent == len(self._under_way):
                    return
                change = self._under_way[self._sent].request
                self._sent += 1
            yield sync_pb2.WriteRecordsRequest(change=change)

    def _answered(self, answer: sync_pb2.WriteRecordsResponse) -> None:
        with self._changed:
            if not self._under_way:
                return  # to nothing that was asked
            change = self._under_way.popleft()
            self._sent -= 1
            self._changed.notify_all()
        if answer.HasField("written"):
            change.answer.set_result(answer.written)
        else:
            change.answer.set_exception(TandemError(answer.status))

    def _fail(self, error: TandemError) -> None:
        with self._changed:
            self._failed = error
            left = list(self._under_way)
            self._under_way.clear()
            self._changed.notify_all()
        for change in left:
            change.answer.set_exception(error)
