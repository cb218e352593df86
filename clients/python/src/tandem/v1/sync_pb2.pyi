import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from tandem.v1 import access_pb2 as _access_pb2
from tandem.v1 import errors_pb2 as _errors_pb2
from tandem.v1 import queue_pb2 as _queue_pb2
from tandem.v1 import records_pb2 as _records_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Disposition(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DISPOSITION_UNSPECIFIED: _ClassVar[Disposition]
    DISPOSITION_APPLIED: _ClassVar[Disposition]
    DISPOSITION_QUEUED: _ClassVar[Disposition]
    DISPOSITION_SKIPPED: _ClassVar[Disposition]

class ExecutionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXECUTION_STATE_UNSPECIFIED: _ClassVar[ExecutionState]
    EXECUTION_STATE_RUNNING: _ClassVar[ExecutionState]
    EXECUTION_STATE_COMPLETED: _ClassVar[ExecutionState]
    EXECUTION_STATE_COMPLETED_WITH_ERRORS: _ClassVar[ExecutionState]
    EXECUTION_STATE_CANCELLED: _ClassVar[ExecutionState]
    EXECUTION_STATE_FAILED: _ClassVar[ExecutionState]
    EXECUTION_STATE_PENDING: _ClassVar[ExecutionState]
DISPOSITION_UNSPECIFIED: Disposition
DISPOSITION_APPLIED: Disposition
DISPOSITION_QUEUED: Disposition
DISPOSITION_SKIPPED: Disposition
EXECUTION_STATE_UNSPECIFIED: ExecutionState
EXECUTION_STATE_RUNNING: ExecutionState
EXECUTION_STATE_COMPLETED: ExecutionState
EXECUTION_STATE_COMPLETED_WITH_ERRORS: ExecutionState
EXECUTION_STATE_CANCELLED: ExecutionState
EXECUTION_STATE_FAILED: ExecutionState
EXECUTION_STATE_PENDING: ExecutionState

class WriteRecordRequest(_message.Message):
    __slots__ = ("table_map", "source", "operation", "record", "previous_key", "source_time", "change_id", "correlation_id")
    TABLE_MAP_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_KEY_FIELD_NUMBER: _ClassVar[int]
    SOURCE_TIME_FIELD_NUMBER: _ClassVar[int]
    CHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    table_map: str
    source: _records_pb2.Side
    operation: _records_pb2.Operation
    record: _records_pb2.Record
    previous_key: _records_pb2.Record
    source_time: _timestamp_pb2.Timestamp
    change_id: str
    correlation_id: str
    def __init__(self, table_map: _Optional[str] = ..., source: _Optional[_Union[_records_pb2.Side, str]] = ..., operation: _Optional[_Union[_records_pb2.Operation, str]] = ..., record: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., previous_key: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., source_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., change_id: _Optional[str] = ..., correlation_id: _Optional[str] = ...) -> None: ...

class WriteRecordResponse(_message.Message):
    __slots__ = ("disposition", "sequence", "reason")
    DISPOSITION_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    disposition: Disposition
    sequence: int
    reason: str
    def __init__(self, disposition: _Optional[_Union[Disposition, str]] = ..., sequence: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class WriteRecordsRequest(_message.Message):
    __slots__ = ("change",)
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    change: WriteRecordRequest
    def __init__(self, change: _Optional[_Union[WriteRecordRequest, _Mapping]] = ...) -> None: ...

class WriteRecordsResponse(_message.Message):
    __slots__ = ("change_id", "written", "status")
    CHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    change_id: str
    written: WriteRecordResponse
    status: _status_pb2.Status
    def __init__(self, change_id: _Optional[str] = ..., written: _Optional[_Union[WriteRecordResponse, _Mapping]] = ..., status: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class Execution(_message.Message):
    __slots__ = ("name", "state", "master", "table_map_version", "projects", "rerun_of", "retry_errors", "actor", "start_time", "end_time", "error")
    NAME_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    MASTER_FIELD_NUMBER: _ClassVar[int]
    TABLE_MAP_VERSION_FIELD_NUMBER: _ClassVar[int]
    PROJECTS_FIELD_NUMBER: _ClassVar[int]
    RERUN_OF_FIELD_NUMBER: _ClassVar[int]
    RETRY_ERRORS_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    name: str
    state: ExecutionState
    master: _records_pb2.Side
    table_map_version: int
    projects: _containers.RepeatedCompositeFieldContainer[ExecutionProject]
    rerun_of: str
    retry_errors: bool
    actor: str
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    error: _errors_pb2.RecordError
    def __init__(self, name: _Optional[str] = ..., state: _Optional[_Union[ExecutionState, str]] = ..., master: _Optional[_Union[_records_pb2.Side, str]] = ..., table_map_version: _Optional[int] = ..., projects: _Optional[_Iterable[_Union[ExecutionProject, _Mapping]]] = ..., rerun_of: _Optional[str] = ..., retry_errors: _Optional[bool] = ..., actor: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., error: _Optional[_Union[_errors_pb2.RecordError, _Mapping]] = ...) -> None: ...

class ExecutionProject(_message.Message):
    __slots__ = ("direction", "state", "total", "written", "skipped", "failed", "start_time", "end_time", "source_row_count", "destination_row_count")
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    DESTINATION_ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    direction: _records_pb2.Direction
    state: ExecutionState
    total: int
    written: int
    skipped: int
    failed: int
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    source_row_count: int
    destination_row_count: int
    def __init__(self, direction: _Optional[_Union[_records_pb2.Direction, str]] = ..., state: _Optional[_Union[ExecutionState, str]] = ..., total: _Optional[int] = ..., written: _Optional[int] = ..., skipped: _Optional[int] = ..., failed: _Optional[int] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., source_row_count: _Optional[int] = ..., destination_row_count: _Optional[int] = ...) -> None: ...

class ExecutionError(_message.Message):
    __slots__ = ("name", "sequence", "direction", "integration_key", "record", "error", "attempts", "retry_status", "fail_time", "purge_time", "queue_job")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    INTEGRATION_KEY_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    RETRY_STATUS_FIELD_NUMBER: _ClassVar[int]
    FAIL_TIME_FIELD_NUMBER: _ClassVar[int]
    PURGE_TIME_FIELD_NUMBER: _ClassVar[int]
    QUEUE_JOB_FIELD_NUMBER: _ClassVar[int]
    name: str
    sequence: int
    direction: _records_pb2.Direction
    integration_key: _records_pb2.Record
    record: _records_pb2.Record
    error: _errors_pb2.RecordError
    attempts: int
    retry_status: _errors_pb2.RetryStatus
    fail_time: _timestamp_pb2.Timestamp
    purge_time: _timestamp_pb2.Timestamp
    queue_job: str
    def __init__(self, name: _Optional[str] = ..., sequence: _Optional[int] = ..., direction: _Optional[_Union[_records_pb2.Direction, str]] = ..., integration_key: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., record: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., error: _Optional[_Union[_errors_pb2.RecordError, _Mapping]] = ..., attempts: _Optional[int] = ..., retry_status: _Optional[_Union[_errors_pb2.RetryStatus, str]] = ..., fail_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., purge_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., queue_job: _Optional[str] = ...) -> None: ...

class GetExecutionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListExecutionsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "state")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    state: ExecutionState
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., state: _Optional[_Union[ExecutionState, str]] = ...) -> None: ...

class ListExecutionsResponse(_message.Message):
    __slots__ = ("executions", "next_page_token")
    EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    executions: _containers.RepeatedCompositeFieldContainer[Execution]
    next_page_token: str
    def __init__(self, executions: _Optional[_Iterable[_Union[Execution, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListExecutionErrorsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "filter")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    filter: _errors_pb2.RecordFilter
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[_Union[_errors_pb2.RecordFilter, _Mapping]] = ...) -> None: ...

class ListExecutionErrorsResponse(_message.Message):
    __slots__ = ("errors", "next_page_token", "total_size")
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    errors: _containers.RepeatedCompositeFieldContainer[ExecutionError]
    next_page_token: str
    total_size: int
    def __init__(self, errors: _Optional[_Iterable[_Union[ExecutionError, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ...) -> None: ...

class WatchExecutionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class WatchExecutionResponse(_message.Message):
    __slots__ = ("execution", "rows_per_second", "time_left")
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    ROWS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    TIME_LEFT_FIELD_NUMBER: _ClassVar[int]
    execution: Execution
    rows_per_second: float
    time_left: _duration_pb2.Duration
    def __init__(self, execution: _Optional[_Union[Execution, _Mapping]] = ..., rows_per_second: _Optional[float] = ..., time_left: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class RerunExecutionRequest(_message.Message):
    __slots__ = ("name", "retry_errors", "request_id")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RETRY_ERRORS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    retry_errors: bool
    request_id: str
    def __init__(self, name: _Optional[str] = ..., retry_errors: _Optional[bool] = ..., request_id: _Optional[str] = ...) -> None: ...

class RetryExecutionErrorsRequest(_message.Message):
    __slots__ = ("parent", "names", "all", "filter", "correction", "validate_only", "request_id")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    CORRECTION_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    parent: str
    names: _containers.RepeatedScalarFieldContainer[str]
    all: bool
    filter: _errors_pb2.RecordFilter
    correction: _records_pb2.Record
    validate_only: bool
    request_id: str
    def __init__(self, parent: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ..., all: _Optional[bool] = ..., filter: _Optional[_Union[_errors_pb2.RecordFilter, _Mapping]] = ..., correction: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., validate_only: _Optional[bool] = ..., request_id: _Optional[str] = ...) -> None: ...

class SkipInitialSyncRequest(_message.Message):
    __slots__ = ("name", "wait_timeout", "request_id", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    WAIT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    wait_timeout: _duration_pb2.Duration
    request_id: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., wait_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., request_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class CancelExecutionRequest(_message.Message):
    __slots__ = ("name", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...
