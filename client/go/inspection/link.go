package inspection

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
)

// link knows whether a server was ever reached, and how long to wait for the first one.
type link struct {
	conn         *grpc.ClientConn
	target       string
	timeout      time.Duration // for the first
	waitForReady bool
	reached      atomic.Bool
}

// patience is until when a call that began then waits for a first connection; zero: as long as it may take.
func (l *link) patience(began time.Time) time.Time {
	if l.waitForReady || l.reached.Load() {
		return time.Time{}
	}
	return began.Add(l.timeout)
}

// await returns nil when a server is connected, or when connecting has failed for now: the call that follows then tells
// why. UNAVAILABLE: neither came about before ctx ended or the patience of a call that began at that time was out.
func (l *link) await(ctx context.Context, began time.Time) *Error {
	if until := l.patience(began); !until.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, until)
		defer cancel()
	}
	for {
		state := l.conn.GetState()
		switch state {
		case connectivity.Ready:
			l.reached.Store(true)
			return nil
		case connectivity.TransientFailure:
			return nil
		case connectivity.Shutdown:
			return clientClosed()
		case connectivity.Idle:
			l.conn.Connect()
		}
		if !l.conn.WaitForStateChange(ctx, state) {
			return &Error{
				Code:    codes.Unavailable,
				Message: "no connection to " + l.target + " came about in " + inFull(time.Since(began)),
			}
		}
	}
}

// clientClosed is final: no attempt can follow it.
func clientClosed() *Error {
	return &Error{Code: codes.Canceled, Reason: Cancelled, Message: "the client is closed", word: true}
}

// closed says whether Client.Close was called.
func (l *link) closed() bool { return l.conn.GetState() == connectivity.Shutdown }

// outOfPatience says whether a call that began then should not wait for a first connection any more.
func (l *link) outOfPatience(began time.Time) bool {
	until := l.patience(began)
	return !until.IsZero() && !time.Now().Before(until)
}

// WaitForReady returns nil as soon as a server is there and healthy. The error is the context's, with what the
// connection said last.
func (c *Client) WaitForReady(ctx context.Context) error {
	for {
		state := c.conn.GetState()
		switch state {
		case connectivity.Ready:
			c.link.reached.Store(true)
			return nil
		case connectivity.Shutdown:
			return clientClosed()
		case connectivity.Idle:
			c.conn.Connect()
		}
		if !c.conn.WaitForStateChange(ctx, state) {
			failure := callersError(ctx)
			return failure.because("; no healthy server at %s yet (the connection's state: %v)", c.target, state)
		}
	}
}
