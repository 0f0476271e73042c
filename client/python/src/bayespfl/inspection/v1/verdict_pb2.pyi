from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DECISION_RULE_MAP_SCORE: DecisionRule
DECISION_RULE_REGION_AREA: DecisionRule
DECISION_RULE_SCORE: DecisionRule
DECISION_RULE_UNSPECIFIED: DecisionRule
DESCRIPTOR: _descriptor.FileDescriptor
THRESHOLD_SOURCE_CATEGORY: ThresholdSource
THRESHOLD_SOURCE_DEFAULT: ThresholdSource
THRESHOLD_SOURCE_PACKAGE: ThresholdSource
THRESHOLD_SOURCE_UNSPECIFIED: ThresholdSource
VERDICT_FAIL: Verdict
VERDICT_PASS: Verdict
VERDICT_REVIEW: Verdict
VERDICT_UNSPECIFIED: Verdict

class DecisionLine(_message.Message):
    __slots__ = ["fail", "review", "rule"]
    FAIL_FIELD_NUMBER: _ClassVar[int]
    REVIEW_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    fail: float
    review: float
    rule: DecisionRule
    def __init__(self, rule: _Optional[_Union[DecisionRule, str]] = ..., review: _Optional[float] = ..., fail: _Optional[float] = ...) -> None: ...

class Provenance(_message.Message):
    __slots__ = ["computation_digest", "device", "kernels", "model", "model_digest", "model_version", "picture_sha256", "precision", "ran_alone", "result_id", "samples", "seed", "server_version", "thresholds_revision"]
    COMPUTATION_DIGEST_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    KERNELS_FIELD_NUMBER: _ClassVar[int]
    MODEL_DIGEST_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MODEL_VERSION_FIELD_NUMBER: _ClassVar[int]
    PICTURE_SHA256_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    RAN_ALONE_FIELD_NUMBER: _ClassVar[int]
    RESULT_ID_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SERVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    THRESHOLDS_REVISION_FIELD_NUMBER: _ClassVar[int]
    computation_digest: str
    device: str
    kernels: str
    model: str
    model_digest: str
    model_version: str
    picture_sha256: str
    precision: str
    ran_alone: bool
    result_id: str
    samples: int
    seed: int
    server_version: str
    thresholds_revision: str
    def __init__(self, result_id: _Optional[str] = ..., model: _Optional[str] = ..., model_digest: _Optional[str] = ..., model_version: _Optional[str] = ..., precision: _Optional[str] = ..., kernels: _Optional[str] = ..., device: _Optional[str] = ..., server_version: _Optional[str] = ..., thresholds_revision: _Optional[str] = ..., seed: _Optional[int] = ..., samples: _Optional[int] = ..., picture_sha256: _Optional[str] = ..., ran_alone: bool = ..., computation_digest: _Optional[str] = ...) -> None: ...

class Thresholds(_message.Message):
    __slots__ = ["lines", "mask", "min_region_fraction", "revision", "source"]
    LINES_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    MIN_REGION_FRACTION_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    lines: _containers.RepeatedCompositeFieldContainer[DecisionLine]
    mask: float
    min_region_fraction: float
    revision: str
    source: ThresholdSource
    def __init__(self, source: _Optional[_Union[ThresholdSource, str]] = ..., revision: _Optional[str] = ..., mask: _Optional[float] = ..., min_region_fraction: _Optional[float] = ..., lines: _Optional[_Iterable[_Union[DecisionLine, _Mapping]]] = ...) -> None: ...

class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class DecisionRule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class ThresholdSource(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
