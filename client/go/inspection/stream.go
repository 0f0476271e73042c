package inspection

import (
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"time"
)

// StreamOptions say what a stream does with its frames.
type StreamOptions struct {
	// Of every frame that does not say otherwise.
	Options Options
	// Frames that are taken from the caller and not yet given back, >= 1; 0: 8. It bounds the client's memory.
	MaxInFlight int
	// When frames come faster than they are answered, the oldest one that still waits at the server is given up, with
	// ErrSkipped as its outcome. Otherwise the stream drops nothing, and Send waits.
	Latest bool
	// Of each frame, all attempts together, from when Send took it; 0: the client's.
	Timeout time.Duration
}

// Outcome is what has become of one frame: exactly one of Result and Err is not nil.
type Outcome struct {
	FrameID  string
	Attempts int // how often the frame was sent
	Result   *Result
	Err      error // an [*Error] or ErrSkipped
}

// Stream inspects frames in order: one goroutine gives them with [Stream.Send] and ends with [Stream.CloseSend], another
// one takes the outcomes from [Stream.Outcomes]. Or both at once, with [Stream.Inspect]. Behind it are as many calls to
// the server as it takes: when one breaks, the frames without an answer go again over the next.
type Stream struct {
	client  *Client
	ctx     context.Context
	cancel  context.CancelFunc
	timeout time.Duration

	slots   chan struct{} // one for each frame taken and not yet given back
	taken   chan *entry
	out     chan *Outcome
	noMore  chan struct{} // closed by CloseSend
	closing sync.Once
	ranged  atomic.Bool

	done chan struct{} // closed at the end, after rest and err are set
	rest []*Outcome    // not given back before the end
	err  error         // nil: every frame has its outcome
}

const defaultInFlight = 8

// Stream opens a stream. It sends nothing before the first frame, so it fails only for options that cannot be; then
// [Stream.Outcomes] tells. It lives until every frame has its outcome, ctx ends, or [Stream.Close].
func (c *Client) Stream(ctx context.Context, options StreamOptions) *Stream {
	inFlight := options.MaxInFlight
	if inFlight == 0 {
		inFlight = defaultInFlight
	}
	s := &Stream{
		client:  c,
		timeout: options.Timeout,
		slots:   make(chan struct{}, max(inFlight, 1)),
		taken:   make(chan *entry),
		out:     make(chan *Outcome),
		noMore:  make(chan struct{}),
		done:    make(chan struct{}),
	}
	if s.timeout == 0 {
		s.timeout = c.settings.timeout
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	configuration, err := options.message()
	if err != nil {
		s.err = localError(err)
		s.cancel()
		close(s.done)
		return s
	}
	go newExchange(s, configuration).run()
	return s
}

// Send gives the stream a frame, and waits while as many as may be are in flight. A frame that cannot be sent, for
// example because its file cannot be read, is taken all the same, and its outcome is the error. Send fails only when
// the stream has ended: with the stream's error, or ErrStreamClosed.
//
// Whoever sends must not be the one who takes the outcomes, or both wait for each other when the stream is full.
func (s *Stream) Send(frame Frame) error {
	select {
	case <-s.done:
		return s.ended()
	default:
	}
	select {
	case <-s.noMore:
		return ErrStreamClosed
	default:
	}
	select {
	case s.slots <- struct{}{}:
	case <-s.done:
		return s.ended()
	}
	e := newEntry(frame, s.timeout)
	select {
	case s.taken <- e:
		return nil
	case <-s.done:
		return s.ended()
	}
}

// CloseSend says that no frame follows. The outcomes of those that were sent still come. Not while Send runs.
func (s *Stream) CloseSend() { s.closing.Do(func() { close(s.noMore) }) }

// Close ends the stream at once; frames without an outcome end with CANCELLED. It need not be called after the last
// outcome.
func (s *Stream) Close() { s.cancel() }

// Outcomes gives one outcome for each frame, in order. It ends after the last one, when CloseSend was called; or with a
// nil outcome and the stream's error, when the stream ended before its time. Leaving the loop closes the stream. One
// goroutine at a time may range over it, and once.
func (s *Stream) Outcomes() iter.Seq2[*Outcome, error] {
	return func(yield func(*Outcome, error) bool) {
		if s.ranged.Swap(true) {
			yield(nil, ErrStreamClosed)
			return
		}
		s.give(yield)
	}
}

// give is the one range over the outcomes.
func (s *Stream) give(yield func(*Outcome, error) bool) {
	defer s.cancel()
	for {
		select {
		case outcome := <-s.out:
			if !yield(outcome, nil) {
				return
			}
			continue
		case <-s.done:
		}
		break
	}
	for _, outcome := range s.rest {
		if !yield(outcome, nil) {
			return
		}
	}
	if s.err != nil {
		yield(nil, s.err)
	}
}

// Inspect sends all frames and gives their outcomes, as Send, CloseSend and Outcomes do together. It runs frames in a
// goroutine of its own; after the loop is left it is told to stop at its next frame.
func (s *Stream) Inspect(frames iter.Seq[Frame]) iter.Seq2[*Outcome, error] {
	return func(yield func(*Outcome, error) bool) {
		if s.ranged.Swap(true) {
			yield(nil, ErrStreamClosed) // and the frames are not the other range's
			return
		}
		go func() {
			defer s.CloseSend()
			for frame := range frames {
				if s.Send(frame) != nil {
					return
				}
			}
		}()
		s.give(yield)
	}
}

// ended is what Send returns afterwards.
func (s *Stream) ended() error {
	if s.err != nil {
		return s.err
	}
	return ErrStreamClosed
}
