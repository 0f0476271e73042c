package inspection

import (
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// exchange is what runs behind a Stream: it keeps the frames that were taken in their order, and has one session at a
// time carry them. One goroutine owns all of it; see run.
type exchange struct {
	stream        *Stream
	client        *Client
	configuration *pb.InspectStreamRequest

	entries []*entry // taken and not given back, in order
	closed  bool     // no frame follows
	failure *Error   // what the stream ends with

	session  *session
	began    time.Time // when the first session was opened; zero: not yet
	reopenAt time.Time // no new session sooner
	outage   *Error    // why the last session ended; nil since the last reply
	waits    waits
	atOnce   bool // the next end for a server's age or stop does not wait
}

func newExchange(s *Stream, configuration *pb.InspectStreamRequest) *exchange {
	return &exchange{
		stream: s, client: s.client, configuration: configuration,
		waits: waits{pace: s.client.settings.pace}, atOnce: true,
	}
}

// run ends when every frame was given back and none follows, when the caller leaves, or when the stream fails.
func (x *exchange) run() {
	for x.failure == nil && !(x.closed && len(x.entries) == 0) {
		now := time.Now()
		x.expire(now)
		x.open(now)
		x.send(now)
		x.wait(now)
	}
	x.finish()
}

// wait blocks until something has happened, and takes note of it.
func (x *exchange) wait(now time.Time) {
	s := x.stream
	var (
		out    chan *Outcome
		head   *Outcome
		taken  chan *entry
		noMore chan struct{}
		events chan event
	)
	if len(x.entries) > 0 && x.entries[0].outcome != nil {
		out, head = s.out, x.entries[0].outcome
	}
	if !x.closed {
		taken, noMore = s.taken, s.noMore
	}
	if x.session != nil {
		events = x.session.events
	}
	timer := time.NewTimer(x.untilNext(now))
	defer timer.Stop()
	select {
	case out <- head:
		x.entries = x.entries[1:]
		<-s.slots
	case e := <-taken:
		x.entries = append(x.entries, e)
	case <-noMore:
		x.closed = true
	case e := <-events:
		x.happened(e)
	case <-timer.C:
	case <-s.ctx.Done():
		x.failure = callersError(s.ctx)
	case <-x.client.closed:
		x.failure = clientClosed()
	}
}

// untilNext is how long nothing is to be done unless something happens.
func (x *exchange) untilNext(now time.Time) time.Duration {
	next := now.Add(time.Hour)
	for _, e := range x.entries {
		if e.outcome != nil {
			continue
		}
		if wake := e.wake(now, x.client.settings.stallGrace); wake.Before(next) {
			next = wake
		}
		if x.session == nil && x.reopenAt.After(now) && x.reopenAt.Before(next) {
			next = x.reopenAt
		}
	}
	return next.Sub(now)
}

// expire ends frames whose time is up; a server that hangs loses its session.
func (x *exchange) expire(now time.Time) {
	hung := false
	for _, e := range x.entries {
		if e.expire(now, x.client.settings.stallGrace, x.outage) {
			hung = true
		}
	}
	if hung {
		x.interrupt(&Error{Code: codes.Unavailable, Message: "the server gave no answer to a frame before this one"})
	}
}

// open makes a session when there is none and a frame wants one.
func (x *exchange) open(now time.Time) {
	if x.session != nil || now.Before(x.reopenAt) {
		return
	}
	for _, e := range x.entries {
		if e.sendable(now) {
			if x.began.IsZero() {
				x.began = now
			}
			x.session = openSession(x.stream.ctx, x.client, x.configuration, x.began)
			return
		}
	}
}

// send hands the oldest frame that may go to an idle session.
func (x *exchange) send(now time.Time) {
	s := x.session
	if s == nil || !s.idle || s.retired {
		return
	}
	for _, e := range x.entries {
		if !e.sendable(now) {
			continue
		}
		attempt := e.message(now)
		s.idle = false
		e.underWay = true
		e.history.sent++
		s.pending = append(s.pending, e)
		s.send <- attempt
		return
	}
}

func (x *exchange) happened(e event) {
	switch {
	case e.ready:
		x.session.idle = true
	case e.refused != nil:
		x.refused(e.refused)
	case e.reply != nil:
		x.replied(e.reply)
	case e.end != nil:
		x.ended(e.end)
	}
}

// refused takes back the frame that was just handed over: it was not sent.
func (x *exchange) refused(r *refusal) {
	s := x.session
	s.pending = s.pending[:len(s.pending)-1]
	r.entry.underWay = false
	r.entry.history.sent--
	r.entry.fail(r.failure)
}

func (x *exchange) replied(r *reply) {
	s, m := x.session, r.message
	// An error of metadata that the server does not take comes without any, and goes by its sequence alone.
	anonymous := m.GetError() != nil && m.GetMetadata().GetFrameId() == ""
	if len(s.pending) == 0 || m.GetSequence() != s.sequence || m.GetOutcome() == nil ||
		!anonymous && !s.pending[0].parcel.answeredBy(m.GetMetadata(), m.GetResult()) {
		x.interrupt(damaged())
		return
	}
	if r.damage != nil {
		r.damage.RequestID = s.id
		x.interrupt(r.damage)
		return
	}
	e := s.pending[0]
	s.pending = s.pending[1:]
	s.sequence++
	e.underWay = false
	x.waits.reset()
	x.atOnce = true
	x.outage = nil
	switch {
	case r.result != nil:
		e.succeed(r.result)
	case m.GetSkipped() != nil:
		e.skip()
	default:
		failure := fromFrameError(m.GetError())
		failure.RequestID = s.id
		e.refused(failure, x.client.settings.pace)
		if elsewhere(failure) {
			s.retire()
		}
	}
	if s.retired && len(s.pending) == 0 {
		x.session = nil
		go s.linger(x.client.settings.finishGrace)
	}
}

// ended notes how a session ended, whoever ended it.
func (x *exchange) ended(end *ending) {
	if x.stream.ctx.Err() != nil {
		x.failure = callersError(x.stream.ctx)
		return
	}
	failure := end.failure
	unanswered := len(x.session.pending)
	if failure == nil && unanswered == 0 {
		retired := x.session.retired
		x.session.drop()
		x.session = nil
		if !retired {
			x.pause(&Error{}, end.sent)
		}
		return
	}
	if failure == nil {
		failure = &Error{
			Code: codes.Internal, RequestID: x.session.id,
			Message: fmt.Sprintf("the server ended the stream and left %d frames without an answer", unanswered),
		}
	}
	if !failure.word {
		x.client.limits.forget()
	}
	switch {
	case endsStream(failure), x.client.link.closed():
		x.failure = failure
	case !end.sent && x.client.link.outOfPatience(x.began):
		x.failure = failure.because("; no server was reached in %s", inFull(time.Since(x.began)))
	case failure.Reason == MessageTooLarge && unanswered > 0:
		x.culprit(failure).fail(failure)
		x.interrupt(&Error{Code: codes.Unavailable, Message: "the call ended with another frame: " + failure.Message})
	default:
		if unanswered == 0 {
			x.blame(failure)
		}
		x.interruptAfter(failure, end.sent)
	}
}

// culprit is the frame whose message, or whose reply, was too large.
func (x *exchange) culprit(failure *Error) *entry {
	pending := x.session.pending
	guilty := pending[0] // the next reply was this one's
	if refusedHere(failure, x.client.settings.maxReplyBytes) {
		return guilty
	}
	for _, e := range pending {
		if e.size > guilty.size {
			guilty = e
		}
	}
	return guilty
}

// blame gives the end of a session that no frame was sent over to those that wait for it. What cannot be mended by
// trying again is one frame's, the oldest's, so that the stream gets on.
func (x *exchange) blame(failure *Error) {
	for _, e := range x.entries {
		if e.outcome != nil || e.underWay {
			continue
		}
		e.interrupted(failure)
		if e.outcome != nil {
			return
		}
	}
}

// interrupt drops the session; its unanswered frames go again.
func (x *exchange) interrupt(failure *Error) { x.interruptAfter(failure, true) }

func (x *exchange) interruptAfter(failure *Error, sent bool) {
	x.outage = failure
	if s := x.session; s != nil {
		s.drop()
		x.session = nil
		for _, e := range s.pending {
			if e.outcome == nil {
				e.interrupted(failure)
			}
			e.underWay = false
		}
	}
	x.pause(failure, sent)
}

// pause sets when the next session may be opened.
func (x *exchange) pause(failure *Error, sent bool) {
	now := time.Now()
	if x.atOnce && (failure.Reason == MaxStreamAge || failure.Reason == Draining) {
		x.atOnce = false
		x.reopenAt = now.Add(failure.RetryAfter)
		return
	}
	x.reopenAt = now.Add(x.waits.take(failure.RetryAfter))
	until := x.client.link.patience(x.began)
	if !sent && !until.IsZero() && x.reopenAt.After(until) {
		x.reopenAt = until // for a last try at that time
	}
}

// finish ends the session, and leaves what was not given back to the caller.
func (x *exchange) finish() {
	s := x.stream
	if x.session != nil {
		if x.failure == nil {
			x.session.retire()
			x.session.linger(x.client.settings.finishGrace)
		}
		x.session.drop()
	}
	for _, e := range x.entries {
		if e.outcome == nil {
			e.fail(x.failure)
		}
		s.rest = append(s.rest, e.outcome)
	}
	if x.failure != nil {
		s.err = x.failure
	}
	close(s.done)
	s.cancel()
}
