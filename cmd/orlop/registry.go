// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

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
	keys := &keyring{p: p}
	p.client = &registry.Client{Settings: settings, PlainHTTP: c.Bool("plain-http"), AuthHosts: c.StringSlice("auth-host"),
		Credentials: keys.find, Moved: moved, Notice: func(text string) { _ = p.err.line("orlop: %s", text) }}
	return p.client, nil
}

// keyring reads the files of credentials when a registry first asks for some.
type keyring struct {
	p    *program
	once sync.Once
	err  error
	registry.Keyring
}

func (k *keyring) find(ctx context.Context, of registry.Reference) (registry.Credential, error) {
	k.once.Do(func() {
		k.Help = k.p.askHelper
		k.Files, k.err = k.p.keyFiles()
	})
	if k.err != nil {
		return registry.Credential{}, k.err
	}
	return k.Find(ctx, of)
}

// maxKeys bounds a file of credentials, in bytes.
const maxKeys = 4 << 20

// keyFiles reads the files of credentials in the order of containers-auth.json(5).
func (p *program) keyFiles() ([]registry.KeyFile, error) {
	var files []registry.KeyFile
	for _, path := range p.keyPaths() {
		text, err := readKeyFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fault.Usagef("%s: %w", path, fault.Reason(err))
		}
		f, err := registry.ParseKeyFile(path, text, filepath.Base(path) == ".dockercfg")
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

func readKeyFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxKeys))
}

// keyPaths lists where credentials may be.
func (p *program) keyPaths() []string {
	env := func(name string) string { value, _ := p.lookupEnv(name); return value }
	if file := env("REGISTRY_AUTH_FILE"); file != "" {
		return []string{file}
	}
	home := env("HOME")
	var paths []string
	add := func(dir string, elements ...string) {
		if dir != "" {
			paths = append(paths, filepath.Join(append([]string{dir}, elements...)...))
		}
	}
	if runtime.GOOS == "linux" { // elsewhere podman has no folder for a session
		add(env("XDG_RUNTIME_DIR"), "containers", "auth.json")
	}
	add(env("XDG_CONFIG_HOME"), "containers", "auth.json")
	add(home, ".config", "containers", "auth.json")
	if dir := env("DOCKER_CONFIG"); dir != "" {
		add(dir, "config.json")
	} else {
		add(home, ".docker", "config.json")
	}
	add(home, ".dockercfg")
	return slices.Compact(paths)
}

// Bounds of a credential helper.
const (
	helperTime   = 30 * time.Second
	helperAnswer = 1 << 20 // bytes
)

// askHelper runs docker-credential-NAME.
func (p *program) askHelper(ctx context.Context, name, server string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, helperTime)
	defer cancel()
	helper := exec.CommandContext(ctx, "docker-credential-"+name, "get")
	helper.Stdin = strings.NewReader(server)
	helper.WaitDelay = time.Second
	out := &bounded{left: helperAnswer, full: cancel}
	helper.Stdout = out
	err := helper.Run()
	switch {
	case out.left < 0:
		err = fmt.Errorf("prints more than %d bytes", helperAnswer)
	case ctx.Err() != nil:
		err = fmt.Errorf("does not answer within %s", helperTime)
	case errors.Is(err, exec.ErrNotFound):
		err = errors.New("is not installed")
	}
	return out.Bytes(), err
}

// bounded keeps what a program prints, up to a limit, and then ends it.
type bounded struct {
	bytes.Buffer
	left int
	full func()
}

func (b *bounded) Write(text []byte) (int, error) {
	if b.left -= len(text); b.left < 0 {
		b.full()
		return 0, io.ErrShortWrite
	}
	return b.Buffer.Write(text)
}
