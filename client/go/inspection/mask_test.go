package inspection

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// encodeRLE is the other way round, as COCO's maskApi.c does it (rleEncode, rleToString).
func encodeRLE(pix []uint8, width, height int) string {
	var counts []int
	last, run := uint8(0), 0
	for x := range width {
		for y := range height {
			if pix[y*width+x] != last {
				counts = append(counts, run)
				last, run = pix[y*width+x], 0
			}
			run++
		}
	}
	counts = append(counts, run)
	var text strings.Builder
	for i, count := range counts {
		x := count
		if i > 2 {
			x -= counts[i-2]
		}
		for more := true; more; {
			c := x & 0x1f
			x >>= 5
			if c&0x10 != 0 {
				more = x != -1
			} else {
				more = x != 0
			}
			if more {
				c |= 0x20
			}
			text.WriteByte(byte(c + 48))
		}
	}
	return text.String()
}

func TestRLEOfKnownMasks(t *testing.T) {
	// Worked out by hand; each digit is a run, column by column.
	for counts, test := range map[string]struct {
		width, height int
		want          []uint8
	}{
		"121": {2, 2, []uint8{0, 1, 1, 0}},
		"4":   {2, 2, []uint8{0, 0, 0, 0}},
		"04":  {2, 2, []uint8{1, 1, 1, 1}},
		"312": {3, 2, []uint8{0, 0, 0, 0, 1, 0}},
	} {
		got, err := decodeRLE([]byte(counts), test.width, test.height)
		if err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %v, %v", counts, got, err)
		}
	}
}

func TestRLEOfAnyMask(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		width, height := 1+random.IntN(70), 1+random.IntN(70)
		pix := make([]uint8, width*height)
		likely := random.Float64()
		for i := range pix {
			if i > 0 && random.Float64() < 0.9 {
				pix[i] = pix[i-1]
			} else if random.Float64() < likely {
				pix[i] = 1
			}
		}
		counts := encodeRLE(pix, width, height)
		got, err := decodeRLE([]byte(counts), width, height)
		if err != nil || !bytes.Equal(got, pix) {
			t.Fatalf("%d x %d as %q: %v", width, height, counts, err)
		}
	}
}

