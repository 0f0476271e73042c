package inspection

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

func TestAnErrorOfTheServerSaysWhatItSaid(t *testing.T) {
	frameError := frameError(codes.InvalidArgument, InvalidField, 1500*time.Millisecond)
	frameError.Violations = []*pb.FieldViolation{{Field: "options.samples", Description: "must be 1..64"}}
	s, err := status.New(codes.InvalidArgument, "two fields are wrong").WithDetails(frameError)
	if err != nil {
		t.Fatal(err)
	}

	failure := fromStatus(s.Err())

	expect(t, "its text", failure.Error(),
		"inspection: InvalidArgument (INVALID_FIELD): two fields are wrong: options.samples: must be 1..64")
	if failure.RetryAfter != 1500*time.Millisecond || failure.Violations[0] != (Violation{"options.samples", "must be 1..64"}) {
		t.Errorf("it is %#v", failure)
	}
	wrapped := fmt.Errorf("line 3: %w", failure)
	if !errors.Is(wrapped, InvalidField) || errors.Is(wrapped, QueueFull) || errors.Is(wrapped, context.Canceled) ||
		status.Code(wrapped) != codes.InvalidArgument {
		t.Errorf("%v is taken for another one", wrapped)
	}
}

func TestAnswersOfGRPCItselfGetAReason(t *testing.T) {
	for code, reason := range map[codes.Code]Reason{
		codes.ResourceExhausted: MessageTooLarge, codes.Unauthenticated: Unauthenticated,
		codes.PermissionDenied: PermissionDenied, codes.DeadlineExceeded: DeadlineExceeded, codes.Canceled: Cancelled,
		codes.Unavailable: ReasonUnspecified,
	} {
		if failure := fromStatus(status.Error(code, "")); failure.Reason != reason || failure.word {
			t.Errorf("%v is %v", code, failure.Reason)
		}
	}
}

func TestWhatANewerContractSays(t *testing.T) {
	failure := fromFrameError(&pb.FrameError{Code: 99, Reason: 99, Message: "new"})
	if failure.Code != codes.Unknown || failure.Reason.String() != "99" || !errors.Is(failure, Reason(99)) {
		t.Errorf("a new reason is %#v", failure)
	}
	result, err := resultOf(&pb.InspectResponse{Verdict: 99, DecidedBy: 99, Thresholds: &pb.Thresholds{Source: 99}})
	if err != nil || result.Verdict != NoVerdict || result.DecidedBy != NoRule || result.Thresholds.Source != SourceUnknown {
		t.Errorf("a new verdict is %+v, %v", result, err)
	}
}
