from bayespfl.inspection.v1 import error_pb2 as _error_pb2
from bayespfl.inspection.v1 import model_pb2 as _model_pb2
from bayespfl.inspection.v1 import picture_pb2 as _picture_pb2
from bayespfl.inspection.v1 import verdict_pb2 as _verdict_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
FLOW_POLICY_BLOCK: FlowPolicy
FLOW_POLICY_LATEST: FlowPolicy
FLOW_POLICY_UNSPECIFIED: FlowPolicy
PRIORITY_HIGH: Priority
PRIORITY_LOW: Priority
PRIORITY_NORMAL: Priority
PRIORITY_UNSPECIFIED: Priority
WARNING_REASON_OTHER_ORIENTATION: WarningReason
WARNING_REASON_SHALLOW_SAMPLES: WarningReason
WARNING_REASON_UNSPECIFIED: WarningReason

class FrameMetadata(_message.Message):
    __slots__ = ["attempt", "camera_id", "capture_time", "frame_id", "part_id"]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    CAMERA_ID_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_TIME_FIELD_NUMBER: _ClassVar[int]
    FRAME_ID_FIELD_NUMBER: _ClassVar[int]
    PART_ID_FIELD_NUMBER: _ClassVar[int]
    attempt: int
    camera_id: str
    capture_time: _timestamp_pb2.Timestamp
    frame_id: str
    part_id: str
    def __init__(self, camera_id: _Optional[str] = ..., frame_id: _Optional[str] = ..., part_id: _Optional[str] = ..., capture_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., attempt: _Optional[int] = ...) -> None: ...

