package inspection

import (
	"image"
	"image/draw"
)

// rawOf is a picture's pixels as a camera would give them.
func rawOf(picture image.Image) RawImage {
	bounds := picture.Bounds()
	raw := RawImage{Width: bounds.Dx(), Height: bounds.Dy()}
	switch p := picture.(type) {
	case *image.Gray:
		raw.Format = Mono8
		raw.Stride = p.Stride
		first := p.PixOffset(bounds.Min.X, bounds.Min.Y)
		raw.Data = p.Pix[first : first+(raw.Height-1)*p.Stride+raw.Width]
	case *image.Gray16:
		raw.Format = Mono16
		raw.Data = make([]byte, 0, 2*raw.Width*raw.Height)
		for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
			first := p.PixOffset(bounds.Min.X, y)
			row := p.Pix[first : first+2*raw.Width]
			for i := 0; i < len(row); i += 2 { // Go keeps the high byte first, PFNC the low one
				raw.Data = append(raw.Data, row[i+1], row[i])
			}
		}
	default:
		raw.Format = RGB8
		raw.Data = rgbOf(picture)
	}
	return raw
}

// rgbOf is three bytes a pixel, row by row. Alpha is dropped, so the colours must not have been multiplied with it.
func rgbOf(picture image.Image) []byte {
	bounds := picture.Bounds()
	straight, ok := picture.(*image.NRGBA)
	if !ok {
		straight = image.NewNRGBA(image.Rect(0, 0, bounds.Dx(), bounds.Dy()))
		draw.Draw(straight, straight.Bounds(), picture, bounds.Min, draw.Src)
		bounds = straight.Bounds()
	}
	data := make([]byte, 0, 3*bounds.Dx()*bounds.Dy())
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		first := straight.PixOffset(bounds.Min.X, y)
		row := straight.Pix[first : first+4*bounds.Dx()]
		for i := 0; i < len(row); i += 4 {
			data = append(data, row[i], row[i+1], row[i+2])
		}
	}
	return data
}
