package inspection

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

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
