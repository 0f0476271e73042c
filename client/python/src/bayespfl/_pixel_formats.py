"""Pixel formats by their names in the Pixel Format Naming Convention (EMVA PFNC), as a GenICam camera gives them."""

from __future__ import annotations

# The server's formats (RawImage.pfnc_pixel_format).
PFNC = {
    "Mono8": 0x01080001,
    "Mono10": 0x01100003,
    "Mono12": 0x01100005,
    "Mono16": 0x01100007,
    "Mono12Packed": 0x010C0006,
    "Mono12p": 0x010C0047,
    "BayerGR8": 0x01080008,
    "BayerRG8": 0x01080009,
    "BayerGB8": 0x0108000A,
    "BayerBG8": 0x0108000B,
    "RGB8": 0x02180014,
    "BGR8": 0x02180015,
    "RGBa8": 0x02200016,
}

# Three channels of 16 bits: PFNC has names for them, the server takes them as a 16-bit PNG, which this package writes.
RGB16, BGR16 = "RGB16", "BGR16"

_BY_LOWER_CASE = {name.lower(): name for name in (*PFNC, RGB16, BGR16)}


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
