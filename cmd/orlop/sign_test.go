// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/registry/registrytest"
)

// files reads a folder, without archives and locks.
func (f *forge) files(dir string) map[string]string {
	f.t.Helper()
	entries, err := os.ReadDir(dir)
	f.must(err)
	files := map[string]string{}
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasSuffix(e.Name(), ".txz") && !strings.HasSuffix(e.Name(), ".lock.json") {
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			f.must(err)
			files[e.Name()] = string(text)
		}
	}
	return files
}

// does runs orlop and requires a status.
func (f *forge) does(want int, args ...string) string {
	f.t.Helper()
	status, said := orlop(f.t, args...)
	if status != want {
		f.t.Fatalf("%v: status %d, want %d\n%s", args, status, want, said)
	}
	return said
}

// signs signs the archive with some keys.
func (f *forge) signs(args ...string) {
	f.t.Helper()
	f.does(0, append(append([]string{"sign", "-q", "--identity", identity}, args...), f.archive)...)
}

// TestSignTwice makes the same bytes again, elsewhere, and through a prepared folder.
func TestSignTwice(t *testing.T) {
	t.Parallel()
	a, b, c := newForge(t), newForge(t), newForge(t)
	keys := []string{"--key", a.key("ec.pem"), "--key", a.key("ed.pem"), "--pgp-key", a.key("good.sec")}
	a.signs(keys...)
	want := a.files(a.dir)
	for name, count := range map[string]int{"container-image-static.sigstore.json": 2, "container-image-static.cosign.json": 2, "container-image-static.lock.sigstore.json": 2} {
		if n := strings.Count(want[name], "\n"); n != count {
			t.Errorf("%s has %d signatures, want %d", name, n, count)
		}
	}
	if n := strings.Count(want["container-image-static.pgp"], "BEGIN"); n != 3 || len(want) != 5 { // no tag, 15.0p3 and 15
		t.Errorf("%d messages, and the files %v", n, want)
	}
	if said := a.does(0, append(append([]string{"sign", "--identity", identity}, keys...), a.archive)...); !strings.Contains(said, "all signatures are there already") {
		t.Errorf("the second time it says %s", said)
	}
	b.signs(keys...)
	folder := filepath.Join(c.dir, "tosign")
	c.does(0, "sign", "-q", "--prepare", folder, "--identity", identity, c.archive)
	if names := c.files(folder); len(names) != 1 {
		t.Errorf("the folder has %v", names)
	}
	c.does(0, "sign", "-q", "--prepared", folder, "--key", c.key("ec.pem"), "--pgp-key", c.key("good.sec"))
	c.does(0, "sign", "-q", "--prepared", folder, "--key", c.key("ec.pem"))
	c.signs("--attach", folder, "--key", c.key("ec.pub"), "--pgp-key", c.key("good.asc"))
	c.signs("--key", c.key("ed.pem"))
	for name, f := range map[string]*forge{"the first": a, "another folder": b, "prepared": c} {
		got := f.files(f.dir)
		for file, text := range want {
			if got[file] != text {
				t.Errorf("%s: %s differs:\n%s\nwant\n%s", name, file, got[file], text)
			}
		}
	}
	if said := c.does(0, "verify", "--key", c.key("ec.pub"), "--key", c.key("ed.pub"), "--keyring", c.key("good.asc"), "--signers", "3", "--identity", identity,
		"--require-form", "bundle", "--require-form", "cosign", "--require-form", "pgp", "--digests", filepath.Join(c.dir, "container-image-MANIFESTS.asc"), "--require", "signature", c.archive); strings.Contains(said, "does not count") {
		t.Error(said)
	}
}

