package inspection

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// entry is a frame that a stream has taken and not given back. It belongs to the exchange's goroutine.
type entry struct {
	parcel    *parcel
	size      int // of its message, bytes, give or take a few: attempts differ in number and time
	history   history
	waits     waits
	notBefore time.Time // do not send it again sooner
	underWay  bool      // sent, and not answered
	drained   bool      // a server that stops has given it back before
	outcome   *Outcome  // not nil: it is ready to be given back
}

// newEntry loads the frame; that may take a while and is done in the caller's goroutine.
func newEntry(frame Frame, timeout time.Duration) *entry {
	began := time.Now()
	parcel, failure := frame.pack(timeout, true)
	e := &entry{parcel: parcel, history: history{began: began, deadline: began.Add(parcel.timeout)}}
	if failure != nil {
		e.fail(failure)
		return e
	}
	e.size = proto.Size(e.message(began).message)
	return e
}

// outgoing is an attempt on its way to the connection.
type outgoing struct {
	entry   *entry
	message *pb.InspectStreamRequest
}

// message is the frame's next attempt at that time.
func (e *entry) message(now time.Time) outgoing {
	return outgoing{entry: e, message: &pb.InspectStreamRequest{
		Message: &pb.InspectStreamRequest_Frame{Frame: &pb.StreamFrame{
			Image: e.parcel.image, Metadata: e.parcel.labelled(e.history.sent), Options: e.parcel.options,
			Timeout: durationpb.New(max(time.Millisecond, e.history.deadline.Sub(now))),
		}},
	}}
}

func (e *entry) sendable(now time.Time) bool {
	return e.outcome == nil && !e.underWay && !now.Before(e.notBefore)
}

func (e *entry) succeed(result *Result) {
	result.Attempts = e.history.sent
	e.outcome = &Outcome{FrameID: e.parcel.id, Attempts: e.history.sent, Result: result}
}

func (e *entry) skip() {
	e.outcome = &Outcome{FrameID: e.parcel.id, Attempts: e.history.sent, Err: ErrSkipped}
}

// fail ends the frame.
func (e *entry) fail(failure *Error) {
	failure = failure.because("")
	failure.FrameID = e.parcel.id
	failure.Attempts = e.history.sent
	e.outcome = &Outcome{FrameID: e.parcel.id, Attempts: e.history.sent, Err: failure}
}

// refused is the server's answer to the frame alone.
func (e *entry) refused(failure *Error, pace pace) {
	e.underWay = false
	e.history.add(failure)
	if !e.history.mayTryAgain() {
		e.fail(e.history.end())
		return
	}
	e.waits.pace = pace
	wait := failure.RetryAfter
	if failure.Reason != Draining || e.drained {
		wait = e.waits.take(failure.RetryAfter)
	}
	e.drained = e.drained || failure.Reason == Draining
	e.notBefore = time.Now().Add(wait)
	if !e.notBefore.Before(e.history.deadline) {
		e.fail(e.history.end())
	}
}

// interrupted is the end of the call that the frame was sent over, or should have been.
func (e *entry) interrupted(failure *Error) {
	late := e.underWay && !time.Now().Before(e.history.deadline)
	e.underWay = false
	if late && againAfter(failure) != never {
		e.fail(&Error{
			Code: codes.DeadlineExceeded, Reason: DeadlineExceeded, RequestID: failure.RequestID,
			Message: "the frame's time of " + inFull(e.parcel.timeout) + " passed without an answer; then: " + failure.Message,
		})
		return
	}
	e.history.add(failure)
	if !e.history.mayTryAgain() {
		e.fail(e.history.end())
	}
}

// expire ends a frame whose time is up: one that waits at once, one that is under way after the grace, since the server
// itself answers with DEADLINE_EXCEEDED. It says whether a server has not answered. outage is why no server was reached
// lately, or nil: what a frame waited for that was not tried itself.
func (e *entry) expire(now time.Time, grace time.Duration, outage *Error) (hung bool) {
	if e.outcome != nil || now.Before(e.wake(now, grace)) {
		return false
	}
	switch {
	case e.underWay:
		e.fail(&Error{
			Code: codes.DeadlineExceeded, Reason: DeadlineExceeded,
			Message: "the server gave no answer until " + inFull(now.Sub(e.history.deadline)) + " after the frame's time of " +
				inFull(e.parcel.timeout),
		})
		return true
	case now.Before(e.history.deadline):
		return false // it woke to be sent again
	case e.history.last != nil:
		e.fail(e.history.end())
	case outage != nil:
		e.fail(outage.because("; the frame came after that, and its time of %s passed before it could be sent",
			inFull(e.parcel.timeout)))
	default:
		e.fail(&Error{
			Code: codes.DeadlineExceeded, Reason: DeadlineExceeded,
			Message: "the frame's time of " + inFull(e.parcel.timeout) + " passed before it could be sent",
		})
	}
	return false
}

// wake is when the entry wants to be looked at next.
func (e *entry) wake(now time.Time, grace time.Duration) time.Time {
	switch {
	case e.underWay:
		return e.history.deadline.Add(grace)
	case now.Before(e.notBefore) && e.notBefore.Before(e.history.deadline):
		return e.notBefore
	default:
		return e.history.deadline
	}
}

// message is the configuration with which each of the stream's calls begins.
func (o StreamOptions) message() (*pb.InspectStreamRequest, error) {
	if o.MaxInFlight < 0 {
		return nil, invalid("MaxInFlight", "is %d; it must be at least 1", o.MaxInFlight)
	}
	if o.Timeout < 0 {
		return nil, invalid("Timeout", "is %v; it must be more than 0", o.Timeout)
	}
	options, err := o.Options.message(false)
	if err != nil {
		return nil, err
	}
	configuration := &pb.StreamConfiguration{Options: options, FlowPolicy: pb.FlowPolicy_FLOW_POLICY_BLOCK}
	if o.Latest {
		configuration.FlowPolicy = pb.FlowPolicy_FLOW_POLICY_LATEST
	}
	return &pb.InspectStreamRequest{Message: &pb.InspectStreamRequest_Configuration{Configuration: configuration}}, nil
}

// tooLargeFor returns an error for an attempt that is over a limit.
func (o outgoing) tooLargeFor(ctx context.Context, c *Client) *Error {
	if err := c.checkSize(ctx, proto.Size(o.message)); err != nil {
		return localError(err)
	}
	return nil
}
