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
    answer has come for so long, and then does not know what became of what it had sent; without, it waits for the server.

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
        # The call that is under way, and since when its next answer is waited for.
        self._call: Any = None
        self._heard = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="tandem-writer", daemon=True)
        self._thread.start()
        if patience is not None:
            threading.Thread(target=self._watch, args=(patience,), name="tandem-writer-patience", daemon=True).start()

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
            if not self._under_way:
                self._heard = time.monotonic()
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
        try:
            self._write()
        except BaseException as fault:
            self._fail(TandemError(status_pb2.Status(code=13, message=repr(fault))))  # nobody waits for ever
            raise

    def _write(self) -> None:
        backoff = Backoff()
        while self._has_work():
            error = TandemError(status_pb2.Status(code=14, message="the stream ended before everything was answered"))
            try:
                self._call = self._sync.WriteRecords(self._requests())
                for answer in self._call:
                    self._answered(answer)
                    backoff.reset()
            except TandemError as broken:
                error = broken
            if self._patience_left() <= 0:
                message = f"no answer came within {self._patience} s"
                return self._fail(TandemError(status_pb2.Status(code=4, message=message)))
            if not self._under_way:
                continue
            if not error.is_transient:
                return self._fail(error)
            time.sleep(min(backoff.next(), max(self._patience_left(), 0)))

    def _patience_left(self) -> float:
        """Seconds until it gives up; as long as nothing is waited for, all that it has."""
        with self._changed:
            if self._patience is None:
                return float("inf")
            return self._patience - (time.monotonic() - self._heard if self._under_way else 0)

    def _watch(self, patience: float) -> None:
        """Cuts a stream over which nothing comes: a server may be there and hang."""
        while self._thread.is_alive():
            left = self._patience_left()
            if left <= 0 and self._call is not None:
                self._call.cancel()
            self._thread.join(min(max(left, 0.1), patience))

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
            self._heard = time.monotonic()
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