// TestSignKeeps keeps the signatures of others, and those of no other image.
func TestSignKeeps(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	theirs := f.message("unknown", f.atomic())
	f.beside(theirs, f.message("unknown", strings.Replace(f.atomic(), f.digest.String(), elsewhere.String(), 1)), f.cosign(string(attest.CosignPayload(identity, elsewhere))))
	f.signs("--pgp-key", f.key("good.sec"), "--pgp-key", f.key("second.sec"))
	files := f.files(f.dir)
	if n := strings.Count(files["container-image-static.pgp"], "BEGIN"); n != 1+2*3 {
		t.Errorf("%d messages", n)
	}
	messages, err := attest.ParseArmour([]byte(files["container-image-static.pgp"]))
	if err != nil || !bytes.Equal(messages[0], theirs.Text) {
		t.Errorf("another's signature is no more the first, %v", err)
	}
	if text, there := files["container-image-static.cosign.json"]; there {
		t.Errorf("a signature of another image is still there: %s", text)
	}
	c, err := attest.ParseClearSigned([]byte(files["container-image-MANIFESTS.asc"]))
	if err != nil || c.Len() != 2 || !strings.Contains(string(c.Text), "lock) = "+sum.HexSHA256(f.lock)+"\n") {
		t.Errorf("the list is %+v, %v", c, err)
	}
}

// TestSignOthers keeps what it cannot read, and what others know besides.
func TestSignOthers(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	unread := `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","messageSignature":{}}` + "\n"
	f.file("container-image-static.sigstore.json", []byte(unread))
	theirs := f.cosign(f.simple())
	b64 := base64.StdEncoding.EncodeToString
	line := fmt.Sprintf(`{"Base64Signature": "%s", "Payload": "%s", "Cert": {"Raw": "x"}, "Bundle": null}`+"\n", b64(theirs.Sig), b64(theirs.Text))
	f.file("container-image-static.cosign.json", []byte(line))
	f.signs("--key", f.key("ed.pem"))
	files := f.files(f.dir)
	for name, begin := range map[string]string{"container-image-static.sigstore.json": unread, "container-image-static.cosign.json": line} {
		if text := files[name]; !strings.HasPrefix(text, begin) || strings.Count(text, "\n") != 2 {
			t.Errorf("%s is %s", name, text)
		}
	}
}

// TestSignNames signs no name that would bring another line into the list, and no two
// archives whose signatures would have one name.
func TestSignNames(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	dir := t.TempDir()
	f.does(0, "build", "-q", "--repo", "sample", "--format", "dir", "-o", dir, "static")
	index := filepath.Join(dir, "container-image-static", "index.json")
	text, err := os.ReadFile(index)
	f.must(err)
	for _, name := range []string{`freebsd-dynamic:15.0) = ` + elsewhere.Encoded() + `\nSHA256 (freebsd-static:15.0`, `a/b`, `a b`, `\u001b[2J`} {
		f.must(os.WriteFile(index, []byte(strings.Replace(string(text), "freebsd-static:15.0-RELEASE-p3-amd64", name, 1)), 0o600))
		if said := f.does(1, "sign", "-q", "--pgp-key", f.key("good.sec"), filepath.Join(dir, "container-image-static")); !strings.Contains(said, "wanted the name of an image") {
			t.Errorf("%s: said %s", name, said)
		}
	}
	if left := f.files(dir); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	f.must(os.WriteFile(filepath.Join(f.dir, "container-image-static.tar.xz"), f.image, 0o600))
	if said := f.does(2, "sign", "-q", "--key", f.key("ec.pem"), f.archive, filepath.Join(f.dir, "container-image-static.tar.xz")); !strings.Contains(said, "would have the same names") {
		t.Errorf("said %s", said)
	}
}

