package inspection

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"os"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// Image is a picture to inspect, made by [Encoded], [File], [Raw] or [Pixels]. It borrows the caller's bytes: do not
// change them until the frame has its outcome.
type Image struct {
	load            func() (*pb.Image, error)
	significantBits uint32
	orientation     bool
}

// Encoded is the content of a JPEG, PNG, BMP, TIFF or WebP file.
func Encoded(file []byte) Image {
	return Image{load: func() (*pb.Image, error) {
		return &pb.Image{Source: &pb.Image_Encoded{Encoded: file}}, nil
	}}
}

// File is a file of one of the kinds of [Encoded]. It is read when the frame is sent the first time; a file that cannot
// be read is an error of the frame, which errors.Is finds as [io/fs.ErrNotExist] and its like.
func File(path string) Image {
	return Image{load: func() (*pb.Image, error) {
		file, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("the picture cannot be read: %w", err)
		}
		return &pb.Image{Source: &pb.Image_Encoded{Encoded: file}}, nil
	}}
}

// RawImage is pixels as a camera delivers them.
type RawImage struct {
	Data   []byte // Stride * Height bytes; the last row may omit its padding
	Width  int    // pixels, > 0
	Height int    // pixels, > 0
	Stride int    // bytes from one row to the next; 0: rows without padding
	Format PixelFormat

	MaxTrailingBytes int // bytes that may follow the pixels in Data, such as chunk data, and are not looked at
}

// Raw is pixels without a file around them.
func Raw(raw RawImage) Image {
	return Image{load: func() (*pb.Image, error) {
		if err := raw.check(); err != nil {
			return nil, err
		}
		return &pb.Image{Source: &pb.Image_Raw{Raw: &pb.RawImage{
			Data: raw.Data, Width: uint32(raw.Width), Height: uint32(raw.Height), Stride: uint32(raw.Stride),
			PfncPixelFormat: uint32(raw.Format), MaxTrailingBytes: uint32(raw.MaxTrailingBytes),
		}}}, nil
	}}
}

// Pixels is a picture of Go's image packages. *image.Gray and *image.Gray16 go as Mono8 and Mono16, everything else as
// RGB8, without its alpha.
func Pixels(picture image.Image) Image {
	return Image{load: func() (*pb.Image, error) {
		if picture == nil || picture.Bounds().Empty() {
			return nil, invalid("image", "it has no pixels")
		}
		return Raw(rawOf(picture)).load()
	}}
}

// SignificantBits returns the image with how many low bits of its 16-bit samples (of a file, or of Mono16,
// Bayer..16 or RGB16) the sensor fills, 9..16.
func (i Image) SignificantBits(bits int) Image {
	i.significantBits = uint32(max(0, bits))
	return i
}

// ApplyOrientation returns the image to be turned upright as the EXIF data of its file says. What the result says of
// places and sizes is then of the upright picture. Only [Encoded] and [File] have such data.
func (i Image) ApplyOrientation() Image {
	i.orientation = true
	return i
}

// message loads the image, and returns the SHA-256 of its bytes as the server tells it.
func (i Image) message() (*pb.Image, string, error) {
	if i.load == nil {
		return nil, "", invalid("image", "there is none; make one with Encoded, File, Raw or Pixels")
	}
	loaded, err := i.load()
	if err != nil {
		return nil, "", err
	}
	loaded.SignificantBits = i.significantBits
	loaded.ApplyOrientation = i.orientation
	data := loaded.GetEncoded()
	if raw := loaded.GetRaw(); raw != nil {
		data = raw.GetData()
	}
	digest := sha256.Sum256(data)
	return loaded, hex.EncodeToString(digest[:]), nil
}

// check finds what the message cannot hold. The rest the server judges, by its own limits and formats.
func (r RawImage) check() error {
	const most = 1 << 31 // what the contract's numbers hold, and an int of every machine
	for _, side := range []struct {
		name  string
		value int
	}{{"width", r.Width}, {"height", r.Height}, {"stride", r.Stride}, {"max_trailing_bytes", r.MaxTrailingBytes}} {
		if side.value < 0 || int64(side.value) >= most {
			return invalid("image.raw."+side.name, "is %d; it must be at least 0 and less than 2^31", side.value)
		}
	}
	return nil
}

func bytesText(n int) string { return fmt.Sprintf("%d bytes", n) }
