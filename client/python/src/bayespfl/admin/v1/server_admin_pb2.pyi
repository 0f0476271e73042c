from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
SERVER_PHASE_DRAINING: ServerPhase
SERVER_PHASE_FAILED: ServerPhase
SERVER_PHASE_LAME_DUCK: ServerPhase
SERVER_PHASE_LOADING: ServerPhase
SERVER_PHASE_SERVING: ServerPhase
SERVER_PHASE_STOPPED: ServerPhase
SERVER_PHASE_UNSPECIFIED: ServerPhase
SETTING_SOURCE_DEFAULT: SettingSource
SETTING_SOURCE_ENVIRONMENT: SettingSource
SETTING_SOURCE_FILE: SettingSource
SETTING_SOURCE_FLAG: SettingSource
SETTING_SOURCE_UNSPECIFIED: SettingSource

class CertificateState(_message.Message):
    __slots__ = ["not_after", "sha256"]
    NOT_AFTER_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    not_after: _timestamp_pb2.Timestamp
    sha256: str
    def __init__(self, sha256: _Optional[str] = ..., not_after: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class DrainRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class DrainResponse(_message.Message):
    __slots__ = ["calls_open", "frames_in_flight", "phase", "streams_open"]
    CALLS_OPEN_FIELD_NUMBER: _ClassVar[int]
    FRAMES_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    STREAMS_OPEN_FIELD_NUMBER: _ClassVar[int]
    calls_open: int
    frames_in_flight: int
    phase: ServerPhase
    streams_open: int
    def __init__(self, phase: _Optional[_Union[ServerPhase, str]] = ..., frames_in_flight: _Optional[int] = ..., streams_open: _Optional[int] = ..., calls_open: _Optional[int] = ...) -> None: ...

class GetConfigurationRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class GetConfigurationResponse(_message.Message):
    __slots__ = ["certificate", "config_file", "models", "server_version", "settings", "tokens"]
    CERTIFICATE_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FILE_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    certificate: CertificateState
    config_file: str
    models: _containers.RepeatedCompositeFieldContainer[ServedModel]
    server_version: str
    settings: _containers.RepeatedCompositeFieldContainer[Setting]
    tokens: TokensState
    def __init__(self, server_version: _Optional[str] = ..., config_file: _Optional[str] = ..., settings: _Optional[_Iterable[_Union[Setting, _Mapping]]] = ..., models: _Optional[_Iterable[_Union[ServedModel, _Mapping]]] = ..., certificate: _Optional[_Union[CertificateState, _Mapping]] = ..., tokens: _Optional[_Union[TokensState, _Mapping]] = ...) -> None: ...

class GetLogLevelRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class GetLogLevelResponse(_message.Message):
    __slots__ = ["log_level"]
    LOG_LEVEL_FIELD_NUMBER: _ClassVar[int]
    log_level: LogLevel
    def __init__(self, log_level: _Optional[_Union[LogLevel, _Mapping]] = ...) -> None: ...

class LogLevel(_message.Message):
    __slots__ = ["configured", "level", "until"]
    CONFIGURED_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    configured: str
    level: str
    until: _timestamp_pb2.Timestamp
    def __init__(self, level: _Optional[str] = ..., configured: _Optional[str] = ..., until: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class ServedModel(_message.Message):
    __slots__ = ["digest", "name"]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    digest: str
    name: str
    def __init__(self, name: _Optional[str] = ..., digest: _Optional[str] = ...) -> None: ...

class SetLogLevelRequest(_message.Message):
    __slots__ = ["duration", "level"]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    duration: _duration_pb2.Duration
    level: str
    def __init__(self, level: _Optional[str] = ..., duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class SetLogLevelResponse(_message.Message):
    __slots__ = ["log_level"]
    LOG_LEVEL_FIELD_NUMBER: _ClassVar[int]
    log_level: LogLevel
    def __init__(self, log_level: _Optional[_Union[LogLevel, _Mapping]] = ...) -> None: ...

class Setting(_message.Message):
    __slots__ = ["in_use", "key", "place", "source", "value"]
    IN_USE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    in_use: str
    key: str
    place: str
    source: SettingSource
    value: str
    def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ..., source: _Optional[_Union[SettingSource, str]] = ..., place: _Optional[str] = ..., in_use: _Optional[str] = ...) -> None: ...

class TokensState(_message.Message):
    __slots__ = ["sha256", "tokens"]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    sha256: str
    tokens: int
    def __init__(self, sha256: _Optional[str] = ..., tokens: _Optional[int] = ...) -> None: ...

class ServerPhase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class SettingSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
