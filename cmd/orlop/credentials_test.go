// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/orlop/orlop/release/registry/registrytest"
)

// TestKeyPaths looks for credentials where podman and docker keep them.
func TestKeyPaths(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ env, want string }{
		{"REGISTRY_AUTH_FILE=/a HOME=/h", "/a"},
		{"HOME=/h", "/h/.config/containers/auth.json /h/.docker/config.json /h/.dockercfg"},
		{"HOME=/h XDG_CONFIG_HOME=/c DOCKER_CONFIG=/d", "/c/containers/auth.json /h/.config/containers/auth.json /d/config.json /h/.dockercfg"},
		{"", ""},
	} {
		env := map[string]string{}
		for word := range strings.FieldsSeq(tt.env) {
			name, value, _ := strings.Cut(word, "=")
			env[name] = value
		}
		p := &program{lookupEnv: func(name string) (string, bool) { v, is := env[name]; return v, is }}
		if got := strings.Join(p.keyPaths(), " "); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.env, got, tt.want)
		}
	}
}

// TestCredentials logs in with a file, or with a helper, and tells what is wrong.
func TestCredentials(t *testing.T) {
	s := registrytest.New(t, registrytest.Profile{Auth: registrytest.AuthBearer, Private: true})
	s.PutImage("team/x", "t", []byte("no layer at all"))
	bin := t.TempDir()
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	for name, script := range map[string]string{
		"good":   fmt.Sprintf(`read server; test "$server" = %s && echo '{"Username":"%s","Secret":"%s"}'`, s.Host(), registrytest.User, registrytest.Password),
		"none":   `echo 'credentials not found in native keychain'; exit 1`,
		"bad":    `echo oops; exit 3`,
		"flood":  `exec yes`,
		"hangs":  `sleep 60`,
		"silent": `exit 0`,
	} {
		if err := os.WriteFile(filepath.Join(bin, "docker-credential-"+name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	password := base64.StdEncoding.EncodeToString([]byte(registrytest.User + ":" + registrytest.Password))
	for _, tt := range []struct {
		name, text string
		status     int
		want       string
	}{
		{"a password", fmt.Sprintf(`{"auths":{"%s":{"auth":"%s"}}}`, s.Host(), password), 5, "rootfs"},
		{"for another path", fmt.Sprintf(`{"auths":{"%s/other":{"auth":"%s"}}}`, s.Host(), password), 4, "does not exist or is not yours"},
		{"a helper", fmt.Sprintf(`{"credHelpers":{"%s":"good"}}`, s.Host()), 5, "rootfs"},
		{"a store", fmt.Sprintf(`{"auths":{"%s":{}},"credsStore":"good"}`, s.Host()), 5, "rootfs"},
		{"a helper without", fmt.Sprintf(`{"credHelpers":{"%s":"none"}}`, s.Host()), 4, "does not exist or is not yours"},
		{"a helper that fails", fmt.Sprintf(`{"credHelpers":{"%s":"bad"}}`, s.Host()), 1, "docker-credential-bad: exit status 3"},
		{"a helper that floods", fmt.Sprintf(`{"credHelpers":{"%s":"flood"}}`, s.Host()), 1, "docker-credential-flood: prints more than 1048576 bytes"},
		{"a helper without an answer", fmt.Sprintf(`{"credHelpers":{"%s":"silent"}}`, s.Host()), 1, "docker-credential-silent: prints no JSON"},
		{"no such helper", fmt.Sprintf(`{"credHelpers":{"%s":"nowhere"}}`, s.Host()), 1, "docker-credential-nowhere: is not installed"},
		{"no file of credentials", `{"auths":1,"secret":"s3cr3t"}`, 2, "is not a file of credentials"},
	} {
		file := filepath.Join(t.TempDir(), "auth.json")
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, said strings.Builder
		status := run(t.Context(), []string{"orlop", "index", "--plain-http", "docker://" + s.Host() + "/team/x:t", "-o", filepath.Join(t.TempDir(), "x.tar")}, &out, &said,
			func(name string) (string, bool) { return file, name == "REGISTRY_AUTH_FILE" })
		if status != tt.status || !strings.Contains(said.String(), tt.want) || strings.Contains(said.String(), "s3cr3t") {
			t.Errorf("%s: status %d, said %s; want %d, %s", tt.name, status, said.String(), tt.status, tt.want)
		}
	}
	if _, err := runHelper(t.Context(), 100*time.Millisecond, "hangs", "x"); err == nil || err.Error() != "does not answer within 100ms" {
		t.Errorf("a helper that hangs: got %v", err)
	}
}
