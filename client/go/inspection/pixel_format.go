package inspection

import "fmt"

// PixelFormat is how a camera lays out its pixels: the 32-bit value of EMVA's Pixel Format Naming Convention (PFNC 2.4),
// as GenICam gives it in PixelFormat. The constants bear its names; [ParsePixelFormat] reads them.
type PixelFormat uint32

// The formats that the server takes.
const (
	Mono8        PixelFormat = 0x01080001
	Mono10       PixelFormat = 0x01100003
	Mono12       PixelFormat = 0x01100005
	Mono16       PixelFormat = 0x01100007
	Mono12Packed PixelFormat = 0x010C0006 // GigE Vision: low nibbles in the middle byte
	Mono12p      PixelFormat = 0x010C0047 // bits follow each other
	BayerGR8     PixelFormat = 0x01080008
	BayerRG8     PixelFormat = 0x01080009
	BayerGB8     PixelFormat = 0x0108000A
	BayerBG8     PixelFormat = 0x0108000B
	RGB8         PixelFormat = 0x02180014
	BGR8         PixelFormat = 0x02180015
	RGBa8        PixelFormat = 0x02200016 // alpha is dropped
)

var pixelFormatNames = map[PixelFormat]string{
	Mono8: "Mono8", Mono10: "Mono10", Mono12: "Mono12", Mono16: "Mono16", Mono12Packed: "Mono12Packed",
	Mono12p: "Mono12p", BayerGR8: "BayerGR8", BayerRG8: "BayerRG8", BayerGB8: "BayerGB8", BayerBG8: "BayerBG8",
	RGB8: "RGB8", BGR8: "BGR8", RGBa8: "RGBa8",
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
