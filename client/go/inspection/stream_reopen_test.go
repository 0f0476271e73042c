package inspection

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

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

func TestAStopThatAsksForADelayGetsItAlsoAtOnce(t *testing.T) {
	const delay = 2 * time.Second
	f := newFake(t)
	f.stream = endingAfter(1, 1, callError(codes.Unavailable, Draining, delay))
	f.start()

	began := time.Now()
	lines, end := streamed(t, f.dial(), StreamOptions{}, 2)

	expect(t, "what came", lines, []string{"f0/1", "f1/2"})
	if end != nil || time.Since(began) < delay {
		t.Errorf("after %v it ended with %v", time.Since(began), end)
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

func TestAFrameThatComesDuringAnOutageSaysWhatItWaitedFor(t *testing.T) {
	f := newFake(t)
	f.stream = endingAfter(1, 1, status.Error(codes.Unavailable, "broken"))
	f.start()
	client := f.dial(func(s *settings) { s.pace.first, s.pace.most = time.Minute, time.Minute }) // none is opened anew
	stream := client.Stream(context.Background(), StreamOptions{Options: Options{Category: "c"}})
	lost := make(chan struct{})
	frames := func(yield func(Frame) bool) {
		broken, late := picture("broken"), picture("late")
		broken.Timeout, late.Timeout = 300*time.Millisecond, 300*time.Millisecond
		if yield(picture("f0")) && yield(broken) {
			<-lost
			yield(late)
		}
	}
	var failures []*Error
	for outcome, err := range stream.Inspect(frames) {
		if err != nil {
			t.Fatal(err)
		}
		if outcome.Err == nil {
			continue
		}
		if failures = append(failures, asError(t, outcome.Err)); len(failures) == 1 {
			close(lost)
		}
	}
	if len(failures) != 2 {
		t.Fatalf("%d frames failed, not 2", len(failures))
	}
	const want = "broken; the frame came after that, and its time of 300ms passed before it could be sent"
	if late := failures[1]; late.Code != codes.Unavailable || late.Attempts != 0 || late.Message != want {
		t.Errorf("%v after %d attempts: %q", late.Code, late.Attempts, late.Message)
	}
}

func TestAReplyEndsAnOutage(t *testing.T) {
	broken := &Error{Code: codes.Unavailable, Message: "broken"}
	client := newFake(t).start().dial()
	x := newExchange(client.Stream(context.Background(), StreamOptions{}), nil)
	x.interrupt(broken)
	if x.outage != broken {
		t.Fatalf("the outage is %v", x.outage)
	}
	e := newEntry(picture("f0"), time.Second)
	x.session = &session{pending: []*entry{e}}
	x.replied(&reply{message: &pb.InspectStreamResponse{
		Metadata: e.parcel.labelled(0), Outcome: &pb.InspectStreamResponse_Skipped{Skipped: &pb.Skipped{}},
	}})
	if x.outage != nil {
		t.Errorf("after a reply the outage is %v", x.outage)
	}
}
