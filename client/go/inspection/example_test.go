package inspection_test

import (
	"context"
	"errors"
	"fmt"
	"image/png"
	"log"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bayespfl.dev/client/go/inspection"
	"bayespfl.dev/client/go/internal/testserver"
)

// Of the examples; their test says where a server is.
var (
	server  = "127.0.0.1:50051"
	partJPG = "part.jpg"
)

func ExampleClient_Inspect() {
	client, err := inspection.Dial(server)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	result, err := client.Inspect(context.Background(), inspection.Frame{
		Image:   inspection.File(partJPG),
		Options: inspection.Options{Category: "leather"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Verdict, result.DecidedBy)
}

func ExampleClient_Stream() {
	client, err := inspection.Dial(server)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	camera := func(yield func(inspection.Frame) bool) {
		for range 3 {
			if !yield(inspection.Frame{Image: inspection.File(partJPG), CameraID: "camera 1"}) {
				return
			}
		}
	}
	stream := client.Stream(context.Background(), inspection.StreamOptions{
		Options: inspection.Options{Category: "leather"},
		Timeout: 10 * time.Second,
	})
	for outcome, err := range stream.Inspect(camera) {
		if err != nil {
			log.Fatal(err) // the stream has ended
		}
		if outcome.Err != nil {
			fmt.Println(outcome.Err) // this frame has no result
			continue
		}
		fmt.Println(outcome.Result.Verdict)
	}
}

func ExampleError() {
	client, err := inspection.Dial(server)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	_, err = client.Inspect(context.Background(), inspection.Frame{
		Image:   inspection.Encoded([]byte("no picture")),
		Options: inspection.Options{Category: "leather"},
	})
	if errors.Is(err, inspection.InvalidPicture) {
		fmt.Println("take another picture")
	}
	var failure *inspection.Error
	if errors.As(err, &failure) {
		fmt.Println(failure.Code, failure.Reason, failure.Attempts)
	}
}

func ExampleResult_Overlay() {
	client, err := inspection.Dial(server)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	result, err := client.Inspect(context.Background(), inspection.Frame{
		Image: inspection.File(partJPG),
		Options: inspection.Options{
			Category: "leather", AnomalyMap: inspection.MapPNG8, Picture: inspection.PicturePNG,
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	overlay, err := result.Overlay()
	if err != nil {
		log.Fatal(err)
	}
	file, err := os.Create(filepath.Join(os.TempDir(), "overlay.png"))
	if err != nil {
		log.Fatal(err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	if err := png.Encode(file, overlay); err != nil {
		log.Fatal(err)
	}
}

// testExamples runs them and compares what they print.
func testExamples(t *testing.T, running *testserver.Server) {
	server, partJPG = running.Address, testserver.Image("leather/scratch_0.jpg")
	for name, test := range map[string]struct {
		run    func()
		prints string
	}{
		"Inspect": {ExampleClient_Inspect, "FAIL SCORE\n"},
		"Stream":  {ExampleClient_Stream, "FAIL\nFAIL\nFAIL\n"},
		"Error":   {ExampleError, "take another picture\nInvalidArgument INVALID_PICTURE 1\n"},
		"Overlay": {ExampleResult_Overlay, ""},
	} {
		if printed := printedBy(t, test.run); printed != test.prints {
			t.Errorf("%s prints %q, not %q", name, printed, test.prints)
		}
	}
}

func printedBy(t *testing.T, run func()) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	stdout := os.Stdout
	os.Stdout = file
	run()
	os.Stdout = stdout
	printed, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(printed)
}
