package inspection

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// Frame is a picture, where it comes from, and what to do with it.
type Frame struct {
	Image       Image
	Options     Options
	FrameID     string        // unique for the frame, at most 128 bytes of UTF-8; empty: the client makes one
	CameraID    string        // which camera took it, at most 128 bytes of UTF-8
	PartID      string        // which part it shows, at most 128 bytes of UTF-8
	CaptureTime time.Time     // when it was taken; zero: not told
	Timeout     time.Duration // all attempts together; 0: the client's
}

// parcel is a frame ready to be sent, any number of times: its messages are shared by the attempts and not changed.
type parcel struct {
	id       string
	timeout  time.Duration
	image    *pb.Image
	sha256   string
	options  *pb.InspectOptions
	metadata *pb.FrameMetadata
}

// pack checks a frame and loads its picture. The parcel's id is right even with an error.
func (f Frame) pack(timeout time.Duration, ofStream bool) (*parcel, *Error) {
	p := &parcel{id: f.FrameID, timeout: timeout}
	if p.id == "" {
		p.id = newID()
	}
	if f.Timeout > 0 {
		p.timeout = f.Timeout
	}
	if err := f.fill(p, ofStream); err != nil {
		failure := localError(err)
		failure.FrameID = p.id
		return p, failure
	}
	return p, nil
}

func (f Frame) fill(p *parcel, ofStream bool) error {
	if f.Timeout < 0 {
		return invalid("timeout", "is %v; it must be more than 0", f.Timeout)
	}
	for _, text := range []struct{ field, value string }{
		{"metadata.frame_id", f.FrameID}, {"metadata.camera_id", f.CameraID}, {"metadata.part_id", f.PartID},
	} {
		if err := checkText(text.field, text.value); err != nil {
			return err
		}
	}
	p.metadata = &pb.FrameMetadata{FrameId: p.id, CameraId: f.CameraID, PartId: f.PartID}
	if !f.CaptureTime.IsZero() {
		p.metadata.CaptureTime = timestamppb.New(f.CaptureTime)
	}
	var err error
	if p.options, err = f.Options.message(ofStream); err != nil {
		return err
	}
	p.image, p.sha256, err = f.Image.message()
	return err
}

// labelled is the frame's metadata when it has been sent so many times before.
func (p *parcel) labelled(sent int) *pb.FrameMetadata {
	return &pb.FrameMetadata{
		FrameId: p.metadata.GetFrameId(), CameraId: p.metadata.GetCameraId(), PartId: p.metadata.GetPartId(),
		CaptureTime: p.metadata.GetCaptureTime(), Attempt: uint32(sent),
	}
}

// localError is the error of what this side cannot send.
func localError(err error) *Error {
	var failure *Error
	if errors.As(err, &failure) {
		changed := *failure
		return &changed
	}
	return &Error{Code: codes.InvalidArgument, Message: err.Error(), cause: err}
}

func checkText(field, value string) error {
	if !utf8.ValidString(value) {
		return invalid(field, "is no valid UTF-8")
	}
	return nil
}

// newID is 128 random bits.
func newID() string {
	var bits [16]byte
	if _, err := rand.Read(bits[:]); err != nil {
		panic("inspection: the system gives no random numbers: " + err.Error())
	}
	return hex.EncodeToString(bits[:])
}
