package inspection

import (
	"fmt"
	"sync/atomic"

	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
)

var schemes atomic.Int32

// resolving is a target that stands for several addresses, as a name of DNS would.
func resolving(addresses ...string) (string, []Option) {
	scheme := fmt.Sprintf("test%d", schemes.Add(1))
	r := manual.NewBuilderWithScheme(scheme)
	var state resolver.State
	for _, address := range addresses {
		state.Addresses = append(state.Addresses, resolver.Address{Addr: address})
	}
	r.InitialState(state)
	resolver.Register(r)
	return scheme + ":///servers", nil
}
