package inspection

import "google.golang.org/grpc/codes"

// again says whether a frame that failed may be sent again. It may when that is safe and can help: an inspection changes
// nothing at the server but its result log and its counters.
type again int

const (
	never again = iota
	once        // a picture that brings a device down should not do so for a minute
	always
)

// damaged marks the error of a reply that answers another picture than the one that was sent.
const damagedReply = "the reply is of another frame or picture than the one that was sent; something between damaged it"

func damaged() *Error { return &Error{Code: codes.Unavailable, Message: damagedReply} }

// againAfter is the table of docs/clients.md. A CANCELLED or DEADLINE_EXCEEDED that the caller brought about must have
// been told from the connection's before.
func againAfter(failure *Error) again {
	if !failure.word {
		switch failure.Code {
		case codes.Unavailable, codes.Internal, codes.Unknown, codes.Canceled:
			return always // the connection broke
		default:
			return never
		}
	}
	switch failure.Reason {
	case QueueFull, BytesFull, StreamsFull, RateLimited, NotReady, Draining, NoReplica, DeviceHung,
		MaxStreamAge:
		return always
	case DeviceFailed:
		return once
	}
	// A reason of a newer contract is taken by its code; all that the contract has of this one are safe to send again.
	if !failure.Reason.known() && failure.Code == codes.Unavailable {
		return always
	}
	return never
}

// elsewhere says whether another server may take what this one will not for a while.
func elsewhere(failure *Error) bool {
	return failure.word && failure.Code == codes.Unavailable
}

// endsStream says whether every further frame would meet the error of a stream too.
func endsStream(failure *Error) bool {
	switch failure.Code {
	case codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented, codes.InvalidArgument,
		codes.NotFound, codes.FailedPrecondition:
		return true
	default:
		return false
	}
}