class GetModelRequest(_message.Message):
    __slots__ = ["name"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    name: str
    def __init__(self, name: _Optional[str] = ...) -> None: ...

class GetModelResponse(_message.Message):
    __slots__ = ["model"]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: _model_pb2.Model
    def __init__(self, model: _Optional[_Union[_model_pb2.Model, _Mapping]] = ...) -> None: ...

class GetServerInfoRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class GetServerInfoResponse(_message.Message):
    __slots__ = ["limits", "version"]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    limits: ServerLimits
    version: str
    def __init__(self, version: _Optional[str] = ..., limits: _Optional[_Union[ServerLimits, _Mapping]] = ...) -> None: ...

class InspectOptions(_message.Message):
    __slots__ = ["anomaly_map", "category", "deviation_map", "inspected_picture", "mask", "mask_threshold", "model", "object", "priority", "random_seed", "regions", "resolution", "samples", "seed"]
    ANOMALY_MAP_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    DEVIATION_MAP_FIELD_NUMBER: _ClassVar[int]
    INSPECTED_PICTURE_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    MASK_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    RANDOM_SEED_FIELD_NUMBER: _ClassVar[int]
    REGIONS_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    anomaly_map: _picture_pb2.MapEncoding
    category: str
    deviation_map: _picture_pb2.MapEncoding
    inspected_picture: _picture_pb2.PictureEncoding
    mask: _picture_pb2.MaskEncoding
    mask_threshold: float
    model: str
    object: str
    priority: Priority
    random_seed: bool
    regions: RegionOptions
    resolution: _picture_pb2.MapResolution
    samples: int
    seed: int
    def __init__(self, category: _Optional[str] = ..., object: _Optional[str] = ..., model: _Optional[str] = ..., samples: _Optional[int] = ..., seed: _Optional[int] = ..., random_seed: bool = ..., anomaly_map: _Optional[_Union[_picture_pb2.MapEncoding, str]] = ..., deviation_map: _Optional[_Union[_picture_pb2.MapEncoding, str]] = ..., mask: _Optional[_Union[_picture_pb2.MaskEncoding, str]] = ..., resolution: _Optional[_Union[_picture_pb2.MapResolution, str]] = ..., mask_threshold: _Optional[float] = ..., regions: _Optional[_Union[RegionOptions, _Mapping]] = ..., inspected_picture: _Optional[_Union[_picture_pb2.PictureEncoding, str]] = ..., priority: _Optional[_Union[Priority, str]] = ...) -> None: ...

class InspectRequest(_message.Message):
    __slots__ = ["image", "metadata", "options"]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    image: _picture_pb2.Image
    metadata: FrameMetadata
    options: InspectOptions
    def __init__(self, image: _Optional[_Union[_picture_pb2.Image, _Mapping]] = ..., metadata: _Optional[_Union[FrameMetadata, _Mapping]] = ..., options: _Optional[_Union[InspectOptions, _Mapping]] = ...) -> None: ...

class InspectResponse(_message.Message):
    __slots__ = ["anomaly_map", "category", "decided_by", "deviation_map", "frame_height", "frame_width", "inspected_picture", "largest_region_fraction", "map_score", "mask", "mask_area_fraction", "metadata", "mixed_score", "object", "provenance", "regions", "regions_total", "score", "score_std", "thresholds", "timings", "verdict", "warnings"]
    ANOMALY_MAP_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    DECIDED_BY_FIELD_NUMBER: _ClassVar[int]
    DEVIATION_MAP_FIELD_NUMBER: _ClassVar[int]
    FRAME_HEIGHT_FIELD_NUMBER: _ClassVar[int]
    FRAME_WIDTH_FIELD_NUMBER: _ClassVar[int]
    INSPECTED_PICTURE_FIELD_NUMBER: _ClassVar[int]
    LARGEST_REGION_FRACTION_FIELD_NUMBER: _ClassVar[int]
    MAP_SCORE_FIELD_NUMBER: _ClassVar[int]
    MASK_AREA_FRACTION_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    MIXED_SCORE_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    REGIONS_FIELD_NUMBER: _ClassVar[int]
    REGIONS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    SCORE_STD_FIELD_NUMBER: _ClassVar[int]
    THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    anomaly_map: _picture_pb2.PixelMap
    category: str
    decided_by: _verdict_pb2.DecisionRule
    deviation_map: _picture_pb2.PixelMap
    frame_height: int
    frame_width: int
    inspected_picture: _picture_pb2.EncodedPicture
    largest_region_fraction: float
    map_score: float
    mask: _picture_pb2.Mask
    mask_area_fraction: float
    metadata: FrameMetadata
    mixed_score: float
    object: str
    provenance: _verdict_pb2.Provenance
    regions: _containers.RepeatedCompositeFieldContainer[_picture_pb2.Region]
    regions_total: int
    score: float
    score_std: float
    thresholds: _verdict_pb2.Thresholds
    timings: _containers.RepeatedCompositeFieldContainer[StageTiming]
    verdict: _verdict_pb2.Verdict
    warnings: _containers.RepeatedCompositeFieldContainer[PictureWarning]
    def __init__(self, metadata: _Optional[_Union[FrameMetadata, _Mapping]] = ..., category: _Optional[str] = ..., object: _Optional[str] = ..., verdict: _Optional[_Union[_verdict_pb2.Verdict, str]] = ..., decided_by: _Optional[_Union[_verdict_pb2.DecisionRule, str]] = ..., thresholds: _Optional[_Union[_verdict_pb2.Thresholds, _Mapping]] = ..., score: _Optional[float] = ..., score_std: _Optional[float] = ..., map_score: _Optional[float] = ..., mixed_score: _Optional[float] = ..., mask_area_fraction: _Optional[float] = ..., largest_region_fraction: _Optional[float] = ..., frame_width: _Optional[int] = ..., frame_height: _Optional[int] = ..., anomaly_map: _Optional[_Union[_picture_pb2.PixelMap, _Mapping]] = ..., deviation_map: _Optional[_Union[_picture_pb2.PixelMap, _Mapping]] = ..., mask: _Optional[_Union[_picture_pb2.Mask, _Mapping]] = ..., regions: _Optional[_Iterable[_Union[_picture_pb2.Region, _Mapping]]] = ..., regions_total: _Optional[int] = ..., inspected_picture: _Optional[_Union[_picture_pb2.EncodedPicture, _Mapping]] = ..., provenance: _Optional[_Union[_verdict_pb2.Provenance, _Mapping]] = ..., timings: _Optional[_Iterable[_Union[StageTiming, _Mapping]]] = ..., warnings: _Optional[_Iterable[_Union[PictureWarning, _Mapping]]] = ...) -> None: ...

class InspectStreamRequest(_message.Message):
    __slots__ = ["configuration", "frame"]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    FRAME_FIELD_NUMBER: _ClassVar[int]
    configuration: StreamConfiguration
    frame: StreamFrame
    def __init__(self, configuration: _Optional[_Union[StreamConfiguration, _Mapping]] = ..., frame: _Optional[_Union[StreamFrame, _Mapping]] = ...) -> None: ...

class InspectStreamResponse(_message.Message):
    __slots__ = ["error", "metadata", "result", "sequence", "skipped"]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    error: _error_pb2.FrameError
    metadata: FrameMetadata
    result: InspectResponse
    sequence: int
    skipped: Skipped
    def __init__(self, metadata: _Optional[_Union[FrameMetadata, _Mapping]] = ..., sequence: _Optional[int] = ..., result: _Optional[_Union[InspectResponse, _Mapping]] = ..., error: _Optional[_Union[_error_pb2.FrameError, _Mapping]] = ..., skipped: _Optional[_Union[Skipped, _Mapping]] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ["models"]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[_model_pb2.Model]
    def __init__(self, models: _Optional[_Iterable[_Union[_model_pb2.Model, _Mapping]]] = ...) -> None: ...

class PictureWarning(_message.Message):
    __slots__ = ["message", "reason"]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    message: str
    reason: WarningReason
    def __init__(self, reason: _Optional[_Union[WarningReason, str]] = ..., message: _Optional[str] = ...) -> None: ...

class RegionOptions(_message.Message):
    __slots__ = ["max_contour_points", "max_regions"]
    MAX_CONTOUR_POINTS_FIELD_NUMBER: _ClassVar[int]
    MAX_REGIONS_FIELD_NUMBER: _ClassVar[int]
    max_contour_points: int
    max_regions: int
    def __init__(self, max_regions: _Optional[int] = ..., max_contour_points: _Optional[int] = ...) -> None: ...

class ServerLimits(_message.Message):
    __slots__ = ["max_frames_in_flight", "max_frames_per_second_per_client", "max_frames_per_stream", "max_message_bytes", "max_picture_bytes", "max_picture_pixels", "max_stream_age", "max_streams", "max_streams_per_client", "min_ping_interval"]
    MAX_FRAMES_IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    MAX_FRAMES_PER_SECOND_PER_CLIENT_FIELD_NUMBER: _ClassVar[int]
    MAX_FRAMES_PER_STREAM_FIELD_NUMBER: _ClassVar[int]
    MAX_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_PICTURE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_PICTURE_PIXELS_FIELD_NUMBER: _ClassVar[int]
    MAX_STREAMS_FIELD_NUMBER: _ClassVar[int]
    MAX_STREAMS_PER_CLIENT_FIELD_NUMBER: _ClassVar[int]
    MAX_STREAM_AGE_FIELD_NUMBER: _ClassVar[int]
    MIN_PING_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    max_frames_in_flight: int
    max_frames_per_second_per_client: int
    max_frames_per_stream: int
    max_message_bytes: int
    max_picture_bytes: int
    max_picture_pixels: int
    max_stream_age: _duration_pb2.Duration
    max_streams: int
    max_streams_per_client: int
    min_ping_interval: _duration_pb2.Duration
    def __init__(self, max_message_bytes: _Optional[int] = ..., max_picture_bytes: _Optional[int] = ..., max_picture_pixels: _Optional[int] = ..., max_frames_per_stream: _Optional[int] = ..., max_frames_in_flight: _Optional[int] = ..., max_streams: _Optional[int] = ..., max_streams_per_client: _Optional[int] = ..., max_frames_per_second_per_client: _Optional[int] = ..., min_ping_interval: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., max_stream_age: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Skipped(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class StageTiming(_message.Message):
    __slots__ = ["seconds", "stage"]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    seconds: float
    stage: str
    def __init__(self, stage: _Optional[str] = ..., seconds: _Optional[float] = ...) -> None: ...

class StreamConfiguration(_message.Message):
    __slots__ = ["flow_policy", "options"]
    FLOW_POLICY_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    flow_policy: FlowPolicy
    options: InspectOptions
    def __init__(self, options: _Optional[_Union[InspectOptions, _Mapping]] = ..., flow_policy: _Optional[_Union[FlowPolicy, str]] = ...) -> None: ...

class StreamFrame(_message.Message):
    __slots__ = ["image", "metadata", "options", "timeout"]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    image: _picture_pb2.Image
    metadata: FrameMetadata
    options: InspectOptions
    timeout: _duration_pb2.Duration
    def __init__(self, image: _Optional[_Union[_picture_pb2.Image, _Mapping]] = ..., metadata: _Optional[_Union[FrameMetadata, _Mapping]] = ..., options: _Optional[_Union[InspectOptions, _Mapping]] = ..., timeout: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Priority(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class FlowPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class WarningReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
