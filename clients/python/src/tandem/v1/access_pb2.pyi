from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Role(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ROLE_UNSPECIFIED: _ClassVar[Role]
    ROLE_VIEWER: _ClassVar[Role]
    ROLE_WRITER: _ClassVar[Role]
    ROLE_OPERATOR: _ClassVar[Role]
    ROLE_ADMIN: _ClassVar[Role]
ROLE_UNSPECIFIED: Role
ROLE_VIEWER: Role
ROLE_WRITER: Role
ROLE_OPERATOR: Role
ROLE_ADMIN: Role
ACCESS_FIELD_NUMBER: _ClassVar[int]
access: _descriptor.FieldDescriptor

class Access(_message.Message):
    __slots__ = ("role", "table_maps", "own_table_maps")
    ROLE_FIELD_NUMBER: _ClassVar[int]
    TABLE_MAPS_FIELD_NUMBER: _ClassVar[int]
    OWN_TABLE_MAPS_FIELD_NUMBER: _ClassVar[int]
    role: Role
    table_maps: _containers.RepeatedScalarFieldContainer[str]
    own_table_maps: bool
    def __init__(self, role: _Optional[_Union[Role, str]] = ..., table_maps: _Optional[_Iterable[str]] = ..., own_table_maps: _Optional[bool] = ...) -> None: ...
