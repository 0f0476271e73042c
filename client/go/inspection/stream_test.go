package inspection

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
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

func TestStreamGivesOneOutcomeForEachFrameInOrder(t *testing.T) {
	f := newFake(t).start()
	lines, end := streamed(t, f.dial(), StreamOptions{}, 100)
	if end != nil || len(lines) != 100 || f.opened() != 1 {
		t.Fatalf("%d outcomes over %d calls, then %v", len(lines), f.opened(), end)
	}
	for i, line := range lines {
		expect(t, "the outcome", line, fmt.Sprintf("f%d/1", i))
	}
}

func TestStreamWithoutFramesMakesNoCall(t *testing.T) {
	f := newFake(t).start()
	lines, end := streamed(t, f.dial(), StreamOptions{}, 0)
	if len(lines) != 0 || end != nil || f.opened() != 0 {
		t.Errorf("it gave %q and %v over %d calls", lines, end, f.opened())
	}
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

func TestStreamSendsARefusedFrameAgainAndKeepsTheOrder(t *testing.T) {
	const delay = time.Second // for the frames behind it
	f := newFake(t)
	f.stream = refusing(map[string]*pb.FrameError{
		"f1/0": frameError(codes.ResourceExhausted, QueueFull, delay),
		"f1/1": frameError(codes.ResourceExhausted, BytesFull, 0),
	})
	f.start()

	began := time.Now()
	lines, end := streamed(t, f.dial(), StreamOptions{}, 4)

	expect(t, "what came", lines, []string{"f0/1", "f1/3", "f2/1", "f3/1"})
	if end != nil || f.opened() != 1 || time.Since(began) < delay {
		t.Errorf("after %v and %d calls it ended with %v", time.Since(began), f.opened(), end)
	}
	if seen := strings.Join(f.seen(), " "); !strings.Contains(seen, "f3/0 f1/1 f1/2") {
		t.Errorf("the server saw %s: the others waited for the refused one", seen)
	}
}

func TestStreamTellsWhatCannotBeMended(t *testing.T) {
	f := newFake(t)
	f.stream = refusing(map[string]*pb.FrameError{
		"f0/0": frameError(codes.InvalidArgument, InvalidPicture, 0),
		"f1/0": frameError(codes.Internal, DeviceFailed, 0),
		"f2/0": frameError(codes.Internal, DeviceFailed, 0),
		"f2/1": frameError(codes.Internal, DeviceFailed, 0),
		"f3/0": frameError(codes.DeadlineExceeded, DeadlineExceeded, 0),
		"f4/0": frameError(codes.ResourceExhausted, QueueFull, time.Hour),
	})
	f.start()

	lines, end := streamed(t, f.dial(), StreamOptions{}, 6)

	expect(t, "what came", lines, []string{
		"f0/1 InvalidArgument INVALID_PICTURE", "f1/2", "f2/2 Internal DEVICE_FAILED",
		"f3/1 DeadlineExceeded DEADLINE_EXCEEDED", "f4/1 ResourceExhausted QUEUE_FULL", "f5/1",
	})
	if end != nil {
		t.Errorf("it ended with %v", end)
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

func TestStreamOpensAnewWhenItBreaks(t *testing.T) {
	for name, err := range map[string]error{
		"UNAVAILABLE":    status.Error(codes.Unavailable, "broken"),
		"INTERNAL":       status.Error(codes.Internal, "broken"),
		"UNKNOWN":        status.Error(codes.Unknown, "broken"),
		"CANCELLED":      status.Error(codes.Canceled, "broken"),
		"MAX_STREAM_AGE": callError(codes.Unavailable, MaxStreamAge, 0),
		"DRAINING":       callError(codes.Unavailable, Draining, 0),
		"STREAMS_FULL":   callError(codes.ResourceExhausted, StreamsFull, time.Millisecond),
		"without a word": nil,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.stream = endingAfter(2, 3, err)
			if err == nil {
				f.stream = endingAfter(2, 3, errEnd)
			}
			f.start()

			lines, end := streamed(t, f.dial(), StreamOptions{}, 10)

			if end != nil || len(lines) != 10 || f.opened() != 3 {
				t.Fatalf("%q over %d calls, then %v", lines, f.opened(), end)
			}
			for i, line := range lines {
				id, attempts, _ := strings.Cut(line, "/")
				if id != fmt.Sprint("f", i) || len(attempts) != 1 {
					t.Errorf("outcome %d is %q", i, line)
				}
			}
			if lines[0] != "f0/1" || lines[2] != "f2/1" || lines[3] != "f3/2" || lines[6] == "f6/1" {
				t.Errorf("the outcomes are %q", lines)
			}
		})
	}
}

// errEnd makes a fake's call end with OK.
var errEnd = endOK{}

type endOK struct{}

func (endOK) Error() string              { return "OK" }
func (endOK) GRPCStatus() *status.Status { return status.New(codes.OK, "") }

func TestStreamDoesNotWaitAfterItsAgeButWaitsAfterAnOutage(t *testing.T) {
	for name, test := range map[string]struct {
		err   error
		waits int
	}{
		"MAX_STREAM_AGE": {callError(codes.Unavailable, MaxStreamAge, 0), 0},
		"an outage":      {status.Error(codes.Unavailable, "broken"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.stream = endingAfter(1, 1, test.err)
			f.start()
			const wait = 300 * time.Millisecond
			waits := 0 // each has a random part
			client := f.dial(func(s *settings) {
				s.pace.first, s.pace.most = wait, wait
				s.pace.random = func() float64 { waits++; return 0.5 }
			})

			began := time.Now()
			lines, end := streamed(t, client, StreamOptions{}, 2)

			expect(t, "what came", lines, []string{"f0/1", "f1/2"})
			if waits != test.waits || time.Since(began) < time.Duration(waits)*wait || end != nil {
				t.Errorf("after %v and %d waits it ended with %v", time.Since(began), waits, end)
			}
		})
	}
}

func TestStreamSurvivesAServerThatIsStartedAgain(t *testing.T) {
	f := newFake(t).start()
	client := f.dial()
	stream := client.Stream(context.Background(), StreamOptions{Options: Options{Category: "c"}})
	paced := func(yield func(Frame) bool) {
		for i := range 60 {
			if i == 20 {
				f.kill()
				time.AfterFunc(200*time.Millisecond, func() { f.start() })
			}
			if !yield(picture(fmt.Sprint("f", i))) {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	lines, end := told(stream.Inspect(paced))
	if end != nil || len(lines) != 60 {
		t.Fatalf("%q, then %v", lines, end)
	}
	for i, line := range lines {
		if id, rest, _ := strings.Cut(line, "/"); id != fmt.Sprint("f", i) || strings.Contains(rest, " ") {
			t.Errorf("outcome %d is %q", i, line)
		}
	}
}

func TestStreamLeavesAServerThatRefersToOthers(t *testing.T) {
	for _, reason := range []Reason{Draining, NotReady, NoReplica} {
		t.Run(reason.String(), func(t *testing.T) {
			f := newFake(t)
			f.stream = refusing(map[string]*pb.FrameError{"f1/0": frameError(codes.Unavailable, reason, 0)})
			f.start()

			lines, end := streamed(t, f.dial(), StreamOptions{}, 3)

			if end != nil || len(lines) != 3 || lines[1] != "f1/2" || f.opened() != 2 {
				t.Errorf("%q over %d calls, then %v", lines, f.opened(), end)
			}
		})
	}
}

func TestStreamDropsAServerThatHangs(t *testing.T) {
	f := newFake(t)
	var opened atomic.Int32
	f.stream = func(call pb.InspectionService_InspectStreamServer) error {
		hangs := opened.Add(1) == 1
		return eachFrame(call, func(n int, frame *pb.StreamFrame) error {
			if hangs {
				return nil // it reads, and does not answer
			}
			return call.Send(resultReply(n, frame))
		})
	}
	f.start()
	frames := func(yield func(Frame) bool) {
		short := picture("short")
		short.Timeout = 500 * time.Millisecond
		_ = yield(short) && yield(picture("long"))
	}
	stream := f.dialConnected().Stream(context.Background(), StreamOptions{Options: Options{Category: "c"}})

	began := time.Now()
	lines, end := told(stream.Inspect(frames))

	expect(t, "what came", lines, []string{"short/1 DeadlineExceeded DEADLINE_EXCEEDED", "long/2"})
	if took := time.Since(began); end != nil || took < 600*time.Millisecond || took > 30*time.Second {
		t.Errorf("after %v it ended with %v", took, end)
	}
}

func TestStreamTellsAFrameHowMuchTimeIsLeft(t *testing.T) {
	f := newFake(t)
	var left []time.Duration
	f.stream = func(call pb.InspectionService_InspectStreamServer) error {
		return eachFrame(call, func(n int, frame *pb.StreamFrame) error {
			left = append(left, frame.GetTimeout().AsDuration())
			if n == 0 {
				return call.Send(errorReply(n, frame, frameError(codes.ResourceExhausted, QueueFull, 300*time.Millisecond)))
			}
			return call.Send(resultReply(n, frame))
		})
	}
	f.start()
	if lines, end := streamed(t, f.dial(), StreamOptions{Timeout: 50 * time.Second}, 1); end != nil {
		t.Fatal(lines, end)
	}
	if len(left) != 2 || left[0] > 50*time.Second || left[0] < 20*time.Second || left[0]-left[1] < 300*time.Millisecond {
		t.Errorf("the attempts had %v left", left)
	}
}

func TestStreamEndsWithWhatEveryFrameWouldMeet(t *testing.T) {
	for name, err := range map[string]error{
		"Unauthenticated UNAUTHENTICATED":    status.Error(codes.Unauthenticated, "who?"),
		"PermissionDenied PERMISSION_DENIED": status.Error(codes.PermissionDenied, "no"),
		"Unimplemented":                      status.Error(codes.Unimplemented, "an older server"),
		"InvalidArgument INVALID_FIELD":      callError(codes.InvalidArgument, InvalidField, 0),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.stream = endingAfter(1, 2, err)
			f.start()
			stream := f.dial().Stream(context.Background(), StreamOptions{Options: Options{Category: "c"}})

			lines, end := told(stream.Inspect(pictures(1000)))

			if len(lines) < 3 || lines[0] != "f0/1" || lines[1] != "f1/1" || asError(t, end).Code != status.Code(err) {
				t.Fatalf("%q, then %v", lines, end)
			}
			for _, line := range lines[2:] {
				if !strings.HasSuffix(line, " "+name) {
					t.Errorf("an outcome is %q", line)
				}
			}
			if err := stream.Send(picture("late")); !errors.Is(err, end) {
				t.Errorf("a frame afterwards gets %v", err)
			}
			if f.opened() != 1 {
				t.Errorf("it was opened %d times", f.opened())
			}
		})
	}
}

func TestStreamToNobodyEndsAfterTheConnectTimeout(t *testing.T) {
	f := newFake(t).start()
	f.kill()
	began := time.Now()
	lines, end := streamed(t, f.dial(WithConnectTimeout(500*time.Millisecond)), StreamOptions{}, 2)
	expect(t, "what came", lines, []string{"f0/0 Unavailable", "f1/0 Unavailable"})
	if took := time.Since(began); asError(t, end).Code != codes.Unavailable || took < 500*time.Millisecond || took > 30*time.Second {
		t.Errorf("after %v it ended with %v", took, end)
	}
}

func TestStreamWaitsForAServerWhenAsked(t *testing.T) {
	f := newFake(t).start()
	f.kill()
	time.AfterFunc(300*time.Millisecond, func() { f.start() })
	client := f.dial(WithConnectTimeout(50*time.Millisecond), WithWaitForReady())
	lines, end := streamed(t, client, StreamOptions{}, 2)
	expect(t, "what came", lines, []string{"f0/1", "f1/1"})
	if end != nil {
		t.Errorf("it ended with %v", end)
	}
}

func TestAFrameThatNeverGotThroughTellsWhy(t *testing.T) {
	f := newFake(t).start()
	f.kill()
	client := f.dial(WithWaitForReady())
	lines, end := streamed(t, client, StreamOptions{Timeout: time.Second}, 2)
	expect(t, "what came", lines, []string{"f0/0 Unavailable", "f1/0 Unavailable"})
	if end != nil {
		t.Errorf("it ended with %v", end)
	}
}

func TestStreamGoesOnWithoutFramesThatAreTooLarge(t *testing.T) {
	f := newFake(t)
	f.limits = &pb.ServerLimits{MaxMessageBytes: 4 << 20}
	f.start()
	sizes := []int{1, 3 << 20, 1, 5 << 20, 2}
	frames := func(yield func(Frame) bool) {
		for i, size := range sizes {
			if !yield(Frame{Image: Encoded(make([]byte, size)), FrameID: fmt.Sprint("f", i)}) {
				return
			}
		}
	}
	for name, test := range map[string]struct {
		options []Option
		want    []string
	}{
		"for the server":  {nil, []string{"f0/1", "f1/1", "f2/1", "f3/0 ResourceExhausted MESSAGE_TOO_LARGE", "f4/1"}},
		"for this client": {[]Option{WithMaxMessageBytes(2 << 20)}, []string{"f0/1", "f1/0 ResourceExhausted MESSAGE_TOO_LARGE", "f2/1", "f3/0 ResourceExhausted MESSAGE_TOO_LARGE", "f4/1"}},
	} {
		t.Run(name, func(t *testing.T) {
			stream := f.dial(test.options...).Stream(context.Background(), StreamOptions{Options: Options{Category: "c"}})
			lines, end := told(stream.Inspect(frames))
			expect(t, "what came", lines, test.want)
			if end != nil {
				t.Errorf("it ended with %v", end)
			}
		})
	}
}

func TestStreamGoesOnWithoutAReplyThatIsTooLarge(t *testing.T) {
	f := newFake(t)
	f.stream = func(call pb.InspectionService_InspectStreamServer) error {
		return eachFrame(call, func(n int, frame *pb.StreamFrame) error {
			reply := resultReply(n, frame)
			if frame.GetMetadata().GetFrameId() == "f1" {
				reply.GetResult().InspectedPicture = &pb.EncodedPicture{Data: make([]byte, 3<<20)}
			}
			return call.Send(reply)
		})
	}
	f.start()
	lines, end := streamed(t, f.dial(WithMaxReplyBytes(2<<20)), StreamOptions{}, 4)
	if end != nil || len(lines) != 4 || lines[0] != "f0/1" || lines[1] != "f1/1 ResourceExhausted MESSAGE_TOO_LARGE" ||
		!strings.HasPrefix(lines[2], "f2/") || strings.Contains(lines[3], " ") {
		t.Errorf("%q, then %v", lines, end)
	}
}

func TestAServerThatEndsTheCallForAMessageCostsOneFrame(t *testing.T) {
	f := newFake(t)
	f.options = []grpc.ServerOption{grpc.MaxRecvMsgSize(2 << 20)} // and it does not tell
	f.start()
	frames := func(yield func(Frame) bool) {
		for i, size := range []int{1, 3 << 20, 2} {
			if !yield(Frame{Image: Encoded(make([]byte, size)), FrameID: fmt.Sprint("f", i)}) {
				return
			}
		}
	}
	stream := f.dial().Stream(context.Background(), StreamOptions{Options: Options{Category: "c"}})
	lines, end := told(stream.Inspect(frames))
	if end != nil || len(lines) != 3 || strings.Contains(lines[0], " ") ||
		lines[1] != "f1/1 ResourceExhausted MESSAGE_TOO_LARGE" || strings.Contains(lines[2], " ") {
		t.Errorf("%q, then %v", lines, end)
	}
}

func TestStreamSendsAgainOverANewCallWhenAReplyIsDamaged(t *testing.T) {
	for name, spoil := range map[string]func(*pb.InspectStreamResponse){
		"sequence": func(r *pb.InspectStreamResponse) { r.Sequence += 7 },
		"outcome":  func(r *pb.InspectStreamResponse) { r.Outcome = nil },
		"frame id": func(r *pb.InspectStreamResponse) { r.Metadata = &pb.FrameMetadata{FrameId: "g"} },
		"SHA-256":  func(r *pb.InspectStreamResponse) { r.GetResult().Provenance.PictureSha256 = "00" },
		"map": func(r *pb.InspectStreamResponse) {
			r.GetResult().AnomalyMap = &pb.PixelMap{Encoding: pb.MapEncoding_MAP_ENCODING_FLOAT32, Width: 1, Height: 1}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			var spoilt atomic.Bool
			f.stream = func(call pb.InspectionService_InspectStreamServer) error {
				return eachFrame(call, func(n int, frame *pb.StreamFrame) error {
					reply := resultReply(n, frame)
					if frame.GetMetadata().GetFrameId() == "f1" && !spoilt.Swap(true) {
						spoil(reply)
					}
					return call.Send(reply)
				})
			}
			f.start()
			lines, end := streamed(t, f.dial(), StreamOptions{}, 3)
			if end != nil || len(lines) != 3 || lines[0] != "f0/1" || lines[1] != "f1/2" || f.opened() != 2 {
				t.Errorf("%q over %d calls, then %v", lines, f.opened(), end)
			}
		})
	}
}

func TestAnErrorWithoutMetadataGoesByItsSequence(t *testing.T) {
	f := newFake(t)
	f.stream = func(call pb.InspectionService_InspectStreamServer) error {
		return eachFrame(call, func(n int, frame *pb.StreamFrame) error {
			reply := resultReply(n, frame)
			if n == 1 {
				reply.Metadata = nil
				reply.Outcome = &pb.InspectStreamResponse_Error{Error: &pb.FrameError{
					Code: int32(codes.InvalidArgument), Reason: pb.ErrorReason_ERROR_REASON_INVALID_FIELD,
				}}
			}
			return call.Send(reply)
		})
	}
	f.start()
	lines, end := streamed(t, f.dial(), StreamOptions{}, 3)
	if end != nil || len(lines) != 3 || lines[1] != "f1/1 InvalidArgument INVALID_FIELD" || f.opened() != 1 {
		t.Errorf("%q over %d calls, then %v", lines, f.opened(), end)
	}
}

func TestStreamTakesNoMoreThanMayBeInFlight(t *testing.T) {
	f := newFake(t)
	f.stream = silent
	f.start()
	stream := f.dial().Stream(context.Background(), StreamOptions{MaxInFlight: 3, Options: Options{Category: "c"}})
	var taken atomic.Int32
	go func() {
		for i := range 10 {
			if stream.Send(picture(fmt.Sprint("f", i))) != nil {
				return
			}
			taken.Add(1)
		}
	}()
	if !f.saw(3) {
		t.Errorf("the server saw %q", f.seen())
	}
	time.Sleep(200 * time.Millisecond) // for it to take too many
	if n := taken.Load(); n != 3 {
		t.Errorf("it took %d frames", n)
	}
	stream.Close()
	lines, end := told(stream.Outcomes())
	expect(t, "what came", lines, []string{"f0/1 Canceled CANCELLED", "f1/1 Canceled CANCELLED", "f2/1 Canceled CANCELLED"})
	if !errors.Is(end, context.Canceled) {
		t.Errorf("it ended with %v", end)
	}
}

func TestStreamSkipsWhenTheLatestIsWanted(t *testing.T) {
	f := newFake(t)
	f.stream = func(call pb.InspectionService_InspectStreamServer) error {
		return eachFrame(call, func(n int, frame *pb.StreamFrame) error {
			reply := resultReply(n, frame)
			if n == 1 {
				reply.Outcome = &pb.InspectStreamResponse_Skipped{Skipped: &pb.Skipped{}}
			}
			return call.Send(reply)
		})
	}
	f.start()
	lines, end := streamed(t, f.dial(), StreamOptions{Latest: true}, 3)
	expect(t, "what came", lines, []string{"f0/1", "f1/1 skipped", "f2/1"})
	if end != nil {
		t.Errorf("it ended with %v", end)
	}
}

func TestAFrameThatCannotBeSentKeepsItsPlace(t *testing.T) {
	f := newFake(t).start()
	frames := func(yield func(Frame) bool) {
		_ = yield(picture("f0")) && yield(Frame{FrameID: "f1", Image: File("no such file")}) && yield(picture("f2"))
	}
	stream := f.dial().Stream(context.Background(), StreamOptions{Options: Options{Category: "c"}})
	lines, end := told(stream.Inspect(frames))
	expect(t, "what came", lines, []string{"f0/1", "f1/0 InvalidArgument", "f2/1"})
	if end != nil {
		t.Errorf("it ended with %v", end)
	}
}

func TestOptionsThatCannotBeAreTheStreamsError(t *testing.T) {
	client := newFake(t).start().dial()
	for name, options := range map[string]StreamOptions{
		"options": {Options: Options{Category: "\xff"}}, "in flight": {MaxInFlight: -1}, "timeout": {Timeout: -1},
	} {
		stream := client.Stream(context.Background(), options)
		lines, end := told(stream.Outcomes())
		if len(lines) != 0 || asError(t, end).Code != codes.InvalidArgument {
			t.Errorf("%s: it gave %q and %v", name, lines, end)
		}
		if err := stream.Send(picture("f")); !errors.Is(err, end) {
			t.Errorf("%s: a frame gets %v", name, err)
		}
	}
}

func TestStreamEndsWithItsContext(t *testing.T) {
	f := newFake(t)
	f.stream = silent
	f.start()
	client := f.dialConnected()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	stream := client.Stream(ctx, StreamOptions{Options: Options{Category: "c"}})
	lines, end := told(stream.Inspect(pictures(1)))
	expect(t, "what came", lines, []string{"f0/1 DeadlineExceeded DEADLINE_EXCEEDED"})
	if !errors.Is(end, context.DeadlineExceeded) {
		t.Errorf("it ended with %v", end)
	}
}

func TestAStreamIsClosedOnceItsFramesAreOver(t *testing.T) {
	stream := newFake(t).start().dial().Stream(context.Background(), StreamOptions{Options: Options{Category: "c"}})
	if lines, end := told(stream.Inspect(pictures(2))); len(lines) != 2 || end != nil {
		t.Errorf("it gave %q and %v", lines, end)
	}
	if err := stream.Send(picture("late")); !errors.Is(err, ErrStreamClosed) {
		t.Errorf("a frame afterwards gets %v", err)
	}
	if _, end := told(stream.Outcomes()); !errors.Is(end, ErrStreamClosed) {
		t.Errorf("a second range gets %v", end)
	}
}

func TestStreamEndsWithItsClient(t *testing.T) {
	f := newFake(t)
	f.stream = silent
	f.start()
	client := f.dial()
	stream := client.Stream(context.Background(), StreamOptions{Options: Options{Category: "c"}})
	go func() {
		f.saw(1)
		_ = client.Close()
	}()
	lines, end := told(stream.Inspect(pictures(1)))
	expect(t, "what came", lines, []string{"f0/1 Canceled CANCELLED"})
	if asError(t, end).Code != codes.Canceled {
		t.Errorf("it ended with %v", end)
	}
}

func TestLeavingTheLoopLeavesNothingRunning(t *testing.T) {
	f := newFake(t).start()
	client := f.dial()
	if err := client.WaitForReady(context.Background()); err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	for range 20 {
		stream := client.Stream(context.Background(), StreamOptions{Options: Options{Category: "c"}})
		for range stream.Inspect(pictures(1000)) {
			break
		}
	}
	for deadline := time.Now().Add(time.Minute); runtime.NumGoroutine() > before+5; {
		if time.Now().After(deadline) {
			t.Fatalf("of %d goroutines %d are left", before, runtime.NumGoroutine())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestFramesOverrideTheStreamsOptionsFieldByField(t *testing.T) {
	f := newFake(t)
	var got []*pb.InspectOptions
	f.stream = func(call pb.InspectionService_InspectStreamServer) error {
		return eachFrame(call, func(n int, frame *pb.StreamFrame) error {
			got = append(got, frame.GetOptions())
			return call.Send(resultReply(n, frame))
		})
	}
	f.start()
	frames := func(yield func(Frame) bool) {
		_ = yield(Frame{Image: Encoded([]byte{1})}) &&
			yield(Frame{Image: Encoded([]byte{1}), Options: Options{Mask: MaskNone, AnomalyMap: MapNone, Samples: 3}})
	}
	stream := f.dial().Stream(context.Background(), StreamOptions{Options: Options{Category: "c"}})
	if lines, end := told(stream.Inspect(frames)); end != nil {
		t.Fatal(lines, end)
	}
	if o := got[0]; o.Mask != nil || o.Category != nil || o.Samples != nil {
		t.Errorf("a frame that says nothing says %v", o)
	}
	o := got[1]
	if o.Mask == nil || o.AnomalyMap == nil || o.GetMask() != 0 || o.GetAnomalyMap() != 0 || o.GetSamples() != 3 {
		t.Errorf("a frame that wants neither mask nor map says %v", o)
	}
}
