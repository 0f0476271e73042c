package inspection

import (
	"strconv"
	"strings"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// Reason is the cause of an error, for programs. It is an error itself, so that errors.Is finds it in an [*Error]:
//
//	if errors.Is(err, inspection.QueueFull) { ... }
//
// New ones may come; take an unknown one by the error's code.
type Reason int32

// The reasons of the contract.
const (
	ReasonUnspecified Reason = Reason(pb.ErrorReason_ERROR_REASON_UNSPECIFIED)       // none given
	MalformedMessage  Reason = Reason(pb.ErrorReason_ERROR_REASON_MALFORMED_MESSAGE) // the message is damaged, or holds nothing
	InvalidField      Reason = Reason(pb.ErrorReason_ERROR_REASON_INVALID_FIELD)     // see Error.Violations
	InvalidPicture    Reason = Reason(pb.ErrorReason_ERROR_REASON_INVALID_PICTURE)   // damaged, or of an unsupported kind
	PictureTooLarge   Reason = Reason(pb.ErrorReason_ERROR_REASON_PICTURE_TOO_LARGE) // over a limit of the server
	StreamProtocol    Reason = Reason(pb.ErrorReason_ERROR_REASON_STREAM_PROTOCOL)   // a stream's messages in a wrong order
	ModelNotFound     Reason = Reason(pb.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND)   // no model of that name serves
	QueueFull         Reason = Reason(pb.ErrorReason_ERROR_REASON_QUEUE_FULL)        // all places for frames are taken
	BytesFull         Reason = Reason(pb.ErrorReason_ERROR_REASON_BYTES_FULL)        // all places for pictures' bytes are taken
	StreamsFull       Reason = Reason(pb.ErrorReason_ERROR_REASON_STREAMS_FULL)      // as many streams as there may be
	RateLimited       Reason = Reason(pb.ErrorReason_ERROR_REASON_RATE_LIMITED)      // more frames a second than this client may send
	FrameTooLarge     Reason = Reason(pb.ErrorReason_ERROR_REASON_FRAME_TOO_LARGE)   // the frame alone is too large for the device
	MessageTooLarge   Reason = Reason(pb.ErrorReason_ERROR_REASON_MESSAGE_TOO_LARGE) // over the transport's limit, there or back
	NotReady          Reason = Reason(pb.ErrorReason_ERROR_REASON_NOT_READY)         // no model is loaded yet
	Draining          Reason = Reason(pb.ErrorReason_ERROR_REASON_DRAINING)          // the server stops
	NoReplica         Reason = Reason(pb.ErrorReason_ERROR_REASON_NO_REPLICA)        // every replica of the model is lost
	MaxStreamAge      Reason = Reason(pb.ErrorReason_ERROR_REASON_MAX_STREAM_AGE)    // the stream has reached its age
	DeadlineExceeded  Reason = Reason(pb.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED) // the time is up
	Cancelled         Reason = Reason(pb.ErrorReason_ERROR_REASON_CANCELLED)         // the caller left
	DeviceFailed      Reason = Reason(pb.ErrorReason_ERROR_REASON_DEVICE_FAILED)     // the device failed, twice
	Internal          Reason = Reason(pb.ErrorReason_ERROR_REASON_INTERNAL)          // a fault of the server
	Unauthenticated   Reason = Reason(pb.ErrorReason_ERROR_REASON_UNAUTHENTICATED)   // no token, or an unknown one
	PermissionDenied  Reason = Reason(pb.ErrorReason_ERROR_REASON_PERMISSION_DENIED) // the token's role may not do this
	DeviceHung        Reason = Reason(pb.ErrorReason_ERROR_REASON_DEVICE_HUNG)       // the device hangs
)

// String is the contract's name without its prefix, "QUEUE_FULL"; of one that is not known here, its number; empty for
// ReasonUnspecified.
func (r Reason) String() string {
	if r == ReasonUnspecified {
		return ""
	}
	if name, known := pb.ErrorReason_name[int32(r)]; known {
		return strings.TrimPrefix(name, "ERROR_REASON_")
	}
	return strconv.Itoa(int(r))
}

// Error makes a Reason a target for errors.Is; it is String.
func (r Reason) Error() string { return r.String() }

// known says whether this client knows what r means.
func (r Reason) known() bool {
	_, known := pb.ErrorReason_name[int32(r)]
	return known && r != ReasonUnspecified
}
