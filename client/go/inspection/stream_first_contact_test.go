package inspection

import (
	"testing"
	"time"

	"google.golang.org/grpc/codes"
)

func TestStreamToNobodyEndsAfterTheConnectTimeout(t *testing.T) {
	f := newFake(t).start()
	f.kill()
	began := time.Now()
	lines, end := streamed(t, f.dial(WithConnectTimeout(500*time.Millisecond)), StreamOptions{}, 2)
	expect(t, "what came", lines, []string{"f0/0 Unavailable", "f1/0 Unavailable"})
	if took := time.Since(began); asError(t, end).Code != codes.Unavailable || took < 500*time.Millisecond || took > 30*time.Second {
		t.Errorf("after %v it ended with %v", took, end)
	}
}

func TestStreamWaitsForAServerWhenAsked(t *testing.T) {
	f := newFake(t).start()
	f.kill()
	time.AfterFunc(300*time.Millisecond, func() { f.start() })
	client := f.dial(WithConnectTimeout(50*time.Millisecond), WithWaitForReady())
	lines, end := streamed(t, client, StreamOptions{}, 2)
	expect(t, "what came", lines, []string{"f0/1", "f1/1"})
	if end != nil {
		t.Errorf("it ended with %v", end)
	}
}

func TestAFrameThatNeverGotThroughTellsWhy(t *testing.T) {
	f := newFake(t).start()
	f.kill()
	client := f.dial(WithWaitForReady())
	lines, end := streamed(t, client, StreamOptions{Timeout: time.Second}, 2)
	expect(t, "what came", lines, []string{"f0/0 Unavailable", "f1/0 Unavailable"})
	if end != nil {
		t.Errorf("it ended with %v", end)
	}
}
