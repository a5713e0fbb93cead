// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"net/http"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/transport"
	"github.com/orlop/orlop/release/registry"
)

// registryFlags say how registries are reached.
func registryFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "plain-http", Usage: "speak http to registries, not https"},
		&cli.StringSliceFlag{Name: "auth-host", Usage: "let `HOST` have a registry's password, too, if the registry names it for its tokens"},
	}
}

// tlsFlag is for registries and repositories alike.
func tlsFlag() cli.Flag {
	return &cli.StringFlag{Name: "tls-ca", Usage: "trust servers with a certificate of `FILE`, too"}
}

// transportOf says how servers are reached: with the proxies of the environment, as
// other programs do.
func transportOf(c *cli.Context) (transport.Settings, error) {
	s := transport.Settings{Proxy: http.ProxyFromEnvironment}
	file := c.String("tls-ca")
	if file == "" {
		return s, nil
	}
	text, err := os.ReadFile(file)
	if err == nil {
		s.Roots, err = transport.Roots(text)
	}
	if err != nil {
		return s, &fault.UnreadError{Flag: "tls-ca", Path: file, Err: err}
	}
	return s, nil
}

// registries returns the client of a command, which is the same each time. Moved is
// told of the bytes of blobs; it may be nil.
func (p *program) registries(c *cli.Context, moved func(int64)) (*registry.Client, error) {
	if p.client != nil {
		return p.client, nil
	}
	settings, err := transportOf(c)
	if err != nil {
		return nil, err
	}
	of := &keyFinder{p: p}
	p.client = &registry.Client{Settings: settings, PlainHTTP: c.Bool("plain-http"), AuthHosts: c.StringSlice("auth-host"),
		Credentials: of.find, Moved: moved, Notice: func(text string) { _ = p.err.line("orlop: %s", text) }}
	return p.client, nil
}
