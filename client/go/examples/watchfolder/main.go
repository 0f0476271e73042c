// Watchfolder inspects every picture that appears in a folder, in order of their names, prints a line for each, and keeps
// an overlay of those that do not pass.
//
//	go run bayespfl.dev/client/go/examples/watchfolder -folder pictures -category leather -overlays overlays
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"iter"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"bayespfl.dev/client/go/inspection"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("watchfolder: ")
	server := flag.String("server", "127.0.0.1:50051", "`address` of the server")
	folder := flag.String("folder", ".", "`folder` that pictures come into")
	category := flag.String("category", "", "what the pictures show, as the plant writes it")
	overlays := flag.String("overlays", "", "`folder` for overlays of what does not pass; empty: none")
	once := flag.Bool("once", false, "end when all pictures that are there are inspected")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := watch(ctx, *server, *folder, *category, *overlays, *once); err != nil {
		log.Fatal(err)
	}
}

func watch(ctx context.Context, server, folder, category, overlays string, once bool) error {
	client, err := inspection.Dial(server, inspection.WithWaitForReady())
	if err != nil {
		return err
	}
	defer client.Close()
	options := inspection.Options{Category: category}
	if overlays != "" {
		if err := os.MkdirAll(overlays, 0o755); err != nil {
			return err
		}
		options.Picture = inspection.PictureJPEG
	}
	stream := client.Stream(ctx, inspection.StreamOptions{Options: options})
	for outcome, err := range stream.Inspect(pictures(ctx, folder, once)) {
		switch {
		case errors.Is(err, context.Canceled):
			return nil // interrupted
		case err != nil:
			return err
		case outcome.Err != nil:
			fmt.Printf("%s: %v\n", outcome.FrameID, outcome.Err)
			continue
		}
		result := outcome.Result
		fmt.Printf("%s: %v, score %.3f\n", result.FrameID, result.Verdict, result.Score)
		if overlays != "" && result.Verdict != inspection.Pass {
			if err := keep(result, filepath.Join(overlays, result.FrameID+".png")); err != nil {
				return err
			}
		}
	}
	return nil
}

// pictures gives those of the folder, each once, until ctx ends.
func pictures(ctx context.Context, folder string, once bool) iter.Seq[inspection.Frame] {
	return func(yield func(inspection.Frame) bool) {
		done := map[string]bool{}
		for ctx.Err() == nil {
			entries, err := os.ReadDir(folder)
			if err != nil {
				log.Print(err)
			}
			for _, entry := range entries {
				name := entry.Name()
				if done[name] || !isPicture(name) {
					continue
				}
				done[name] = true
				if !yield(inspection.Frame{Image: inspection.File(filepath.Join(folder, name)), FrameID: name}) {
					return
				}
			}
			if once {
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
}

// isPicture goes by the name. Whoever writes pictures into the folder gives them their name when they are whole.
// Hidden files are none, such as the "._a.jpg" that macOS leaves beside "a.jpg".
func isPicture(name string) bool {
	if strings.HasPrefix(name, ".") {
		return false
	}
	switch strings.ToLower(filepath.Ext(name)) {
	case ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".bmp", ".tif", ".tiff", ".webp":
		return true
	default:
		return false
	}
}

func keep(result *inspection.Result, path string) error {
	overlay, err := result.Overlay()
	if err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := png.Encode(file, overlay); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
