import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from tandem.v1 import records_pb2 as _records_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_TYPE_UNSPECIFIED: _ClassVar[ErrorType]
    ERROR_TYPE_APPLICATION: _ClassVar[ErrorType]
    ERROR_TYPE_BAD_REQUEST: _ClassVar[ErrorType]
    ERROR_TYPE_CONFIGURATION: _ClassVar[ErrorType]
    ERROR_TYPE_AUTHENTICATION: _ClassVar[ErrorType]
    ERROR_TYPE_NETWORK: _ClassVar[ErrorType]
    ERROR_TYPE_UNAVAILABLE: _ClassVar[ErrorType]
    ERROR_TYPE_THROTTLED: _ClassVar[ErrorType]
    ERROR_TYPE_INTERNAL: _ClassVar[ErrorType]

class ErrorReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_REASON_UNSPECIFIED: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_FIELDS: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_PAGE_TOKEN: _ClassVar[ErrorReason]
    ERROR_REASON_INVALID_TABLE_MAP: _ClassVar[ErrorReason]
    ERROR_REASON_CHANGE_ID_REUSED: _ClassVar[ErrorReason]
    ERROR_REASON_REQUEST_ID_REUSED: _ClassVar[ErrorReason]
    ERROR_REASON_RECORD_MALFORMED: _ClassVar[ErrorReason]
    ERROR_REASON_RECORD_TOO_LARGE: _ClassVar[ErrorReason]
    ERROR_REASON_RESOURCE_NOT_FOUND: _ClassVar[ErrorReason]
    ERROR_REASON_RESOURCE_EXISTS: _ClassVar[ErrorReason]
    ERROR_REASON_MAP_NOT_RUNNING: _ClassVar[ErrorReason]
    ERROR_REASON_WRONG_STATE: _ClassVar[ErrorReason]
    ERROR_REASON_RECORDS_QUEUED: _ClassVar[ErrorReason]
    ERROR_REASON_CONFIRM_COUNT_MISMATCH: _ClassVar[ErrorReason]
    ERROR_REASON_RELATED_MAPS_CYCLE: _ClassVar[ErrorReason]
    ERROR_REASON_RECORD_REFUSED: _ClassVar[ErrorReason]
    ERROR_REASON_TRANSFORM_FAILED: _ClassVar[ErrorReason]
    ERROR_REASON_MAPPING_BROKEN: _ClassVar[ErrorReason]
    ERROR_REASON_MAIL_NOT_CONFIGURED: _ClassVar[ErrorReason]
    ERROR_REASON_ETAG_MISMATCH: _ClassVar[ErrorReason]
    ERROR_REASON_KEY_BUSY: _ClassVar[ErrorReason]
    ERROR_REASON_CONCURRENT_CHANGE: _ClassVar[ErrorReason]
    ERROR_REASON_QUEUE_BYTES_LIMIT: _ClassVar[ErrorReason]
    ERROR_REASON_QUEUE_TIME_LIMIT: _ClassVar[ErrorReason]
    ERROR_REASON_TOO_MANY_REQUESTS: _ClassVar[ErrorReason]
    ERROR_REASON_LOG_TRIMMED: _ClassVar[ErrorReason]
    ERROR_REASON_LOG_NOT_REACHED: _ClassVar[ErrorReason]
    ERROR_REASON_WAIT_TIMEOUT: _ClassVar[ErrorReason]
    ERROR_REASON_APPLICATION_UNREACHABLE: _ClassVar[ErrorReason]
    ERROR_REASON_APPLICATION_UNAVAILABLE: _ClassVar[ErrorReason]
    ERROR_REASON_APPLICATION_ACCESS_REFUSED: _ClassVar[ErrorReason]
    ERROR_REASON_APPLICATION_THROTTLED: _ClassVar[ErrorReason]
    ERROR_REASON_STORE_FAILED: _ClassVar[ErrorReason]
    ERROR_REASON_SHUTTING_DOWN: _ClassVar[ErrorReason]
    ERROR_REASON_CREDENTIALS_MISSING: _ClassVar[ErrorReason]
    ERROR_REASON_CREDENTIALS_INVALID: _ClassVar[ErrorReason]
    ERROR_REASON_PERMISSION_MISSING: _ClassVar[ErrorReason]
    ERROR_REASON_NOT_IMPLEMENTED: _ClassVar[ErrorReason]
    ERROR_REASON_INTERNAL_FAULT: _ClassVar[ErrorReason]
    ERROR_REASON_STORE_FULL: _ClassVar[ErrorReason]
    ERROR_REASON_BACKUP_TOO_SLOW: _ClassVar[ErrorReason]
    ERROR_REASON_ALERT_SETTINGS_FULL: _ClassVar[ErrorReason]

class RetryStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RETRY_STATUS_UNSPECIFIED: _ClassVar[RetryStatus]
    RETRY_STATUS_NONE: _ClassVar[RetryStatus]
    RETRY_STATUS_PENDING: _ClassVar[RetryStatus]
    RETRY_STATUS_IN_PROGRESS: _ClassVar[RetryStatus]
    RETRY_STATUS_COMPLETED: _ClassVar[RetryStatus]
    RETRY_STATUS_FAILED: _ClassVar[RetryStatus]
    RETRY_STATUS_SUPERSEDED: _ClassVar[RetryStatus]
ERROR_TYPE_UNSPECIFIED: ErrorType
ERROR_TYPE_APPLICATION: ErrorType
ERROR_TYPE_BAD_REQUEST: ErrorType
ERROR_TYPE_CONFIGURATION: ErrorType
ERROR_TYPE_AUTHENTICATION: ErrorType
ERROR_TYPE_NETWORK: ErrorType
ERROR_TYPE_UNAVAILABLE: ErrorType
ERROR_TYPE_THROTTLED: ErrorType
ERROR_TYPE_INTERNAL: ErrorType
ERROR_REASON_UNSPECIFIED: ErrorReason
ERROR_REASON_INVALID_FIELDS: ErrorReason
ERROR_REASON_INVALID_PAGE_TOKEN: ErrorReason
ERROR_REASON_INVALID_TABLE_MAP: ErrorReason
ERROR_REASON_CHANGE_ID_REUSED: ErrorReason
ERROR_REASON_REQUEST_ID_REUSED: ErrorReason
ERROR_REASON_RECORD_MALFORMED: ErrorReason
ERROR_REASON_RECORD_TOO_LARGE: ErrorReason
ERROR_REASON_RESOURCE_NOT_FOUND: ErrorReason
ERROR_REASON_RESOURCE_EXISTS: ErrorReason
ERROR_REASON_MAP_NOT_RUNNING: ErrorReason
ERROR_REASON_WRONG_STATE: ErrorReason
ERROR_REASON_RECORDS_QUEUED: ErrorReason
ERROR_REASON_CONFIRM_COUNT_MISMATCH: ErrorReason
ERROR_REASON_RELATED_MAPS_CYCLE: ErrorReason
ERROR_REASON_RECORD_REFUSED: ErrorReason
ERROR_REASON_TRANSFORM_FAILED: ErrorReason
ERROR_REASON_MAPPING_BROKEN: ErrorReason
ERROR_REASON_MAIL_NOT_CONFIGURED: ErrorReason
ERROR_REASON_ETAG_MISMATCH: ErrorReason
ERROR_REASON_KEY_BUSY: ErrorReason
ERROR_REASON_CONCURRENT_CHANGE: ErrorReason
ERROR_REASON_QUEUE_BYTES_LIMIT: ErrorReason
ERROR_REASON_QUEUE_TIME_LIMIT: ErrorReason
ERROR_REASON_TOO_MANY_REQUESTS: ErrorReason
ERROR_REASON_LOG_TRIMMED: ErrorReason
ERROR_REASON_LOG_NOT_REACHED: ErrorReason
ERROR_REASON_WAIT_TIMEOUT: ErrorReason
ERROR_REASON_APPLICATION_UNREACHABLE: ErrorReason
ERROR_REASON_APPLICATION_UNAVAILABLE: ErrorReason
ERROR_REASON_APPLICATION_ACCESS_REFUSED: ErrorReason
ERROR_REASON_APPLICATION_THROTTLED: ErrorReason
ERROR_REASON_STORE_FAILED: ErrorReason
ERROR_REASON_SHUTTING_DOWN: ErrorReason
ERROR_REASON_CREDENTIALS_MISSING: ErrorReason
ERROR_REASON_CREDENTIALS_INVALID: ErrorReason
ERROR_REASON_PERMISSION_MISSING: ErrorReason
ERROR_REASON_NOT_IMPLEMENTED: ErrorReason
ERROR_REASON_INTERNAL_FAULT: ErrorReason
ERROR_REASON_STORE_FULL: ErrorReason
ERROR_REASON_BACKUP_TOO_SLOW: ErrorReason
ERROR_REASON_ALERT_SETTINGS_FULL: ErrorReason
RETRY_STATUS_UNSPECIFIED: RetryStatus
RETRY_STATUS_NONE: RetryStatus
RETRY_STATUS_PENDING: RetryStatus
RETRY_STATUS_IN_PROGRESS: RetryStatus
RETRY_STATUS_COMPLETED: RetryStatus
RETRY_STATUS_FAILED: RetryStatus
RETRY_STATUS_SUPERSEDED: RetryStatus

