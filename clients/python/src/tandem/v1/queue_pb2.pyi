import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from tandem.v1 import access_pb2 as _access_pb2
from tandem.v1 import errors_pb2 as _errors_pb2
from tandem.v1 import records_pb2 as _records_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class QueuedRecordState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    QUEUED_RECORD_STATE_UNSPECIFIED: _ClassVar[QueuedRecordState]
    QUEUED_RECORD_STATE_QUEUED: _ClassVar[QueuedRecordState]
    QUEUED_RECORD_STATE_IN_PROGRESS: _ClassVar[QueuedRecordState]
    QUEUED_RECORD_STATE_ERROR: _ClassVar[QueuedRecordState]
    QUEUED_RECORD_STATE_COMPLETED: _ClassVar[QueuedRecordState]

class QueuedRecordsDisposition(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    QUEUED_RECORDS_DISPOSITION_UNSPECIFIED: _ClassVar[QueuedRecordsDisposition]
    QUEUED_RECORDS_DISPOSITION_KEEP: _ClassVar[QueuedRecordsDisposition]
    QUEUED_RECORDS_DISPOSITION_DISCARD: _ClassVar[QueuedRecordsDisposition]

class QueueJobKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    QUEUE_JOB_KIND_UNSPECIFIED: _ClassVar[QueueJobKind]
    QUEUE_JOB_KIND_RETRY_CATCH_UP_ERRORS: _ClassVar[QueueJobKind]
    QUEUE_JOB_KIND_RETRY_EXECUTION_ERRORS: _ClassVar[QueueJobKind]
    QUEUE_JOB_KIND_DELETE_QUEUED_RECORDS: _ClassVar[QueueJobKind]

class QueueJobState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    QUEUE_JOB_STATE_UNSPECIFIED: _ClassVar[QueueJobState]
    QUEUE_JOB_STATE_RUNNING: _ClassVar[QueueJobState]
    QUEUE_JOB_STATE_COMPLETED: _ClassVar[QueueJobState]
    QUEUE_JOB_STATE_CANCELLED: _ClassVar[QueueJobState]

class QueueJobOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    QUEUE_JOB_OUTCOME_UNSPECIFIED: _ClassVar[QueueJobOutcome]
    QUEUE_JOB_OUTCOME_DONE: _ClassVar[QueueJobOutcome]
    QUEUE_JOB_OUTCOME_FAILED: _ClassVar[QueueJobOutcome]
    QUEUE_JOB_OUTCOME_SUPERSEDED: _ClassVar[QueueJobOutcome]
    QUEUE_JOB_OUTCOME_SKIPPED: _ClassVar[QueueJobOutcome]

class ErrorOrigin(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_ORIGIN_UNSPECIFIED: _ClassVar[ErrorOrigin]
    ERROR_ORIGIN_CATCH_UP: _ClassVar[ErrorOrigin]
    ERROR_ORIGIN_INITIAL_SYNC: _ClassVar[ErrorOrigin]
QUEUED_RECORD_STATE_UNSPECIFIED: QueuedRecordState
QUEUED_RECORD_STATE_QUEUED: QueuedRecordState
QUEUED_RECORD_STATE_IN_PROGRESS: QueuedRecordState
QUEUED_RECORD_STATE_ERROR: QueuedRecordState
QUEUED_RECORD_STATE_COMPLETED: QueuedRecordState
QUEUED_RECORDS_DISPOSITION_UNSPECIFIED: QueuedRecordsDisposition
QUEUED_RECORDS_DISPOSITION_KEEP: QueuedRecordsDisposition
QUEUED_RECORDS_DISPOSITION_DISCARD: QueuedRecordsDisposition
QUEUE_JOB_KIND_UNSPECIFIED: QueueJobKind
QUEUE_JOB_KIND_RETRY_CATCH_UP_ERRORS: QueueJobKind
QUEUE_JOB_KIND_RETRY_EXECUTION_ERRORS: QueueJobKind
QUEUE_JOB_KIND_DELETE_QUEUED_RECORDS: QueueJobKind
QUEUE_JOB_STATE_UNSPECIFIED: QueueJobState
QUEUE_JOB_STATE_RUNNING: QueueJobState
QUEUE_JOB_STATE_COMPLETED: QueueJobState
QUEUE_JOB_STATE_CANCELLED: QueueJobState
QUEUE_JOB_OUTCOME_UNSPECIFIED: QueueJobOutcome
QUEUE_JOB_OUTCOME_DONE: QueueJobOutcome
QUEUE_JOB_OUTCOME_FAILED: QueueJobOutcome
QUEUE_JOB_OUTCOME_SUPERSEDED: QueueJobOutcome
QUEUE_JOB_OUTCOME_SKIPPED: QueueJobOutcome
ERROR_ORIGIN_UNSPECIFIED: ErrorOrigin
ERROR_ORIGIN_CATCH_UP: ErrorOrigin
ERROR_ORIGIN_INITIAL_SYNC: ErrorOrigin

class QueuedRecord(_message.Message):
    __slots__ = ("name", "sequence", "state", "source", "operation", "integration_key", "previous_key", "record", "original_record", "accept_time", "source_time", "change_id", "correlation_id", "bytes", "error", "attempts", "retry_status", "fail_time", "purge_time", "queue_job", "etag")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    INTEGRATION_KEY_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_KEY_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_RECORD_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_TIME_FIELD_NUMBER: _ClassVar[int]
    SOURCE_TIME_FIELD_NUMBER: _ClassVar[int]
    CHANGE_ID_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    RETRY_STATUS_FIELD_NUMBER: _ClassVar[int]
    FAIL_TIME_FIELD_NUMBER: _ClassVar[int]
    PURGE_TIME_FIELD_NUMBER: _ClassVar[int]
    QUEUE_JOB_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    sequence: int
    state: QueuedRecordState
    source: _records_pb2.Side
    operation: _records_pb2.Operation
    integration_key: _records_pb2.Record
    previous_key: _records_pb2.Record
    record: _records_pb2.Record
    original_record: _records_pb2.Record
    accept_time: _timestamp_pb2.Timestamp
    source_time: _timestamp_pb2.Timestamp
    change_id: str
    correlation_id: str
    bytes: int
    error: _errors_pb2.RecordError
    attempts: int
    retry_status: _errors_pb2.RetryStatus
    fail_time: _timestamp_pb2.Timestamp
    purge_time: _timestamp_pb2.Timestamp
    queue_job: str
    etag: str
    def __init__(self, name: _Optional[str] = ..., sequence: _Optional[int] = ..., state: _Optional[_Union[QueuedRecordState, str]] = ..., source: _Optional[_Union[_records_pb2.Side, str]] = ..., operation: _Optional[_Union[_records_pb2.Operation, str]] = ..., integration_key: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., previous_key: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., record: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., original_record: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., accept_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., source_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., change_id: _Optional[str] = ..., correlation_id: _Optional[str] = ..., bytes: _Optional[int] = ..., error: _Optional[_Union[_errors_pb2.RecordError, _Mapping]] = ..., attempts: _Optional[int] = ..., retry_status: _Optional[_Union[_errors_pb2.RetryStatus, str]] = ..., fail_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., purge_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., queue_job: _Optional[str] = ..., etag: _Optional[str] = ...) -> None: ...

class QueueLimits(_message.Message):
    __slots__ = ("max_pause", "max_bytes")
    MAX_PAUSE_FIELD_NUMBER: _ClassVar[int]
    MAX_BYTES_FIELD_NUMBER: _ClassVar[int]
    max_pause: _duration_pb2.Duration
    max_bytes: int
    def __init__(self, max_pause: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., max_bytes: _Optional[int] = ...) -> None: ...

class QueueStats(_message.Message):
    __slots__ = ("table_map", "read_time", "queued_count", "in_progress_count", "error_count", "error_counts", "figures", "bytes", "oldest_accept_time", "limits", "bytes_ratio", "queueing_since", "pause_ratio", "accepted_per_second", "applied_per_second", "time_to_drain", "time_until_limit")
    TABLE_MAP_FIELD_NUMBER: _ClassVar[int]
    READ_TIME_FIELD_NUMBER: _ClassVar[int]
    QUEUED_COUNT_FIELD_NUMBER: _ClassVar[int]
    IN_PROGRESS_COUNT_FIELD_NUMBER: _ClassVar[int]
    ERROR_COUNT_FIELD_NUMBER: _ClassVar[int]
    ERROR_COUNTS_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    OLDEST_ACCEPT_TIME_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    BYTES_RATIO_FIELD_NUMBER: _ClassVar[int]
    QUEUEING_SINCE_FIELD_NUMBER: _ClassVar[int]
    PAUSE_RATIO_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    APPLIED_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    TIME_TO_DRAIN_FIELD_NUMBER: _ClassVar[int]
    TIME_UNTIL_LIMIT_FIELD_NUMBER: _ClassVar[int]
    table_map: str
    read_time: _timestamp_pb2.Timestamp
    queued_count: int
    in_progress_count: int
    error_count: int
    error_counts: _containers.RepeatedCompositeFieldContainer[_errors_pb2.ErrorTypeCount]
    figures: _containers.RepeatedCompositeFieldContainer[_records_pb2.Figures]
    bytes: int
    oldest_accept_time: _timestamp_pb2.Timestamp
    limits: QueueLimits
    bytes_ratio: float
    queueing_since: _timestamp_pb2.Timestamp
    pause_ratio: float
    accepted_per_second: float
    applied_per_second: float
    time_to_drain: _duration_pb2.Duration
    time_until_limit: _duration_pb2.Duration
    def __init__(self, table_map: _Optional[str] = ..., read_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., queued_count: _Optional[int] = ..., in_progress_count: _Optional[int] = ..., error_count: _Optional[int] = ..., error_counts: _Optional[_Iterable[_Union[_errors_pb2.ErrorTypeCount, _Mapping]]] = ..., figures: _Optional[_Iterable[_Union[_records_pb2.Figures, _Mapping]]] = ..., bytes: _Optional[int] = ..., oldest_accept_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., limits: _Optional[_Union[QueueLimits, _Mapping]] = ..., bytes_ratio: _Optional[float] = ..., queueing_since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., pause_ratio: _Optional[float] = ..., accepted_per_second: _Optional[float] = ..., applied_per_second: _Optional[float] = ..., time_to_drain: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., time_until_limit: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class QueueJob(_message.Message):
    __slots__ = ("name", "kind", "state", "actor", "create_time", "end_time", "last_sequence", "total", "done", "failed", "superseded", "skipped", "reasons", "examples")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    REASONS_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: QueueJobKind
    state: QueueJobState
    actor: str
    create_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    last_sequence: int
    total: int
    done: int
    failed: int
    superseded: int
    skipped: int
    reasons: _containers.RepeatedCompositeFieldContainer[QueueJobReason]
    examples: _containers.RepeatedCompositeFieldContainer[QueueJobExample]
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[QueueJobKind, str]] = ..., state: _Optional[_Union[QueueJobState, str]] = ..., actor: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_sequence: _Optional[int] = ..., total: _Optional[int] = ..., done: _Optional[int] = ..., failed: _Optional[int] = ..., superseded: _Optional[int] = ..., skipped: _Optional[int] = ..., reasons: _Optional[_Iterable[_Union[QueueJobReason, _Mapping]]] = ..., examples: _Optional[_Iterable[_Union[QueueJobExample, _Mapping]]] = ...) -> None: ...

class QueueJobReason(_message.Message):
    __slots__ = ("outcome", "message", "count", "example")
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_FIELD_NUMBER: _ClassVar[int]
    outcome: QueueJobOutcome
    message: str
    count: int
    example: _errors_pb2.RecordError
    def __init__(self, outcome: _Optional[_Union[QueueJobOutcome, str]] = ..., message: _Optional[str] = ..., count: _Optional[int] = ..., example: _Optional[_Union[_errors_pb2.RecordError, _Mapping]] = ...) -> None: ...

class QueueJobExample(_message.Message):
    __slots__ = ("name", "record", "record_before", "error")
    NAME_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    RECORD_BEFORE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    name: str
    record: _records_pb2.Record
    record_before: _records_pb2.Record
    error: _errors_pb2.RecordError
    def __init__(self, name: _Optional[str] = ..., record: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., record_before: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., error: _Optional[_Union[_errors_pb2.RecordError, _Mapping]] = ...) -> None: ...

class ErrorGroup(_message.Message):
    __slots__ = ("origin", "execution", "direction", "error_type", "code", "constraint", "column", "count", "first_fail_time", "last_fail_time", "example", "filter")
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    ERROR_TYPE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    CONSTRAINT_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    FIRST_FAIL_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_FAIL_TIME_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    origin: ErrorOrigin
    execution: str
    direction: _records_pb2.Direction
    error_type: _errors_pb2.ErrorType
    code: str
    constraint: str
    column: str
    count: int
    first_fail_time: _timestamp_pb2.Timestamp
    last_fail_time: _timestamp_pb2.Timestamp
    example: _errors_pb2.RecordError
    filter: _errors_pb2.RecordFilter
    def __init__(self, origin: _Optional[_Union[ErrorOrigin, str]] = ..., execution: _Optional[str] = ..., direction: _Optional[_Union[_records_pb2.Direction, str]] = ..., error_type: _Optional[_Union[_errors_pb2.ErrorType, str]] = ..., code: _Optional[str] = ..., constraint: _Optional[str] = ..., column: _Optional[str] = ..., count: _Optional[int] = ..., first_fail_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_fail_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., example: _Optional[_Union[_errors_pb2.RecordError, _Mapping]] = ..., filter: _Optional[_Union[_errors_pb2.RecordFilter, _Mapping]] = ...) -> None: ...

class GetQueueStatsRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class WatchQueueStatsRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class WatchQueueStatsResponse(_message.Message):
    __slots__ = ("queue_stats",)
    QUEUE_STATS_FIELD_NUMBER: _ClassVar[int]
    queue_stats: QueueStats
    def __init__(self, queue_stats: _Optional[_Union[QueueStats, _Mapping]] = ...) -> None: ...

class ListQueuedRecordsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "state", "filter")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    state: QueuedRecordState
    filter: _errors_pb2.RecordFilter
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., state: _Optional[_Union[QueuedRecordState, str]] = ..., filter: _Optional[_Union[_errors_pb2.RecordFilter, _Mapping]] = ...) -> None: ...

