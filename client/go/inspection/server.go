package inspection

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// ServerInfo is what a server says of itself.
type ServerInfo struct {
	Version string
	Limits  ServerLimits
}

// ServerLimits are what a server refuses beyond.
type ServerLimits struct {
	MaxMessageBytes             int           // of one message to the server
	MaxPictureBytes             int           // of one picture as it comes
	MaxPicturePixels            int           // of one picture, width times height
	MaxFramesPerStream          int           // read from one stream and not answered; then the server stops reading
	MaxFramesInFlight           int           // inside the server
	MaxStreams                  int           // of the server
	MaxStreamsPerClient         int           // 0: no limit
	MaxFramesPerSecondPerClient int           // 0: no limit
	MinPingInterval             time.Duration // see WithKeepalive
	MaxStreamAge                time.Duration // when the server ends a stream, give or take a tenth; 0: never
}

// ServerInfo asks the server for its version and its limits.
func (c *Client) ServerInfo(ctx context.Context) (*ServerInfo, error) {
	var reply *pb.GetServerInfoResponse
	_, failure := c.call(ctx, c.settings.timeout, func(ctx context.Context, _ int, options ...grpc.CallOption) (err error) {
		reply, err = c.stub.GetServerInfo(ctx, &pb.GetServerInfoRequest{}, options...)
		return err
	})
	if failure != nil {
		return nil, failure
	}
	limits := reply.GetLimits()
	return &ServerInfo{Version: reply.GetVersion(), Limits: ServerLimits{
		MaxMessageBytes:             int(limits.GetMaxMessageBytes()),
		MaxPictureBytes:             int(limits.GetMaxPictureBytes()),
		MaxPicturePixels:            int(limits.GetMaxPicturePixels()),
		MaxFramesPerStream:          int(limits.GetMaxFramesPerStream()),
		MaxFramesInFlight:           int(limits.GetMaxFramesInFlight()),
		MaxStreams:                  int(limits.GetMaxStreams()),
		MaxStreamsPerClient:         int(limits.GetMaxStreamsPerClient()),
		MaxFramesPerSecondPerClient: int(limits.GetMaxFramesPerSecondPerClient()),
		MinPingInterval:             limits.GetMinPingInterval().AsDuration(),
		MaxStreamAge:                limits.GetMaxStreamAge().AsDuration(),
	}}, nil
}

// Health asks a server, over a connection of its own and once, whether it serves. The error is an [*Error]: nobody
// answered in time.
func (c *Client) Health(ctx context.Context) (serving bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, min(c.settings.timeout, c.settings.connectTimeout))
	defer cancel()
	// The client's own connections are only to servers that are healthy, and could not ask the others.
	options, err := c.settings.dialOptions()
	if err != nil {
		return false, localError(err)
	}
	conn, err := grpc.NewClient(c.target, options...)
	if err != nil {
		return false, localError(err)
	}
	defer conn.Close()
	reply, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{
		Service: pb.InspectionService_ServiceDesc.ServiceName,
	})
	if err != nil {
		failure := fromStatus(err)
		if failure.Code == codes.DeadlineExceeded && ctx.Err() != nil {
			failure = failure.because("; %s did not say whether it serves", c.target)
		}
		return false, failure
	}
	return reply.GetStatus() == healthpb.HealthCheckResponse_SERVING, nil
}
