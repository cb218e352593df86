import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from tandem.v1 import errors_pb2 as _errors_pb2
from tandem.v1 import records_pb2 as _records_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ActivityKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACTIVITY_KIND_UNSPECIFIED: _ClassVar[ActivityKind]
    ACTIVITY_KIND_CREATED: _ClassVar[ActivityKind]
    ACTIVITY_KIND_UPDATED: _ClassVar[ActivityKind]
    ACTIVITY_KIND_VERSION_RESTORED: _ClassVar[ActivityKind]
    ACTIVITY_KIND_DELETED: _ClassVar[ActivityKind]
    ACTIVITY_KIND_RUN: _ClassVar[ActivityKind]
    ACTIVITY_KIND_INITIAL_SYNC_STARTED: _ClassVar[ActivityKind]
    ACTIVITY_KIND_INITIAL_SYNC_PROGRESSED: _ClassVar[ActivityKind]
    ACTIVITY_KIND_INITIAL_SYNC_COMPLETED: _ClassVar[ActivityKind]
    ACTIVITY_KIND_INITIAL_SYNC_FAILED: _ClassVar[ActivityKind]
    ACTIVITY_KIND_STATE_CHANGED: _ClassVar[ActivityKind]
    ACTIVITY_KIND_PAUSED_BY_ALERT: _ClassVar[ActivityKind]
    ACTIVITY_KIND_RECORD_ERROR: _ClassVar[ActivityKind]
    ACTIVITY_KIND_CATCH_UP_STARTED: _ClassVar[ActivityKind]
    ACTIVITY_KIND_CATCH_UP_COMPLETED: _ClassVar[ActivityKind]
    ACTIVITY_KIND_RETRIED: _ClassVar[ActivityKind]
    ACTIVITY_KIND_DELETED_FROM_QUEUE: _ClassVar[ActivityKind]
    ACTIVITY_KIND_PURGED: _ClassVar[ActivityKind]
    ACTIVITY_KIND_LIMIT_REACHED: _ClassVar[ActivityKind]
    ACTIVITY_KIND_ALERT_RAISED: _ClassVar[ActivityKind]
    ACTIVITY_KIND_CONFLICT: _ClassVar[ActivityKind]
    ACTIVITY_KIND_DESTINATION_DOWN: _ClassVar[ActivityKind]
    ACTIVITY_KIND_DESTINATION_UP: _ClassVar[ActivityKind]
    ACTIVITY_KIND_LIMIT_NEAR: _ClassVar[ActivityKind]
    ACTIVITY_KIND_PURGE_SOON: _ClassVar[ActivityKind]
    ACTIVITY_KIND_RECORD_CORRECTED: _ClassVar[ActivityKind]

class Severity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEVERITY_UNSPECIFIED: _ClassVar[Severity]
    SEVERITY_INFO: _ClassVar[Severity]
    SEVERITY_WARNING: _ClassVar[Severity]
    SEVERITY_ERROR: _ClassVar[Severity]

class TableMapState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TABLE_MAP_STATE_UNSPECIFIED: _ClassVar[TableMapState]
    TABLE_MAP_STATE_NOT_RUNNING: _ClassVar[TableMapState]
    TABLE_MAP_STATE_INITIALIZING: _ClassVar[TableMapState]
    TABLE_MAP_STATE_RUNNING: _ClassVar[TableMapState]
    TABLE_MAP_STATE_PAUSED: _ClassVar[TableMapState]
    TABLE_MAP_STATE_RESUMING: _ClassVar[TableMapState]
