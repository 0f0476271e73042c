"""Client of the Bayes-PFL inspection server: a picture and a category in; verdict, score and mask out.

    import bayespfl

    with bayespfl.Inspector("127.0.0.1:50051") as inspector:
        result = inspector.inspect("part.png", "metal nut")
        print(result.verdict, result.score)

`Inspector` and `AsyncInspector` have the same shape. `bayespfl.testing` has a fake for your own tests, and a fixture that
starts a real server. The messages of the contract are in `bayespfl.inspection.v1`, for what this package does not do.
"""

from bayespfl._aio import AsyncInspector
from bayespfl._client import Inspector
from bayespfl._frames import Frame, Outcome, SkippedError
from bayespfl._options import Options, RegionOptions
from bayespfl._pictures import Picture, RawPicture
from bayespfl._settings import TLS
from bayespfl._version import __version__
from bayespfl.errors import (
    BusyError,
    BytesFullError,
    CancelledError,
    DeadlineExceededError,
    DeviceFailedError,
    DeviceHungError,
    DrainingError,
    ErrorReason,
    FrameTooLargeError,
    InputError,
    InspectionError,
    InternalError,
    InvalidArgumentError,
    InvalidFieldError,
    InvalidPictureError,
    MalformedMessageError,
    MaxStreamAgeError,
    MessageTooLargeError,
    ModelNotFoundError,
    NoReplicaError,
    NotReadyError,
    PermissionDeniedError,
    PictureTooLargeError,
    QueueFullError,
    RateLimitedError,
    ReplyError,
    StreamProtocolError,
    StreamsFullError,
    UnauthenticatedError,
    UnavailableError,
    UnreachableError,
    Violation,
)
from bayespfl.results import (
    Box,
    CalibratedCategory,
    DecisionLine,
    DecisionRule,
    FrameInfo,
    HealthState,
    Model,
    PictureWarning,
    Provenance,
    Region,
    Result,
    ServerInfo,
    ServerLimits,
    Thresholds,
    ThresholdSource,
    Verdict,
)

__all__ = [
    "TLS",
    "AsyncInspector",
    "Box",
    "BusyError",
    "BytesFullError",
    "CalibratedCategory",
    "CancelledError",
    "DeadlineExceededError",
    "DecisionLine",
    "DecisionRule",
    "DeviceFailedError",
    "DeviceHungError",
    "DrainingError",
    "ErrorReason",
    "Frame",
    "FrameInfo",
    "FrameTooLargeError",
    "HealthState",
    "InputError",
    "InspectionError",
    "Inspector",
    "InternalError",
    "InvalidArgumentError",
    "InvalidFieldError",
    "InvalidPictureError",
    "MalformedMessageError",
    "MaxStreamAgeError",
    "MessageTooLargeError",
    "Model",
    "ModelNotFoundError",
    "NoReplicaError",
    "NotReadyError",
    "Options",
    "Outcome",
    "PermissionDeniedError",
    "Picture",
    "PictureTooLargeError",
    "PictureWarning",
    "Provenance",
    "QueueFullError",
    "RateLimitedError",
    "RawPicture",
    "Region",
    "RegionOptions",
    "ReplyError",
    "Result",
    "ServerInfo",
    "ServerLimits",
    "SkippedError",
    "StreamProtocolError",
    "StreamsFullError",
    "ThresholdSource",
    "Thresholds",
    "UnauthenticatedError",
    "UnavailableError",
    "UnreachableError",
    "Verdict",
    "Violation",
    "__version__",
]
