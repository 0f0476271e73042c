package inspection

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// faultyNetwork stands between client and server, and treats each connection's bytes as a test says.
type faultyNetwork struct {
	t        *testing.T
	listener net.Listener
	server   string
	treat    func(connection int) fault

	mu    sync.Mutex
	count int
}

// fault is what befalls one connection. Bytes are counted from the server to the client.
type fault struct {
	closeAfter   int // 0: never
	corruptEvery int // 0: never; each byte that is so many further comes with all its bits turned
}

func newFaultyNetwork(t *testing.T, server string, treat func(connection int) fault) *faultyNetwork {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &faultyNetwork{t: t, listener: listener, server: server, treat: treat}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go n.carry(client)
		}
	}()
	return n
}

func (n *faultyNetwork) connections() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.count
}

func (n *faultyNetwork) carry(client net.Conn) {
	defer client.Close()
	n.mu.Lock()
	f := n.treat(n.count)
	n.count++
	n.mu.Unlock()
	server, err := net.Dial("tcp", n.server)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	buffer := make([]byte, 4096)
	for carried := 0; ; {
		k, err := server.Read(buffer)
		chunk := buffer[:k]
		if f.closeAfter > 0 && carried+k >= f.closeAfter {
			_, _ = client.Write(chunk[:f.closeAfter-carried])
			return
		}
		for i := range chunk {
			if f.corruptEvery > 0 && (carried+i)%f.corruptEvery == f.corruptEvery-1 {
				chunk[i] ^= 0xFF
			}
		}
		if _, writeErr := client.Write(chunk); err != nil || writeErr != nil {
			return
		}
		carried += k
	}
}

// overFaults streams frames through a network, and returns how many came with an error and how many were sent again. Each
// frame must come once and in order, and a result must be its own.
func overFaults(t *testing.T, network *faultyNetwork, frames int, timeout time.Duration) (failed, again int) {
	t.Helper()
	client, err := Dial(network.listener.Addr().String(), impatient)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	n := 0
	stream := client.Stream(context.Background(), StreamOptions{Timeout: timeout, Options: Options{Category: "c"}})
	for outcome, err := range stream.Inspect(pictures(frames)) {
		if err != nil || outcome.FrameID != fmt.Sprint("f", n) {
			t.Fatalf("outcome %d is %+v, the stream's error %v", n, outcome, err)
		}
		if outcome.Err != nil {
			t.Log(outcome.FrameID, outcome.Err)
			failed++
		} else if digest := sha256.Sum256([]byte("picture of " + outcome.FrameID)); outcome.Result.Provenance.PictureSHA256 !=
			hex.EncodeToString(digest[:]) {
			t.Errorf("the result of %s is another picture's", outcome.FrameID)
		}
		if outcome.Attempts > 1 {
			again++
		}
		n++
	}
	if n != frames {
		t.Errorf("%d outcomes came", n)
	}
	return failed, again
}

func TestStreamOverConnectionsThatClose(t *testing.T) {
	f := newFake(t).start()
	random := rand.New(rand.NewPCG(5, 7))
	network := newFaultyNetwork(t, f.address, func(int) fault { return fault{closeAfter: 400 + random.IntN(1500)} })

	failed, again := overFaults(t, network, 200, 30*time.Second)

	if failed != 0 || again == 0 || network.connections() < 5 {
		t.Errorf("%d frames failed, %d were sent again, over %d connections", failed, again, network.connections())
	}
}

// Without TLS a byte that turns may make a length of gRPC's another one, and the error that follows looks like any other.
// So some frames may fail; none may be lost, come twice, or have another's result.
func TestStreamOverANetworkThatTurnsBytes(t *testing.T) {
	f := newFake(t).start()
	random := rand.New(rand.NewPCG(5, 7))
	network := newFaultyNetwork(t, f.address, func(int) fault { return fault{corruptEvery: 1000 + random.IntN(3000)} })

	failed, again := overFaults(t, network, 200, time.Second)

	if failed > 100 || again == 0 {
		t.Errorf("%d frames failed, %d were sent again", failed, again)
	}
}

func TestInspectOverANetworkWithFaults(t *testing.T) {
	f := newFake(t).start()
	network := newFaultyNetwork(t, f.address, func(connection int) fault {
		if connection < 4 {
			return fault{closeAfter: 120 + 40*connection}
		}
		return fault{}
	})
	client, err := Dial(network.listener.Addr().String(), impatient)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for i := range 5 {
		if _, err := client.Inspect(context.Background(), picture(fmt.Sprint("f", i))); err != nil {
			t.Errorf("frame %d: %v", i, err)
		}
	}
}

func TestABlackHoleIsToldInTime(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := Dial(listener.Addr().String(), impatient, WithConnectTimeout(200*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	began := time.Now()
	_, err = client.Inspect(context.Background(), picture("f"))
	var failure *Error
	if !errors.As(err, &failure) || failure.Attempts != 0 || time.Since(began) > 30*time.Second {
		t.Errorf("after %v the error is %v", time.Since(began), err)
	}
	lines, end := streamed(t, client, StreamOptions{}, 1)
	expect(t, "what came", lines, []string{"f0/0 Unavailable"})
	if end == nil {
		t.Error("the stream goes on")
	}
}
