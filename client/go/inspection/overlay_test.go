package inspection

import (
	"image"
	"image/color"
	"testing"
)

func TestOverlayNeedsAPictureAndAMask(t *testing.T) {
	file := pngOf(t, image.NewGray(image.Rect(0, 0, 2, 2)))
	mask := &Mask{Width: 2, Height: 2, Pix: make([]uint8, 4)}
	for name, result := range map[string]*Result{
		"no picture": {Mask: mask}, "no mask": {Picture: &Picture{Data: file}},
		"damaged": {Mask: mask, Picture: &Picture{Data: file[:20]}},
	} {
		if _, err := result.Overlay(); err == nil {
			t.Errorf("%s: there is an overlay", name)
		}
	}
}

func TestOverlayMarksWhatIsInside(t *testing.T) {
	picture := image.NewGray(image.Rect(0, 0, 16, 16))
	for i := range picture.Pix {
		picture.Pix[i] = 100
	}
	// A mask at another size than the picture's: its right half.
	mask := &Mask{Width: 2, Height: 2, Area: 2, Pix: []uint8{0, 1, 0, 1}}
	result := &Result{Mask: mask, Picture: &Picture{Data: pngOf(t, picture)}}
	unchanged := color.RGBA{R: 100, G: 100, B: 100, A: 255}

	tinted, err := result.Overlay()
	if err != nil {
		t.Fatal(err)
	}
	if c := tinted.RGBAAt(3, 3); c != unchanged {
		t.Errorf("outside it is %v", c)
	}
	if c := tinted.RGBAAt(13, 3); c.R <= 100 || c.B >= 100 {
		t.Errorf("inside it is %v", c)
	}
	if white, black := tinted.RGBAAt(8, 3), tinted.RGBAAt(7, 3); white.R != 255 || black.R != 0 {
		t.Errorf("its outline is %v and %v", white, black)
	}

	result.AnomalyMap = &Map{Width: 2, Height: 1, Values: []float32{0, 1}}
	hot, err := result.Overlay()
	if err != nil {
		t.Fatal(err)
	}
	if c := hot.RGBAAt(3, 3); c != unchanged {
		t.Errorf("where the map is 0 it is %v", c)
	}
	if c := hot.RGBAAt(13, 3); c.R < 180 || c.G < 180 {
		t.Errorf("where the map is 1 it is %v", c)
	}
}