// TestSignMeanwhile does not overwrite what another signer has written meanwhile.
func TestSignMeanwhile(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	slow := fmt.Sprintf("cat > %s/text; touch %s/begun; while [ ! -e %s/done ]; do sleep 0.05; done; openssl pkeyutl -sign -inkey %s -rawin -digest sha256 -in %s/text", f.dir, f.dir, f.dir, f.key("ec.pem"), f.dir)
	result := make(chan string, 1)
	go func() {
		status, said := orlop(t, "sign", "-q", "--form", "bundle", "--key", f.key("ec.pub"), "--signer", slow, f.archive)
		result <- fmt.Sprint(status, said)
	}()
	for range 200 {
		if _, err := os.Stat(f.dir + "/begun"); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	f.does(0, "sign", "-q", "--form", "bundle", "--key", f.key("ed.pem"), f.archive)
	f.file("done", nil)
	if said := <-result; !strings.HasPrefix(said, "1") || !strings.Contains(said, "have changed since they were read") {
		t.Errorf("said %s", said)
	}
	f.does(0, "verify", "-q", "--key", f.key("ed.pub"), f.archive)
}

// TestSignFaults says what is missing, or wrong, with the right status.
func TestSignFaults(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	key := f.key("ec.pem")
	public := []string{"sign", "--key", f.key("ec.pub")}
	for _, tt := range []struct {
		args []string
		want int
		says string
	}{
		{[]string{"sign"}, 2, "sign: no image given"},
		{[]string{"sign", f.archive}, 2, "wanted --key or --pgp-key with a private key"},
		{append(public, f.archive), 2, "found public keys, which sign nothing"},
		{[]string{"sign", "--key", key, "--identity", "x:y", f.archive}, 2, "--identity: found x:y, wanted REGISTRY/PATH"},
		{[]string{"sign", "--key", key, "--form", "pgp", f.archive}, 2, "for which no key is given"},
		{[]string{"sign", "--key", key, "--form", "cosign", f.archive}, 2, "give --identity"},
		{[]string{"sign", "--key", key, "docker://127.0.0.1:1/x/y"}, 2, "push --key signs what a registry has"},
		{[]string{"sign", "--key", key, "--prepare", f.dir, f.archive}, 2, "found keys, wanted none"},
		{[]string{"sign", "--prepare", f.dir, f.archive}, 2, "wanted an empty folder or none"},
		{[]string{"sign", "--prepare", f.dir, "--show", f.dir}, 2, "contradict each other"},
		{[]string{"sign", "--show", f.dir, f.archive}, 2, "the folder says what is signed"},
		{[]string{"sign", "--prepared", f.dir, "--key", key}, 5, "manifest.json"},
		{append(public, "--signer", "exit 3", f.archive), 1, "--signer: the command ends with status 3"},
		{append(public, "--signer", "true", f.archive), 1, "--signer: the command prints no signature"},
		{append(public, "--signer", "echo x", f.archive), 5, "does not verify with its public key"},
		{append(public, "--signer", "sleep 9", "--signer-timeout", "100ms", f.archive), 1, "does not answer within 100ms"},
		{append(public, "--signer", "yes", f.archive), 1, "prints more than 131072 bytes"},
		{[]string{"sign", "--signer", "true", f.archive}, 2, "--signer: found 0 keys, wanted one --key with its public key"},
		{append(public, "--signer", "true", "--signer-timeout", "0s", f.archive), 2, "wanted more than 0"},
		{[]string{"sign", "--pgp-key", f.key("good.asc"), "--pgp-signer", "cat; #", "--identity", identity, f.archive}, 5, "does not verify with its public key: it is no signed OpenPGP message"},
		{[]string{"sign", "--pgp-key", f.key("expired.sec"), f.archive}, 2, "has no key that may sign now"},
		{[]string{"sign", "--key", f.key("p384.pem"), f.archive}, 2, "is ECDSA on P-384, wanted P-256"},
		{[]string{"sign", "--key", f.file("gone", nil), f.archive}, 2, "is no public key in PEM form"},
		{[]string{"push", "--plain-http", "--pgp-key", f.key("good.sec"), f.archive, "127.0.0.1:1/x/y"}, 2, "wanted --lookaside DIR, too"},
		{[]string{"push", "--plain-http", "--lookaside", "https://x/y", f.archive, "127.0.0.1:1/x/y"}, 2, "wanted a folder"},
	} {
		if said := f.does(tt.want, tt.args...); !strings.Contains(said, tt.says) {
			t.Errorf("%v: said %s, want %s", tt.args, said, tt.says)
		}
	}
	if left := f.files(f.dir); len(left) != 1 {
		t.Errorf("left %v", left)
	}
}

// TestHostileFolder gives a folder of --prepare to somebody hostile: nothing else gets
// signed or published.
func TestHostileFolder(t *testing.T) {
	t.Parallel()
	load := func(f *forge, dir string) []string {
		return []string{"sign", "-q", "--prepared", dir, "--key", f.key("ec.pem")}
	}
	attach := func(f *forge, dir string) []string {
		return []string{"sign", "-q", "--attach", dir, "--key", f.key("ec.pub"), "--identity", identity, f.archive}
	}
	list := func(old, by string) func(*forge, string) {
		return func(f *forge, dir string) {
			name := filepath.Join(dir, "manifest.json")
			text, err := os.ReadFile(name)
			f.must(err)
			f.must(os.WriteFile(name, []byte(swap(string(text), old, by)), 0o600))
		}
	}
	sig := func(edit func(name string)) func(*forge, string) {
		return func(f *forge, dir string) {
			f.does(0, load(f, dir)...)
			names, err := filepath.Glob(dir + "/*.sig")
			f.must(err)
			edit(names[0])
		}
	}
	for name, tt := range map[string]struct {
		edit func(f *forge, dir string)
		run  func(f *forge, dir string) []string
		want int
		says string
	}{
		"nothing": {sig(func(string) {}), attach, 0, ""},
		"what a killed run left": {func(f *forge, dir string) {
			f.must(os.Mkdir(dir+"/.orlop-part-1", 0o700))
			f.must(os.WriteFile(dir+"/.orlop-part-1/orlop", []byte("orlop prepares files here; its next run removes what a killed one has left\n"), 0o600))
		}, load, 0, ""},
		"another file":  {func(f *forge, dir string) { f.must(os.WriteFile(dir+"/x", nil, 0o600)) }, load, 5, `has a file "x" that does not belong to its list`},
		"a hidden file": {func(f *forge, dir string) { f.must(os.WriteFile(dir+"/.x", nil, 0o600)) }, load, 5, "does not belong to its list"},
		"a folder":      {func(f *forge, dir string) { f.must(os.Mkdir(dir+"/x", 0o700)) }, load, 5, "does not belong to its list"},
		"a linked list": {func(f *forge, dir string) {
			f.must(os.Rename(dir+"/manifest.json", f.dir+"/m"))
			f.must(os.Symlink(f.dir+"/m", dir+"/manifest.json"))
		}, load, 5, "is a symbolic link, wanted a regular file"},
		"no list":            {func(f *forge, dir string) { f.must(os.Remove(dir + "/manifest.json")) }, load, 5, "no such file"},
		"a name with /":      {list(`"name": "freebsd-static`, `"name": "../freebsd-static`), load, 5, "wanted the name of an image"},
		"control characters": {list(`"name": "freebsd-static`, `"name": "\u001b[2Jfreebsd-static`), load, 5, "wanted the name of an image"},
		"a member more":      {list(`"format": 1,`, `"format": 1, "payload": "x",`), load, 5, "payload"},
		"another format":     {list(`"format": 1`, `"format": 2`), load, 1, "has format 2, wanted 1"},
		"no items": {func(f *forge, dir string) {
			f.must(os.WriteFile(dir+"/manifest.json", []byte(`{"format":1,"items":[]}`), 0o600))
		}, load, 5, "has nothing that is to be signed"},
		"another form":               {list(`"form": "bundle"`, `"form": "blob"`), load, 5, `form is "blob"`},
		"sha512":                     {list(`"digest": "sha256:`, `"digest": "sha512:`), load, 5, "wanted sha256:HEX"},
		"an identity that is quoted": {list(`"identity": "`+identity+`"`, `"identity": "x\"},\"a\":{\"b\":\"c"`), load, 5, "wanted REGISTRY/PATH"},
		"another image": {func(f *forge, dir string) {
			list("sha256:"+f.digest.Encoded(), elsewhere.String())(f, dir)
			f.does(0, load(f, dir)...)
		}, attach, 5, "has no signature"},
		"a signature missing":       {sig(func(name string) { _ = os.Remove(name) }), attach, 5, "has no signature"},
		"a bit of a signature":      {sig(func(name string) { text, _ := os.ReadFile(name); _ = os.WriteFile(name, flipAt(text, -1), 0o600) }), attach, 5, "does not verify with its public key"},
		"a linked signature":        {sig(func(name string) { _ = os.Rename(name, name+"x"); _ = os.Symlink(name+"x", name) }), attach, 5, "is a symbolic link, wanted a regular file"},
		"a signature by another":    {func(f *forge, dir string) { f.does(0, "sign", "-q", "--prepared", dir, "--key", f.key("other.pem")) }, attach, 5, "does not verify with its public key"},
		"another's signature there": {func(f *forge, dir string) { f.does(0, "sign", "-q", "--prepared", dir, "--key", f.key("other.pem")) }, load, 5, "is there and is no signature by this key"},
		"other bytes to be signed": {func(f *forge, dir string) {
			f.does(0, "sign", "-q", "--show", dir)
			names, err := filepath.Glob(dir + "/*.cosign")
			f.must(err)
			f.must(os.WriteFile(names[0], []byte("x"), 0o600))
		}, load, 5, "is not what its name says"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForge(t)
			dir := filepath.Join(f.dir, "tosign")
			f.does(0, "sign", "-q", "--prepare", dir, "--identity", identity, f.archive)
			tt.edit(f, dir)
			if said := f.does(tt.want, tt.run(f, dir)...); !strings.Contains(said, tt.says) {
				t.Errorf("said %s, want %s", said, tt.says)
			}
			if published := f.files(f.dir); tt.want != 0 && len(published) > 0 && published["m"] == "" {
				t.Errorf("published %v", published)
			}
		})
	}
}

