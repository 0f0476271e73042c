package inspection

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

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
