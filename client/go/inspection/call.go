package inspection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

const requestIDHeader = "x-request-id"

// attempt is one try of a unary call that has been sent so many times before.
type attempt func(ctx context.Context, sent int, options ...grpc.CallOption) error

// call tries until there is an answer, or an error that another try would not mend, or the time is up. It returns how
// often the call was sent.
func (c *Client) call(caller context.Context, timeout time.Duration, try attempt) (int, *Error) {
	ctx, cancel := context.WithTimeout(caller, timeout)
	defer cancel()
	deadline, _ := ctx.Deadline()
	h := history{began: time.Now(), deadline: deadline}
	wait := waits{pace: c.settings.pace}
	for {
		failure, sent := c.try(ctx, h.began, h.sent, try)
		if sent {
			h.sent++
		}
		if failure == nil {
			return h.sent, nil
		}
		if ctx.Err() != nil && !failure.word {
			return h.sent, h.interrupted(caller, failure, sent)
		}
		h.add(failure)
		if !h.mayTryAgain() || !sent && c.link.outOfPatience(h.began) {
			return h.sent, h.end()
		}
		pause := wait.take(failure.RetryAfter)
		if until := c.link.patience(h.began); !sent && !until.IsZero() {
			pause = min(pause, time.Until(until)) // for a last try at that time
		}
		if time.Now().Add(pause).After(deadline) {
			return h.sent, h.end()
		}
		sleep(ctx, pause, c.closed)
		if caller.Err() != nil {
			return h.sent, h.interrupted(caller, failure, false)
		}
	}
}

// try makes one attempt, and says whether it got as far as being sent.
func (c *Client) try(ctx context.Context, began time.Time, sentBefore int, try attempt) (*Error, bool) {
	if failure := c.link.await(ctx, began); failure != nil {
		return failure, false
	}
	ctx, requestID := identified(ctx)
	var server peer.Peer
	err := try(ctx, sentBefore, grpc.Peer(&server))
	sent := server.Addr != nil || err == nil
	if sent {
		c.link.reached.Store(true)
	}
	if err == nil {
		return nil, sent
	}
	var failure *Error
	if !errors.As(err, &failure) {
		failure = fromStatus(err)
	}
	if sent {
		failure.RequestID = requestID
	}
	if !failure.word && c.link.closed() {
		failure = clientClosed()
	}
	if !failure.word {
		c.limits.forget()
	}
	return failure, sent
}

// identified gives the call an id that both sides can log, unless the caller has given one.
func identified(ctx context.Context) (context.Context, string) {
	if outgoing, ok := metadata.FromOutgoingContext(ctx); ok {
		if ids := outgoing.Get(requestIDHeader); len(ids) > 0 {
			return ctx, ids[0]
		}
	}
	id := newID()
	return metadata.AppendToOutgoingContext(ctx, requestIDHeader, id), id
}

// history is what has become of a call or a frame so far.
type history struct {
	began    time.Time
	deadline time.Time
	sent     int
	failed   int // attempts that ended with an error, those included that never got a connection
	devices  int // of these, DEVICE_FAILED
	last     *Error
}

func (h *history) add(failure *Error) {
	h.failed++
	if failure.Reason == DeviceFailed {
		h.devices++
	}
	h.last = failure
}

// mayTryAgain is about the last failure alone; whether there is time is another question.
func (h *history) mayTryAgain() bool {
	switch againAfter(h.last) {
	case always:
		return true
	case once:
		return h.devices <= 1
	default:
		return false
	}
}

// end is the last failure, with how often and how long was tried.
func (h *history) end() *Error {
	failure := h.last.because("")
	failure.Attempts = h.sent
	if h.failed > 1 || againAfter(h.last) == always {
		failure = failure.because("; tried %s in %s", timesText(h.failed), inFull(time.Since(h.began)))
	}
	return failure
}

// interrupted is the error of a call whose time ran out, or whose caller left.
func (h *history) interrupted(caller context.Context, failure *Error, underWay bool) *Error {
	if caller.Err() == nil && !underWay {
		// Without a connection no attempt was under way: what hindered the last one tells more.
		if h.last == nil {
			h.add(failure)
		}
		return h.end()
	}
	ended := &Error{Code: codes.DeadlineExceeded, Reason: DeadlineExceeded, Message: "the time is up"}
	if failure.Code == codes.DeadlineExceeded {
		ended = failure.because("")
	}
	if errors.Is(caller.Err(), context.Canceled) {
		ended = callersError(caller)
	}
	ended.RequestID = failure.RequestID
	ended.Attempts = h.sent
	if h.last != nil {
		ended.Message = fmt.Sprintf("%s; tried %s in %s before, the last time: %s",
			ended.Message, timesText(h.failed), inFull(time.Since(h.began)), h.last.Message)
	}
	return ended
}

// callersError is the error of a context that has ended.
func callersError(ctx context.Context) *Error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Error{Code: codes.DeadlineExceeded, Reason: DeadlineExceeded, Message: "the caller's deadline passed"}
	}
	return &Error{Code: codes.Canceled, Reason: Cancelled, Message: "the caller has left"}
}

func timesText(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
