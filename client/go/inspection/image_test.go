package inspection

import (
	"bytes"
	"image"
	"image/color"
	"strings"
	"testing"
)

func TestPixelFormatsHaveTheirNames(t *testing.T) {
	for format, name := range pixelFormatNames {
		if parsed, err := ParsePixelFormat(name); err != nil || parsed != format || format.String() != name {
			t.Errorf("%s: %v, %v", name, parsed, err)
		}
	}
	if len(pixelFormatNames) != 51 {
		t.Errorf("there are %d", len(pixelFormatNames))
	}
	if _, err := ParsePixelFormat("BayerRG14"); err == nil || !strings.Contains(err.Error(), "BayerRG14") {
		t.Errorf("the error is %v", err)
	}
	if text := PixelFormat(7).String(); text != "PFNC 0x00000007" {
		t.Error(text)
	}
}

func TestRawImagesThatCannotBe(t *testing.T) {
	good := RawImage{Data: make([]byte, 10), Width: 4, Height: 2, Stride: 6, Format: Mono8} // the last row without padding
	if _, _, err := Raw(good).message(); err != nil {
		t.Errorf("a good one: %v", err)
	}
	for field, spoil := range map[string]func(*RawImage){
		"image.raw.width":              func(r *RawImage) { r.Width = 1 << 31 },
		"image.raw.height":             func(r *RawImage) { r.Height = -1 },
		"image.raw.stride":             func(r *RawImage) { r.Stride = -3 },
		"image.raw.max_trailing_bytes": func(r *RawImage) { r.MaxTrailingBytes = -1 },
	} {
		spoilt := good
		spoil(&spoilt)
		_, _, err := Raw(spoilt).message()
		if err == nil || asError(t, err).Violations[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestTrailingBytesGoWithThePicture(t *testing.T) {
	message, _, err := Raw(RawImage{Data: make([]byte, 9), Width: 4, Height: 2, Format: Mono8, MaxTrailingBytes: 1}).message()
	if err != nil || message.GetRaw().GetMaxTrailingBytes() != 1 {
		t.Errorf("%v, %v", message, err)
	}
}

func TestOrientationIsAskedForWithThePicture(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		picture := Encoded([]byte("x"))
		if wanted {
			picture = picture.ApplyOrientation()
		}
		message, _, err := picture.message()
		if err != nil || message.GetApplyOrientation() != wanted {
			t.Errorf("%v: %v, %v", wanted, message, err)
		}
	}
}

func TestPixelsOfGoPictures(t *testing.T) {
	gray := image.NewGray(image.Rect(0, 0, 4, 3))
	deep := image.NewGray16(gray.Rect)
	colours := image.NewNRGBA(gray.Rect)
	for y := range 3 {
		for x := range 4 {
			gray.SetGray(x, y, color.Gray{Y: uint8(10*y + x)})
			deep.SetGray16(x, y, color.Gray16{Y: uint16(256*y + x)})
			colours.SetNRGBA(x, y, color.NRGBA{R: uint8(x), G: uint8(y), B: 9, A: 128})
		}
	}
	part := image.Rect(1, 1, 3, 3)
	for name, test := range map[string]struct {
		picture image.Image
		format  PixelFormat
		stride  int
		data    []byte
	}{
		"gray":      {gray, Mono8, 4, gray.Pix},
		"gray part": {gray.SubImage(part), Mono8, 4, []byte{11, 12, 13, 20, 21, 22}},
		"deep part": {deep.SubImage(part), Mono16, 0, []byte{1, 1, 2, 1, 1, 2, 2, 2}},
		"colours":   {colours.SubImage(part), RGB8, 0, []byte{1, 1, 9, 2, 1, 9, 1, 2, 9, 2, 2, 9}},
		"palette":   {image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.RGBA{1, 2, 3, 255}}), RGB8, 0, []byte{1, 2, 3}},
	} {
		raw := rawOf(test.picture)
		if raw.Format != test.format || raw.Stride != test.stride || !bytes.Equal(raw.Data, test.data) {
			t.Errorf("%s: %+v", name, raw)
		}
		if _, _, err := Pixels(test.picture).message(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := Pixels(nil).message(); err == nil {
		t.Error("there is a picture of nothing")
	}
	if _, _, err := Pixels(image.NewGray(image.Rectangle{})).message(); err == nil {
		t.Error("there is a picture without pixels")
	}
}

func TestSignificantBitsGoWithThePicture(t *testing.T) {
	message, _, err := Encoded([]byte{1}).SignificantBits(12).message()
	if err != nil || message.GetSignificantBits() != 12 {
		t.Errorf("%v, %v", message, err)
	}
}
