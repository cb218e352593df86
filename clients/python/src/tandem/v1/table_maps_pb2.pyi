import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from tandem.v1 import access_pb2 as _access_pb2
from tandem.v1 import activity_pb2 as _activity_pb2
from tandem.v1 import alerts_pb2 as _alerts_pb2
from tandem.v1 import errors_pb2 as _errors_pb2
from tandem.v1 import queue_pb2 as _queue_pb2
from tandem.v1 import records_pb2 as _records_pb2
from tandem.v1 import sync_pb2 as _sync_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SyncMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SYNC_MODE_UNSPECIFIED: _ClassVar[SyncMode]
    SYNC_MODE_SYNCHRONOUS: _ClassVar[SyncMode]
    SYNC_MODE_ASYNCHRONOUS: _ClassVar[SyncMode]

class ConflictPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONFLICT_POLICY_UNSPECIFIED: _ClassVar[ConflictPolicy]
    CONFLICT_POLICY_MASTER_WINS: _ClassVar[ConflictPolicy]
    CONFLICT_POLICY_NEWER_WINS: _ClassVar[ConflictPolicy]
    CONFLICT_POLICY_MANUAL: _ClassVar[ConflictPolicy]

class ConditionType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONDITION_TYPE_UNSPECIFIED: _ClassVar[ConditionType]
    CONDITION_TYPE_WAITING: _ClassVar[ConditionType]
    CONDITION_TYPE_DESTINATION_DOWN: _ClassVar[ConditionType]
    CONDITION_TYPE_STALLED: _ClassVar[ConditionType]
    CONDITION_TYPE_ERRORS: _ClassVar[ConditionType]
    CONDITION_TYPE_QUEUE_NEAR_LIMIT: _ClassVar[ConditionType]
    CONDITION_TYPE_PURGE_SOON: _ClassVar[ConditionType]
    CONDITION_TYPE_SCHEMA_DRIFT: _ClassVar[ConditionType]
    CONDITION_TYPE_CONFLICTS: _ClassVar[ConditionType]

class FindingCode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FINDING_CODE_UNSPECIFIED: _ClassVar[FindingCode]
    FINDING_CODE_FIELD_INVALID: _ClassVar[FindingCode]
    FINDING_CODE_INTEGRATION_KEY_MISSING: _ClassVar[FindingCode]
    FINDING_CODE_KEY_COLUMN_NOT_MAPPED: _ClassVar[FindingCode]
    FINDING_CODE_KEY_COLUMN_NOT_BIDIRECTIONAL: _ClassVar[FindingCode]
    FINDING_CODE_KEY_NOT_UNIQUE: _ClassVar[FindingCode]
    FINDING_CODE_APPLICATION_UNKNOWN: _ClassVar[FindingCode]
    FINDING_CODE_TABLE_MISSING: _ClassVar[FindingCode]
    FINDING_CODE_COLUMN_MISSING: _ClassVar[FindingCode]
    FINDING_CODE_SOURCE_COLUMN_DUPLICATE: _ClassVar[FindingCode]
    FINDING_CODE_DESTINATION_COLUMN_DUPLICATE: _ClassVar[FindingCode]
    FINDING_CODE_MANDATORY_COLUMN_NOT_MAPPED: _ClassVar[FindingCode]
    FINDING_CODE_COLUMN_READ_ONLY: _ClassVar[FindingCode]
    FINDING_CODE_TYPE_MISMATCH: _ClassVar[FindingCode]
    FINDING_CODE_TYPE_UNSUPPORTED: _ClassVar[FindingCode]
    FINDING_CODE_FILTER_INVALID: _ClassVar[FindingCode]
    FINDING_CODE_TRANSFORM_INVALID: _ClassVar[FindingCode]
    FINDING_CODE_VALUE_MAP_NOT_REVERSIBLE: _ClassVar[FindingCode]
    FINDING_CODE_RELATED_MAP_UNKNOWN: _ClassVar[FindingCode]
    FINDING_CODE_RELATED_MAPS_CYCLE: _ClassVar[FindingCode]
    FINDING_CODE_TABLES_IN_USE: _ClassVar[FindingCode]
    FINDING_CODE_NOT_SUPPORTED: _ClassVar[FindingCode]

class ColumnType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COLUMN_TYPE_UNSPECIFIED: _ClassVar[ColumnType]
    COLUMN_TYPE_BOOL: _ClassVar[ColumnType]
    COLUMN_TYPE_INT64: _ClassVar[ColumnType]
    COLUMN_TYPE_DOUBLE: _ClassVar[ColumnType]
    COLUMN_TYPE_STRING: _ClassVar[ColumnType]
    COLUMN_TYPE_BYTES: _ClassVar[ColumnType]
    COLUMN_TYPE_TIMESTAMP: _ClassVar[ColumnType]
    COLUMN_TYPE_DATE: _ClassVar[ColumnType]
    COLUMN_TYPE_DECIMAL: _ClassVar[ColumnType]
    COLUMN_TYPE_UUID: _ClassVar[ColumnType]
    COLUMN_TYPE_JSON: _ClassVar[ColumnType]
    COLUMN_TYPE_UNSUPPORTED: _ClassVar[ColumnType]

