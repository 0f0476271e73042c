package inspection_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"bayespfl.dev/client/go/inspection"
	"bayespfl.dev/client/go/internal/testserver"
)

func dial(t *testing.T, server *testserver.Server, options ...inspection.Option) *inspection.Client {
	t.Helper()
	client, err := inspection.Dial(server.Address, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func leather(name string) inspection.Frame {
	return inspection.Frame{
		Image:   inspection.File(testserver.Image("leather/" + name + ".jpg")),
		Options: inspection.Options{Category: "leather"},
	}
}

func TestRealServer(t *testing.T) {
	server := testserver.Start(t)
	client := dial(t, server)
	ctx := context.Background()
	for name, test := range map[string]func(*testing.T, context.Context, *inspection.Client){
		"verdicts":     testVerdicts,
		"everything":   testEverything,
		"masks":        testMasks,
		"raw pixels":   testRawPixels,
		"streams":      testStream,
		"errors":       testErrors,
		"descriptions": testDescriptions,
	} {
		t.Run(name, func(t *testing.T) { test(t, ctx, client) })
	}
	t.Run("examples", func(t *testing.T) { testExamples(t, server) })
}

func testVerdicts(t *testing.T, ctx context.Context, client *inspection.Client) {
	good, err := client.Inspect(ctx, leather("good_0"))
	if err != nil {
		t.Fatal(err)
	}
	if good.Verdict != inspection.Pass || good.DecidedBy != inspection.NoRule || good.Category != "leather" {
		t.Errorf("a good part gets %v by %v", good.Verdict, good.DecidedBy)
	}
	bad, err := client.Inspect(ctx, leather("scratch_0"))
	if err != nil {
		t.Fatal(err)
	}
	if bad.Verdict != inspection.Fail || bad.DecidedBy == inspection.NoRule || bad.Score <= good.Score {
		t.Errorf("a scratched part gets %v by %v", bad.Verdict, bad.DecidedBy)
	}
	if bad.Mask == nil || bad.Mask.Area == 0 || bad.Mask.Width != bad.FrameWidth || bad.AnomalyMap != nil || bad.Regions != nil {
		t.Errorf("by default there are the mask %v, the map %v, the regions %v", bad.Mask, bad.AnomalyMap, bad.Regions)
	}
	if len(bad.Thresholds.Lines) == 0 || bad.Thresholds.Source != inspection.SourceCategory || bad.MixedScore == nil {
		t.Errorf("the thresholds are %+v", bad.Thresholds)
	}
	if last := bad.Timings[len(bad.Timings)-1]; last.Stage != "total" || last.Duration <= 0 {
		t.Errorf("the timings are %v", bad.Timings)
	}
}

func testEverything(t *testing.T, ctx context.Context, client *inspection.Client) {
	taken := time.Date(2026, 11, 29, 12, 0, 0, 5000, time.UTC)
	frame := leather("scratch_0")
	frame.FrameID, frame.CameraID, frame.PartID, frame.CaptureTime = "f", "camera 3", "part 7", taken
	frame.Options.Object = "brown leather"
	frame.Options.Samples = 3
	frame.Options.Seed = inspection.Ptr(uint64(11))
	frame.Options.AnomalyMap = inspection.MapFloat32
	frame.Options.DeviationMap = inspection.MapPNG16
	frame.Options.Resolution = inspection.ResolutionModel
	frame.Options.MaskThreshold = inspection.Ptr(float32(0.4))
	frame.Options.Regions = &inspection.RegionOptions{Max: 2, MaxContourPoints: 8}
	frame.Options.Picture = inspection.PicturePNG
	frame.Options.Priority = inspection.PriorityHigh

	r, err := client.Inspect(ctx, frame)
	if err != nil {
		t.Fatal(err)
	}
	if r.FrameID != "f" || r.CameraID != "camera 3" || r.PartID != "part 7" || !r.CaptureTime.Equal(taken) {
		t.Errorf("it comes from %q %q %q %v", r.FrameID, r.CameraID, r.PartID, r.CaptureTime)
	}
	if r.Verdict != inspection.NoVerdict || r.Object != "brown leather" {
		t.Errorf("with another object than the calibrated one the verdict is %v", r.Verdict)
	}
	if r.Provenance.Seed != 11 || r.Provenance.Samples != 3 || r.Thresholds.Mask != 0.4 {
		t.Errorf("it was made with %+v, %+v", r.Provenance, r.Thresholds)
	}
	if len(r.AnomalyMap.Values) != r.AnomalyMap.Width*r.AnomalyMap.Height || r.AnomalyMap.Width == r.FrameWidth {
		t.Errorf("the map has %d x %d", r.AnomalyMap.Width, r.AnomalyMap.Height)
	}
	for i, inside := range r.Mask.Pix {
		if (inside != 0) != (r.AnomalyMap.Values[i] >= r.Thresholds.Mask) {
			t.Fatalf("pixel %d is %d where the map is %v", i, inside, r.AnomalyMap.Values[i])
		}
	}
	if r.DeviationMap == nil || r.DeviationMap.Width != r.AnomalyMap.Width {
		t.Error("the deviation map is missing")
	}
	if len(r.Regions) == 0 || len(r.Regions) > 2 || r.RegionsTotal == nil || len(r.Regions[0].Contour) > 8 {
		t.Errorf("there are %d of %v regions", len(r.Regions), r.RegionsTotal)
	}
	picture, err := r.Picture.Decode()
	if err != nil || picture.Bounds().Dx() != r.FrameWidth {
		t.Errorf("the picture is %v, %v", picture.Bounds(), err)
	}
	if overlay, err := r.Overlay(); err != nil || overlay.Bounds().Size() != picture.Bounds().Size() {
		t.Errorf("the overlay: %v", err)
	}
}

func testMasks(t *testing.T, ctx context.Context, client *inspection.Client) {
	var first *inspection.Mask
	for _, encoding := range []inspection.MaskEncoding{
		inspection.MaskCOCO, inspection.MaskPNG1, inspection.MaskPNG8, inspection.MaskUnset,
	} {
		frame := leather("hole_0")
		frame.Options.Mask = encoding
		result, err := client.Inspect(ctx, frame)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = result.Mask
		}
		if !reflect.DeepEqual(first, result.Mask) || first.Area == 0 {
			t.Errorf("by encoding %d the mask is another one", encoding)
		}
	}
	frame := leather("hole_0")
	frame.Options.Mask = inspection.MaskNone
	if result, err := client.Inspect(ctx, frame); err != nil || result.Mask != nil {
		t.Errorf("without a mask there is %v, %v", result.Mask, err)
	}
}

func testRawPixels(t *testing.T, ctx context.Context, client *inspection.Client) {
	frame := leather("scratch_0")
	frame.Options.Picture = inspection.PicturePNG
	asFile, err := client.Inspect(ctx, frame)
	if err != nil {
		t.Fatal(err)
	}
	picture, err := asFile.Picture.Decode()
	if err != nil {
		t.Fatal(err)
	}
	frame.Image = inspection.Pixels(picture)
	asPixels, err := client.Inspect(ctx, frame)
	if err != nil {
		t.Fatal(err)
	}
	if asPixels.Score != asFile.Score || !bytes.Equal(asPixels.Mask.Pix, asFile.Mask.Pix) {
		t.Errorf("the same pixels have the scores %v and %v", asFile.Score, asPixels.Score)
	}
	gray := image.NewGray(image.Rect(0, 0, 64, 48))
	frame.Image = inspection.Pixels(gray)
	if result, err := client.Inspect(ctx, frame); err != nil || result.FrameWidth != 64 || result.FrameHeight != 48 {
		t.Errorf("a gray picture: %v", err)
	}
}

func testStream(t *testing.T, ctx context.Context, client *inspection.Client) {
	names := []string{"good_0", "scratch_0", "hole_0", "good_0", "missing", "scratch_0"}
	frames := func(yield func(inspection.Frame) bool) {
		for i, name := range names {
			frame := leather(name)
			frame.FrameID = fmt.Sprint(i)
			frame.Options = inspection.Options{}
			if !yield(frame) {
				return
			}
		}
	}
	var verdicts []string
	stream := client.Stream(ctx, inspection.StreamOptions{Options: inspection.Options{Category: "leather", Samples: 2}})
	for outcome, err := range stream.Inspect(frames) {
		if err != nil {
			t.Fatal(err)
		}
		if outcome.FrameID != fmt.Sprint(len(verdicts)) {
			t.Errorf("outcome %d is of frame %s", len(verdicts), outcome.FrameID)
		}
		if outcome.Err != nil {
			verdicts = append(verdicts, "error")
			continue
		}
		if outcome.Result.Provenance.Samples != 2 {
			t.Errorf("the stream's options do not count: %+v", outcome.Result.Provenance)
		}
		verdicts = append(verdicts, outcome.Result.Verdict.String())
	}
	if want := []string{"PASS", "FAIL", "FAIL", "PASS", "error", "FAIL"}; !slices.Equal(verdicts, want) {
		t.Errorf("the verdicts are %q", verdicts)
	}
}

func testErrors(t *testing.T, ctx context.Context, client *inspection.Client) {
	for name, test := range map[string]struct {
		spoil  func(*inspection.Frame)
		code   codes.Code
		reason inspection.Reason
		field  string
	}{
		"no category": {
			func(f *inspection.Frame) { f.Options.Category = "" },
			codes.InvalidArgument, inspection.InvalidField, "options.category",
		},
		"too many samples": {
			func(f *inspection.Frame) { f.Options.Samples = 65 },
			codes.InvalidArgument, inspection.InvalidField, "options.samples",
		},
		"no picture": {
			func(f *inspection.Frame) { f.Image = inspection.Encoded([]byte("no picture")) },
			codes.InvalidArgument, inspection.InvalidPicture, "",
		},
		"no model": {
			func(f *inspection.Frame) { f.Options.Model = "another" },
			codes.NotFound, inspection.ModelNotFound, "",
		},
	} {
		frame := leather("good_0")
		test.spoil(&frame)
		_, err := client.Inspect(ctx, frame)
		var failure *inspection.Error
		if !errors.As(err, &failure) || failure.Code != test.code || !errors.Is(err, test.reason) || failure.Attempts != 1 ||
			failure.RequestID == "" {
			t.Errorf("%s: %#v", name, err)
			continue
		}
		if test.field != "" && (len(failure.Violations) != 1 || failure.Violations[0].Field != test.field) {
			t.Errorf("%s: the violations are %+v", name, failure.Violations)
		}
	}
}

func testDescriptions(t *testing.T, ctx context.Context, client *inspection.Client) {
	models, err := client.Models(ctx)
	if err != nil || len(models) != 1 || !models[0].Default || models[0].CategoriesTotal == 0 {
		t.Fatalf("the models are %+v, %v", models, err)
	}
	model, err := client.Model(ctx, models[0].Name)
	if err != nil || model.Digest != models[0].Digest || len(model.Categories) != model.CategoriesTotal {
		t.Errorf("the model is %+v, %v", model, err)
	}
	if _, err := client.Model(ctx, "another"); !errors.Is(err, inspection.ModelNotFound) {
		t.Errorf("of a model that does not serve: %v", err)
	}
	info, err := client.ServerInfo(ctx)
	if err != nil || info.Version == "" || info.Limits.MaxMessageBytes != 65<<20 || info.Limits.MinPingInterval != 5*time.Second {
		t.Errorf("the server says %+v, %v", info, err)
	}
	if serving, err := client.Health(ctx); !serving {
		t.Errorf("the server does not serve: %v", err)
	}
}

// A server with small limits, streams of a second, and tokens.
func TestStrictRealServer(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens.yaml")
	// The SHA-256 of "abc".
	content := "- {name: line-3, role: inspect, sha256: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad}\n"
	if err := os.WriteFile(tokens, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	server := testserver.Start(t, "--tokens-file", tokens, "--max-stream-age-seconds", "1", "--max-image-bytes", "100000",
		"--max-frames-in-flight", "2", "--max-batch", "2", "--max-frames-per-stream", "2")
	client := dial(t, server, inspection.WithToken("abc"))
	t.Run("limits", func(t *testing.T) { testSmallLimits(t, client) })
	t.Run("age", func(t *testing.T) { testStreamAge(t, client) })
	t.Run("strangers", func(t *testing.T) { testStrangers(t, server) })
}

func testStrangers(t *testing.T, server *testserver.Server) {
	stranger := dial(t, server, inspection.WithToken("abd"))
	if _, err := stranger.Inspect(context.Background(), leather("good_0")); !errors.Is(err, inspection.Unauthenticated) {
		t.Errorf("with another one: %v", err)
	}
	stream := stranger.Stream(context.Background(), inspection.StreamOptions{})
	one := func(yield func(inspection.Frame) bool) { yield(leather("good_0")) }
	var outcomes int
	var end error
	for outcome, err := range stream.Inspect(one) {
		if err != nil {
			end = err
		} else if outcomes++; !errors.Is(outcome.Err, inspection.Unauthenticated) {
			t.Errorf("its frame: %v", outcome.Err)
		}
	}
	if outcomes != 1 || !errors.Is(end, inspection.Unauthenticated) {
		t.Errorf("after %d outcomes its stream ended with %v", outcomes, end)
	}
}

func testSmallLimits(t *testing.T, client *inspection.Client) {
	frames := func(yield func(inspection.Frame) bool) {
		for i := range 12 {
			frame := leather("good_0")
			if i == 5 {
				frame.Image = inspection.Encoded(make([]byte, 2<<20))
			}
			if !yield(frame) {
				return
			}
		}
	}
	stream := client.Stream(context.Background(), inspection.StreamOptions{
		Options: inspection.Options{Category: "leather", Samples: 1},
	})
	n := 0
	for outcome, err := range stream.Inspect(frames) {
		if err != nil {
			t.Fatal(err)
		}
		// Two places for eight frames: the others are refused with QUEUE_FULL, and sent again.
		if tooLarge := errors.Is(outcome.Err, inspection.MessageTooLarge); tooLarge != (n == 5) || !tooLarge && outcome.Err != nil {
			t.Errorf("frame %d: %v", n, outcome.Err)
		}
		n++
	}
	if n != 12 {
		t.Errorf("%d outcomes came", n)
	}
}

func testStreamAge(t *testing.T, client *inspection.Client) {
	stream := client.Stream(context.Background(), inspection.StreamOptions{
		Options: inspection.Options{Category: "leather", Samples: 1},
	})
	// Frames for two and a half streams, or as many more as it takes to be sure.
	began, n := time.Now(), 0
	frames := func(yield func(inspection.Frame) bool) {
		for i := 0; time.Since(began) < 2500*time.Millisecond || i < 10; i++ {
			frame := leather("good_0")
			frame.FrameID = fmt.Sprint(i)
			if !yield(frame) {
				return
			}
		}
	}
	for outcome, err := range stream.Inspect(frames) {
		if err != nil || outcome.Err != nil || outcome.FrameID != fmt.Sprint(n) {
			t.Fatalf("outcome %d: %+v, %v", n, outcome, err)
		}
		n++
	}
	if n < 10 {
		t.Errorf("%d outcomes came", n)
	}
}

func TestRealServerThatIsKilledAndComesBack(t *testing.T) {
	host := testserver.OwnHost()
	server := testserver.Start(t, "--host", host)
	_, port, err := net.SplitHostPort(server.Address)
	if err != nil {
		t.Fatal(err)
	}
	client := dial(t, server)
	// Once reached, an outage is waited out; before, for the connect timeout only.
	if err := client.WaitForReady(context.Background()); err != nil {
		t.Fatal(err)
	}
	stream := client.Stream(context.Background(), inspection.StreamOptions{
		Options: inspection.Options{Category: "leather", Samples: 1},
	})
	const frames, killed = 16, 6
	given := func(yield func(inspection.Frame) bool) {
		for i := range frames {
			if i == killed {
				server.Kill()
				testserver.Start(t, "--host", host, "--port", port)
			}
			frame := leather("good_0")
			frame.FrameID = fmt.Sprint(i)
			if !yield(frame) {
				return
			}
		}
	}
	n, again := 0, 0
	for outcome, err := range stream.Inspect(given) {
		if err != nil || outcome.Err != nil || outcome.FrameID != fmt.Sprint(n) {
			t.Fatalf("outcome %d: %+v, %v", n, outcome, err)
		}
		if outcome.Attempts > 1 {
			again++
		}
		n++
	}
	if n != frames {
		t.Errorf("%d outcomes came", n)
	}
	t.Logf("%d frames were sent again", again)
}
