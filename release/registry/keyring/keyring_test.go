// SPDX-License-Identifier: BSD-2-Clause

package keyring_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/registry"
	"github.com/orlop/orlop/release/registry/keyring"
)

func basic(user string) string {
	return `{"auth":"` + base64.StdEncoding.EncodeToString([]byte(user+":pw:2")) + `"}`
}

// helper answers as docker-credential-NAME does.
func helper(_ context.Context, name, server string) ([]byte, error) {
	switch name {
	case "store":
		return fmt.Appendf(nil, `{"ServerURL":%q,"Username":"stored","Secret":%q}`, server, server), nil
	case "identity":
		return []byte(`{"Username":"<token>","Secret":"secret"}`), nil
	case "empty":
		return []byte("credentials not found in native keychain\n"), errors.New("exit status 1")
	case "huge":
		return make([]byte, 1<<21), nil
	case "text":
		return []byte("secret"), nil
	}
	return nil, errors.New("is not installed")
}

func ring(t *testing.T, files ...string) *keyring.Ring {
	t.Helper()
	k := &keyring.Ring{Help: helper}
	for i, text := range files {
		f, err := keyring.ParseFile(fmt.Sprintf("/file%d", i), []byte(text), false)
		if err != nil {
			t.Fatal(err)
		}
		k.Files = append(k.Files, f)
	}
	return k
}

