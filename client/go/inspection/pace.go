package inspection

import (
	"context"
	"time"
)

// pace says how long to wait between attempts: first, then growth times as long each time, with a random part of
// +- jitter, never longer than most.
type pace struct {
	first  time.Duration
	growth float64
	most   time.Duration
	jitter float64
	random func() float64 // 0..1
}

// waits counts up along a pace. The zero of next begins anew.
type waits struct {
	pace pace
	next time.Duration
}

// take returns how long to wait now, never less than least, and makes the next wait longer.
func (w *waits) take(least time.Duration) time.Duration {
	if w.next == 0 {
		w.next = w.pace.first
	}
	wait := w.next
	w.next = min(w.pace.most, time.Duration(float64(w.next)*w.pace.growth))
	wait += time.Duration(float64(wait) * w.pace.jitter * (2*w.pace.random() - 1))
	return max(min(wait, w.pace.most), least)
}

func (w *waits) reset() { w.next = 0 }

// sleep returns early when ctx ends, or the client is closed.
func sleep(ctx context.Context, d time.Duration, closed <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-closed:
	}
}