func TestRLEThatIsDamaged(t *testing.T) {
	for name, counts := range map[string]string{
		"nothing": "", "too short": "3", "too long": "5", "too long later": "122", "negative": "O", "cut off": "12Q",
		"other letters": "1 3", "after the end": "1p", "no end of a number": strings.Repeat("P", 40),
	} {
		if got, err := decodeRLE([]byte(counts), 2, 2); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func FuzzRLE(f *testing.F) {
	f.Add([]byte("121"), 2, 2)
	f.Add([]byte("PPPPPPPPPPPPo"), 3, 3)
	f.Fuzz(func(t *testing.T, counts []byte, width, height int) {
		if width < 1 || height < 1 || width > 100 || height > 100 {
			return
		}
		pix, err := decodeRLE(counts, width, height)
		if err != nil {
			return
		}
		again, err := decodeRLE([]byte(encodeRLE(pix, width, height)), width, height)
		if err != nil || !bytes.Equal(again, pix) {
			t.Errorf("%q is another mask the second time: %v", counts, err)
		}
	})
}

func pngOf(t *testing.T, picture image.Image) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := png.Encode(&file, picture); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func TestMasksOfAllEncodings(t *testing.T) {
	want := []uint8{0, 1, 1, 0, 0, 0}
	gray := image.NewGray(image.Rect(0, 0, 3, 2))
	oneBit := image.NewPaletted(gray.Rect, color.Palette{color.Gray{}, color.Gray{Y: 255}})
	for i, inside := range want {
		gray.Pix[i] = inside * 255
		oneBit.Pix[i] = inside
	}
	for encoding, data := range map[pb.MaskEncoding][]byte{
		pb.MaskEncoding_MASK_ENCODING_COCO_RLE: []byte(encodeRLE(want, 3, 2)),
		pb.MaskEncoding_MASK_ENCODING_PNG8:     pngOf(t, gray),
		pb.MaskEncoding_MASK_ENCODING_PNG1:     pngOf(t, oneBit),
	} {
		message := &pb.Mask{Encoding: encoding, Width: 3, Height: 2, Data: data, AreaPixels: 2}
		mask, err := maskOf(message)
		if err != nil || !reflect.DeepEqual(mask.Pix, want) || mask.Area != 2 {
			t.Errorf("%v: %+v, %v", encoding, mask, err)
			continue
		}
		if !mask.At(1, 0) || mask.At(0, 0) || mask.At(-1, 0) || mask.At(0, 2) || mask.At(3, 0) {
			t.Errorf("%v: At is wrong", encoding)
		}
		if mask.Alpha().AlphaAt(1, 0).A != 255 || mask.Alpha().AlphaAt(0, 1).A != 0 || mask.Image().GrayAt(2, 0).Y != 255 {
			t.Errorf("%v: its pictures are wrong", encoding)
		}
		for name, spoil := range map[string]func(*pb.Mask){
			"area":     func(m *pb.Mask) { m.AreaPixels = 3 },
			"size":     func(m *pb.Mask) { m.Width = 4 },
			"no size":  func(m *pb.Mask) { m.Height = 0 },
			"a bomb":   func(m *pb.Mask) { m.Width, m.Height = 1<<31, 1<<31 },
			"cut off":  func(m *pb.Mask) { m.Data = m.Data[:len(m.Data)-1] },
			"encoding": func(m *pb.Mask) { m.Encoding = 77 },
		} {
			damaged := &pb.Mask{Encoding: encoding, Width: 3, Height: 2, Data: data, AreaPixels: 2}
			spoil(damaged)
			if _, err := maskOf(damaged); err == nil && !(name == "cut off" && encoding != pb.MaskEncoding_MASK_ENCODING_COCO_RLE) {
				t.Errorf("%v, %s: there is a mask", encoding, name)
			}
		}
	}
	if mask, err := maskOf(nil); mask != nil || err != nil {
		t.Errorf("of no mask: %v, %v", mask, err)
	}
}

func TestMapsOfAllEncodings(t *testing.T) {
	gray := image.NewGray(image.Rect(0, 0, 2, 1))
	gray.SetGray(1, 0, color.Gray{Y: 51})
	deep := image.NewGray16(gray.Rect)
	deep.SetGray16(1, 0, color.Gray16{Y: 13107})
	for encoding, data := range map[pb.MapEncoding][]byte{
		pb.MapEncoding_MAP_ENCODING_PNG8:    pngOf(t, gray),
		pb.MapEncoding_MAP_ENCODING_PNG16:   pngOf(t, deep),
		pb.MapEncoding_MAP_ENCODING_FLOAT32: {0, 0, 0, 0, 0xcd, 0xcc, 0x4c, 0x3e},
	} {
		decoded, err := mapOf(&pb.PixelMap{Encoding: encoding, Width: 2, Height: 1, Data: data})
		if err != nil || !reflect.DeepEqual(decoded.Values, []float32{0, 0.2}) || decoded.At(1, 0) != 0.2 {
			t.Errorf("%v: %+v, %v", encoding, decoded, err)
		}
		if _, err := mapOf(&pb.PixelMap{Encoding: encoding, Width: 3, Height: 1, Data: data}); err == nil {
			t.Errorf("%v: a map of another size", encoding)
		}
	}
	colours := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	if _, err := mapOf(&pb.PixelMap{Encoding: pb.MapEncoding_MAP_ENCODING_PNG8, Width: 2, Height: 1, Data: pngOf(t, colours)}); err == nil {
		t.Error("a map in colours")
	}
	if _, err := mapOf(&pb.PixelMap{Encoding: 77, Width: 2, Height: 1}); err == nil {
		t.Error("a map of an unknown encoding")
	}
}
