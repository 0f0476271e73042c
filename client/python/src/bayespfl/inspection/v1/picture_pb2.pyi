from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor
MAP_ENCODING_FLOAT32: MapEncoding
MAP_ENCODING_PNG16: MapEncoding
MAP_ENCODING_PNG8: MapEncoding
MAP_ENCODING_UNSPECIFIED: MapEncoding
MAP_RESOLUTION_FRAME: MapResolution
MAP_RESOLUTION_MODEL: MapResolution
MAP_RESOLUTION_UNSPECIFIED: MapResolution
MASK_ENCODING_COCO_RLE: MaskEncoding
MASK_ENCODING_PNG1: MaskEncoding
MASK_ENCODING_PNG8: MaskEncoding
MASK_ENCODING_UNSPECIFIED: MaskEncoding
PICTURE_ENCODING_JPEG: PictureEncoding
PICTURE_ENCODING_PNG: PictureEncoding
PICTURE_ENCODING_UNSPECIFIED: PictureEncoding

class Box(_message.Message):
    __slots__ = ["height", "width", "x", "y"]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    height: float
    width: float
    x: float
    y: float
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ..., width: _Optional[float] = ..., height: _Optional[float] = ...) -> None: ...

class EncodedPicture(_message.Message):
    __slots__ = ["data", "encoding"]
    DATA_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    encoding: PictureEncoding
    def __init__(self, encoding: _Optional[_Union[PictureEncoding, str]] = ..., data: _Optional[bytes] = ...) -> None: ...

class Image(_message.Message):
    __slots__ = ["apply_orientation", "encoded", "raw", "significant_bits"]
    APPLY_ORIENTATION_FIELD_NUMBER: _ClassVar[int]
    ENCODED_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    SIGNIFICANT_BITS_FIELD_NUMBER: _ClassVar[int]
    apply_orientation: bool
    encoded: bytes
    raw: RawImage
    significant_bits: int
    def __init__(self, encoded: _Optional[bytes] = ..., raw: _Optional[_Union[RawImage, _Mapping]] = ..., significant_bits: _Optional[int] = ..., apply_orientation: bool = ...) -> None: ...

class Mask(_message.Message):
    __slots__ = ["area_pixels", "data", "encoding", "height", "width"]
    AREA_PIXELS_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    area_pixels: int
    data: bytes
    encoding: MaskEncoding
    height: int
    width: int
    def __init__(self, encoding: _Optional[_Union[MaskEncoding, str]] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., data: _Optional[bytes] = ..., area_pixels: _Optional[int] = ...) -> None: ...

class PixelMap(_message.Message):
    __slots__ = ["data", "encoding", "height", "width"]
    DATA_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    encoding: MapEncoding
    height: int
    width: int
    def __init__(self, encoding: _Optional[_Union[MapEncoding, str]] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class Point(_message.Message):
    __slots__ = ["x", "y"]
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    x: float
    y: float
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ...) -> None: ...

class RawImage(_message.Message):
    __slots__ = ["data", "height", "max_trailing_bytes", "pfnc_pixel_format", "stride", "width"]
    DATA_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    MAX_TRAILING_BYTES_FIELD_NUMBER: _ClassVar[int]
    PFNC_PIXEL_FORMAT_FIELD_NUMBER: _ClassVar[int]
    STRIDE_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    height: int
    max_trailing_bytes: int
    pfnc_pixel_format: int
    stride: int
    width: int
    def __init__(self, data: _Optional[bytes] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., stride: _Optional[int] = ..., pfnc_pixel_format: _Optional[int] = ..., max_trailing_bytes: _Optional[int] = ...) -> None: ...

class Region(_message.Message):
    __slots__ = ["area_fraction", "area_pixels", "box", "centroid", "contour", "mean", "peak"]
    AREA_FRACTION_FIELD_NUMBER: _ClassVar[int]
    AREA_PIXELS_FIELD_NUMBER: _ClassVar[int]
    BOX_FIELD_NUMBER: _ClassVar[int]
    CENTROID_FIELD_NUMBER: _ClassVar[int]
    CONTOUR_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    PEAK_FIELD_NUMBER: _ClassVar[int]
    area_fraction: float
    area_pixels: float
    box: Box
    centroid: Point
    contour: _containers.RepeatedCompositeFieldContainer[Point]
    mean: float
    peak: float
    def __init__(self, box: _Optional[_Union[Box, _Mapping]] = ..., area_pixels: _Optional[float] = ..., area_fraction: _Optional[float] = ..., peak: _Optional[float] = ..., mean: _Optional[float] = ..., centroid: _Optional[_Union[Point, _Mapping]] = ..., contour: _Optional[_Iterable[_Union[Point, _Mapping]]] = ...) -> None: ...

class MapEncoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class MaskEncoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class MapResolution(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []

class PictureEncoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = []
