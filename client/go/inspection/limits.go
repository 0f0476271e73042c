package inspection

import (
	"context"
	"sync"
	"time"

	pb "bayespfl.dev/client/go/gen/bayespfl/inspection/v1"
)

// limits remembers the largest message that the server takes, so that a larger one is refused before it is sent: gRPC
// itself would end the call, and with it a whole stream.
type limits struct {
	stub     pb.InspectionServiceClient
	patience time.Duration

	mu    sync.Mutex
	known uint64 // bytes; 0: not told
}

// forget makes the next large message ask again: another server may be there.
func (l *limits) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known = 0
}

// check returns an error for a message that the server would not take. A server takes messages of 1 MiB whatever its
// settings are, so that small ones need no question. A server that does not tell its limit has none here.
func (l *limits) check(ctx context.Context, size int) *Error {
	if size <= smallestMessageLimit {
		return nil
	}
	limit := l.ask(ctx)
	if limit == 0 || uint64(size) <= limit {
		return nil
	}
	return tooLarge("the message", size, "the server's limit", int(limit))
}

func (l *limits) ask(ctx context.Context) uint64 {
	l.mu.Lock()
	known := l.known
	l.mu.Unlock()
	if known != 0 {
		return known
	}
	ctx, cancel := context.WithTimeout(ctx, l.patience)
	defer cancel()
	info, err := l.stub.GetServerInfo(ctx, &pb.GetServerInfoRequest{})
	if err != nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known = info.GetLimits().GetMaxMessageBytes()
	return l.known
}
