package inspection

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

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

func TestStreamEndsWithItsContext(t *testing.T) {
	f := newFake(t)
	f.stream = silent
	f.start()
	client := f.dialConnected()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	stream := client.Stream(ctx, StreamOptions{Options: Options{Category: "c"}})
	// It is not closed: a stream whose frames are over may end for that as well.
	if err := stream.Send(picture("f0")); err != nil {
		t.Fatal(err)
	}
	lines, end := told(stream.Outcomes())
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

func TestStreamEndsWithItsClientAlsoWhileItWaits(t *testing.T) {
	f := newFake(t)
	f.stream = func(pb.InspectionService_InspectStreamServer) error {
		return callError(codes.ResourceExhausted, StreamsFull, 40*time.Second)
	}
	f.start()
	client := f.dial()
	stream := client.Stream(context.Background(), StreamOptions{Options: Options{Category: "c"}})
	go func() {
		for f.opened() == 0 {
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(50 * time.Millisecond) // for the client to hear of it
		_ = client.Close()
	}()
	began := time.Now()
	lines, end := told(stream.Inspect(pictures(1)))
	if len(lines) != 1 || !strings.HasSuffix(lines[0], " Canceled CANCELLED") || time.Since(began) > 30*time.Second {
		t.Errorf("after %v it gave %q", time.Since(began), lines)
	}
	if asError(t, end).Code != codes.Canceled {
		t.Errorf("it ended with %v", end)
	}
}

func TestASecondRangeGivesTheFirstNoFrames(t *testing.T) {
	f := newFake(t).start()
	stream := f.dial().Stream(context.Background(), StreamOptions{Options: Options{Category: "c"}})
	tried := make(chan struct{})
	frames := func(yield func(Frame) bool) {
		if yield(picture("f0")) {
			<-tried
			yield(picture("f1"))
		}
	}
	var lines []string
	for outcome, err := range stream.Inspect(frames) {
		if err != nil {
			t.Fatal(err)
		}
		if len(lines) == 0 {
			second, end := told(stream.Inspect(func(yield func(Frame) bool) { yield(picture("another's")) }))
			if len(second) != 0 || !errors.Is(end, ErrStreamClosed) {
				t.Errorf("the second range gives %q and %v", second, end)
			}
			time.Sleep(100 * time.Millisecond) // for its frame to be sent
			close(tried)
		}
		lines = append(lines, outcome.FrameID)
	}
	expect(t, "what came", lines, []string{"f0", "f1"})
	if seen := f.seen(); len(seen) != 2 {
		t.Errorf("the server saw %q", seen)
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
