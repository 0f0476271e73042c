// CoreDNS with the plugins that a cluster needs, and not the two dozen that bring a cloud's library each.
package main

import (
	"log"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
)

func main() {
	// Plugins are asked in this order.
	if err := dnsserver.SetDirectives([]string{"bind", "ready", "errors", "kubernetes"}); err != nil {
		log.Fatal(err)
	}
	coremain.Run()
}