class ImportChange(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IMPORT_CHANGE_UNSPECIFIED: _ClassVar[ImportChange]
    IMPORT_CHANGE_CREATED: _ClassVar[ImportChange]
    IMPORT_CHANGE_UPDATED: _ClassVar[ImportChange]
    IMPORT_CHANGE_UNCHANGED: _ClassVar[ImportChange]

class InitialSyncMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INITIAL_SYNC_MODE_UNSPECIFIED: _ClassVar[InitialSyncMode]
    INITIAL_SYNC_MODE_COPY: _ClassVar[InitialSyncMode]
    INITIAL_SYNC_MODE_SKIP: _ClassVar[InitialSyncMode]

class ResumeOption(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RESUME_OPTION_UNSPECIFIED: _ClassVar[ResumeOption]
    RESUME_OPTION_CATCH_UP: _ClassVar[ResumeOption]
    RESUME_OPTION_SKIP_AND_KEEP: _ClassVar[ResumeOption]
    RESUME_OPTION_SKIP_AND_DISCARD: _ClassVar[ResumeOption]

class ActivityFormat(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ACTIVITY_FORMAT_UNSPECIFIED: _ClassVar[ActivityFormat]
    ACTIVITY_FORMAT_JSON_LINES: _ClassVar[ActivityFormat]
    ACTIVITY_FORMAT_CSV: _ClassVar[ActivityFormat]
SYNC_MODE_UNSPECIFIED: SyncMode
SYNC_MODE_SYNCHRONOUS: SyncMode
SYNC_MODE_ASYNCHRONOUS: SyncMode
CONFLICT_POLICY_UNSPECIFIED: ConflictPolicy
CONFLICT_POLICY_MASTER_WINS: ConflictPolicy
CONFLICT_POLICY_NEWER_WINS: ConflictPolicy
CONFLICT_POLICY_MANUAL: ConflictPolicy
CONDITION_TYPE_UNSPECIFIED: ConditionType
CONDITION_TYPE_WAITING: ConditionType
CONDITION_TYPE_DESTINATION_DOWN: ConditionType
CONDITION_TYPE_STALLED: ConditionType
CONDITION_TYPE_ERRORS: ConditionType
CONDITION_TYPE_QUEUE_NEAR_LIMIT: ConditionType
CONDITION_TYPE_PURGE_SOON: ConditionType
CONDITION_TYPE_SCHEMA_DRIFT: ConditionType
CONDITION_TYPE_CONFLICTS: ConditionType
FINDING_CODE_UNSPECIFIED: FindingCode
FINDING_CODE_FIELD_INVALID: FindingCode
FINDING_CODE_INTEGRATION_KEY_MISSING: FindingCode
FINDING_CODE_KEY_COLUMN_NOT_MAPPED: FindingCode
FINDING_CODE_KEY_COLUMN_NOT_BIDIRECTIONAL: FindingCode
FINDING_CODE_KEY_NOT_UNIQUE: FindingCode
FINDING_CODE_APPLICATION_UNKNOWN: FindingCode
FINDING_CODE_TABLE_MISSING: FindingCode
FINDING_CODE_COLUMN_MISSING: FindingCode
FINDING_CODE_SOURCE_COLUMN_DUPLICATE: FindingCode
FINDING_CODE_DESTINATION_COLUMN_DUPLICATE: FindingCode
FINDING_CODE_MANDATORY_COLUMN_NOT_MAPPED: FindingCode
FINDING_CODE_COLUMN_READ_ONLY: FindingCode
FINDING_CODE_TYPE_MISMATCH: FindingCode
FINDING_CODE_TYPE_UNSUPPORTED: FindingCode
FINDING_CODE_FILTER_INVALID: FindingCode
FINDING_CODE_TRANSFORM_INVALID: FindingCode
FINDING_CODE_VALUE_MAP_NOT_REVERSIBLE: FindingCode
FINDING_CODE_RELATED_MAP_UNKNOWN: FindingCode
FINDING_CODE_RELATED_MAPS_CYCLE: FindingCode
FINDING_CODE_TABLES_IN_USE: FindingCode
FINDING_CODE_NOT_SUPPORTED: FindingCode
COLUMN_TYPE_UNSPECIFIED: ColumnType
COLUMN_TYPE_BOOL: ColumnType
COLUMN_TYPE_INT64: ColumnType
COLUMN_TYPE_DOUBLE: ColumnType
COLUMN_TYPE_STRING: ColumnType
COLUMN_TYPE_BYTES: ColumnType
COLUMN_TYPE_TIMESTAMP: ColumnType
COLUMN_TYPE_DATE: ColumnType
COLUMN_TYPE_DECIMAL: ColumnType
COLUMN_TYPE_UUID: ColumnType
COLUMN_TYPE_JSON: ColumnType
COLUMN_TYPE_UNSUPPORTED: ColumnType
IMPORT_CHANGE_UNSPECIFIED: ImportChange
IMPORT_CHANGE_CREATED: ImportChange
IMPORT_CHANGE_UPDATED: ImportChange
IMPORT_CHANGE_UNCHANGED: ImportChange
INITIAL_SYNC_MODE_UNSPECIFIED: InitialSyncMode
INITIAL_SYNC_MODE_COPY: InitialSyncMode
INITIAL_SYNC_MODE_SKIP: InitialSyncMode
RESUME_OPTION_UNSPECIFIED: ResumeOption
RESUME_OPTION_CATCH_UP: ResumeOption
RESUME_OPTION_SKIP_AND_KEEP: ResumeOption
RESUME_OPTION_SKIP_AND_DISCARD: ResumeOption
ACTIVITY_FORMAT_UNSPECIFIED: ActivityFormat
ACTIVITY_FORMAT_JSON_LINES: ActivityFormat
ACTIVITY_FORMAT_CSV: ActivityFormat

class TableMap(_message.Message):
    __slots__ = ("name", "display_name", "left", "right", "integration_key", "column_mappings", "sync_mode", "master", "related_table_maps", "state", "version", "etag", "author", "create_time", "update_time", "queue_limits", "error_retention", "conflict_policy", "conditions")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    INTEGRATION_KEY_FIELD_NUMBER: _ClassVar[int]
    COLUMN_MAPPINGS_FIELD_NUMBER: _ClassVar[int]
    SYNC_MODE_FIELD_NUMBER: _ClassVar[int]
    MASTER_FIELD_NUMBER: _ClassVar[int]
    RELATED_TABLE_MAPS_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    QUEUE_LIMITS_FIELD_NUMBER: _ClassVar[int]
    ERROR_RETENTION_FIELD_NUMBER: _ClassVar[int]
    CONFLICT_POLICY_FIELD_NUMBER: _ClassVar[int]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    name: str
    display_name: str
    left: TableRef
    right: TableRef
    integration_key: _containers.RepeatedScalarFieldContainer[str]
    column_mappings: _containers.RepeatedCompositeFieldContainer[ColumnMapping]
    sync_mode: SyncMode
    master: _records_pb2.Side
    related_table_maps: _containers.RepeatedScalarFieldContainer[str]
    state: _activity_pb2.TableMapState
    version: int
    etag: str
    author: str
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    queue_limits: _queue_pb2.QueueLimits
    error_retention: _duration_pb2.Duration
    conflict_policy: ConflictPolicy
    conditions: _containers.RepeatedCompositeFieldContainer[Condition]
    def __init__(self, name: _Optional[str] = ..., display_name: _Optional[str] = ..., left: _Optional[_Union[TableRef, _Mapping]] = ..., right: _Optional[_Union[TableRef, _Mapping]] = ..., integration_key: _Optional[_Iterable[str]] = ..., column_mappings: _Optional[_Iterable[_Union[ColumnMapping, _Mapping]]] = ..., sync_mode: _Optional[_Union[SyncMode, str]] = ..., master: _Optional[_Union[_records_pb2.Side, str]] = ..., related_table_maps: _Optional[_Iterable[str]] = ..., state: _Optional[_Union[_activity_pb2.TableMapState, str]] = ..., version: _Optional[int] = ..., etag: _Optional[str] = ..., author: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., queue_limits: _Optional[_Union[_queue_pb2.QueueLimits, _Mapping]] = ..., error_retention: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., conflict_policy: _Optional[_Union[ConflictPolicy, str]] = ..., conditions: _Optional[_Iterable[_Union[Condition, _Mapping]]] = ...) -> None: ...

class TableRef(_message.Message):
    __slots__ = ("application", "table", "filter")
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    application: str
    table: str
    filter: str
    def __init__(self, application: _Optional[str] = ..., table: _Optional[str] = ..., filter: _Optional[str] = ...) -> None: ...

class ColumnMapping(_message.Message):
    __slots__ = ("left_column", "right_column", "direction", "left_to_right", "right_to_left")
    LEFT_COLUMN_FIELD_NUMBER: _ClassVar[int]
    RIGHT_COLUMN_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    LEFT_TO_RIGHT_FIELD_NUMBER: _ClassVar[int]
    RIGHT_TO_LEFT_FIELD_NUMBER: _ClassVar[int]
    left_column: str
    right_column: str
    direction: _records_pb2.Direction
    left_to_right: _containers.RepeatedCompositeFieldContainer[Transform]
    right_to_left: _containers.RepeatedCompositeFieldContainer[Transform]
    def __init__(self, left_column: _Optional[str] = ..., right_column: _Optional[str] = ..., direction: _Optional[_Union[_records_pb2.Direction, str]] = ..., left_to_right: _Optional[_Iterable[_Union[Transform, _Mapping]]] = ..., right_to_left: _Optional[_Iterable[_Union[Transform, _Mapping]]] = ...) -> None: ...

class Transform(_message.Message):
    __slots__ = ("default_value", "value_map", "constant", "expression")
    DEFAULT_VALUE_FIELD_NUMBER: _ClassVar[int]
    VALUE_MAP_FIELD_NUMBER: _ClassVar[int]
    CONSTANT_FIELD_NUMBER: _ClassVar[int]
    EXPRESSION_FIELD_NUMBER: _ClassVar[int]
    default_value: _records_pb2.Value
    value_map: ValueMap
    constant: _records_pb2.Value
    expression: str
    def __init__(self, default_value: _Optional[_Union[_records_pb2.Value, _Mapping]] = ..., value_map: _Optional[_Union[ValueMap, _Mapping]] = ..., constant: _Optional[_Union[_records_pb2.Value, _Mapping]] = ..., expression: _Optional[str] = ...) -> None: ...

class ValueMap(_message.Message):
    __slots__ = ("entries",)
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[ValueMapEntry]
    def __init__(self, entries: _Optional[_Iterable[_Union[ValueMapEntry, _Mapping]]] = ...) -> None: ...

class ValueMapEntry(_message.Message):
    __slots__ = ("to",)
    FROM_FIELD_NUMBER: _ClassVar[int]
    TO_FIELD_NUMBER: _ClassVar[int]
    to: _records_pb2.Value
    def __init__(self, to: _Optional[_Union[_records_pb2.Value, _Mapping]] = ..., **kwargs) -> None: ...

class Condition(_message.Message):
    __slots__ = ("type", "direction", "since", "message", "error_type", "next_probe_time")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    ERROR_TYPE_FIELD_NUMBER: _ClassVar[int]
    NEXT_PROBE_TIME_FIELD_NUMBER: _ClassVar[int]
    type: ConditionType
    direction: _records_pb2.Direction
    since: _timestamp_pb2.Timestamp
    message: str
    error_type: _errors_pb2.ErrorType
    next_probe_time: _timestamp_pb2.Timestamp
    def __init__(self, type: _Optional[_Union[ConditionType, str]] = ..., direction: _Optional[_Union[_records_pb2.Direction, str]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., message: _Optional[str] = ..., error_type: _Optional[_Union[_errors_pb2.ErrorType, str]] = ..., next_probe_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class TableMapVersion(_message.Message):
    __slots__ = ("name", "version", "table_map", "author", "create_time", "restored_version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TABLE_MAP_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    RESTORED_VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: int
    table_map: TableMap
    author: str
    create_time: _timestamp_pb2.Timestamp
    restored_version: int
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., table_map: _Optional[_Union[TableMap, _Mapping]] = ..., author: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., restored_version: _Optional[int] = ...) -> None: ...

class Finding(_message.Message):
    __slots__ = ("severity", "code", "field", "message")
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    severity: _activity_pb2.Severity
    code: FindingCode
    field: str
    message: str
    def __init__(self, severity: _Optional[_Union[_activity_pb2.Severity, str]] = ..., code: _Optional[_Union[FindingCode, str]] = ..., field: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class Application(_message.Message):
    __slots__ = ("name", "kind", "address")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: str
    address: str
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[str] = ..., address: _Optional[str] = ...) -> None: ...

class Table(_message.Message):
    __slots__ = ("name", "table", "columns", "primary_key", "unique_keys", "foreign_keys")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    PRIMARY_KEY_FIELD_NUMBER: _ClassVar[int]
    UNIQUE_KEYS_FIELD_NUMBER: _ClassVar[int]
    FOREIGN_KEYS_FIELD_NUMBER: _ClassVar[int]
    name: str
    table: str
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    primary_key: _containers.RepeatedScalarFieldContainer[str]
    unique_keys: _containers.RepeatedCompositeFieldContainer[UniqueKey]
    foreign_keys: _containers.RepeatedCompositeFieldContainer[ForeignKey]
    def __init__(self, name: _Optional[str] = ..., table: _Optional[str] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., primary_key: _Optional[_Iterable[str]] = ..., unique_keys: _Optional[_Iterable[_Union[UniqueKey, _Mapping]]] = ..., foreign_keys: _Optional[_Iterable[_Union[ForeignKey, _Mapping]]] = ...) -> None: ...

class Column(_message.Message):
    __slots__ = ("name", "type", "database_type", "nullable", "has_default", "read_only", "key_position", "unsupported_reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DATABASE_TYPE_FIELD_NUMBER: _ClassVar[int]
    NULLABLE_FIELD_NUMBER: _ClassVar[int]
    HAS_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    READ_ONLY_FIELD_NUMBER: _ClassVar[int]
    KEY_POSITION_FIELD_NUMBER: _ClassVar[int]
    UNSUPPORTED_REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: ColumnType
    database_type: str
    nullable: bool
    has_default: bool
    read_only: bool
    key_position: int
    unsupported_reason: str
    def __init__(self, name: _Optional[str] = ..., type: _Optional[_Union[ColumnType, str]] = ..., database_type: _Optional[str] = ..., nullable: _Optional[bool] = ..., has_default: _Optional[bool] = ..., read_only: _Optional[bool] = ..., key_position: _Optional[int] = ..., unsupported_reason: _Optional[str] = ...) -> None: ...

class UniqueKey(_message.Message):
    __slots__ = ("columns",)
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    columns: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, columns: _Optional[_Iterable[str]] = ...) -> None: ...

class ForeignKey(_message.Message):
    __slots__ = ("columns", "referred_table", "referred_columns")
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    REFERRED_TABLE_FIELD_NUMBER: _ClassVar[int]
    REFERRED_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    columns: _containers.RepeatedScalarFieldContainer[str]
    referred_table: str
    referred_columns: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, columns: _Optional[_Iterable[str]] = ..., referred_table: _Optional[str] = ..., referred_columns: _Optional[_Iterable[str]] = ...) -> None: ...

class CreateTableMapRequest(_message.Message):
    __slots__ = ("table_map_id", "table_map", "validate_only", "request_id")
    TABLE_MAP_ID_FIELD_NUMBER: _ClassVar[int]
    TABLE_MAP_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    table_map_id: str
    table_map: TableMap
    validate_only: bool
    request_id: str
    def __init__(self, table_map_id: _Optional[str] = ..., table_map: _Optional[_Union[TableMap, _Mapping]] = ..., validate_only: _Optional[bool] = ..., request_id: _Optional[str] = ...) -> None: ...

class GetTableMapRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListTableMapsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "state", "application")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    state: _activity_pb2.TableMapState
    application: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., state: _Optional[_Union[_activity_pb2.TableMapState, str]] = ..., application: _Optional[str] = ...) -> None: ...

class ListTableMapsResponse(_message.Message):
    __slots__ = ("table_maps", "next_page_token", "total_size")
    TABLE_MAPS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    table_maps: _containers.RepeatedCompositeFieldContainer[TableMap]
    next_page_token: str
    total_size: int
    def __init__(self, table_maps: _Optional[_Iterable[_Union[TableMap, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ...) -> None: ...

class UpdateTableMapRequest(_message.Message):
    __slots__ = ("table_map", "update_mask", "validate_only", "request_id")
    TABLE_MAP_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    table_map: TableMap
    update_mask: _field_mask_pb2.FieldMask
    validate_only: bool
    request_id: str
    def __init__(self, table_map: _Optional[_Union[TableMap, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., validate_only: _Optional[bool] = ..., request_id: _Optional[str] = ...) -> None: ...

class DeleteTableMapRequest(_message.Message):
    __slots__ = ("name", "etag", "force", "request_id")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    force: bool
    request_id: str
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ..., force: _Optional[bool] = ..., request_id: _Optional[str] = ...) -> None: ...

class ValidateTableMapRequest(_message.Message):
    __slots__ = ("name", "table_map")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TABLE_MAP_FIELD_NUMBER: _ClassVar[int]
    name: str
    table_map: TableMap
    def __init__(self, name: _Optional[str] = ..., table_map: _Optional[_Union[TableMap, _Mapping]] = ...) -> None: ...

class ValidateTableMapResponse(_message.Message):
    __slots__ = ("findings",)
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    def __init__(self, findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ...) -> None: ...

class PreviewTableMapRequest(_message.Message):
    __slots__ = ("name", "table_map", "source", "row_count")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TABLE_MAP_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ROW_COUNT_FIELD_NUMBER: _ClassVar[int]
    name: str
    table_map: TableMap
    source: _records_pb2.Side
    row_count: int
    def __init__(self, name: _Optional[str] = ..., table_map: _Optional[_Union[TableMap, _Mapping]] = ..., source: _Optional[_Union[_records_pb2.Side, str]] = ..., row_count: _Optional[int] = ...) -> None: ...

class PreviewTableMapResponse(_message.Message):
    __slots__ = ("rows", "findings")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[PreviewRow]
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    def __init__(self, rows: _Optional[_Iterable[_Union[PreviewRow, _Mapping]]] = ..., findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ...) -> None: ...

class PreviewRow(_message.Message):
    __slots__ = ("before", "after", "filter_passed", "error")
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    FILTER_PASSED_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    before: _records_pb2.Record
    after: _records_pb2.Record
    filter_passed: bool
    error: _errors_pb2.RecordError
    def __init__(self, before: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., after: _Optional[_Union[_records_pb2.Record, _Mapping]] = ..., filter_passed: _Optional[bool] = ..., error: _Optional[_Union[_errors_pb2.RecordError, _Mapping]] = ...) -> None: ...

class SuggestTableMapRequest(_message.Message):
    __slots__ = ("left", "right")
    LEFT_FIELD_NUMBER: _ClassVar[int]
    RIGHT_FIELD_NUMBER: _ClassVar[int]
    left: TableRef
    right: TableRef
    def __init__(self, left: _Optional[_Union[TableRef, _Mapping]] = ..., right: _Optional[_Union[TableRef, _Mapping]] = ...) -> None: ...

class SuggestTableMapResponse(_message.Message):
    __slots__ = ("table_map", "findings", "unmatched_left_columns", "unmatched_right_columns")
    TABLE_MAP_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    UNMATCHED_LEFT_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    UNMATCHED_RIGHT_COLUMNS_FIELD_NUMBER: _ClassVar[int]
    table_map: TableMap
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    unmatched_left_columns: _containers.RepeatedScalarFieldContainer[str]
    unmatched_right_columns: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, table_map: _Optional[_Union[TableMap, _Mapping]] = ..., findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ..., unmatched_left_columns: _Optional[_Iterable[str]] = ..., unmatched_right_columns: _Optional[_Iterable[str]] = ...) -> None: ...

class ListTableMapVersionsRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTableMapVersionsResponse(_message.Message):
    __slots__ = ("versions", "next_page_token", "total_size")
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[TableMapVersion]
    next_page_token: str
    total_size: int
    def __init__(self, versions: _Optional[_Iterable[_Union[TableMapVersion, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ...) -> None: ...

class GetTableMapVersionRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class RestoreTableMapVersionRequest(_message.Message):
    __slots__ = ("name", "etag", "request_id")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    request_id: str
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class ExportTableMapsRequest(_message.Message):
    __slots__ = ("names",)
    NAMES_FIELD_NUMBER: _ClassVar[int]
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, names: _Optional[_Iterable[str]] = ...) -> None: ...

class ExportTableMapsResponse(_message.Message):
    __slots__ = ("document",)
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    document: str
    def __init__(self, document: _Optional[str] = ...) -> None: ...

class ImportTableMapsRequest(_message.Message):
    __slots__ = ("document", "validate_only", "request_id")
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    document: str
    validate_only: bool
    request_id: str
    def __init__(self, document: _Optional[str] = ..., validate_only: _Optional[bool] = ..., request_id: _Optional[str] = ...) -> None: ...

class ImportTableMapsResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[ImportTableMapResult]
    def __init__(self, results: _Optional[_Iterable[_Union[ImportTableMapResult, _Mapping]]] = ...) -> None: ...

class ImportTableMapResult(_message.Message):
    __slots__ = ("name", "change", "table_map", "findings")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    TABLE_MAP_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    name: str
    change: ImportChange
    table_map: TableMap
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    def __init__(self, name: _Optional[str] = ..., change: _Optional[_Union[ImportChange, str]] = ..., table_map: _Optional[_Union[TableMap, _Mapping]] = ..., findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ...) -> None: ...

class RunTableMapRequest(_message.Message):
    __slots__ = ("name", "names", "include_related", "initial_sync", "master", "validate_only", "wait_timeout", "request_id", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_RELATED_FIELD_NUMBER: _ClassVar[int]
    INITIAL_SYNC_FIELD_NUMBER: _ClassVar[int]
    MASTER_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    WAIT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    names: _containers.RepeatedScalarFieldContainer[str]
    include_related: bool
    initial_sync: InitialSyncMode
    master: _records_pb2.Side
    validate_only: bool
    wait_timeout: _duration_pb2.Duration
    request_id: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ..., include_related: _Optional[bool] = ..., initial_sync: _Optional[_Union[InitialSyncMode, str]] = ..., master: _Optional[_Union[_records_pb2.Side, str]] = ..., validate_only: _Optional[bool] = ..., wait_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., request_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class PauseTableMapRequest(_message.Message):
    __slots__ = ("name", "names", "include_related", "wait_timeout", "request_id", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_RELATED_FIELD_NUMBER: _ClassVar[int]
    WAIT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    names: _containers.RepeatedScalarFieldContainer[str]
    include_related: bool
    wait_timeout: _duration_pb2.Duration
    request_id: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ..., include_related: _Optional[bool] = ..., wait_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., request_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ResumeTableMapRequest(_message.Message):
    __slots__ = ("name", "names", "include_related", "option", "wait_timeout", "request_id", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_RELATED_FIELD_NUMBER: _ClassVar[int]
    OPTION_FIELD_NUMBER: _ClassVar[int]
    WAIT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    names: _containers.RepeatedScalarFieldContainer[str]
    include_related: bool
    option: ResumeOption
    wait_timeout: _duration_pb2.Duration
    request_id: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ..., include_related: _Optional[bool] = ..., option: _Optional[_Union[ResumeOption, str]] = ..., wait_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., request_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class SkipToLiveRequest(_message.Message):
    __slots__ = ("name", "names", "include_related", "queued_records", "wait_timeout", "request_id", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_RELATED_FIELD_NUMBER: _ClassVar[int]
    QUEUED_RECORDS_FIELD_NUMBER: _ClassVar[int]
    WAIT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    names: _containers.RepeatedScalarFieldContainer[str]
    include_related: bool
    queued_records: _queue_pb2.QueuedRecordsDisposition
    wait_timeout: _duration_pb2.Duration
    request_id: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ..., include_related: _Optional[bool] = ..., queued_records: _Optional[_Union[_queue_pb2.QueuedRecordsDisposition, str]] = ..., wait_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., request_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class StopTableMapRequest(_message.Message):
    __slots__ = ("name", "names", "include_related", "queued_records", "wait_timeout", "request_id", "reason")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_RELATED_FIELD_NUMBER: _ClassVar[int]
    QUEUED_RECORDS_FIELD_NUMBER: _ClassVar[int]
    WAIT_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    name: str
    names: _containers.RepeatedScalarFieldContainer[str]
    include_related: bool
    queued_records: _queue_pb2.QueuedRecordsDisposition
    wait_timeout: _duration_pb2.Duration
    request_id: str
    reason: str
    def __init__(self, name: _Optional[str] = ..., names: _Optional[_Iterable[str]] = ..., include_related: _Optional[bool] = ..., queued_records: _Optional[_Union[_queue_pb2.QueuedRecordsDisposition, str]] = ..., wait_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., request_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class TransitionResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[TransitionResult]
    def __init__(self, results: _Optional[_Iterable[_Union[TransitionResult, _Mapping]]] = ...) -> None: ...

class TransitionResult(_message.Message):
    __slots__ = ("name", "table_map", "error", "findings", "execution")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TABLE_MAP_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    name: str
    table_map: TableMap
    error: _status_pb2.Status
    findings: _containers.RepeatedCompositeFieldContainer[Finding]
    execution: str
    def __init__(self, name: _Optional[str] = ..., table_map: _Optional[_Union[TableMap, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., findings: _Optional[_Iterable[_Union[Finding, _Mapping]]] = ..., execution: _Optional[str] = ...) -> None: ...

class ListRelatedTableMapsRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListRelatedTableMapsResponse(_message.Message):
    __slots__ = ("table_maps", "cycles")
    TABLE_MAPS_FIELD_NUMBER: _ClassVar[int]
    CYCLES_FIELD_NUMBER: _ClassVar[int]
    table_maps: _containers.RepeatedCompositeFieldContainer[TableMap]
    cycles: _containers.RepeatedCompositeFieldContainer[TableMapCycle]
    def __init__(self, table_maps: _Optional[_Iterable[_Union[TableMap, _Mapping]]] = ..., cycles: _Optional[_Iterable[_Union[TableMapCycle, _Mapping]]] = ...) -> None: ...

class TableMapCycle(_message.Message):
    __slots__ = ("table_maps",)
    TABLE_MAPS_FIELD_NUMBER: _ClassVar[int]
    table_maps: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, table_maps: _Optional[_Iterable[str]] = ...) -> None: ...

class GetTableMapOverviewRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class TableMapOverview(_message.Message):
    __slots__ = ("table_map", "execution", "queue_stats", "execution_error_counts", "recent_events", "active_alerts")
    TABLE_MAP_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    QUEUE_STATS_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_ERROR_COUNTS_FIELD_NUMBER: _ClassVar[int]
    RECENT_EVENTS_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_ALERTS_FIELD_NUMBER: _ClassVar[int]
    table_map: TableMap
    execution: _sync_pb2.Execution
    queue_stats: _queue_pb2.QueueStats
    execution_error_counts: _containers.RepeatedCompositeFieldContainer[_errors_pb2.ErrorTypeCount]
    recent_events: _containers.RepeatedCompositeFieldContainer[_activity_pb2.ActivityEvent]
    active_alerts: _containers.RepeatedCompositeFieldContainer[_alerts_pb2.AlertEvent]
    def __init__(self, table_map: _Optional[_Union[TableMap, _Mapping]] = ..., execution: _Optional[_Union[_sync_pb2.Execution, _Mapping]] = ..., queue_stats: _Optional[_Union[_queue_pb2.QueueStats, _Mapping]] = ..., execution_error_counts: _Optional[_Iterable[_Union[_errors_pb2.ErrorTypeCount, _Mapping]]] = ..., recent_events: _Optional[_Iterable[_Union[_activity_pb2.ActivityEvent, _Mapping]]] = ..., active_alerts: _Optional[_Iterable[_Union[_alerts_pb2.AlertEvent, _Mapping]]] = ...) -> None: ...

class ListActivityRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token", "filter", "start_time", "end_time", "order_by")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    ORDER_BY_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    filter: _activity_pb2.ActivityFilter
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    order_by: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., filter: _Optional[_Union[_activity_pb2.ActivityFilter, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., order_by: _Optional[str] = ...) -> None: ...

class ListActivityResponse(_message.Message):
    __slots__ = ("events", "next_page_token", "oldest_sequence", "oldest_position")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    OLDEST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    OLDEST_POSITION_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[_activity_pb2.ActivityEvent]
    next_page_token: str
    oldest_sequence: int
    oldest_position: int
    def __init__(self, events: _Optional[_Iterable[_Union[_activity_pb2.ActivityEvent, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., oldest_sequence: _Optional[int] = ..., oldest_position: _Optional[int] = ...) -> None: ...

class TailActivityRequest(_message.Message):
    __slots__ = ("parent", "start_sequence", "start_position", "from_now", "filter")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    START_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    START_POSITION_FIELD_NUMBER: _ClassVar[int]
    FROM_NOW_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    parent: str
    start_sequence: int
    start_position: int
    from_now: bool
    filter: _activity_pb2.ActivityFilter
    def __init__(self, parent: _Optional[str] = ..., start_sequence: _Optional[int] = ..., start_position: _Optional[int] = ..., from_now: _Optional[bool] = ..., filter: _Optional[_Union[_activity_pb2.ActivityFilter, _Mapping]] = ...) -> None: ...

class TailActivityResponse(_message.Message):
    __slots__ = ("event", "heartbeat")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    event: _activity_pb2.ActivityEvent
    heartbeat: _activity_pb2.Heartbeat
    def __init__(self, event: _Optional[_Union[_activity_pb2.ActivityEvent, _Mapping]] = ..., heartbeat: _Optional[_Union[_activity_pb2.Heartbeat, _Mapping]] = ...) -> None: ...

class DownloadActivityRequest(_message.Message):
    __slots__ = ("parent", "format", "filter", "start_time", "end_time", "include_errors")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    FILTER_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_ERRORS_FIELD_NUMBER: _ClassVar[int]
    parent: str
    format: ActivityFormat
    filter: _activity_pb2.ActivityFilter
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    include_errors: bool
    def __init__(self, parent: _Optional[str] = ..., format: _Optional[_Union[ActivityFormat, str]] = ..., filter: _Optional[_Union[_activity_pb2.ActivityFilter, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., include_errors: _Optional[bool] = ...) -> None: ...

class DownloadActivityResponse(_message.Message):
    __slots__ = ("chunk",)
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    chunk: bytes
    def __init__(self, chunk: _Optional[bytes] = ...) -> None: ...

class ListApplicationsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListApplicationsResponse(_message.Message):
    __slots__ = ("applications", "next_page_token", "total_size")
    APPLICATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    applications: _containers.RepeatedCompositeFieldContainer[Application]
    next_page_token: str
    total_size: int
    def __init__(self, applications: _Optional[_Iterable[_Union[Application, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ...) -> None: ...

class CheckApplicationRequest(_message.Message):
    __slots__ = ("name", "table")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TABLE_FIELD_NUMBER: _ClassVar[int]
    name: str
    table: str
    def __init__(self, name: _Optional[str] = ..., table: _Optional[str] = ...) -> None: ...

class CheckApplicationResponse(_message.Message):
    __slots__ = ("application", "round_trip", "error")
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    ROUND_TRIP_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    application: Application
    round_trip: _duration_pb2.Duration
    error: _errors_pb2.RecordError
    def __init__(self, application: _Optional[_Union[Application, _Mapping]] = ..., round_trip: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., error: _Optional[_Union[_errors_pb2.RecordError, _Mapping]] = ...) -> None: ...

class ListTablesRequest(_message.Message):
    __slots__ = ("parent", "page_size", "page_token")
    PARENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    parent: str
    page_size: int
    page_token: str
    def __init__(self, parent: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListTablesResponse(_message.Message):
    __slots__ = ("tables", "next_page_token", "total_size")
    TABLES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    tables: _containers.RepeatedCompositeFieldContainer[Table]
    next_page_token: str
    total_size: int
    def __init__(self, tables: _Optional[_Iterable[_Union[Table, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ...) -> None: ...

class GetTableRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...
