package inspection

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

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
