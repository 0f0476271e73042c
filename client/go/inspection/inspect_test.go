package inspection

import (
	"context"
	"errors"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// failing answers the first calls with an error, and all others as they should be.
func failing(times int, err error) inspectFunc {
	calls := 0
	return func(_ context.Context, request *pb.InspectRequest) (*pb.InspectResponse, error) {
		calls++
		if calls <= times {
			return nil, err
		}
		return answer(request.GetMetadata(), request.GetImage()), nil
	}
}

func asError(t *testing.T, err error) *Error {
	t.Helper()
	var failure *Error
	if !errors.As(err, &failure) {
		t.Fatalf("the error is %v (%T), not an *Error", err, err)
	}
	return failure
}

func TestInspectSendsAgainWhereThatIsSafe(t *testing.T) {
	for name, test := range map[string]struct {
		err      error
		attempts int // 1: it is not sent again
	}{
		"QUEUE_FULL":                   {callError(codes.ResourceExhausted, QueueFull, time.Millisecond), 3},
		"BYTES_FULL":                   {callError(codes.ResourceExhausted, BytesFull, 0), 3},
		"RATE_LIMITED":                 {callError(codes.ResourceExhausted, RateLimited, 0), 3},
		"NOT_READY":                    {callError(codes.Unavailable, NotReady, 0), 3},
		"DRAINING":                     {callError(codes.Unavailable, Draining, 0), 3},
		"NO_REPLICA":                   {callError(codes.Unavailable, NoReplica, 0), 3},
		"DEVICE_HUNG":                  {callError(codes.Unavailable, DeviceHung, 0), 3},
		"a newer reason, UNAVAILABLE":  {callError(codes.Unavailable, 99, 0), 3},
		"UNAVAILABLE without a word":   {status.Error(codes.Unavailable, "broken"), 3},
		"INTERNAL without a word":      {status.Error(codes.Internal, "broken"), 3},
		"UNKNOWN without a word":       {status.Error(codes.Unknown, "broken"), 3},
		"CANCELLED that nobody wanted": {status.Error(codes.Canceled, "broken"), 3},
		"DEVICE_FAILED, once":          {callError(codes.Internal, DeviceFailed, 0), 2},
		"INTERNAL with the word":       {callError(codes.Internal, Internal, 0), 1},
		"a newer reason, INTERNAL":     {callError(codes.Internal, 99, 0), 1},
		"INVALID_ARGUMENT":             {callError(codes.InvalidArgument, InvalidPicture, 0), 1},
		"DEADLINE_EXCEEDED":            {callError(codes.DeadlineExceeded, DeadlineExceeded, 0), 1},
		"UNAUTHENTICATED":              {status.Error(codes.Unauthenticated, "who?"), 1},
		"PERMISSION_DENIED":            {status.Error(codes.PermissionDenied, "no"), 1},
		"NOT_FOUND":                    {callError(codes.NotFound, ModelNotFound, 0), 1},
		"FRAME_TOO_LARGE":              {callError(codes.ResourceExhausted, FrameTooLarge, 0), 1},
		"gRPC's own limit":             {status.Error(codes.ResourceExhausted, "too large"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.inspect = failing(2, test.err)
			f.start()

			result, err := f.dial().Inspect(context.Background(), picture("f"))

			if want := []string{"f/0", "f/1", "f/2"}[:test.attempts]; !reflect.DeepEqual(f.seen(), want) {
				t.Errorf("the server saw %q, not %q", f.seen(), want)
			}
			if test.attempts == 3 {
				if err != nil || result.Attempts != 3 || result.FrameID != "f" {
					t.Errorf("the result is %+v, the error %v", result, err)
				}
				return
			}
			failure := asError(t, err)
			if failure.Code != status.Code(test.err) || failure.Attempts != test.attempts || failure.FrameID != "f" ||
				failure.RequestID == "" {
				t.Errorf("the error is %#v", failure)
			}
		})
	}
}

func TestInspectNeverTriesSoonerThanTheServerSays(t *testing.T) {
	const delay = 150 * time.Millisecond
	f := newFake(t)
	f.inspect = failing(1, callError(codes.ResourceExhausted, QueueFull, delay))
	f.start()

	began := time.Now()
	if _, err := f.dial().Inspect(context.Background(), picture("f")); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < delay {
		t.Errorf("it was sent again after %v", took)
	}
}

func TestInspectGivesTheLastErrorWhenItsTimeRunsOut(t *testing.T) {
	f := newFake(t)
	// Two attempts, and no time for a third: the second is over long before the time is.
	f.inspect = failing(1000, callError(codes.Unavailable, NotReady, 1200*time.Millisecond))
	f.start()
	frame := picture("f")
	frame.Timeout = 2 * time.Second

	_, err := f.dial().Inspect(context.Background(), frame)

	failure := asError(t, err)
	if failure.Code != codes.Unavailable || !errors.Is(err, NotReady) {
		t.Errorf("the error is %v", err)
	}
	if failure.Attempts < 2 || failure.Attempts != len(f.seen()) || !strings.Contains(failure.Message, "; tried ") {
		t.Errorf("after %d attempts of which the server saw %d the error is %v", failure.Attempts, len(f.seen()), err)
	}
}

func TestInspectDoesNotWaitForATryThatComesTooLate(t *testing.T) {
	f := newFake(t)
	f.inspect = failing(1, callError(codes.ResourceExhausted, QueueFull, 2*time.Minute))
	f.start()

	began := time.Now()
	_, err := f.dial().Inspect(context.Background(), picture("f"))

	if failure := asError(t, err); failure.Reason != QueueFull || failure.RetryAfter != 2*time.Minute {
		t.Errorf("the error is %#v", failure)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
}

func hanging(ctx context.Context, _ *pb.InspectRequest) (*pb.InspectResponse, error) {
	<-ctx.Done()
	return nil, status.FromContextError(ctx.Err()).Err()
}

func TestInspectOfAServerThatHangsIsDeadlineExceeded(t *testing.T) {
	f := newFake(t)
	f.inspect = hanging
	f.start()
	frame := picture("f")
	frame.Timeout = 500 * time.Millisecond

	_, err := f.dialConnected().Inspect(context.Background(), frame)

	if failure := asError(t, err); failure.Reason != DeadlineExceeded || failure.Attempts != 1 {
		t.Errorf("the error is %#v", failure)
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v is no context.DeadlineExceeded", err)
	}
}

func TestInspectEndsWithItsContext(t *testing.T) {
	f := newFake(t)
	f.inspect = hanging
	f.start()
	client := f.dial()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		f.saw(1)
		cancel()
	}()

	_, err := client.Inspect(ctx, picture("f"))

	if !errors.Is(err, context.Canceled) || asError(t, err).Code != codes.Canceled {
		t.Errorf("the error is %v", err)
	}
	if len(f.seen()) != 1 {
		t.Errorf("the server saw %q", f.seen())
	}
}

func TestInspectSendsAgainWhenTheReplyIsOfAnotherPicture(t *testing.T) {
	for name, spoil := range map[string]func(*pb.InspectResponse){
		"SHA-256":  func(r *pb.InspectResponse) { r.Provenance.PictureSha256 = strings.Repeat("0", 64) },
		"frame id": func(r *pb.InspectResponse) { r.Metadata = &pb.FrameMetadata{FrameId: "g"} },
		"mask": func(r *pb.InspectResponse) {
			r.Mask = &pb.Mask{Encoding: pb.MaskEncoding_MASK_ENCODING_COCO_RLE, Width: 2, Height: 2, Data: []byte("9")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			calls := 0
			f.inspect = func(_ context.Context, request *pb.InspectRequest) (*pb.InspectResponse, error) {
				reply := answer(request.GetMetadata(), request.GetImage())
				if calls++; calls == 1 {
					spoil(reply)
				}
				return reply, nil
			}
			f.start()

			result, err := f.dial().Inspect(context.Background(), picture("f"))

			if err != nil || result.Attempts != 2 {
				t.Errorf("the result is %+v, the error %v", result, err)
			}
		})
	}
}

func TestAnAddressThatIsWrongIsToldAfterTheConnectTimeout(t *testing.T) {
	f := newFake(t).start()
	f.kill()

	began := time.Now()
	_, err := f.dial(WithConnectTimeout(200*time.Millisecond)).Inspect(context.Background(), picture("f"))

	if failure := asError(t, err); failure.Code != codes.Unavailable || failure.Attempts != 0 {
		t.Errorf("the error is %#v", failure)
	}
	if took := time.Since(began); took < 200*time.Millisecond || took > 30*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestWaitForReadyOutlastsTheConnectTimeout(t *testing.T) {
	f := newFake(t).start()
	f.kill()
	client := f.dial(WithConnectTimeout(50*time.Millisecond), WithWaitForReady())
	time.AfterFunc(400*time.Millisecond, func() { f.start() })

	result, err := client.Inspect(context.Background(), picture("f"))

	if err != nil || result.Attempts != 1 {
		t.Errorf("the result is %+v, the error %v", result, err)
	}
}

func TestAnOutageIsWaitedOutOnceTheServerWasReached(t *testing.T) {
	f := newFake(t).start()
	client := f.dialConnected(WithConnectTimeout(50 * time.Millisecond))
	f.kill()
	time.AfterFunc(400*time.Millisecond, func() { f.start() })

	if _, err := client.Inspect(context.Background(), picture("after")); err != nil {
		t.Error(err)
	}
}

func TestClientWaitForReady(t *testing.T) {
	f := newFake(t).start()
	f.kill()
	client := f.dial()
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := client.WaitForReady(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a server the error is %v", err)
	}
	f.start()
	if err := client.WaitForReady(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestAServerThatDoesNotServeGetsNoCalls(t *testing.T) {
	f := newFake(t).start()
	f.health.SetServingStatus(pb.InspectionService_ServiceDesc.ServiceName, healthpb.HealthCheckResponse_NOT_SERVING)
	client := f.dial(WithConnectTimeout(time.Second))

	if _, err := client.Inspect(context.Background(), picture("f")); asError(t, err).Code != codes.Unavailable {
		t.Errorf("the error is %v", err)
	}
	if len(f.seen()) != 0 {
		t.Errorf("it was sent %q", f.seen())
	}
	if serving, err := client.Health(context.Background()); serving || err != nil {
		t.Errorf("its health is %v, %v", serving, err)
	}
	f.health.SetServingStatus(pb.InspectionService_ServiceDesc.ServiceName, healthpb.HealthCheckResponse_SERVING)
	if serving, err := client.Health(context.Background()); !serving || err != nil {
		t.Errorf("its health is %v, %v", serving, err)
	}
	if _, err := client.Inspect(context.Background(), picture("f")); err != nil {
		t.Error(err)
	}
}

func TestHealthOfNobody(t *testing.T) {
	f := newFake(t).start()
	f.kill()
	if _, err := f.dial().Health(context.Background()); asError(t, err).Code != codes.Unavailable {
		t.Errorf("the error is %v", err)
	}
}

func TestMessagesOverALimitAreNotSent(t *testing.T) {
	big := picture("f")
	big.Image = Encoded(make([]byte, 3<<20))
	for name, test := range map[string]struct {
		limits  *pb.ServerLimits
		options []Option
		says    string
	}{
		"this client's": {nil, []Option{WithMaxMessageBytes(2 << 20)}, "this client's limit of 2097152 bytes"},
		"the server's":  {&pb.ServerLimits{MaxMessageBytes: 2 << 20}, nil, "the server's limit of 2097152 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.limits = test.limits
			f.start()

			_, err := f.dial(test.options...).Inspect(context.Background(), big)

			failure := asError(t, err)
			if !errors.Is(err, MessageTooLarge) || !strings.Contains(failure.Message, test.says) ||
				!strings.Contains(failure.Message, "message of 31457") {
				t.Errorf("the error is %v", err)
			}
			if failure.Attempts != 0 || len(f.seen()) != 0 {
				t.Errorf("it was sent %q", f.seen())
			}
		})
	}
}

func TestAServerWithoutLimitsTakesLargeMessages(t *testing.T) {
	big := picture("f")
	big.Image = Encoded(make([]byte, 3<<20))
	if _, err := newFake(t).start().dial().Inspect(context.Background(), big); err != nil {
		t.Error(err)
	}
}

func TestAReplyOverTheLimitNamesBothNumbers(t *testing.T) {
	f := newFake(t)
	f.inspect = func(_ context.Context, request *pb.InspectRequest) (*pb.InspectResponse, error) {
		reply := answer(request.GetMetadata(), request.GetImage())
		reply.InspectedPicture = &pb.EncodedPicture{Data: make([]byte, 3<<20)}
		return reply, nil
	}
	f.start()

	_, err := f.dial(WithMaxReplyBytes(2<<20)).Inspect(context.Background(), picture("f"))

	if !errors.Is(err, MessageTooLarge) || !strings.Contains(err.Error(), "vs. 2097152") || len(f.seen()) != 1 {
		t.Errorf("after %q the error is %v", f.seen(), err)
	}
}

func TestWhatCannotBeSentIsTheFramesError(t *testing.T) {
	client := newFake(t).start().dial()
	for name, test := range map[string]struct {
		frame Frame
		field string
	}{
		"no image":      {Frame{}, "image"},
		"category":      {Frame{Image: Encoded([]byte{1}), Options: Options{Category: "\xff"}}, "options.category"},
		"frame id":      {Frame{Image: Encoded([]byte{1}), FrameID: "\xff"}, "metadata.frame_id"},
		"two seeds":     {Frame{Image: Encoded([]byte{1}), Options: Options{Seed: Ptr(uint64(1)), RandomSeed: true}}, "options.seed"},
		"samples":       {Frame{Image: Encoded([]byte{1}), Options: Options{Samples: -1}}, "options.samples"},
		"negative time": {Frame{Image: Encoded([]byte{1}), Timeout: -1}, "timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client.Inspect(context.Background(), test.frame)
			failure := asError(t, err)
			if failure.Code != codes.InvalidArgument || len(failure.Violations) != 1 || failure.Violations[0].Field != test.field {
				t.Errorf("the error is %#v", failure)
			}
		})
	}
	_, err := client.Inspect(context.Background(), Frame{Image: File("no such file")})
	if !errors.Is(err, fs.ErrNotExist) || asError(t, err).Code != codes.InvalidArgument {
		t.Errorf("of a file that is not there the error is %v", err)
	}
}

func TestARequestIDOfTheCallersIsKept(t *testing.T) {
	f := newFake(t)
	f.inspect = func(ctx context.Context, _ *pb.InspectRequest) (*pb.InspectResponse, error) {
		incoming, _ := metadata.FromIncomingContext(ctx)
		return nil, status.Error(codes.InvalidArgument, strings.Join(incoming.Get("x-request-id"), "|"))
	}
	f.start()
	ctx := metadata.AppendToOutgoingContext(context.Background(), "x-request-id", "line-3")

	_, err := f.dial().Inspect(ctx, picture("f"))

	if failure := asError(t, err); failure.RequestID != "line-3" || failure.Message != "line-3" {
		t.Errorf("the error is %#v", failure)
	}
}

func TestTheTokenGoesWithEveryCall(t *testing.T) {
	f := newFake(t)
	f.inspect = func(ctx context.Context, _ *pb.InspectRequest) (*pb.InspectResponse, error) {
		incoming, _ := metadata.FromIncomingContext(ctx)
		return nil, status.Error(codes.InvalidArgument, strings.Join(incoming.Get("authorization"), "|"))
	}
	f.start()

	_, err := f.dial(WithToken("abc")).Inspect(context.Background(), picture("f"))

	if asError(t, err).Message != "Bearer abc" {
		t.Errorf("the server got %v", err)
	}
}

func TestAClosedClientEndsItsCalls(t *testing.T) {
	f := newFake(t)
	f.inspect = hanging
	f.start()
	client := f.dial()
	go func() {
		f.saw(1)
		_ = client.Close()
	}()
	for range 2 {
		began := time.Now()
		_, err := client.Inspect(context.Background(), picture("f"))
		if asError(t, err).Code != codes.Canceled || time.Since(began) > 30*time.Second {
			t.Errorf("after %v the error is %v", time.Since(began), err)
		}
	}
}

func TestAClosedClientWaitsForNoOtherAttempt(t *testing.T) {
	f := newFake(t)
	f.inspect = failing(1000, callError(codes.ResourceExhausted, QueueFull, 40*time.Second))
	f.start()
	client := f.dial()
	go func() {
		f.saw(1)
		_ = client.Close()
	}()
	began := time.Now()
	_, err := client.Inspect(context.Background(), picture("f"))
	if asError(t, err).Code != codes.Canceled || time.Since(began) > 30*time.Second {
		t.Errorf("after %v the error is %v", time.Since(began), err)
	}
}

func TestCallsGoRoundTheServersOfAName(t *testing.T) {
	one, two := newFake(t).start(), newFake(t).start()
	target, options := resolving(one.address, two.address)
	client, err := Dial(target, append(options, impatient)...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	call := func() {
		if _, err := client.Inspect(context.Background(), picture("f")); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(time.Minute); len(one.seen()) == 0 || len(two.seen()) == 0; {
		if time.Now().After(deadline) {
			t.Fatalf("only one of the servers is called: %d, %d", len(one.seen()), len(two.seen()))
		}
		call() // until both are connected
	}
	before := len(one.seen())
	for range 20 {
		call()
	}
	if n := len(one.seen()) - before; n != 10 {
		t.Errorf("of 20 calls one server got %d", n)
	}
}

func TestModelsAndServerInfo(t *testing.T) {
	f := newFake(t)
	f.limits = &pb.ServerLimits{MaxMessageBytes: 7, MaxStreams: 3}
	f.start()
	client := f.dial()
	info, err := client.ServerInfo(context.Background())
	if err != nil || info.Version != "fake" || info.Limits.MaxMessageBytes != 7 || info.Limits.MaxStreams != 3 {
		t.Errorf("the server says %+v, %v", info, err)
	}
	// The fake has no models, as a server of an older contract.
	if _, err := client.Models(context.Background()); asError(t, err).Code != codes.Unimplemented {
		t.Errorf("the error is %v", err)
	}
	if _, err := client.Model(context.Background(), "\xff"); asError(t, err).Reason != InvalidField {
		t.Errorf("the error is %v", err)
	}
}
