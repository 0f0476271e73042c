package inspection

import (
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
)

// Option changes how a client behaves; see [Dial].
type Option func(*settings)

type settings struct {
	timeout          time.Duration
	connectTimeout   time.Duration
	waitForReady     bool
	keepalive        time.Duration
	keepaliveTimeout time.Duration
	maxMessageBytes  int
	maxReplyBytes    int
	token            string
	plaintextToken   bool
	tls              *TLS
	tlsConfig        *tls.Config
	extra            []grpc.DialOption

	// Tests make these shorter.
	pace         pace
	stallGrace   time.Duration // after a frame's time, until a stream that gives no answer is dropped
	finishGrace  time.Duration // for a server to end a stream that has no more frames
	infoPatience time.Duration // for a server to tell its limits
}

func defaults() settings {
	return settings{
		timeout:          60 * time.Second,
		connectTimeout:   5 * time.Second,
		keepalive:        10 * time.Second,
		keepaliveTimeout: 5 * time.Second,
		maxMessageBytes:  65 << 20,
		maxReplyBytes:    512 << 20,
		pace: pace{
			first: 100 * time.Millisecond, growth: 1.5, most: 5 * time.Second, jitter: 0.2, random: rand.Float64,
		},
		stallGrace:   5 * time.Second,
		finishGrace:  time.Second,
		infoPatience: 5 * time.Second,
	}
}

// WithTimeout sets how long a call may take, and each frame of a stream, all attempts together; > 0, 60 s unless set. A
// context's deadline that comes sooner wins, and a frame may say otherwise ([Frame.Timeout]).
func WithTimeout(timeout time.Duration) Option { return func(s *settings) { s.timeout = timeout } }

// WithConnectTimeout sets how long the first calls wait for a server, until one was reached; > 0, 5 s unless set. After
// it they fail with UNAVAILABLE: an address that is wrong should be told soon. A server that is there and does not serve
// yet, because its model is being loaded, counts as none.
func WithConnectTimeout(timeout time.Duration) Option {
	return func(s *settings) { s.connectTimeout = timeout }
}

// WithWaitForReady lets calls wait for a server that has never been there, as long as their time allows: for a line
// that starts before its server. See also [Client.WaitForReady].
func WithWaitForReady() Option { return func(s *settings) { s.waitForReady = true } }

// WithKeepalive sets how often a connection with calls is pinged, and how long a ping may stay unanswered before the
// connection counts as broken; 10 s and 5 s unless set. grpc-go takes less than 10 s between pings for 10 s. A server
// says how often it may be pinged ([ServerLimits.MinPingInterval]).
func WithKeepalive(interval, timeout time.Duration) Option {
	return func(s *settings) { s.keepalive, s.keepaliveTimeout = interval, timeout }
}

// WithMaxMessageBytes sets the largest message to the server, a picture with all that is said of it; at least 1 MiB,
// 65 MiB unless set. The server has a limit of its own ([ServerLimits.MaxMessageBytes]).
func WithMaxMessageBytes(n int) Option { return func(s *settings) { s.maxMessageBytes = n } }

// WithMaxReplyBytes sets the largest message that is taken from the server; at least 1 MiB, 512 MiB unless set.
func WithMaxReplyBytes(n int) Option { return func(s *settings) { s.maxReplyBytes = n } }

// WithToken sends the token with every call. Without TLS it goes to this machine only, unless
// [WithPlaintextToken] allows more.
func WithToken(token string) Option { return func(s *settings) { s.token = token } }

// WithPlaintextToken allows sending the token to another machine in plain text, where something else encrypts: a
// service mesh.
func WithPlaintextToken() Option { return func(s *settings) { s.plaintextToken = true } }

// WithTLS encrypts. The zero TLS takes the system's authorities.
func WithTLS(files TLS) Option { return func(s *settings) { s.tls = &files } }

// WithTLSConfig encrypts as config says, for whoever has more to say than [TLS] can.
func WithTLSConfig(config *tls.Config) Option {
	return func(s *settings) { s.tlsConfig = config.Clone() }
}

// WithDialOptions hands options to grpc-go, after the client's own: for interceptors, statistics, another dialer.
func WithDialOptions(options ...grpc.DialOption) Option {
	return func(s *settings) { s.extra = append(s.extra, options...) }
}

const smallestMessageLimit = 1 << 20

func (s *settings) check(target string) error {
	if err := checkTarget(target); err != nil {
		return err
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"the timeout", s.timeout},
		{"the connect timeout", s.connectTimeout},
		{"the keepalive interval", s.keepalive},
		{"the keepalive timeout", s.keepaliveTimeout},
	} {
		if d.value <= 0 {
			return fmt.Errorf("%s is %v; it must be more than 0", d.name, d.value)
		}
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"largest message", s.maxMessageBytes}, {"largest reply", s.maxReplyBytes}} {
		if n.value < smallestMessageLimit {
			return fmt.Errorf("the %s is %d bytes; it must be at least %d", n.name, n.value, smallestMessageLimit)
		}
	}
	if s.tls != nil && s.tlsConfig != nil {
		return errors.New("WithTLS and WithTLSConfig are two ways to say the same; use one")
	}
	return s.checkToken(target)
}
