package inspection

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// Mask is where the anomaly map reaches the mask threshold. Read it from as many goroutines as you like.
type Mask struct {
	Width  int     // pixels
	Height int     // pixels
	Area   int     // pixels inside
	Pix    []uint8 // one a pixel, row by row: 1 inside, 0 outside
}

// At says whether a pixel is inside; one that is not of the mask is not.
func (m *Mask) At(x, y int) bool {
	return x >= 0 && x < m.Width && y >= 0 && y < m.Height && m.Pix[y*m.Width+x] != 0
}

// Alpha is the mask as image/draw takes one: opaque inside.
func (m *Mask) Alpha() *image.Alpha {
	alpha := image.NewAlpha(image.Rect(0, 0, m.Width, m.Height))
	for i, inside := range m.Pix {
		alpha.Pix[i] = inside * 255
	}
	return alpha
}

// Image is the mask as a picture: white inside, black outside.
func (m *Mask) Image() *image.Gray {
	gray := image.NewGray(image.Rect(0, 0, m.Width, m.Height))
	for i, inside := range m.Pix {
		gray.Pix[i] = inside * 255
	}
	return gray
}

// mostPixels bounds what a reply can make this side set aside: a picture of the server's own largest size, tenfold.
const mostPixels = 1 << 30

// maskOf is nil for no mask.
func maskOf(m *pb.Mask) (*Mask, error) {
	if m == nil || m.GetEncoding() == pb.MaskEncoding_MASK_ENCODING_UNSPECIFIED {
		return nil, nil
	}
	mask := &Mask{Width: int(m.GetWidth()), Height: int(m.GetHeight())}
	if err := checkSize(m.GetWidth(), m.GetHeight()); err != nil {
		return nil, err
	}
	var err error
	switch m.GetEncoding() {
	case pb.MaskEncoding_MASK_ENCODING_COCO_RLE:
		mask.Pix, err = decodeRLE(m.GetData(), mask.Width, mask.Height)
	case pb.MaskEncoding_MASK_ENCODING_PNG1, pb.MaskEncoding_MASK_ENCODING_PNG8:
		mask.Pix, err = decodeMaskPNG(m.GetData(), mask.Width, mask.Height)
	default:
		err = fmt.Errorf("unknown encoding %d", m.GetEncoding())
	}
	if err != nil {
		return nil, err
	}
	for _, inside := range mask.Pix {
		mask.Area += int(inside)
	}
	if uint64(mask.Area) != m.GetAreaPixels() {
		return nil, fmt.Errorf("%d pixels are inside, the server says %d", mask.Area, m.GetAreaPixels())
	}
	return mask, nil
}

func checkSize(width, height uint32) error {
	if width == 0 || height == 0 || uint64(width)*uint64(height) > mostPixels {
		return fmt.Errorf("it cannot have %d x %d pixels", width, height)
	}
	return nil
}

func decodeMaskPNG(data []byte, width, height int) ([]uint8, error) {
	picture, err := decodePNG(data, width, height)
	if err != nil {
		return nil, err
	}
	gray, ok := picture.(*image.Gray)
	if !ok { // 1-bit PNG may come as a palette
		gray = image.NewGray(picture.Bounds())
		for y := range height {
			for x := range width {
				gray.SetGray(x, y, color.GrayModel.Convert(picture.At(x, y)).(color.Gray))
			}
		}
	}
	pix := make([]uint8, 0, width*height)
	for y := range height {
		for _, value := range gray.Pix[y*gray.Stride : y*gray.Stride+width] {
			inside := uint8(0)
			if value != 0 {
				inside = 1
			}
			pix = append(pix, inside)
		}
	}
	return pix, nil
}

// decodePNG refuses a picture of another size before it is decoded.
func decodePNG(data []byte, width, height int) (image.Image, error) {
	config, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if config.Width != width || config.Height != height {
		return nil, fmt.Errorf("%d x %d pixels come as a PNG of %d x %d", width, height, config.Width, config.Height)
	}
	return png.Decode(bytes.NewReader(data))
}

// decodeRLE reads the run lengths of COCO's compressed form: column by column, the first run outside, each number in
// groups of five bits from the low ones, from the fourth run on as the difference to the run before the one before.
func decodeRLE(counts []byte, width, height int) ([]uint8, error) {
	const (
		first    = '0'
		last     = first + 63
		payload  = 0x1F
		negative = 0x10
		more     = 0x20
		longest  = 12 // groups that an int64 takes
	)
	pix := make([]uint8, width*height)
	var runs [2]int64 // the last of each colour
	position := 0     // column by column
	for i, run := 0, 0; i < len(counts); run++ {
		var length int64
		for group := 0; ; group++ {
			if i == len(counts) {
				return nil, errors.New("its run lengths end in the middle of one")
			}
			c := counts[i]
			i++
			if c < first || c > last || group == longest {
				return nil, fmt.Errorf("its run lengths are damaged at byte %d", i-1)
			}
			c -= first
			length |= int64(c&payload) << (5 * group)
			if c&more == 0 {
				if c&negative != 0 {
					length |= -1 << (5 * (group + 1))
				}
				break
			}
		}
		if run > 2 {
			length += runs[run%2]
		}
		runs[run%2] = length
		if length < 0 || length > int64(len(pix)-position) {
			return nil, fmt.Errorf("its run %d does not fit into %d x %d pixels", run, width, height)
		}
		if run%2 == 1 {
			for p := position; p < position+int(length); p++ {
				pix[p%height*width+p/height] = 1
			}
		}
		position += int(length)
	}
	if position != len(pix) {
		return nil, fmt.Errorf("its runs cover %d of %d pixels", position, len(pix))
	}
	return pix, nil
}
