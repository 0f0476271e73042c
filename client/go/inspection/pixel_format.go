package inspection

import "fmt"

// PixelFormat is how a camera lays out its pixels: the 32-bit value of EMVA's Pixel Format Naming Convention (PFNC 2.4),
// as GenICam gives it in PixelFormat. The constants bear its names; [ParsePixelFormat] reads them.
type PixelFormat uint32

// The formats that the server takes. Mono16, Bayer..16 and RGB16 may fill fewer bits: [Image.SignificantBits].
const (
	Mono8           PixelFormat = 0x01080001
	Mono10          PixelFormat = 0x01100003
	Mono12          PixelFormat = 0x01100005
	Mono14          PixelFormat = 0x01100025
	Mono16          PixelFormat = 0x01100007
	Mono10p         PixelFormat = 0x010A0046 // bits follow each other
	Mono12p         PixelFormat = 0x010C0047 // bits follow each other
	Mono10Packed    PixelFormat = 0x010C0004 // GigE Vision: low bits in the middle byte
	Mono12Packed    PixelFormat = 0x010C0006 // GigE Vision: low nibbles in the middle byte
	BayerGR8        PixelFormat = 0x01080008
	BayerRG8        PixelFormat = 0x01080009
	BayerGB8        PixelFormat = 0x0108000A
	BayerBG8        PixelFormat = 0x0108000B
	BayerGR10       PixelFormat = 0x0110000C
	BayerRG10       PixelFormat = 0x0110000D
	BayerGB10       PixelFormat = 0x0110000E
	BayerBG10       PixelFormat = 0x0110000F
	BayerGR12       PixelFormat = 0x01100010
	BayerRG12       PixelFormat = 0x01100011
	BayerGB12       PixelFormat = 0x01100012
	BayerBG12       PixelFormat = 0x01100013
	BayerGR16       PixelFormat = 0x0110002E
	BayerRG16       PixelFormat = 0x0110002F
	BayerGB16       PixelFormat = 0x01100030
	BayerBG16       PixelFormat = 0x01100031
	BayerGR10Packed PixelFormat = 0x010C0026
	BayerRG10Packed PixelFormat = 0x010C0027
	BayerGB10Packed PixelFormat = 0x010C0028
	BayerBG10Packed PixelFormat = 0x010C0029
	BayerGR12Packed PixelFormat = 0x010C002A
	BayerRG12Packed PixelFormat = 0x010C002B
	BayerGB12Packed PixelFormat = 0x010C002C
	BayerBG12Packed PixelFormat = 0x010C002D
	BayerGR10p      PixelFormat = 0x010A0056
	BayerRG10p      PixelFormat = 0x010A0058
	BayerGB10p      PixelFormat = 0x010A0054
	BayerBG10p      PixelFormat = 0x010A0052
	BayerGR12p      PixelFormat = 0x010C0057
	BayerRG12p      PixelFormat = 0x010C0059
	BayerGB12p      PixelFormat = 0x010C0055
	BayerBG12p      PixelFormat = 0x010C0053
	RGB8            PixelFormat = 0x02180014
	BGR8            PixelFormat = 0x02180015
	RGBa8           PixelFormat = 0x02200016 // alpha is dropped
	BGRa8           PixelFormat = 0x02200017 // alpha is dropped
	RGB10           PixelFormat = 0x02300018
	RGB12           PixelFormat = 0x0230001A
	RGB16           PixelFormat = 0x02300033
	YUV422_8        PixelFormat = 0x02100032 // Y U Y V; an even width
	YUV422_8_UYVY   PixelFormat = 0x0210001F // U Y V Y; an even width
	YCbCr422_8      PixelFormat = 0x0210003B // Y Cb Y Cr; an even width
)

var pixelFormatNames = map[PixelFormat]string{
	Mono8:           "Mono8",
	Mono10:          "Mono10",
	Mono12:          "Mono12",
	Mono14:          "Mono14",
	Mono16:          "Mono16",
	Mono10p:         "Mono10p",
	Mono12p:         "Mono12p",
	Mono10Packed:    "Mono10Packed",
	Mono12Packed:    "Mono12Packed",
	BayerGR8:        "BayerGR8",
	BayerRG8:        "BayerRG8",
	BayerGB8:        "BayerGB8",
	BayerBG8:        "BayerBG8",
	BayerGR10:       "BayerGR10",
	BayerRG10:       "BayerRG10",
	BayerGB10:       "BayerGB10",
	BayerBG10:       "BayerBG10",
	BayerGR12:       "BayerGR12",
	BayerRG12:       "BayerRG12",
	BayerGB12:       "BayerGB12",
	BayerBG12:       "BayerBG12",
	BayerGR16:       "BayerGR16",
	BayerRG16:       "BayerRG16",
	BayerGB16:       "BayerGB16",
	BayerBG16:       "BayerBG16",
	BayerGR10Packed: "BayerGR10Packed",
	BayerRG10Packed: "BayerRG10Packed",
	BayerGB10Packed: "BayerGB10Packed",
	BayerBG10Packed: "BayerBG10Packed",
	BayerGR12Packed: "BayerGR12Packed",
	BayerRG12Packed: "BayerRG12Packed",
	BayerGB12Packed: "BayerGB12Packed",
	BayerBG12Packed: "BayerBG12Packed",
	BayerGR10p:      "BayerGR10p",
	BayerRG10p:      "BayerRG10p",
	BayerGB10p:      "BayerGB10p",
	BayerBG10p:      "BayerBG10p",
	BayerGR12p:      "BayerGR12p",
	BayerRG12p:      "BayerRG12p",
	BayerGB12p:      "BayerGB12p",
	BayerBG12p:      "BayerBG12p",
	RGB8:            "RGB8",
	BGR8:            "BGR8",
	RGBa8:           "RGBa8",
	BGRa8:           "BGRa8",
	RGB10:           "RGB10",
	RGB12:           "RGB12",
	RGB16:           "RGB16",
	YUV422_8:        "YUV422_8",
	YUV422_8_UYVY:   "YUV422_8_UYVY",
	YCbCr422_8:      "YCbCr422_8",
}

// ParsePixelFormat returns the format of that PFNC name, "BayerRG8".
func ParsePixelFormat(name string) (PixelFormat, error) {
	for format, known := range pixelFormatNames {
		if known == name {
			return format, nil
		}
	}
	return 0, fmt.Errorf("inspection: %q is no pixel format that the server takes; the names are those of PFNC, such as BayerRG8", name)
}

// String is the PFNC name; of a format that is not known, its number.
func (f PixelFormat) String() string {
	if name, known := pixelFormatNames[f]; known {
		return name
	}
	return fmt.Sprintf("PFNC 0x%08X", uint32(f))
}
