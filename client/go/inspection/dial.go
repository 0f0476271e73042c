package inspection

import (
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // lets the connections ask each server for its health
	"google.golang.org/grpc/keepalive"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// serviceConfig spreads calls over the healthy servers of a name.
var serviceConfig = fmt.Sprintf(`{"loadBalancingConfig": [{"round_robin": {}}], "healthCheckConfig": {"serviceName": %q}}`,
	pb.InspectionService_ServiceDesc.ServiceName)

// Client calls the servers behind one target. Make one and share it: it is safe for concurrent use.
type Client struct {
	settings settings
	target   string
	conn     *grpc.ClientConn
	stub     pb.InspectionServiceClient
	link     *link
	limits   *limits

	closing sync.Once
	closed  chan struct{} // by Close: whoever waits for the next attempt waits in vain
}

// Dial makes a client of the server, or the servers, at target: "host:port", or a target of gRPC such as
// "dns:///inspection.plant.example:50051", whose addresses are then called in turn, those that are healthy. It does not
// connect: the first call does, and tells when nobody is there.
//
// Dial fails for a target that cannot be one, for options that do not fit together, and for files that cannot be read.
func Dial(target string, options ...Option) (*Client, error) {
	s := defaults()
	for _, option := range options {
		option(&s)
	}
	if err := s.check(target); err != nil {
		return nil, fmt.Errorf("inspection: %w", err)
	}
	dialOptions, err := s.dialOptions()
	if err != nil {
		return nil, fmt.Errorf("inspection: %w", err)
	}
	conn, err := grpc.NewClient(target, append(dialOptions, grpc.WithDefaultServiceConfig(serviceConfig))...)
	if err != nil {
		return nil, fmt.Errorf("inspection: %q is no server address: %w", target, err)
	}
	c := &Client{
		settings: s, target: target, conn: conn, stub: pb.NewInspectionServiceClient(conn), closed: make(chan struct{}),
	}
	c.link = &link{conn: conn, target: target, timeout: s.connectTimeout, waitForReady: s.waitForReady}
	c.limits = &limits{stub: c.stub, patience: s.infoPatience}
	return c, nil
}

// Close ends the client's connections, and with them every call and stream that still runs.
func (c *Client) Close() error {
	err := c.conn.Close()
	c.closing.Do(func() { close(c.closed) })
	return err
}

// dialOptions need not keep proxies from this machine's own addresses: Go itself does.
func (s *settings) dialOptions() ([]grpc.DialOption, error) {
	options := []grpc.DialOption{
		// Attempts are counted, and told to the server: grpc-go must not make any of its own.
		grpc.WithDisableRetry(),
		// A server that comes back should be found about as soon as a call is tried again.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff: backoff.Config{
				BaseDelay:  s.pace.first,
				Multiplier: s.pace.growth,
				Jitter:     s.pace.jitter,
				MaxDelay:   s.pace.most,
			},
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: s.keepalive, Timeout: s.keepaliveTimeout}),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallSendMsgSize(s.maxMessageBytes),
			grpc.MaxCallRecvMsgSize(s.maxReplyBytes),
		),
		grpc.WithUserAgent("bayespfl-go"),
	}
	tlsCredentials, err := s.tlsCredentials()
	if err != nil {
		return nil, err
	}
	if tlsCredentials != nil {
		options = append(options, grpc.WithTransportCredentials(tlsCredentials))
	} else {
		options = append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))
	}
	if s.token != "" {
		options = append(options, grpc.WithPerRPCCredentials(bearer{token: s.token, needsTLS: tlsCredentials != nil}))
	}
	return append(options, s.extra...), nil
}