// TestPushSigned signs what it pushes, once, and keeps what others have signed.
func TestPushSigned(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]registrytest.Profile{"API": {}, "fallback": {NoReferrers: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newForge(t)
			f.beside(f.bundle(f.statement(), attest.MediaTypeStatement), f.message("good", f.atomic()))
			s := registrytest.New(t, p)
			s.CreateRepo("freebsd/freebsd-static")
			to := s.Host() + "/freebsd/freebsd-static"
			look := filepath.Join(f.dir, "look")
			push := func(args ...string) []string {
				return append(append([]string{"push", "--plain-http", "--tag", "t", "--lookaside", look}, args...), f.archive, to)
			}
			if said := f.does(0, push("--key", f.key("ed.pem"), "--pgp-key", f.key("good.sec"))...); !strings.Contains(said, "a signature in container-image-static.pgp stays there: it is for "+identity) {
				t.Errorf("said %s", said)
			}
			s.ResetRequests()
			f.does(0, push("-q", "--key", f.key("ed.pem"), "--pgp-key", f.key("good.sec"))...)
			if n := s.Count("POST PUT PATCH", ""); n > 0 {
				t.Errorf("the second push sends %d times", n)
			}
			f.does(0, push("-q", "--key", f.key("ec.pem"))...)
			verify := []string{"verify", "--plain-http", "--key", f.key("ed.pub"), "--key", f.key("ec.pub"), "--keyring", f.key("good.asc"), "--lookaside", look,
				"--require-form", "bundle", "--require-form", "cosign", "--require-form", "pgp", "--signers", "3", "docker://" + to + ":t"}
			if said := f.does(0, verify...); strings.Contains(said, "does not count") {
				t.Error(said)
			}
			list, err := attest.ParseSignatureList(s.Manifest("freebsd/freebsd-static", s.Tag("freebsd/freebsd-static", attest.SignatureTag(f.digest))))
			if err != nil || len(list.Layers) != 2 {
				t.Errorf("cosign's tag has %+v, %v", list, err)
			}
		})
	}
}

