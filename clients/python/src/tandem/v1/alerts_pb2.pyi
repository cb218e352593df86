import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import empty_pb2 as _empty_pb2
from google.protobuf import field_mask_pb2 as _field_mask_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from tandem.v1 import access_pb2 as _access_pb2
from tandem.v1 import activity_pb2 as _activity_pb2
from tandem.v1 import errors_pb2 as _errors_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AlertAction(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ALERT_ACTION_UNSPECIFIED: _ClassVar[AlertAction]
    ALERT_ACTION_NONE: _ClassVar[AlertAction]
    ALERT_ACTION_PAUSE: _ClassVar[AlertAction]
    ALERT_ACTION_STOP: _ClassVar[AlertAction]

class AlertReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ALERT_REASON_UNSPECIFIED: _ClassVar[AlertReason]
    ALERT_REASON_ERRORS: _ClassVar[AlertReason]
    ALERT_REASON_QUEUED_RECORDS: _ClassVar[AlertReason]
    ALERT_REASON_QUEUED_AGE: _ClassVar[AlertReason]
    ALERT_REASON_NEAR_LIMIT: _ClassVar[AlertReason]
    ALERT_REASON_INITIAL_SYNC_ERRORS: _ClassVar[AlertReason]
    ALERT_REASON_INITIAL_SYNC_STALLED: _ClassVar[AlertReason]
    ALERT_REASON_APPLICATION_DOWN: _ClassVar[AlertReason]

class NotificationState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NOTIFICATION_STATE_UNSPECIFIED: _ClassVar[NotificationState]
    NOTIFICATION_STATE_PENDING: _ClassVar[NotificationState]
    NOTIFICATION_STATE_DELIVERED: _ClassVar[NotificationState]
    NOTIFICATION_STATE_GIVEN_UP: _ClassVar[NotificationState]
ALERT_ACTION_UNSPECIFIED: AlertAction
ALERT_ACTION_NONE: AlertAction
ALERT_ACTION_PAUSE: AlertAction
ALERT_ACTION_STOP: AlertAction
ALERT_REASON_UNSPECIFIED: AlertReason
ALERT_REASON_ERRORS: AlertReason
ALERT_REASON_QUEUED_RECORDS: AlertReason
ALERT_REASON_QUEUED_AGE: AlertReason
ALERT_REASON_NEAR_LIMIT: AlertReason
ALERT_REASON_INITIAL_SYNC_ERRORS: AlertReason
ALERT_REASON_INITIAL_SYNC_STALLED: AlertReason
ALERT_REASON_APPLICATION_DOWN: AlertReason
NOTIFICATION_STATE_UNSPECIFIED: NotificationState
NOTIFICATION_STATE_PENDING: NotificationState
NOTIFICATION_STATE_DELIVERED: NotificationState
NOTIFICATION_STATE_GIVEN_UP: NotificationState

class AlertSetting(_message.Message):
    __slots__ = ("name", "display_name", "table_maps", "error_types", "threshold", "recipients", "action", "enabled", "pending_table_maps", "etag", "watch", "resume_after", "author", "create_time", "update_time", "show_recipients")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DISPLAY_NAME_FIELD_NUMBER: _ClassVar[int]
    TABLE_MAPS_FIELD_NUMBER: _ClassVar[int]
    ERROR_TYPES_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    RECIPIENTS_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    PENDING_TABLE_MAPS_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    WATCH_FIELD_NUMBER: _ClassVar[int]
    RESUME_AFTER_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    SHOW_RECIPIENTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    display_name: str
    table_maps: _containers.RepeatedScalarFieldContainer[str]
    error_types: _containers.RepeatedScalarFieldContainer[_errors_pb2.ErrorType]
    threshold: AlertThreshold
    recipients: _containers.RepeatedScalarFieldContainer[str]
    action: AlertAction
    enabled: bool
    pending_table_maps: _containers.RepeatedScalarFieldContainer[str]
    etag: str
    watch: AlertWatch
    resume_after: _duration_pb2.Duration
    author: str
    create_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    show_recipients: bool
    def __init__(self, name: _Optional[str] = ..., display_name: _Optional[str] = ..., table_maps: _Optional[_Iterable[str]] = ..., error_types: _Optional[_Iterable[_Union[_errors_pb2.ErrorType, str]]] = ..., threshold: _Optional[_Union[AlertThreshold, _Mapping]] = ..., recipients: _Optional[_Iterable[str]] = ..., action: _Optional[_Union[AlertAction, str]] = ..., enabled: _Optional[bool] = ..., pending_table_maps: _Optional[_Iterable[str]] = ..., etag: _Optional[str] = ..., watch: _Optional[_Union[AlertWatch, _Mapping]] = ..., resume_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., author: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., show_recipients: _Optional[bool] = ...) -> None: ...

class AlertWatch(_message.Message):
    __slots__ = ("queued_records", "queued_age", "near_limit", "initial_sync_errors", "initial_sync_stalled", "application_down")
    QUEUED_RECORDS_FIELD_NUMBER: _ClassVar[int]
    QUEUED_AGE_FIELD_NUMBER: _ClassVar[int]
    NEAR_LIMIT_FIELD_NUMBER: _ClassVar[int]
    INITIAL_SYNC_ERRORS_FIELD_NUMBER: _ClassVar[int]
    INITIAL_SYNC_STALLED_FIELD_NUMBER: _ClassVar[int]
    APPLICATION_DOWN_FIELD_NUMBER: _ClassVar[int]
    queued_records: int
    queued_age: _duration_pb2.Duration
    near_limit: bool
    initial_sync_errors: bool
    initial_sync_stalled: _duration_pb2.Duration
    application_down: _duration_pb2.Duration
    def __init__(self, queued_records: _Optional[int] = ..., queued_age: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., near_limit: _Optional[bool] = ..., initial_sync_errors: _Optional[bool] = ..., initial_sync_stalled: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., application_down: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class AlertThreshold(_message.Message):
    __slots__ = ("count", "window")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    count: int
    window: _duration_pb2.Duration
    def __init__(self, count: _Optional[int] = ..., window: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class AlertEvent(_message.Message):
    __slots__ = ("name", "sequence", "alert_setting", "table_map", "time", "threshold", "error_counts", "last_errors", "action", "action_error", "activity_sequence", "rearm_time", "acknowledge_time", "acknowledge_actor", "acknowledge_note", "reason", "summary")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ALERT_SETTING_FIELD_NUMBER: _ClassVar[int]
    TABLE_MAP_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    ERROR_COUNTS_FIELD_NUMBER: _ClassVar[int]
    LAST_ERRORS_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    ACTION_ERROR_FIELD_NUMBER: _ClassVar[int]
    ACTIVITY_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REARM_TIME_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGE_TIME_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGE_ACTOR_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGE_NOTE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    name: str
    sequence: int
    alert_setting: str
    table_map: str
    time: _timestamp_pb2.Timestamp
    threshold: AlertThreshold
    error_counts: _containers.RepeatedCompositeFieldContainer[_errors_pb2.ErrorTypeCount]
    last_errors: _containers.RepeatedCompositeFieldContainer[_errors_pb2.RecordError]
    action: AlertAction
    action_error: _status_pb2.Status
    activity_sequence: int
    rearm_time: _timestamp_pb2.Timestamp
    acknowledge_time: _timestamp_pb2.Timestamp
    acknowledge_actor: str
    acknowledge_note: str
    reason: AlertReason
    summary: str
    def __init__(self, name: _Optional[str] = ..., sequence: _Optional[int] = ..., alert_setting: _Optional[str] = ..., table_map: _Optional[str] = ..., time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., threshold: _Optional[_Union[AlertThreshold, _Mapping]] = ..., error_counts: _Optional[_Iterable[_Union[_errors_pb2.ErrorTypeCount, _Mapping]]] = ..., last_errors: _Optional[_Iterable[_Union[_errors_pb2.RecordError, _Mapping]]] = ..., action: _Optional[_Union[AlertAction, str]] = ..., action_error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ..., activity_sequence: _Optional[int] = ..., rearm_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., acknowledge_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., acknowledge_actor: _Optional[str] = ..., acknowledge_note: _Optional[str] = ..., reason: _Optional[_Union[AlertReason, str]] = ..., summary: _Optional[str] = ...) -> None: ...

class Notification(_message.Message):
    __slots__ = ("name", "alert_event", "alert_setting", "recipient", "subject", "state", "attempts", "last_response", "create_time", "next_attempt_time", "end_time")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ALERT_EVENT_FIELD_NUMBER: _ClassVar[int]
    ALERT_SETTING_FIELD_NUMBER: _ClassVar[int]
    RECIPIENT_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    LAST_RESPONSE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    NEXT_ATTEMPT_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    name: str
    alert_event: str
    alert_setting: str
    recipient: str
    subject: str
    state: NotificationState
    attempts: int
    last_response: str
    create_time: _timestamp_pb2.Timestamp
    next_attempt_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, name: _Optional[str] = ..., alert_event: _Optional[str] = ..., alert_setting: _Optional[str] = ..., recipient: _Optional[str] = ..., subject: _Optional[str] = ..., state: _Optional[_Union[NotificationState, str]] = ..., attempts: _Optional[int] = ..., last_response: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., next_attempt_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateAlertSettingRequest(_message.Message):
    __slots__ = ("alert_setting_id", "alert_setting", "validate_only", "request_id")
    ALERT_SETTING_ID_FIELD_NUMBER: _ClassVar[int]
    ALERT_SETTING_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    alert_setting_id: str
    alert_setting: AlertSetting
    validate_only: bool
    request_id: str
    def __init__(self, alert_setting_id: _Optional[str] = ..., alert_setting: _Optional[_Union[AlertSetting, _Mapping]] = ..., validate_only: _Optional[bool] = ..., request_id: _Optional[str] = ...) -> None: ...

class GetAlertSettingRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class ListAlertSettingsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "table_map")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TABLE_MAP_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    table_map: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., table_map: _Optional[str] = ...) -> None: ...

class ListAlertSettingsResponse(_message.Message):
    __slots__ = ("alert_settings", "next_page_token", "total_size")
    ALERT_SETTINGS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    alert_settings: _containers.RepeatedCompositeFieldContainer[AlertSetting]
    next_page_token: str
    total_size: int
    def __init__(self, alert_settings: _Optional[_Iterable[_Union[AlertSetting, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., total_size: _Optional[int] = ...) -> None: ...

class UpdateAlertSettingRequest(_message.Message):
    __slots__ = ("alert_setting", "update_mask", "validate_only")
    ALERT_SETTING_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    alert_setting: AlertSetting
    update_mask: _field_mask_pb2.FieldMask
    validate_only: bool
    def __init__(self, alert_setting: _Optional[_Union[AlertSetting, _Mapping]] = ..., update_mask: _Optional[_Union[_field_mask_pb2.FieldMask, _Mapping]] = ..., validate_only: _Optional[bool] = ...) -> None: ...

class DeleteAlertSettingRequest(_message.Message):
    __slots__ = ("name", "etag")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    etag: str
    def __init__(self, name: _Optional[str] = ..., etag: _Optional[str] = ...) -> None: ...

class ApplyAlertSettingRequest(_message.Message):
    __slots__ = ("name", "table_maps", "etag")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TABLE_MAPS_FIELD_NUMBER: _ClassVar[int]
    ETAG_FIELD_NUMBER: _ClassVar[int]
    name: str
    table_maps: _containers.RepeatedScalarFieldContainer[str]
    etag: str
    def __init__(self, name: _Optional[str] = ..., table_maps: _Optional[_Iterable[str]] = ..., etag: _Optional[str] = ...) -> None: ...

class TestAlertSettingRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class TestAlertSettingResponse(_message.Message):
    __slots__ = ("notifications",)
    NOTIFICATIONS_FIELD_NUMBER: _ClassVar[int]
    notifications: _containers.RepeatedCompositeFieldContainer[Notification]
    def __init__(self, notifications: _Optional[_Iterable[_Union[Notification, _Mapping]]] = ...) -> None: ...

class ListAlertEventsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "table_map", "alert_setting", "unacknowledged", "start_time", "end_time")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    TABLE_MAP_FIELD_NUMBER: _ClassVar[int]
    ALERT_SETTING_FIELD_NUMBER: _ClassVar[int]
    UNACKNOWLEDGED_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    table_map: str
    alert_setting: str
    unacknowledged: bool
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., table_map: _Optional[str] = ..., alert_setting: _Optional[str] = ..., unacknowledged: _Optional[bool] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ListAlertEventsResponse(_message.Message):
    __slots__ = ("alert_events", "next_page_token")
    ALERT_EVENTS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    alert_events: _containers.RepeatedCompositeFieldContainer[AlertEvent]
    next_page_token: str
    def __init__(self, alert_events: _Optional[_Iterable[_Union[AlertEvent, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetAlertEventRequest(_message.Message):
    __slots__ = ("name",)
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class AcknowledgeAlertEventRequest(_message.Message):
    __slots__ = ("name", "note")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    name: str
    note: str
    def __init__(self, name: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class WatchAlertEventsRequest(_message.Message):
    __slots__ = ("start_sequence", "from_now", "table_maps", "alert_settings")
    START_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    FROM_NOW_FIELD_NUMBER: _ClassVar[int]
    TABLE_MAPS_FIELD_NUMBER: _ClassVar[int]
    ALERT_SETTINGS_FIELD_NUMBER: _ClassVar[int]
    start_sequence: int
    from_now: bool
    table_maps: _containers.RepeatedScalarFieldContainer[str]
    alert_settings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, start_sequence: _Optional[int] = ..., from_now: _Optional[bool] = ..., table_maps: _Optional[_Iterable[str]] = ..., alert_settings: _Optional[_Iterable[str]] = ...) -> None: ...

class WatchAlertEventsResponse(_message.Message):
    __slots__ = ("alert_event", "heartbeat")
    ALERT_EVENT_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    alert_event: AlertEvent
    heartbeat: _activity_pb2.Heartbeat
    def __init__(self, alert_event: _Optional[_Union[AlertEvent, _Mapping]] = ..., heartbeat: _Optional[_Union[_activity_pb2.Heartbeat, _Mapping]] = ...) -> None: ...

class ListNotificationsRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "state", "alert_event", "alert_setting")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ALERT_EVENT_FIELD_NUMBER: _ClassVar[int]
    ALERT_SETTING_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    state: NotificationState
    alert_event: str
    alert_setting: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., state: _Optional[_Union[NotificationState, str]] = ..., alert_event: _Optional[str] = ..., alert_setting: _Optional[str] = ...) -> None: ...

class ListNotificationsResponse(_message.Message):
    __slots__ = ("notifications", "next_page_token")
    NOTIFICATIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    notifications: _containers.RepeatedCompositeFieldContainer[Notification]
    next_page_token: str
    def __init__(self, notifications: _Optional[_Iterable[_Union[Notification, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...
