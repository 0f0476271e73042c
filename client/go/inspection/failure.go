package inspection

import (
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// fromStatus is the error of a call; err is not nil and comes from grpc-go.
func fromStatus(err error) *Error {
	s := status.Convert(err)
	for _, detail := range s.Details() {
		if frameError, ok := detail.(*pb.FrameError); ok {
			failure := fromFrameError(frameError)
			failure.Code, failure.Message = s.Code(), s.Message()
			return failure
		}
	}
	return &Error{Code: s.Code(), Reason: reasonOf(s.Code()), Message: s.Message()}
}

// fromFrameError is the error of one frame.
func fromFrameError(frameError *pb.FrameError) *Error {
	failure := &Error{
		Code:       codes.Code(frameError.GetCode()),
		Reason:     Reason(frameError.GetReason()),
		Message:    frameError.GetMessage(),
		RetryAfter: max(0, frameError.GetRetryDelay().AsDuration()),
		word:       true,
	}
	if failure.Code == codes.OK || failure.Code > codes.Unauthenticated {
		failure.Code = codes.Unknown
	}
	for _, v := range frameError.GetViolations() {
		failure.Violations = append(failure.Violations, Violation{Field: v.GetField(), Description: v.GetDescription()})
	}
	return failure
}

// reasonOf is what gRPC's own answers mean, which have no details.
func reasonOf(code codes.Code) Reason {
	switch code {
	case codes.ResourceExhausted:
		return MessageTooLarge
	case codes.Unauthenticated:
		return Unauthenticated
	case codes.PermissionDenied:
		return PermissionDenied
	case codes.DeadlineExceeded:
		return DeadlineExceeded
	case codes.Canceled:
		return Cancelled
	default:
		return ReasonUnspecified
	}
}

// tooLarge is the error of a message that does not fit; limits are told by whose they are.
func tooLarge(what string, size int, whose string, limit int) *Error {
	return &Error{
		Code: codes.ResourceExhausted, Reason: MessageTooLarge,
		Message: what + " of " + bytesText(size) + " is larger than " + whose + " of " + bytesText(limit),
	}
}

// refusedHere says whether grpc-go on this side would not take a reply, because of its own limit.
func refusedHere(failure *Error, limit int) bool {
	return failure.Code == codes.ResourceExhausted && !failure.word &&
		strings.HasSuffix(failure.Message, fmt.Sprintf("vs. %d)", limit))
}