// TestPushTogether lets several sign the same image at once: no signature gets lost.
func TestPushTogether(t *testing.T) {
	t.Parallel()
	for _, p := range []registrytest.Profile{{}, {NoReferrers: true}} {
		f := newForge(t)
		s := registrytest.New(t, p)
		to := s.Host() + "/freebsd/freebsd-static"
		f.does(0, "push", "-q", "--plain-http", "--tag", "t", f.archive, to)
		keys := []string{"ec", "ed", "other"}
		var group sync.WaitGroup
		for _, key := range keys {
			group.Go(func() {
				status, said := orlop(t, "push", "-q", "--plain-http", "--tag", "t", "--key", f.key(key+".pem"), f.archive, to)
				if status != 0 && !(status == 1 && strings.Contains(said, "somebody else writes to it")) {
					t.Errorf("%s: status %d, said %s", key, status, said)
				}
			})
		}
		group.Wait()
		for _, key := range keys { // one that lost three times says so, and signs now
			f.does(0, "push", "-q", "--plain-http", "--tag", "t", "--key", f.key(key+".pem"), f.archive, to)
		}
		for _, form := range []string{"bundle", "cosign"} {
			f.does(0, "verify", "-q", "--plain-http", "--key", f.key("ec.pub"), "--key", f.key("ed.pub"), "--key", f.key("other.pub"), "--require-form", form, "--signers", "3", "docker://"+to+":t")
		}
	}
}