ACTIVITY_KIND_UNSPECIFIED: ActivityKind
ACTIVITY_KIND_CREATED: ActivityKind
ACTIVITY_KIND_UPDATED: ActivityKind
ACTIVITY_KIND_VERSION_RESTORED: ActivityKind
ACTIVITY_KIND_DELETED: ActivityKind
ACTIVITY_KIND_RUN: ActivityKind
ACTIVITY_KIND_INITIAL_SYNC_STARTED: ActivityKind
ACTIVITY_KIND_INITIAL_SYNC_PROGRESSED: ActivityKind
ACTIVITY_KIND_INITIAL_SYNC_COMPLETED: ActivityKind
ACTIVITY_KIND_INITIAL_SYNC_FAILED: ActivityKind
ACTIVITY_KIND_STATE_CHANGED: ActivityKind
ACTIVITY_KIND_PAUSED_BY_ALERT: ActivityKind
ACTIVITY_KIND_RECORD_ERROR: ActivityKind
ACTIVITY_KIND_CATCH_UP_STARTED: ActivityKind
ACTIVITY_KIND_CATCH_UP_COMPLETED: ActivityKind
ACTIVITY_KIND_RETRIED: ActivityKind
ACTIVITY_KIND_DELETED_FROM_QUEUE: ActivityKind
ACTIVITY_KIND_PURGED: ActivityKind
ACTIVITY_KIND_LIMIT_REACHED: ActivityKind
ACTIVITY_KIND_ALERT_RAISED: ActivityKind
ACTIVITY_KIND_CONFLICT: ActivityKind
ACTIVITY_KIND_DESTINATION_DOWN: ActivityKind
ACTIVITY_KIND_DESTINATION_UP: ActivityKind
ACTIVITY_KIND_LIMIT_NEAR: ActivityKind
ACTIVITY_KIND_PURGE_SOON: ActivityKind
ACTIVITY_KIND_RECORD_CORRECTED: ActivityKind
SEVERITY_UNSPECIFIED: Severity
SEVERITY_INFO: Severity
SEVERITY_WARNING: Severity
SEVERITY_ERROR: Severity
TABLE_MAP_STATE_UNSPECIFIED: TableMapState
TABLE_MAP_STATE_NOT_RUNNING: TableMapState
TABLE_MAP_STATE_INITIALIZING: TableMapState
TABLE_MAP_STATE_RUNNING: TableMapState
TABLE_MAP_STATE_PAUSED: TableMapState
TABLE_MAP_STATE_RESUMING: TableMapState

class ActivityEvent(_message.Message):
    __slots__ = ("sequence", "position", "table_map", "time", "kind", "severity", "actor", "state_before", "state_after", "summary", "counts", "error", "conflict")
    class CountsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    TABLE_MAP_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    STATE_BEFORE_FIELD_NUMBER: _ClassVar[int]
    STATE_AFTER_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    CONFLICT_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    position: int
    table_map: str
    time: _timestamp_pb2.Timestamp
    kind: ActivityKind
    severity: Severity
    actor: str
    state_before: TableMapState
    state_after: TableMapState
    summary: str
    counts: _containers.ScalarMap[str, int]
    error: _errors_pb2.RecordError
    conflict: Conflict
    def __init__(self, sequence: _Optional[int] = ..., position: _Optional[int] = ..., table_map: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., kind: _Optional[_Union[ActivityKind, str]] = ..., severity: _Optional[_Union[Severity, str]] = ..., actor: _Optional[str] = ..., state_before: _Optional[_Union[TableMapState, str]] = ..., state_after: _Optional[_Union[TableMapState, str]] = ..., summary: _Optional[str] = ..., counts: _Optional[_Mapping[str, int]] = ..., error: _Optional[_Union[_errors_pb2.RecordError, _Mapping]] = ..., conflict: _Optional[_Union[Conflict, _Mapping]] = ...) -> None: ...

class Conflict(_message.Message):
    __slots__ = ("integration_key", "left", "right", "winner", "lost_columns")
    INTEGRATION_KEY_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    WINNER_FIELD_NUMBER: _ClassVar[int]
    LOST_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    integration_key: _records_pb2.Record
    left: _records_pb2.Record
    right: _records_pb2.Record
    winner: _records_pb2.Side
    lost_columns: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, integration_key: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., left: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., right: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., winner: _Optional[_Union[_records_pb2.Side, str]] = ..., lost_columns: _Optional[_Iterable[str]] = ...) -> None: ...

class ActivityFilter(_message.Message):
    __slots__ = ("kinds", "severities")
    KINDS_FIELD_NUMBER: _ClassVar[int]
    SEVERITIES_FIELD_NUMBER: _ClassVar[int]
    kinds: _containers.RepeatedScalarFieldContainer[ActivityKind]
    severities: _containers.RepeatedScalarFieldContainer[Severity]
    def __init__(self, kinds: _Optional[_Iterable[_Union[ActivityKind, str]]] = ..., severities: _Optional[_Iterable[_Union[Severity, str]]] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("latest_sequence", "latest_position", "time")
    LATEST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    LATEST_POSITION_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    latest_sequence: int
    latest_position: int
    time: _timestamp_pb2.Timestamp
    def __init__(self, latest_sequence: _Optional[int] = ..., latest_position: _Optional[int] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
