package inspection

import (
	"bytes"
	"fmt"
	"image"
	_ "image/jpeg" // a picture as inspected is a PNG or a JPEG
	_ "image/png"
)

// Picture is the picture as it was inspected, after decoding, at its own size: overlays belong on it, since another
// decoder may read the file differently.
type Picture struct {
	Data []byte // the file: a PNG or a JPEG, as it was asked for
}

// Decode returns its pixels.
func (p *Picture) Decode() (image.Image, error) {
	picture, _, err := image.Decode(bytes.NewReader(p.Data))
	if err != nil {
		return nil, fmt.Errorf("inspection: the picture as inspected: %w", err)
	}
	return picture, nil
}