// TestDryRunSigned lists what would be signed, and does not sign it.
func TestDryRunSigned(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	s := registrytest.New(t, registrytest.Profile{})
	to := s.Host() + "/freebsd/freebsd-static"
	var out bytes.Buffer
	var said strings.Builder
	args := []string{"orlop", "push", "-q", "--plain-http", "--dry-run", "--tag", "t", "--key", f.key("ec.pem"), f.archive, to}
	if code := run(t.Context(), args, &out, &said, func(string) (string, bool) { return "", false }); code != 0 {
		t.Fatal(said.String())
	}
	// The image and its lock, each in two forms.
	if n := strings.Count(out.String(), "sign\t"); n != 4 || s.Count("POST PUT PATCH", "") > 0 {
		t.Errorf("%d signatures in\n%s", n, out.String())
	}
}

// TestSignPlaces writes nothing where there is no room, or where nothing can be written,
// and leaves what is there.
func TestSignPlaces(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	full := mounted(t, fmt.Sprintf("size=%dk", (len(f.image)+len(f.lock))/1024+16))
	archive := filepath.Join(full, "container-image-static.txz")
	f.must(os.WriteFile(archive, f.image, 0o600))
	f.must(os.WriteFile(filepath.Join(full, "container-image-static.lock.json"), f.lock, 0o600))
	for n := 0; ; n++ { // fill what is left
		if err := os.WriteFile(filepath.Join(full, fmt.Sprint("fill", n)), make([]byte, 4096), 0o600); err != nil {
			break
		}
	}
	before := f.files(full)
	said := f.does(1, "sign", "-q", "--key", f.key("ec.pem"), archive)
	if !strings.Contains(said, "no space left on device") || len(f.files(full)) != len(before) {
		t.Errorf("full: said %s", said)
	}
	f.does(1, "sign", "-q", "--prepare", filepath.Join(full, "tosign"), "--identity", identity, f.archive)
	if _, err := os.Lstat(filepath.Join(full, "tosign")); err == nil {
		t.Error("a folder is left")
	}
	read := mounted(t, "ro")
	if said := f.does(1, "sign", "-q", "--prepare", filepath.Join(read, "x"), "--identity", identity, f.archive); !strings.Contains(said, "read-only file system") {
		t.Errorf("read-only: said %s", said)
	}
	s := registrytest.New(t, registrytest.Profile{})
	said = f.does(1, "push", "-q", "--plain-http", "--tag", "t", "--pgp-key", f.key("good.sec"), "--lookaside", filepath.Join(read, "look"), f.archive, s.Host()+"/x/y")
	if !strings.Contains(said, "read-only file system") || slices.Contains(s.Tags("x/y"), "t") {
		t.Errorf("read-only: said %s, tags %v", said, s.Tags("x/y"))
	}
}

