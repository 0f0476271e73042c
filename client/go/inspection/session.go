package inspection

import (
	"context"
	"errors"
	"io"
	"time"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// session is one call of a stream. One goroutine opens it and sends, another one receives; both tell the exchange what
// happened, through events, until the session is dropped.
type session struct {
	client *Client
	ctx    context.Context
	drop   context.CancelFunc
	began  time.Time // patience counts from then
	id     string    // x-request-id

	send   chan outgoing // to the sender, which takes one when it is idle
	finish chan struct{} // closed: nothing more is sent
	events chan event

	// Of the exchange's goroutine.
	idle     bool     // the sender is
	pending  []*entry // sent and not answered, in the order in which they were sent
	sequence uint64   // of the next reply
	retired  bool     // it takes no more frames
}

// event is what happened to a session. Exactly one field is set, but for ready, which a refused comes before.
type event struct {
	ready   bool // the sender is idle
	refused *refusal
	reply   *reply
	end     *ending
}

// refusal is a frame that was too large to be sent.
type refusal struct {
	entry   *entry
	failure *Error
}

// reply is one message of the server, decoded.
type reply struct {
	message *pb.InspectStreamResponse
	result  *Result
	damage  *Error // the result could not be decoded
}

// ending is how the call ended; failure nil: as it should.
type ending struct {
	failure *Error
	sent    bool // it had reached a server
}

// openSession never blocks. The call begins with the configuration; patience with a first connection counts from began.
func openSession(ctx context.Context, c *Client, configuration *pb.InspectStreamRequest, began time.Time) *session {
	s := &session{
		client: c, began: began,
		send: make(chan outgoing, 1), finish: make(chan struct{}), events: make(chan event),
	}
	ctx, s.id = identified(ctx)
	s.ctx, s.drop = context.WithCancel(ctx)
	go s.run(configuration)
	return s
}

func (s *session) run(configuration *pb.InspectStreamRequest) {
	if failure := s.client.link.await(s.ctx, s.began); failure != nil {
		s.tell(event{end: &ending{failure: failure}})
		return
	}
	call, err := s.client.stub.InspectStream(s.ctx)
	if err != nil {
		s.tell(event{end: &ending{failure: s.failure(err)}})
		return
	}
	s.client.link.reached.Store(true)
	go s.receive(call)
	if call.Send(configuration) != nil {
		return // the receiver learns why
	}
	for s.tell(event{ready: true}) {
		next, more := s.next()
		if !more {
			_ = call.CloseSend() // the receiver learns whether it came to be
			return
		}
		if failure := next.tooLargeFor(s.ctx, s.client); failure != nil {
			if !s.tell(event{refused: &refusal{next.entry, failure}}) {
				return
			}
			continue
		}
		if call.Send(next.message) != nil {
			return
		}
	}
}

// next waits for a frame to send; false: none follows. One that was handed over before the end goes first.
func (s *session) next() (outgoing, bool) {
	select {
	case next := <-s.send:
		return next, true
	case <-s.ctx.Done():
		return outgoing{}, false
	case <-s.finish:
	}
	select {
	case next := <-s.send:
		return next, true
	default:
		return outgoing{}, false
	}
}

func (s *session) receive(call pb.InspectionService_InspectStreamClient) {
	for {
		message, err := call.Recv()
		if err != nil {
			end := &ending{sent: true}
			if !errors.Is(err, io.EOF) {
				end.failure = s.failure(err)
			}
			s.tell(event{end: end})
			return
		}
		r := &reply{message: message}
		if result := message.GetResult(); result != nil {
			decoded, err := resultOf(result)
			if err != nil {
				r.damage = undecodable(err)
			}
			r.result = decoded
		}
		if !s.tell(event{reply: r}) {
			return
		}
	}
}

// tell returns false when nobody listens any more.
func (s *session) tell(e event) bool {
	select {
	case s.events <- e:
		return true
	case <-s.ctx.Done():
		return false
	}
}

func (s *session) failure(err error) *Error {
	failure := fromStatus(err)
	failure.RequestID = s.id
	if !failure.word && s.client.link.closed() {
		return clientClosed()
	}
	return failure
}

// retire lets the frames that are under way be answered, and takes no more.
func (s *session) retire() {
	if !s.retired {
		s.retired = true
		close(s.finish)
	}
}

// linger gives the server a moment to end a retired call by itself; cancelled, it would count as one whose client left.
func (s *session) linger(grace time.Duration) {
	defer s.drop()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	for {
		select {
		case e := <-s.events:
			if e.end != nil {
				return
			}
		case <-timer.C:
			return
		}
	}
}
