from bayespfl.inspection.v1 import verdict_pb2 as _verdict_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CalibratedCategory(_message.Message):
    __slots__ = ["apply_orientation", "category", "confidence", "fail_rate", "good_pictures", "object", "review_rate", "samples", "seed", "significant_bits", "thresholds"]
    APPLY_ORIENTATION_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    FAIL_RATE_FIELD_NUMBER: _ClassVar[int]
    GOOD_PICTURES_FIELD_NUMBER: _ClassVar[int]
    OBJECT_FIELD_NUMBER: _ClassVar[int]
    REVIEW_RATE_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SIGNIFICANT_BITS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    apply_orientation: bool
    category: str
    confidence: float
    fail_rate: float
    good_pictures: int
    object: str
    review_rate: float
    samples: int
    seed: int
    significant_bits: int
    thresholds: _verdict_pb2.Thresholds
    def __init__(self, category: _Optional[str] = ..., object: _Optional[str] = ..., thresholds: _Optional[_Union[_verdict_pb2.Thresholds, _Mapping]] = ..., seed: _Optional[int] = ..., samples: _Optional[int] = ..., good_pictures: _Optional[int] = ..., fail_rate: _Optional[float] = ..., review_rate: _Optional[float] = ..., confidence: _Optional[float] = ..., significant_bits: _Optional[int] = ..., apply_orientation: bool = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ["categories", "categories_total", "computation_digest", "default_samples", "default_thresholds", "device", "digest", "iad_sampling", "image_size", "is_default", "kernels", "kind", "map_smoothing_sigma", "max_samples", "name", "package_name", "precision", "stage", "version"]
    CATEGORIES_FIELD_NUMBER: _ClassVar[int]
    CATEGORIES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    COMPUTATION_DIGEST_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    IAD_SAMPLING_FIELD_NUMBER: _ClassVar[int]
    IMAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    IS_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    KERNELS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MAP_SMOOTHING_SIGMA_FIELD_NUMBER: _ClassVar[int]
    MAX_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PACKAGE_NAME_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    STAGE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    categories: _containers.RepeatedCompositeFieldContainer[CalibratedCategory]
    categories_total: int
    computation_digest: str
    default_samples: int
    default_thresholds: _verdict_pb2.Thresholds
    device: str
    digest: str
    iad_sampling: str
    image_size: int
    is_default: bool
    kernels: str
    kind: str
    map_smoothing_sigma: float
    max_samples: int
    name: str
    package_name: str
    precision: str
    stage: int
    version: str
    def __init__(self, name: _Optional[str] = ..., is_default: bool = ..., package_name: _Optional[str] = ..., version: _Optional[str] = ..., digest: _Optional[str] = ..., kind: _Optional[str] = ..., device: _Optional[str] = ..., precision: _Optional[str] = ..., kernels: _Optional[str] = ..., stage: _Optional[int] = ..., image_size: _Optional[int] = ..., default_samples: _Optional[int] = ..., max_samples: _Optional[int] = ..., map_smoothing_sigma: _Optional[float] = ..., iad_sampling: _Optional[str] = ..., default_thresholds: _Optional[_Union[_verdict_pb2.Thresholds, _Mapping]] = ..., categories: _Optional[_Iterable[_Union[CalibratedCategory, _Mapping]]] = ..., categories_total: _Optional[int] = ..., computation_digest: _Optional[str] = ...) -> None: ...