// TestSignedLock vouches for a lock by the signature of a given key, on disk and in a
// registry.
func TestSignedLock(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	cache := filepath.Join(f.dir, "cache")
	f.does(0, "fetch", "-q", "--repo", "sample", "--cache", cache, "--lock", filepath.Join(f.dir, "container-image-static.lock.json"))
	rebuild := func(image string, args ...string) []string {
		return append(append([]string{"verify", "-q", "--plain-http", "--rebuild", "--offline", "--cache", cache}, args...), image)
	}
	f.does(4, rebuild(f.archive)...)
	f.does(5, rebuild(f.archive, "--key", f.key("ec.pub"))...) // the image is not signed
	other := digest.FromString("another lock")
	list := f.line() + "SHA256 (freebsd-static:15.0-RELEASE-p3-amd64 lock) = " + sum.HexSHA256(f.lock) + "\n"
	f.does(0, rebuild(f.archive, "--keyring", f.key("good.asc"), "--digests", f.file("LIST.asc", []byte(f.list("good", list))))...)
	f.does(4, rebuild(f.archive, "--keyring", f.key("good.asc"), "--digests", f.file("LIST2.asc", []byte(f.list("good", f.line()))))...)
	f.beside(f.bundle(f.statement(), attest.MediaTypeStatement))
	f.does(4, rebuild(f.archive, "--key", f.key("ec.pub"))...)
	for d, want := range map[digest.Digest]int{other: 4, digest.FromBytes(f.lock): 0} {
		f.file("container-image-static.lock.sigstore.json", f.bundle(string(attest.SignStatement(d)), attest.MediaTypeStatement).Text)
		f.does(want, rebuild(f.archive, "--key", f.key("ec.pub"))...)
	}
	f.must(os.Remove(filepath.Join(f.dir, "container-image-static.lock.sigstore.json")))
	for name, sign := range map[string]func() []string{
		"the manifest by which it is attached": func() []string { return []string{"--key", f.key("ec.pem")} },
		"the lock beside the archive": func() []string {
			f.file("container-image-static.lock.sigstore.json", f.bundle(string(attest.SignStatement(digest.FromBytes(f.lock))), attest.MediaTypeStatement).Text)
			return nil
		},
	} {
		s := registrytest.New(t, registrytest.Profile{})
		to := s.Host() + "/freebsd/freebsd-static"
		push := func(args ...string) {
			f.does(0, append(append([]string{"push", "-q", "--plain-http", "--tag", "t"}, args...), f.archive, to)...)
		}
		_ = os.Remove(filepath.Join(f.dir, "container-image-static.lock.sigstore.json"))
		push()
		f.does(4, rebuild("docker://"+to+":t", "--key", f.key("ec.pub"))...) // the bundle beside it signs the image alone
		push(sign()...)
		if status, said := orlop(t, rebuild("docker://"+to+":t", "--key", f.key("ec.pub"))...); status != 0 {
			t.Errorf("%s: status %d, %s", name, status, said)
		}
		f.does(5, rebuild("docker://"+to+":t", "--key", f.key("other.pub"))...)
	}
}
