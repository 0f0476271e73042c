package inspection

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ErrSkipped is the outcome of a frame of a stream that gave way to younger ones ([StreamOptions.Latest]).
var ErrSkipped = errors.New("inspection: skipped, because younger frames of the stream came")

// ErrStreamClosed is what [Stream.Send] returns when the caller has ended the stream.
var ErrStreamClosed = errors.New("inspection: the stream takes no more frames")

// Violation is a field with a value that it cannot have.
type Violation struct {
	Field       string // path from the request, or from the stream's message: "options.samples"
	Description string // what is wrong with it, and what it may be
}

// Error says why a frame, or a call, has no result. Find it with errors.As, its cause with errors.Is:
//
//	var failure *inspection.Error
//	if errors.As(err, &failure) {
//		log.Print(failure.Code, failure.Reason, failure.RequestID)
//	}
//
// errors.Is also takes a DEADLINE_EXCEEDED for context.DeadlineExceeded and a CANCELLED for context.Canceled.
type Error struct {
	Code       codes.Code    // of gRPC
	Reason     Reason        // for programs; ReasonUnspecified: none is known, for example because nobody answered
	Message    string        // for people, in English
	Violations []Violation   // with InvalidField
	RetryAfter time.Duration // do not send it again sooner; 0: the server named no time
	RequestID  string        // of the last attempt, as in the server's log; empty: nothing was sent
	FrameID    string        // of the frame, empty where there is none
	Attempts   int           // how often it was sent

	cause error // for errors.Is and errors.As
	word  bool  // final: the server itself said so, with a FrameError, or this side knows for certain
}

// Error is one line.
func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString("inspection: ")
	text.WriteString(e.Code.String())
	if reason := e.Reason.String(); reason != "" {
		fmt.Fprintf(&text, " (%s)", reason)
	}
	text.WriteString(": ")
	text.WriteString(e.Message)
	for i, v := range e.Violations {
		separator := "; "
		if i == 0 {
			separator = ": "
		}
		if strings.Contains(e.Message, v.Field) {
			continue
		}
		text.WriteString(separator + v.Field + ": " + v.Description)
	}
	return text.String()
}

// Is reports whether target is the error's Reason, or the context's error of its Code.
func (e *Error) Is(target error) bool {
	switch target {
	case context.DeadlineExceeded:
		return e.Code == codes.DeadlineExceeded
	case context.Canceled:
		return e.Code == codes.Canceled
	}
	reason, ok := target.(Reason)
	return ok && reason == e.Reason
}

// Unwrap returns what was wrong on this side, for example an [io/fs.PathError]; nil for an error of the server.
func (e *Error) Unwrap() error { return e.cause }

// GRPCStatus lets status.Code and status.FromError of grpc-go read it.
func (e *Error) GRPCStatus() *status.Status { return status.New(e.Code, e.Message) }

// because adds to the message; e is not changed.
func (e *Error) because(format string, arguments ...any) *Error {
	changed := *e
	changed.Message += fmt.Sprintf(format, arguments...)
	return &changed
}

func invalid(field, format string, arguments ...any) *Error {
	description := fmt.Sprintf(format, arguments...)
	return &Error{
		Code: codes.InvalidArgument, Reason: InvalidField, Message: field + ": " + description,
		Violations: []Violation{{Field: field, Description: description}},
	}
}

// inFull is how a time is told in a message: "4.2s".
func inFull(d time.Duration) string { return d.Round(100 * time.Millisecond).String() }