class ListQueuedRecordsResponse(_message.Message):
    __slots__ = ("queued_records", "next_page_token", "total_size")
    QUEUED_RECORDS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    queued_records: _containers.RepeatedCompositeFieldContainer[QueuedRecord]
    next_page_token: str
    total_size: int
    def __init__(self, queued_records: _Optional[_Iterable[_Union[QueuedRecord, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ...) -> None: ...

class GetQueuedRecordRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListCatchUpErrorsRequest(_message.Message):
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

class ListCatchUpErrorsResponse(_message.Message):
    __slots__ = ("errors", "next_page_token", "total_size")
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    errors: _containers.RepeatedCompositeFieldContainer[QueuedRecord]
    next_page_token: str
    total_size: int
    def __init__(self, errors: _Optional[_Iterable[_Union[QueuedRecord, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ...) -> None: ...

class RetryCatchUpErrorsRequest(_message.Message):
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

class GetQueueJobRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListQueueJobsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "state")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    state: QueueJobState
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., state: _Optional[_Union[QueueJobState, str]] = ...) -> None: ...

class ListQueueJobsResponse(_message.Message):
    __slots__ = ("queue_jobs", "next_page_token")
    QUEUE_JOBS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    queue_jobs: _containers.RepeatedCompositeFieldContainer[QueueJob]
    next_page_token: str
    def __init__(self, queue_jobs: _Optional[_Iterable[_Union[QueueJob, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class WatchQueueJobRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class WatchQueueJobResponse(_message.Message):
    __slots__ = ("queue_job",)
    QUEUE_JOB_FIELD_NUMBER: _ClassVar[int]
    queue_job: QueueJob
    def __init__(self, queue_job: _Optional[_Union[QueueJob, _Mapping]] = ...) -> None: ...

class CancelQueueJobRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class UpdateQueuedRecordRequest(_message.Message):
    __slots__ = ("queued_record", "update_mask", "validate_only")
    QUEUED_RECORD_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    queued_record: QueuedRecord
    update_mask: _field_mask_pb2.FieldMask
    validate_only: bool
    def __init__(self, queued_record: _Optional[_Union[QueuedRecord, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class DeleteQueuedRecordsRequest(_message.Message):
    __slots__ = ("parent", "names", "all", "filter", "state", "confirm_count", "validate_only", "request_id")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CONFIRM_COUNT_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    parent: str
    names: _containers.RepeatedScalarFieldContainer[str]
    all: bool
    filter: _errors_pb2.RecordFilter
    state: QueuedRecordState
    confirm_count: int
    validate_only: bool
    request_id: str
    def __init__(self, parent: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ..., all: _Optional[bool] = ..., filter: _Optional[_Union[_errors_pb2.RecordFilter, _Mapping]] = ..., state: _Optional[_Union[QueuedRecordState, str]] = ..., confirm_count: _Optional[int] = ..., validate_only: _Optional[bool] = ..., request_id: _Optional[str] = ...) -> None: ...

class ListErrorGroupsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "origin", "filter")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    origin: ErrorOrigin
    filter: _errors_pb2.RecordFilter
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., origin: _Optional[_Union[ErrorOrigin, str]] = ..., filter: _Optional[_Union[_errors_pb2.RecordFilter, _Mapping]] = ...) -> None: ...

class ListErrorGroupsResponse(_message.Message):
    __slots__ = ("error_groups", "next_page_token", "total_size")
    ERROR_GROUPS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    error_groups: _containers.RepeatedCompositeFieldContainer[ErrorGroup]
    next_page_token: str
    total_size: int
    def __init__(self, error_groups: _Optional[_Iterable[_Union[ErrorGroup, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ...) -> None: ...
