package inspection

import (
	"encoding/binary"
	"fmt"
	"image"
	"math"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// Map is a number for each pixel.
type Map struct {
	Width  int       // pixels
	Height int       // pixels
	Values []float32 // one a pixel, row by row
}

// At is the value of a pixel, which must be one of the map's.
func (m *Map) At(x, y int) float32 { return m.Values[y*m.Width+x] }

// mapOf is nil for no map.
func mapOf(m *pb.PixelMap) (*Map, error) {
	if m == nil || m.GetEncoding() == pb.MapEncoding_MAP_ENCODING_UNSPECIFIED {
		return nil, nil
	}
	if err := checkSize(m.GetWidth(), m.GetHeight()); err != nil {
		return nil, err
	}
	decoded := &Map{Width: int(m.GetWidth()), Height: int(m.GetHeight())}
	var err error
	switch m.GetEncoding() {
	case pb.MapEncoding_MAP_ENCODING_FLOAT32:
		err = decoded.readFloats(m.GetData())
	case pb.MapEncoding_MAP_ENCODING_PNG16, pb.MapEncoding_MAP_ENCODING_PNG8:
		err = decoded.readPNG(m.GetData())
	default:
		err = fmt.Errorf("unknown encoding %d", m.GetEncoding())
	}
	if err != nil {
		return nil, err
	}
	return decoded, nil
}

func (m *Map) readFloats(data []byte) error {
	n := m.Width * m.Height
	if len(data) != 4*n {
		return fmt.Errorf("%d x %d singles come in %d bytes", m.Width, m.Height, len(data))
	}
	m.Values = make([]float32, n)
	for i := range m.Values {
		m.Values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return nil
}

func (m *Map) readPNG(data []byte) error {
	picture, err := decodePNG(data, m.Width, m.Height)
	if err != nil {
		return err
	}
	m.Values = make([]float32, 0, m.Width*m.Height)
	switch p := picture.(type) {
	case *image.Gray:
		for y := range m.Height {
			for x := range m.Width {
				m.Values = append(m.Values, float32(p.GrayAt(x, y).Y)/255)
			}
		}
	case *image.Gray16:
		for y := range m.Height {
			for x := range m.Width {
				m.Values = append(m.Values, float32(p.Gray16At(x, y).Y)/65535)
			}
		}
	default:
		return fmt.Errorf("it comes as a PNG of another kind than gray: %T", picture)
	}
	return nil
}