class RecordError(_message.Message):
    __slots__ = ("type", "code", "message", "constraint", "column", "referred_key", "integration_key", "correlation_id")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CONSTRAINT_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    REFERRED_KEY_FIELD_NUMBER: _ClassVar[int]
    INTEGRATION_KEY_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    type: ErrorType
    code: str
    message: str
    constraint: str
    column: str
    referred_key: str
    integration_key: _records_pb2.Record
    correlation_id: str
    def __init__(self, type: _Optional[_Union[ErrorType, str]] = ..., code: _Optional[str] = ..., message: _Optional[str] = ..., constraint: _Optional[str] = ..., column: _Optional[str] = ..., referred_key: _Optional[str] = ..., integration_key: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., correlation_id: _Optional[str] = ...) -> None: ...

class ErrorTypeCount(_message.Message):
    __slots__ = ("error_type", "count")
    ERROR_TYPE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    error_type: ErrorType
    count: int
    def __init__(self, error_type: _Optional[_Union[ErrorType, str]] = ..., count: _Optional[int] = ...) -> None: ...

class RecordFilter(_message.Message):
    __slots__ = ("direction", "integration_key", "integration_key_prefix", "error_type", "error_code", "constraint", "column", "start_time", "end_time", "retry_status", "queue_job")
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    INTEGRATION_KEY_FIELD_NUMBER: _ClassVar[int]
    INTEGRATION_KEY_PREFIX_FIELD_NUMBER: _ClassVar[int]
    ERROR_TYPE_FIELD_NUMBER: _ClassVar[int]
    ERROR_CODE_FIELD_NUMBER: _ClassVar[int]
    CONSTRAINT_FIELD_NUMBER: _ClassVar[int]
    COLUMN_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    RETRY_STATUS_FIELD_NUMBER: _ClassVar[int]
    QUEUE_JOB_FIELD_NUMBER: _ClassVar[int]
    direction: _records_pb2.Direction
    integration_key: _records_pb2.Record
    integration_key_prefix: _records_pb2.Record
    error_type: ErrorType
    error_code: str
    constraint: str
    column: str
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    retry_status: RetryStatus
    queue_job: str
    def __init__(self, direction: _Optional[_Union[_records_pb2.Direction, str]] = ..., integration_key: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., integration_key_prefix: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., error_type: _Optional[_Union[ErrorType, str]] = ..., error_code: _Optional[str] = ..., constraint: _Optional[str] = ..., column: _Optional[str] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., retry_status: _Optional[_Union[RetryStatus, str]] = ..., queue_job: _Optional[str] = ...) -> None: ...
