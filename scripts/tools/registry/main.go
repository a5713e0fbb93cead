// SPDX-License-Identifier: BSD-2-Clause

// Command registry serves an empty registry with the referrers API on an address of
// this machine, for tests.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: registry HOST:PORT")
		os.Exit(2)
	}
	quiet := log.New(os.Stderr, "", 0)
	quiet.SetOutput(silent{})
	server := &http.Server{Addr: os.Args[1], Handler: registry.New(registry.WithReferrersSupport(true), registry.Logger(quiet)), ReadHeaderTimeout: time.Minute}
	fmt.Fprintln(os.Stderr, "registry:", server.ListenAndServe())
	os.Exit(1)
}

// silent drops the log of requests.
type silent struct{}

func (silent) Write(b []byte) (int, error) { return len(b), nil }
