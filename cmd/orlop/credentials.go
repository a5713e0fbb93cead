// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/registry"
	"github.com/orlop/orlop/release/registry/keyring"
)

// keyFinder reads the files of credentials when a registry first asks for some.
type keyFinder struct {
	p    *program
	once sync.Once
	err  error
	keyring.Ring
}

func (k *keyFinder) find(ctx context.Context, of registry.Reference) (registry.Credential, error) {
	k.once.Do(func() {
		k.Help = askHelper
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
func (p *program) keyFiles() ([]keyring.File, error) {
	var files []keyring.File
	for _, path := range p.keyPaths() {
		text, err := readKeyFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fault.Usagef("%s: %w", path, fault.Reason(err))
		}
		f, err := keyring.ParseFile(path, text, filepath.Base(path) == ".dockercfg")
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
func askHelper(ctx context.Context, name, server string) ([]byte, error) {
	return runHelper(ctx, helperTime, name, server)
}

func runHelper(ctx context.Context, limit time.Duration, name, server string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
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
		err = fmt.Errorf("does not answer within %s", limit)
	case errors.Is(err, exec.ErrNotFound):
		err = errors.New("is not installed")
	}
	return out.text, err
}

// bounded keeps what a program prints, up to a limit, and then ends it. It is no
// bytes.Buffer itself, since that would read on without asking.
type bounded struct {
	text []byte
	left int
	full func()
}

func (b *bounded) Write(text []byte) (int, error) {
	if b.left -= len(text); b.left < 0 {
		b.full()
		return 0, io.ErrShortWrite
	}
	b.text = append(b.text, text...)
	return len(text), nil
}
