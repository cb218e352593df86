"""What holds for every call: it shows the token, and its errors are typed."""

from __future__ import annotations

import uuid
from collections import namedtuple
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from tandem._errors import TandemError
from tandem.v1 import sync_pb2


class _Details(
    namedtuple("_Details", ("method", "timeout", "metadata", "credentials", "wait_for_ready", "compression")),
    grpc.ClientCallDetails,
):
    pass


class Calls(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    def __init__(self, token: str | None) -> None:
        self._shown = [("authorization", f"Bearer {token}")] if token else []

    def _call(self, continuation: Callable[..., Any], details: grpc.ClientCallDetails, request: Any) -> _Call:
        details = _Details(
            details.method,
            details.timeout,
            [*(details.metadata or ()), *self._shown],
            details.credentials,
            getattr(details, "wait_for_ready", None),
            getattr(details, "compression", None),
        )
        return _Call(continuation(details, request))

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        if isinstance(request, sync_pb2.WriteRecordRequest) and not request.change_id:
            # A retry is the same change: the server knows it by its id.
            named = sync_pb2.WriteRecordRequest(change_id=str(uuid.uuid4()))
            named.MergeFrom(request)
            request = named
        return self._call(continuation, client_call_details, request)

    def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return self._call(continuation, client_call_details, request)

    def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        return self._call(continuation, client_call_details, request_iterator)


class _Call(grpc.Future, grpc.Call):  # type: ignore[misc]
    """A call of grpcio with typed errors."""

    def __init__(self, call: Any) -> None:
        self._inner = call

    def result(self, timeout: float | None = None) -> Any:
        try:
            return self._inner.result(timeout)
        except grpc.RpcError as error:
            raise TandemError.of_call(error) from error

    def exception(self, timeout: float | None = None) -> Exception | None:
        error = self._inner.exception(timeout)
        return TandemError.of_call(error) if isinstance(error, grpc.RpcError) else error

    def traceback(self, timeout: float | None = None) -> Any:
        return self._inner.traceback(timeout)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._inner)
        except grpc.RpcError as error:
            raise TandemError.of_call(error) from error

    def cancel(self) -> bool:
        return self._inner.cancel()

    def cancelled(self) -> bool:
        return self._inner.cancelled()

    def running(self) -> bool:
        return self._inner.running()

    def done(self) -> bool:
        return self._inner.done()

    def add_done_callback(self, fn: Callable[[Any], None]) -> None:
        self._inner.add_done_callback(lambda _: fn(self))

    def is_active(self) -> bool:
        return self._inner.is_active()

    def time_remaining(self) -> float | None:
        return self._inner.time_remaining()

    def add_callback(self, callback: Callable[[], None]) -> bool:
        return self._inner.add_callback(callback)

    def initial_metadata(self) -> Any:
        return self._inner.initial_metadata()

    def trailing_metadata(self) -> Any:
        return self._inner.trailing_metadata()

    def code(self) -> grpc.StatusCode:
        return self._inner.code()

    def details(self) -> str:
        return self._inner.details()
