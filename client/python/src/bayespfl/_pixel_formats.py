"""Pixel formats by their names in the Pixel Format Naming Convention (EMVA PFNC), as a GenICam camera gives them."""

from __future__ import annotations

# The server's formats (RawImage.pfnc_pixel_format).
PFNC = {
    "Mono8": 0x01080001,
    "Mono10": 0x01100003,
    "Mono12": 0x01100005,
    "Mono14": 0x01100025,
    "Mono16": 0x01100007,
    "Mono10p": 0x010A0046,
    "Mono12p": 0x010C0047,
    "Mono10Packed": 0x010C0004,
    "Mono12Packed": 0x010C0006,
    "BayerGR8": 0x01080008,
    "BayerRG8": 0x01080009,
    "BayerGB8": 0x0108000A,
    "BayerBG8": 0x0108000B,
    "BayerGR10": 0x0110000C,
    "BayerRG10": 0x0110000D,
    "BayerGB10": 0x0110000E,
    "BayerBG10": 0x0110000F,
    "BayerGR12": 0x01100010,
    "BayerRG12": 0x01100011,
    "BayerGB12": 0x01100012,
    "BayerBG12": 0x01100013,
    "BayerGR16": 0x0110002E,
    "BayerRG16": 0x0110002F,
    "BayerGB16": 0x01100030,
    "BayerBG16": 0x01100031,
    "BayerGR10Packed": 0x010C0026,
    "BayerRG10Packed": 0x010C0027,
    "BayerGB10Packed": 0x010C0028,
    "BayerBG10Packed": 0x010C0029,
    "BayerGR12Packed": 0x010C002A,
    "BayerRG12Packed": 0x010C002B,
    "BayerGB12Packed": 0x010C002C,
    "BayerBG12Packed": 0x010C002D,
    "BayerGR10p": 0x010A0056,
    "BayerRG10p": 0x010A0058,
    "BayerGB10p": 0x010A0054,
    "BayerBG10p": 0x010A0052,
    "BayerGR12p": 0x010C0057,
    "BayerRG12p": 0x010C0059,
    "BayerGB12p": 0x010C0055,
    "BayerBG12p": 0x010C0053,
    "RGB8": 0x02180014,
    "BGR8": 0x02180015,
    "RGBa8": 0x02200016,
    "BGRa8": 0x02200017,
    "RGB10": 0x02300018,
    "RGB12": 0x0230001A,
    "RGB16": 0x02300033,
    "YUV422_8": 0x02100032,
    "YUV422_8_UYVY": 0x0210001F,
    "YCbCr422_8": 0x0210003B,
}

# Three channels of 16 bits, of arrays: they go as a 16-bit PNG, which is smaller and which older servers take too. Raw bytes
# may be RGB16, but not BGR16.
RGB16, BGR16 = "RGB16", "BGR16"

_BY_LOWER_CASE = {name.lower(): name for name in (*PFNC, BGR16)}


def canonical_name(name: str) -> str:
    """The name as PFNC writes it, whatever its case; ValueError, with those there are, for another one."""
    found = _BY_LOWER_CASE.get(name.lower())
    if found is None:
        raise ValueError(f"there is no pixel format {name!r}; there are {', '.join(_BY_LOWER_CASE.values())}")
    return found


def value_of(pixel_format: str | int) -> int:
    """The 32-bit value of a name, or the value itself: the server knows which it takes."""
    if isinstance(pixel_format, int):
        return pixel_format
    name = canonical_name(pixel_format)
    if name not in PFNC:
        raise ValueError(f"{name} is for arrays; raw bytes may be {', '.join(PFNC)}")
    return PFNC[name]