func parsed(t *testing.T, text string) registry.Reference {
	t.Helper()
	ref, err := registry.ParseReference(text)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestKeyring(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		file, ref string
		want      string // USER PASSWORD IDENTITY-TOKEN REGISTRY-TOKEN
	}{
		"auths with quay.io/other only": {`{"auths":{"quay.io/other":` + basic("x") + `}}`, "quay.io/team/image", ""},
		"no part of a component":        {`{"auths":{"quay.io/tea":` + basic("x") + `}}`, "quay.io/team/image", ""},
		"the longest":                   {`{"auths":{"quay.io":` + basic("a") + `,"quay.io/team":` + basic("b") + `,"quay.io/team/image/x":` + basic("c") + `}}`, "quay.io/team/image", "b pw:2  "},
		"an empty one passed over":      {`{"auths":{"quay.io":` + basic("a") + `,"quay.io/team":{}}}`, "quay.io/team/image", "a pw:2  "},
		"{} and credsStore":             {`{"auths":{"quay.io":{}},"credsStore":"store"}`, "quay.io/team/image", "stored quay.io  "},
		"credsStore of docker.io":       {`{"credsStore":"store"}`, "team/image", "stored https://index.docker.io/v1/  "},
		"credHelpers before auths":      {`{"auths":{"quay.io":` + basic("a") + `},"credHelpers":{"quay.io":"store"}}`, "quay.io/team/image", "stored quay.io  "},
		"credHelpers of another":        {`{"credHelpers":{"ghcr.io":"store"}}`, "quay.io/team/image", ""},
		"docker.io as docker writes it": {`{"auths":{"https://index.docker.io/v1/":` + basic("a") + `}}`, "team/image", "a pw:2  "},
		"docker.io as an address":       {`{"auths":{"registry-1.docker.io":` + basic("a") + `}}`, "team/image", "a pw:2  "},
		"docker.io as podman writes it": {`{"auths":{"docker.io":` + basic("a") + `,"https://index.docker.io/v1/":` + basic("b") + `}}`, "team/image", "a pw:2  "},
		"a URL":                         {`{"auths":{"https://quay.io/v2/":` + basic("a") + `}}`, "quay.io/team/image", "a pw:2  "},
		"upper case":                    {`{"auths":{"QUAY.io":` + basic("a") + `}}`, "quay.io/team/image", "a pw:2  "},
		"a port":                        {`{"auths":{"quay.io:443":` + basic("a") + `}}`, "quay.io/team/image", ""},
		"username and password":         {`{"auths":{"quay.io":{"username":"u","password":"p"}}}`, "quay.io/team/image", "u p  "},
		"identitytoken":                 {`{"auths":{"a.azurecr.io":{"auth":"MDA6","identitytoken":"i"}}}`, "a.azurecr.io/x", "00  i "},
		"registrytoken":                 {`{"auths":{"quay.io":{"registrytoken":"r"}}}`, "quay.io/team/image", "   r"},
		"an identity token of a helper": {`{"credsStore":"identity"}`, "quay.io/team/image", "  secret "},
		"a helper that has nothing":     {`{"credsStore":"empty"}`, "quay.io/team/image", ""},
		"much else":                     {`{"HttpHeaders":{},"auths":{},"psFormat":1}`, "quay.io/team/image", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := ring(t, tt.file).Find(t.Context(), parsed(t, tt.ref))
			if err != nil {
				t.Error(err)
			}
			got := strings.Join([]string{c.Username, c.Password, c.RefreshToken, c.AccessToken}, " ")
			if strings.TrimSpace(got) == "" {
				got = ""
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	t.Run("the first file that has something", func(t *testing.T) {
		t.Parallel()
		k := ring(t, `{"credsStore":"empty"}`, `{"auths":{"quay.io":{}}}`, `{"auths":{"quay.io":`+basic("c")+`}}`, `{"auths":{"quay.io":`+basic("d")+`}}`)
		if c, err := k.Find(t.Context(), parsed(t, "quay.io/x")); err != nil || c.Username != "c" {
			t.Errorf("got %v and %v", c.Username, err)
		}
	})
	t.Run(".dockercfg", func(t *testing.T) {
		t.Parallel()
		f, err := keyring.ParseFile("/x", []byte(`{"https://index.docker.io/v1/":`+basic("old")+`}`), true)
		if err != nil {
			t.Error(err)
		}
		k := keyring.Ring{Files: []keyring.File{f}}
		if c, err := k.Find(t.Context(), parsed(t, "team/image")); err != nil || c.Username != "old" {
			t.Errorf("got %v and %v", c.Username, err)
		}
	})
}

func TestKeyringFails(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		file  string
		class fault.Class
		text  string
	}{
		"helper missing":    {`{"credsStore":"gone"}`, fault.Failed, "/file0: docker-credential-gone: is not installed"},
		"printing 1 GiB":    {`{"credsStore":"huge"}`, fault.Failed, "prints more than 1048576 bytes"},
		"printing no JSON":  {`{"credsStore":"text"}`, fault.Failed, "prints no JSON"},
		"a path for a name": {`{"credHelpers":{"quay.io":"../x"}}`, fault.Usage, `"../x"`},
		"no base64":         {`{"auths":{"quay.io":{"auth":"secret!"}}}`, fault.Usage, "/file0: auths: quay.io: auth is not"},
		"no colon":          {`{"auths":{"quay.io":{"auth":"c2VjcmV0"}}}`, fault.Usage, "USER:PASSWORD"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ring(t, tt.file).Find(t.Context(), parsed(t, "quay.io/x"))
			fails(t, err, tt.class, tt.text)
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "c2Vj") {
				t.Errorf("%v has the secret", err)
			}
		})
	}
	t.Run("hanging", func(t *testing.T) {
		t.Parallel()
		k := ring(t, `{"credsStore":"x"}`)
		k.Help = func(ctx context.Context, _, _ string) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() }
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := k.Find(ctx, parsed(t, "quay.io/x"))
		fails(t, err, fault.Failed, "docker-credential-x")
	})
	t.Run("no helper at all", func(t *testing.T) {
		t.Parallel()
		k := ring(t, `{"credsStore":"x"}`)
		k.Help = nil
		_, err := k.Find(t.Context(), parsed(t, "quay.io/x"))
		fails(t, err, fault.Failed, "is not asked here")
	})
	for _, text := range []string{"", "secret", `{"auths":["secret"]}`, `{"auths":{"quay.io":{"auth":{"secret":1}}}}`} {
		_, err := keyring.ParseFile("/x", []byte(text), false)
		fails(t, err, fault.Usage, "/x: is not a file of credentials")
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%v has the secret", err)
		}
	}
}

// FuzzFile reads files of credentials, and looks for any name in them.
func FuzzFile(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte, name string, old bool) {
		file, err := keyring.ParseFile("/keys", text, old)
		if err != nil {
			return
		}
		ref, err := registry.ParseReference(name)
		if err != nil {
			return
		}
		k := keyring.Ring{Files: []keyring.File{file}}
		c, err := k.Find(t.Context(), ref)
		if err != nil && c != (registry.Credential{}) {
			t.Errorf("got %v and %v", c, err)
		}
	})
}

// fails requires an error of a class with a text.
func fails(t *testing.T, err error, class fault.Class, text string) {
	t.Helper()
	if err == nil || fault.ClassOf(err) != class || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want %q of class %d", err, text, class)
	}
}
