package inspection

import (
	"testing"
	"time"
)

func TestWaitsGrowFromAHundredMillisecondsToFiveSeconds(t *testing.T) {
	p := defaults().pace
	p.random = func() float64 { return 0.5 } // no jitter
	w := waits{pace: p}
	want := []time.Duration{100 * time.Millisecond, 150 * time.Millisecond, 225 * time.Millisecond}
	for i, d := range want {
		if got := w.take(0); got != d {
			t.Errorf("wait %d is %v, not %v", i, got, d)
		}
	}
	for range 20 {
		w.take(0)
	}
	if got := w.take(0); got != 5*time.Second {
		t.Errorf("the longest wait is %v", got)
	}
	w.reset()
	if got := w.take(0); got != 100*time.Millisecond {
		t.Errorf("after a reset the wait is %v", got)
	}
}

func TestWaitsHaveARandomPart(t *testing.T) {
	for random, want := range map[float64]struct{ first, longest time.Duration }{
		0: {80 * time.Millisecond, 4 * time.Second}, 1: {120 * time.Millisecond, 5 * time.Second},
	} {
		p := defaults().pace
		p.random = func() float64 { return random }
		w := waits{pace: p}
		if got := w.take(0); got != want.first {
			t.Errorf("at %v the wait is %v, not %v", random, got, want.first)
		}
		for range 20 {
			w.take(0)
		}
		if got := w.take(0); got != want.longest {
			t.Errorf("at %v the longest wait is %v, not %v", random, got, want.longest)
		}
	}
}

func TestWaitsAreNeverShorterThanTheServerSays(t *testing.T) {
	w := waits{pace: defaults().pace}
	if got := w.take(7 * time.Second); got != 7*time.Second {
		t.Errorf("the wait is %v", got)
	}
}

func TestDefaultsAreThoseOfAllClients(t *testing.T) {
	s := defaults()
	if s.timeout != time.Minute || s.connectTimeout != 5*time.Second || s.keepalive != 10*time.Second ||
		s.keepaliveTimeout != 5*time.Second || s.maxMessageBytes != 65<<20 || s.maxReplyBytes != 512<<20 ||
		s.stallGrace != 5*time.Second || defaultInFlight != 8 {
		t.Errorf("they are %+v", s)
	}
}
