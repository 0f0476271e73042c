package inspection

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
	"bayespfl.dev/client/go/internal/testserver"
)

type (
	inspectFunc func(context.Context, *pb.InspectRequest) (*pb.InspectResponse, error)
	streamFunc  func(pb.InspectionService_InspectStreamServer) error
)

// fake is a server that does what a test says, on a port that it keeps over restarts: of a loopback address of its own,
// where nobody else takes it in between.
type fake struct {
	pb.UnimplementedInspectionServiceServer
	t       *testing.T
	address string
	options []grpc.ServerOption

	inspect inspectFunc
	stream  streamFunc
	limits  *pb.ServerLimits // nil: GetServerInfo is not implemented
	health  *health.Server

	mu     sync.Mutex
	server *grpc.Server
	sent   []string // "frame_id/attempt" of all frames, in the order in which they came
	calls  int      // streams that were opened
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{t: t, health: health.NewServer(), address: testserver.OwnHost() + ":0"}
	f.inspect = func(_ context.Context, request *pb.InspectRequest) (*pb.InspectResponse, error) {
		return answer(request.GetMetadata(), request.GetImage()), nil
	}
	f.stream = func(call pb.InspectionService_InspectStreamServer) error {
		return eachFrame(call, func(n int, frame *pb.StreamFrame) error { return call.Send(resultReply(n, frame)) })
	}
	return f
}

// start listens; a second start takes the same port again.
func (f *fake) start() *fake {
	f.t.Helper()
	listener, err := net.Listen("tcp", f.address)
	if err != nil {
		f.t.Fatal(err)
	}
	f.address = listener.Addr().String()
	server := grpc.NewServer(append([]grpc.ServerOption{grpc.MaxRecvMsgSize(512 << 20)}, f.options...)...)
	pb.RegisterInspectionServiceServer(server, f)
	healthpb.RegisterHealthServer(server, f.health)
	f.health.SetServingStatus(pb.InspectionService_ServiceDesc.ServiceName, healthpb.HealthCheckResponse_SERVING)
	f.mu.Lock()
	f.server = server
	f.mu.Unlock()
	go func() { _ = server.Serve(listener) }()
	f.t.Cleanup(server.Stop)
	return f
}

// kill breaks every connection.
func (f *fake) kill() {
	f.mu.Lock()
	server := f.server
	f.mu.Unlock()
	server.Stop()
}

func (f *fake) note(metadata *pb.FrameMetadata) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = append(f.sent, label(metadata))
}

func (f *fake) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.sent...)
}

// saw waits until so many frames have come; false: they have not within a minute.
func (f *fake) saw(frames int) bool {
	for deadline := time.Now().Add(time.Minute); len(f.seen()) < frames; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

func (f *fake) opened() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

func (f *fake) Inspect(ctx context.Context, request *pb.InspectRequest) (*pb.InspectResponse, error) {
	f.note(request.GetMetadata())
	return f.inspect(ctx, request)
}

func (f *fake) InspectStream(call pb.InspectionService_InspectStreamServer) error {
	f.mu.Lock()
	f.calls++
	f.mu.Unlock()
	first, err := call.Recv()
	if err != nil {
		return err
	}
	if first.GetConfiguration() == nil {
		return status.Error(codes.InvalidArgument, "the first message is no configuration")
	}
	return f.stream(noted{call, f})
}

// noted writes down the frames that the server takes from a call.
type noted struct {
	pb.InspectionService_InspectStreamServer
	fake *fake
}

func (n noted) Recv() (*pb.InspectStreamRequest, error) {
	message, err := n.InspectionService_InspectStreamServer.Recv()
	if err == nil {
		n.fake.note(message.GetFrame().GetMetadata())
	}
	return message, err
}

func (f *fake) GetServerInfo(context.Context, *pb.GetServerInfoRequest) (*pb.GetServerInfoResponse, error) {
	if f.limits == nil {
		return nil, status.Error(codes.Unimplemented, "an older server")
	}
	return &pb.GetServerInfoResponse{Version: "fake", Limits: f.limits}, nil
}

// dial makes a client that waits a hundredth of the time between attempts.
func (f *fake) dial(options ...Option) *Client {
	f.t.Helper()
	client, err := Dial(f.address, append([]Option{impatient}, options...)...)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = client.Close() })
	return client
}

// dialConnected makes a client that is connected, so that none of a call's time goes into that.
func (f *fake) dialConnected(options ...Option) *Client {
	f.t.Helper()
	client := f.dial(options...)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := client.WaitForReady(ctx); err != nil {
		f.t.Fatal(err)
	}
	return client
}

func impatient(s *settings) {
	s.timeout = time.Minute
	s.pace.first = time.Millisecond
	s.pace.most = 50 * time.Millisecond
	s.stallGrace = 100 * time.Millisecond
}

func label(metadata *pb.FrameMetadata) string {
	return metadata.GetFrameId() + "/" + string(rune('0'+metadata.GetAttempt()))
}

// answer is a result for that picture.
func answer(metadata *pb.FrameMetadata, image *pb.Image) *pb.InspectResponse {
	digest := sha256.Sum256(image.GetEncoded())
	return &pb.InspectResponse{
		Metadata: metadata, Verdict: pb.Verdict_VERDICT_PASS, Score: 0.25,
		Provenance: &pb.Provenance{PictureSha256: hex.EncodeToString(digest[:])},
	}
}

func resultReply(sequence int, frame *pb.StreamFrame) *pb.InspectStreamResponse {
	return &pb.InspectStreamResponse{
		Metadata: frame.GetMetadata(), Sequence: uint64(sequence),
		Outcome: &pb.InspectStreamResponse_Result{Result: answer(frame.GetMetadata(), frame.GetImage())},
	}
}

func errorReply(sequence int, frame *pb.StreamFrame, frameError *pb.FrameError) *pb.InspectStreamResponse {
	return &pb.InspectStreamResponse{
		Metadata: frame.GetMetadata(), Sequence: uint64(sequence),
		Outcome: &pb.InspectStreamResponse_Error{Error: frameError},
	}
}

// eachFrame calls do with the frames of a call and their numbers, until the client ends it or do fails.
func eachFrame(call pb.InspectionService_InspectStreamServer, do func(n int, frame *pb.StreamFrame) error) error {
	for n := 0; ; n++ {
		message, err := call.Recv()
		if err != nil {
			return nil
		}
		if err := do(n, message.GetFrame()); err != nil {
			return err
		}
	}
}

func frameError(code codes.Code, reason Reason, retryDelay time.Duration) *pb.FrameError {
	e := &pb.FrameError{Code: int32(code), Reason: pb.ErrorReason(reason), Message: "as the test says"}
	if retryDelay > 0 {
		e.RetryDelay = durationpb.New(retryDelay)
	}
	return e
}

// callError is a FrameError as a whole call ends with it.
func callError(code codes.Code, reason Reason, retryDelay time.Duration) error {
	s, err := status.New(code, "as the test says").WithDetails(frameError(code, reason, retryDelay))
	if err != nil {
		panic(err)
	}
	return s.Err()
}

func picture(id string) Frame {
	return Frame{Image: Encoded([]byte("picture of " + id)), FrameID: id, Options: Options{Category: "c"}}
}
