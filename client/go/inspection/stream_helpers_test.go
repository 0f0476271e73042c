package inspection

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// pictures are n frames with the ids f0, f1, ...
func pictures(n int) func(yield func(Frame) bool) {
	return func(yield func(Frame) bool) {
		for i := range n {
			if !yield(picture(fmt.Sprint("f", i))) {
				return
			}
		}
	}
}

// told is what a stream gave: "f0/1" a result after one attempt, "f0/1 QUEUE_FULL" an error; and how it ended.
func told(outcomes func(yield func(*Outcome, error) bool)) (lines []string, end error) {
	for outcome, err := range outcomes {
		if err != nil {
			return lines, err
		}
		line := fmt.Sprintf("%s/%d", outcome.FrameID, outcome.Attempts)
		var failure *Error
		switch {
		case errors.Is(outcome.Err, ErrSkipped):
			line += " skipped"
		case errors.As(outcome.Err, &failure):
			line += " " + failure.Code.String()
			if failure.Reason != ReasonUnspecified {
				line += " " + failure.Reason.String()
			}
		case outcome.Err != nil:
			line += " " + outcome.Err.Error()
		case outcome.Result.FrameID != outcome.FrameID || outcome.Result.Attempts != outcome.Attempts:
			line += " with another frame's result"
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func streamed(t *testing.T, client *Client, options StreamOptions, n int) ([]string, error) {
	t.Helper()
	if options.Options.Category == "" {
		options.Options.Category = "c"
	}
	return told(client.Stream(context.Background(), options).Inspect(pictures(n)))
}

func expect(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s is\n  %q, not\n  %q", what, got, want)
	}
}

// silent reads frames and answers none.
func silent(call pb.InspectionService_InspectStreamServer) error {
	return eachFrame(call, func(int, *pb.StreamFrame) error { return nil })
}

// refusing answers some attempts ("f1/0") with an error of the frame, all others with a result.
func refusing(errors map[string]*pb.FrameError) streamFunc {
	return func(call pb.InspectionService_InspectStreamServer) error {
		return eachFrame(call, func(n int, frame *pb.StreamFrame) error {
			if refusal := errors[label(frame.GetMetadata())]; refusal != nil {
				return call.Send(errorReply(n, frame, refusal))
			}
			return call.Send(resultReply(n, frame))
		})
	}
}

// endingAfter ends the first calls with an error after they have answered n frames and read one more; the next calls
// do as they should.
func endingAfter(calls int32, n int, err error) streamFunc {
	var opened atomic.Int32
	return func(call pb.InspectionService_InspectStreamServer) error {
		if opened.Add(1) > calls {
			n = 1 << 30
		}
		return eachFrame(call, func(i int, frame *pb.StreamFrame) error {
			if i == n {
				return err
			}
			return call.Send(resultReply(i, frame))
		})
	}
}

// errEnd makes a fake's call end with OK.
var errEnd = endOK{}

type endOK struct{}

func (endOK) Error() string              { return "OK" }
func (endOK) GRPCStatus() *status.Status { return status.New(codes.OK, "") }
