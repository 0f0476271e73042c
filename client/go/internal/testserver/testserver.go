// Package testserver runs the real server for tests.
package testserver

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Root is the repository's.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "../../../..")
}

// Image is one of the demo's pictures, "leather/scratch_0.jpg".
func Image(name string) string {
	return filepath.Join(Root(), "assets/demo/images", filepath.FromSlash(name))
}

// Server is one that runs.
type Server struct {
	Address string // host:port

	process *exec.Cmd
	exited  chan struct{}
}

// OwnHost is one of the loopback's sixteen million addresses, so that nobody else takes a port of it while its server is
// away: for --host.
func OwnHost() string {
	return fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), 1+rand.IntN(254), 1+rand.IntN(254))
}

var listening = regexp.MustCompile(`^bayespfl-server: gRPC listening on (\S+)`)

// Start runs the server that BAYESPFL_SERVER_BINARY names on the demo's model, and ends it with the test. A later flag
// wins over an earlier one of the same name. Without the variable the test is skipped.
func Start(t testing.TB, flags ...string) *Server {
	t.Helper()
	binary := os.Getenv("BAYESPFL_SERVER_BINARY")
	if binary == "" {
		t.Skip("BAYESPFL_SERVER_BINARY names no server; scripts/test_go.sh sets it")
	}
	s := &Server{exited: make(chan struct{})}
	s.process = exec.Command(binary, append([]string{
		"--model", filepath.Join(Root(), "assets/demo/model"), "--http-port", "0", "--drain-delay-seconds", "0",
		"--log-level", "warning",
	}, withPort(flags)...)...)
	s.process.Env = environment()
	log, err := os.Create(filepath.Join(t.TempDir(), "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	s.process.Stderr = log
	output, err := s.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		t.Fatalf("the server does not start: %v", err)
	}
	ready := make(chan string, 1) // also when nobody waits any more
	go func() {
		defer close(s.exited)
		lines := bufio.NewScanner(output)
		address := ""
		for lines.Scan() {
			if found := listening.FindStringSubmatch(lines.Text()); found != nil {
				address = found[1]
			}
			if strings.HasPrefix(lines.Text(), "bayespfl-server: ready") {
				ready <- address
			}
		}
		_ = s.process.Wait()
	}()
	t.Cleanup(func() { s.Kill() })
	select {
	case s.Address = <-ready:
	case <-s.exited:
		content, _ := os.ReadFile(log.Name())
		t.Fatalf("the server ended before it was ready:\n%s", content)
	case <-time.After(5 * time.Minute):
		t.Fatal("the server was not ready within five minutes")
	}
	return s
}

// environment is without the server's settings, which it would refuse or take for its own.
func environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "BAYESPFL_") {
			kept = append(kept, variable)
		}
	}
	return kept
}

func withPort(flags []string) []string {
	for _, flag := range flags {
		if flag == "--port" {
			return flags
		}
	}
	return append([]string{"--port", "0"}, flags...)
}

// Kill ends the server as a power failure would.
func (s *Server) Kill() {
	_ = s.process.Process.Kill()
	<-s.exited
}

// Stop asks the server to end, and waits until it has.
func (s *Server) Stop() {
	_ = s.process.Process.Signal(os.Interrupt)
	<-s.exited
}
