package inspection

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// hasScheme tells a target of gRPC from a plain host:port.
func hasScheme(target string) bool {
	return strings.Contains(target, "://") || strings.HasPrefix(target, "unix:") ||
		strings.HasPrefix(target, "unix-abstract:") || strings.HasPrefix(target, "dns:") ||
		strings.HasPrefix(target, "passthrough:")
}

func checkTarget(target string) error {
	if hasScheme(target) {
		return nil
	}
	host, port, err := net.SplitHostPort(target)
	if err != nil || host == "" {
		return fmt.Errorf("%q is no server address: it must be HOST:PORT, or a target of gRPC such as dns:///HOST:PORT", target)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("%q is no server address: its port must be 1..65535", target)
	}
	return nil
}

// isLocal says whether target is this very machine, so that nobody else can listen.
func isLocal(target string) bool {
	if strings.HasPrefix(target, "unix:") || strings.HasPrefix(target, "unix-abstract:") {
		return true
	}
	if scheme, rest, found := strings.Cut(target, ":///"); found && (scheme == "dns" || scheme == "passthrough") {
		target = rest
	}
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		host = strings.Trim(target, "[]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}
