"""Errors with the details that the server gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

_CODES = {code.value[0]: code for code in grpc.StatusCode}
# Codes that a transport gives a call when it breaks. With an ErrorInfo the code is the server's own word.
_OF_TRANSPORT = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.CANCELLED)


@dataclass(frozen=True)
class Violation:
    """A field of the request that is malformed, and why."""

    field: str
    description: str


class TandemError(grpc.RpcError):
    """Why a call, or a change of a stream, was not done."""

    #: The status code.
    code: grpc.StatusCode
    #: What happened, for people.
    message: str
    #: One of `ErrorReason` without its prefix, such as MAP_NOT_RUNNING; empty when the server was not reached.
    reason: str
    #: What belongs to the reason; `ErrorReason` says under which names.
    metadata: dict[str, str]
    #: Every malformed field, of INVALID_ARGUMENT.
    violations: list[Violation]
    #: The resource that is meant, as type and name; None when there is none.
    resource: tuple[str, str] | None
    #: In how many seconds it is worth trying again; None when the server does not say.
    retry_delay: float | None

    def __init__(self, status: status_pb2.Status) -> None:
        super().__init__(status.message)
        self.code = _CODES.get(status.code, grpc.StatusCode.UNKNOWN)
        self.message = status.message
        self.reason, self.metadata, self.violations = "", {}, []
        self.resource, self.retry_delay = None, None
        for detail in status.details:
            self._add(detail)

    def _add(self, detail: Any) -> None:
        info, bad, retry, resource = (
            error_details_pb2.ErrorInfo(),
            error_details_pb2.BadRequest(),
            error_details_pb2.RetryInfo(),
            error_details_pb2.ResourceInfo(),
        )
        if detail.Unpack(info):
            self.reason, self.metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(bad):
            self.violations = [Violation(each.field, each.description) for each in bad.field_violations]
        elif detail.Unpack(retry):
            self.retry_delay = retry.retry_delay.ToTimedelta().total_seconds()
        elif detail.Unpack(resource):
            self.resource = (resource.resource_type, resource.resource_name)

    @classmethod
    def of_call(cls, error: Any) -> TandemError:
        """The error of a call that has ended."""
        status = rpc_status.from_call(error)
        return cls(status or status_pb2.Status(code=error.code().value[0], message=error.details() or ""))

    @property
    def is_transient(self) -> bool:
        """Whether the same call may go through later: the server was not reached, is shutting down or has too much to do."""
        if not self.reason:
            return self.code is grpc.StatusCode.UNAVAILABLE or self.code in _OF_TRANSPORT
        return self.code is grpc.StatusCode.UNAVAILABLE or self.reason == "TOO_MANY_REQUESTS"

    def __str__(self) -> str:
        told = f"{self.code.name}{f' ({self.reason})' if self.reason else ''}: {self.message}"
        return "\n".join([told, *(f"  {each.field}: {each.description}" for each in self.violations)])
