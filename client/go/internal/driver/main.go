// The driver runs one job of tests/clients over the client's public API; tests/clients/README.md says what it reads and
// writes.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc/resolver/dns"

	"bayespfl.dev/client/go/inspection"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "driver:", err)
		os.Exit(2)
	}
}

func run() error {
	var j job
	decoder := json.NewDecoder(os.Stdin)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&j); err != nil {
		return fmt.Errorf("the job: %w", err)
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	lines := printer{out: out, encoder: json.NewEncoder(out)}
	client, err := inspection.Dial(j.Target, j.Client.options()...)
	if err != nil {
		return lines.end(err)
	}
	defer client.Close()
	frames, err := j.frames()
	if err != nil {
		return err
	}
	switch j.Mode {
	case "unary":
		return unary(client, frames, lines)
	case "stream":
		return stream(client, j.Stream, frames, lines)
	default:
		return fmt.Errorf("the job's mode is %q; it must be unary or stream", j.Mode)
	}
}

func unary(client *inspection.Client, frames []inspection.Frame, lines printer) error {
	for _, frame := range frames {
		result, err := client.Inspect(context.Background(), frame)
		if err := lines.frame(frame.FrameID, result, err); err != nil {
			return err
		}
	}
	return lines.end(nil)
}

func stream(client *inspection.Client, how streamJob, frames []inspection.Frame, lines printer) error {
	s := client.Stream(context.Background(), inspection.StreamOptions{MaxInFlight: how.MaxInFlight, Latest: how.Latest})
	given := func(yield func(inspection.Frame) bool) {
		for i, frame := range frames {
			if i > 0 {
				time.Sleep(seconds(how.IntervalS))
			}
			if !yield(frame) {
				return
			}
		}
	}
	var end error
	for outcome, err := range s.Inspect(given) {
		if err != nil {
			end = err
			break
		}
		if err := lines.frame(outcome.FrameID, outcome.Result, outcome.Err, outcome.Attempts); err != nil {
			return err
		}
	}
	return lines.end(end)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// setDNSInterval is grpc-go's own and holds for the process.
func setDNSInterval(s float64) { dns.SetMinResolutionInterval(seconds(s)) }
