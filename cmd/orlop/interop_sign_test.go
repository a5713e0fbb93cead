// SPDX-License-Identifier: BSD-2-Clause

//go:build interop

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/orlop/orlop/hooks/signature"
	"github.com/orlop/orlop/release/attest"
	"github.com/orlop/orlop/release/registry"
)

// clients are other people's programs that check signatures, with a folder of keys, the
// files that they want, and an image in a registry that has been signed.
type clients struct {
	t              *testing.T
	dir, lookaside string
	repo           string            // REGISTRY/PATH
	index          string            // digest
	digests        map[string]string // by architecture
	archives       []string
}

// env is the environment of the programs: a keyring of their own, and a password.
func (c *clients) env() []string {
	return append(os.Environ(), "GNUPGHOME="+c.dir+"/gnupg", "COSIGN_PASSWORD=secret", "SOFTHSM2_CONF="+c.dir+"/softhsm2.conf", "HOME="+c.dir)
}

// run runs a program in the folder.
func (c *clients) run(args ...string) (string, error) {
	cmd := exec.CommandContext(c.t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = c.dir, c.env()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (c *clients) must(args ...string) string {
	c.t.Helper()
	out, err := c.run(args...)
	if err != nil {
		c.t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// orlop runs the program itself, in the folder, with the password.
func (c *clients) orlop(args ...string) string {
	c.t.Helper()
	return c.must(append([]string{"orlop"}, args...)...)
}

func (c *clients) write(name, text string) {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

// newClients makes keys as the programs make them, and pushes a signed family.
func newClients(t *testing.T, address string) *clients {
	t.Helper()
	c := &clients{t: t, dir: t.TempDir(), repo: address + "/team/zones"}
	c.lookaside = filepath.Join(c.dir, "lookaside")
	if err := os.MkdirAll(c.dir+"/gnupg", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"release", "other"} {
		c.must("cosign3", "generate-key-pair", "--output-key-prefix", name)
		c.must("gpg", "--batch", "--passphrase", "", "--quick-gen-key", name+"@example.org", "ed25519", "sign", "never")
		c.write(name+".gpg", c.must("gpg", "--export", name+"@example.org"))
		c.write(name+".sec", c.must("gpg", "--export-secret-keys", "--armor", name+"@example.org"))
	}
	c.write("root.json", `{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`)
	c.write("signing.json", `{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}`)
	c.archives, c.digests = threePlatforms(t)
	c.index = strings.TrimPrefix(strings.TrimSpace(c.orlop(append(append([]string{"push", "-q", "--plain-http", "--tag", "15.0", "--key", "release.key",
		"--pgp-key", "release.sec", "--lookaside", c.lookaside}, c.archives...), c.repo)...)), c.repo+"@")
	return c
}

// policy writes policy.json and registries.d for a registry, with the text of the manual
// page, and returns the names of both.
func (c *clients) policy(kind, key, repo string) (file, dir string) {
	c.t.Helper()
	text := examples(c.t, signaturesPage, `"`+kind+`"`)[0]
	text = strings.NewReplacer("docker.io/freebsd", strings.TrimSuffix(repo, "/zones"), "/usr/local/etc/containers/freebsd.gpg", filepath.Join(c.dir, key),
		"/usr/local/etc/containers/freebsd-cosign.pub", filepath.Join(c.dir, key)).Replace(text)
	places := strings.NewReplacer("docker.io/freebsd", strings.TrimSuffix(repo, "/zones"), "https://www.example.org/lookaside", "file://"+c.lookaside).
		Replace(examples(c.t, signaturesPage, "lookaside: ")[0])
	name := fmt.Sprintf("policy-%s-%s", kind, key)
	dir = filepath.Join(c.dir, name+".d")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		c.t.Fatal(err)
	}
	c.write(name+".json", text)
	c.write(name+".d/x.yaml", places)
	return filepath.Join(c.dir, name+".json"), dir
}

// checks are the ways in which programs check an image: which form each reads, and the
// command for a repository, a digest in it, and a key.
var checks = []struct {
	name string
	form attest.Form
	run  func(c *clients, repo, digest, key string) error
}{
	{"cosign 3", attest.FormBundle, func(c *clients, repo, digest, key string) error {
		return c.cosign("cosign3", repo+"@"+digest, key)
	}},
	{"cosign 3, older form", attest.FormCosign, func(c *clients, repo, digest, key string) error {
		return c.cosign("cosign3", repo+"@"+digest, key, "--new-bundle-format=false")
	}},
	{"cosign 2", attest.FormBundle, func(c *clients, repo, digest, key string) error {
		return c.cosign("cosign2", repo+"@"+digest, key)
	}},
	{"cosign 2, older form", attest.FormCosign, func(c *clients, repo, digest, key string) error {
		return c.cosign("cosign2", repo+"@"+digest, key, "--new-bundle-format=false")
	}},
	{"the policy engine, cosign's", attest.FormCosign, func(c *clients, repo, digest, key string) error {
		return c.engine("sigstoreSigned", repo+"@"+digest, key+".pub")
	}},
	{"the policy engine, OpenPGP", attest.FormPGP, func(c *clients, repo, digest, key string) error {
		return c.engine("signedBy", repo+"@"+digest, key+".gpg")
	}},
	{"skopeo", attest.FormPGP, func(c *clients, repo, digest, key string) error {
		policy, dir := c.policy("signedBy", key+".gpg", repo)
		_, err := c.run("skopeo", "--policy", policy, "--override-os", "freebsd", "--override-arch", "amd64", "copy", "-q", "--registries.d", dir, "--src-tls-verify=false",
			"docker://"+repo+"@"+digest, "oci:"+c.t.TempDir()+"/layout:x", "--remove-signatures")
		return err
	}},
	{"orlop, bundles", attest.FormBundle, func(c *clients, repo, digest, key string) error { return c.verify(repo+"@"+digest, key, "bundle") }},
	{"orlop, cosign's", attest.FormCosign, func(c *clients, repo, digest, key string) error { return c.verify(repo+"@"+digest, key, "cosign") }},
	{"orlop, OpenPGP", attest.FormPGP, func(c *clients, repo, digest, key string) error { return c.verify(repo+"@"+digest, key, "pgp") }},
}

func (c *clients) cosign(program, image, key string, more ...string) error {
	args := []string{program, "verify", "--key", key + ".pub", "--insecure-ignore-tlog=true", "--allow-insecure-registry", "--trusted-root", "root.json"}
	_, err := c.run(append(append(args, more...), image)...)
	return err
}

func (c *clients) engine(kind, image, key string) error {
	repo, _, _ := strings.Cut(image, "@")
	policy, dir := c.policy(kind, key, repo)
	_, err := c.run("policy", "-policy", policy, "-registries.d", dir, image)
	return err
}

func (c *clients) verify(image, key, form string) error {
	_, err := c.run("orlop", "verify", "-q", "--plain-http", "--key", key+".pub", "--keyring", key+".gpg", "--lookaside", c.lookaside, "--require-form", form, "docker://"+image)
	return err
}

// TestInteropSigned signs an index and three platforms, and lets everybody check them:
// with the right key all accept, with another none does.
func TestInteropSigned(t *testing.T) {
	for name, start := range realRegistries {
		t.Run(name, func(t *testing.T) {
			c := newClients(t, start(t))
			for _, check := range checks {
				for _, d := range []string{c.index, c.digests["amd64"], c.digests["riscv64"]} {
					if d == c.index && check.name == "skopeo" {
						continue // which chooses a platform; podman does so below
					}
					if err := check.run(c, c.repo, d, "release"); err != nil {
						t.Errorf("%s refuses %s: %v", check.name, d, err)
					}
				}
				if check.run(c, c.repo, c.digests["amd64"], "other") == nil {
					t.Errorf("%s accepts another key", check.name)
				}
			}
			c.pulls("release", true)
			c.pulls("other", false)
		})
	}
}

// pulls lets podman and skopeo pull by tag, with the policy of the manual page.
func (c *clients) pulls(key string, want bool) {
	c.t.Helper()
	policy, dir := c.policy("signedBy", key+".gpg", c.repo)
	store, err := os.MkdirTemp("", "podman") // which wants a short name
	if err != nil {
		c.t.Fatal(err)
	}
	defer os.RemoveAll(store)
	// podman takes the place of signatures from a folder of the user alone.
	place := filepath.Join(c.dir, ".config/containers/registries.d")
	if err := os.MkdirAll(filepath.Dir(place), 0o700); err != nil {
		c.t.Fatal(err)
	}
	_ = os.Remove(place)
	if err := os.Symlink(dir, place); err != nil {
		c.t.Fatal(err)
	}
	out, err := c.run("podman", "--root", store+"/root", "--runroot", store+"/run", "--storage-driver", "vfs", "pull", "-q", "--tls-verify=false", "--signature-policy", policy,
		"--os", "freebsd", "--arch", "arm64", c.repo+":15.0")
	if (err == nil) != want {
		c.t.Errorf("podman, %s: %v\n%s", key, err, out)
	}
	out, err = c.run("skopeo", "--policy", policy, "copy", "-q", "--all", "--registries.d", dir, "--src-tls-verify=false", "docker://"+c.repo+":15.0", "oci:"+c.t.TempDir()+"/layout:x", "--remove-signatures")
	if (err == nil) != want {
		c.t.Errorf("skopeo copy --all, %s: %v\n%s", key, err, out)
	}
}

// tampers change right signatures of an image into wrong ones. cosign does not judge the
// repository that a signature names.
var tampers = map[string]func(c *clients, s attest.Signature) attest.Signature{
	"a bit of the signature": func(_ *clients, s attest.Signature) attest.Signature {
		switch s.Form {
		case attest.FormCosign:
			s.Sig = flipAt(s.Sig, -1)
		case attest.FormBundle:
			s.Text = editSig(s.Text, 12)
		default:
			s.Text = flipAt(s.Text, -1)
		}
		return s
	},
	"a bit of the payload": func(_ *clients, s attest.Signature) attest.Signature {
		if s.Form == attest.FormBundle {
			s.Text = editPayload(s.Text)
		} else {
			s.Text = bytes.Replace(s.Text, []byte("image"), []byte("imagf"), 1)
		}
		return s
	},
	"another digest":     func(c *clients, s attest.Signature) attest.Signature { return c.of(s, c.repo, c.digests["riscv64"]) },
	"another repository": func(c *clients, s attest.Signature) attest.Signature { return c.of(s, c.repo, c.digests["amd64"]) },
}

// of is the right signature of another image, in the form of s.
func (c *clients) of(s attest.Signature, repo, subject string) attest.Signature {
	for _, other := range c.signatures(repo, subject) {
		if other.Form == s.Form {
			return other
		}
	}
	c.t.Fatalf("%s has no signature in the form %s", subject, s.Form)
	return s
}

// signatures are those of a manifest, one a form.
func (c *clients) signatures(repo, subject string) []attest.Signature {
	c.t.Helper()
	ref, err := registry.ParseReference(repo)
	if err != nil {
		c.t.Fatal(err)
	}
	found, _, err := signature.Registry(c.t.Context(), (&registry.Client{PlainHTTP: true}).Repository(ref), digest.Digest(subject))
	aside, _, bad := signature.Lookaside{Place: c.lookaside}.Read(c.t.Context(), ref, digest.Digest(subject))
	if err != nil || bad != nil {
		c.t.Fatal(err, bad)
	}
	return signature.Only(append(found, aside[:1]...))
}

// TestInteropTampered gives wrong signatures to everybody, who all refuse them.
func TestInteropTampered(t *testing.T) {
	for registryName, start := range realRegistries {
		t.Run(registryName, func(t *testing.T) {
			address := start(t)
			c := newClients(t, address)
			amd64 := c.archives[slices.IndexFunc(c.archives, func(a string) bool { return strings.Contains(a, "amd64") })]
			n := 0
			for name, tamper := range tampers {
				n++
				repo := fmt.Sprintf("%s/team%d/zones", address, n)
				c.orlop("push", "-q", "--plain-http", "--tag", "t", amd64, repo)
				ref, err := registry.ParseReference(repo)
				if err != nil {
					t.Fatal(err)
				}
				to := (&registry.Client{PlainHTTP: true}).Repository(ref)
				m, err := to.Manifest(t.Context(), "t")
				if err != nil {
					t.Fatal(err)
				}
				var list []attest.Signature
				for _, s := range c.signatures(c.repo, c.digests["amd64"]) {
					list = append(list, tamper(c, s))
				}
				if _, err := signature.Publish(t.Context(), to, m.Descriptor, list); err != nil {
					t.Fatal(err)
				}
				if err := (signature.Lookaside{Place: c.lookaside}).Add(ref, m.Digest, slices.DeleteFunc(list, func(s attest.Signature) bool { return s.Form != attest.FormPGP })); err != nil {
					t.Fatal(err)
				}
				for _, check := range checks {
					if name == "another repository" && (check.form == attest.FormBundle || strings.HasPrefix(check.name, "cosign")) {
						continue // the bundle names none, and cosign does not look
					}
					if check.run(c, repo, m.Digest.String(), "release") == nil {
						t.Errorf("%s: %s accepts it", name, check.name)
					}
				}
			}
		})
	}
}

// TestInteropSigners lets orlop check what others sign.
func TestInteropSigners(t *testing.T) {
	for name, start := range realRegistries {
		t.Run(name, func(t *testing.T) {
			address := start(t)
			c := newClients(t, address)
			verify := func(repo string, args ...string) {
				t.Helper()
				c.orlop(append(append([]string{"verify", "-q", "--plain-http"}, args...), "docker://"+repo+":15.0")...)
			}
			unsigned := func(name string) string {
				repo := address + "/" + name + "/zones"
				c.orlop(append(append([]string{"push", "-q", "--plain-http", "--tag", "15.0"}, c.archives...), repo)...)
				return repo
			}
			three := unsigned("three")
			c.must("cosign3", "sign", "-r", "--key", "other.key", "--signing-config", "signing.json", "--trusted-root", "root.json", "-y", "--allow-insecure-registry", three+"@"+c.index)
			verify(three, "--key", "other.pub", "--require-form", "bundle")
			old := unsigned("old")
			c.must("cosign3", "sign", "-r", "--key", "other.key", "--tlog-upload=false", "--use-signing-config=false", "--new-bundle-format=false", "-y", "--allow-insecure-registry", old+"@"+c.index)
			verify(old, "--key", "other.pub", "--require-form", "cosign")
			two := unsigned("two")
			c.must("cosign2", "sign", "-r", "--key", "other.key", "--tlog-upload=false", "-y", "--allow-insecure-registry", two+"@"+c.index)
			verify(two, "--key", "other.pub", "--require-form", "cosign")
			// What cosign has signed stays, and ours is added.
			c.orlop(append(append([]string{"push", "-q", "--plain-http", "--tag", "15.0", "--key", "release.key"}, c.archives...), two)...)
			verify(two, "--key", "other.pub", "--key", "release.pub", "--signers", "2")
			// cosign 2.6 looks at bundles alone where there are some.
			if err := c.cosign("cosign3", two+"@"+c.index, "other", "--new-bundle-format=false"); err != nil {
				t.Errorf("cosign no more sees its own signature: %v", err)
			}
			_, dir := c.policy("signedBy", "other.gpg", address+"/skopeo/zones")
			c.write("any.json", `{"default":[{"type":"insecureAcceptAnything"}]}`)
			c.must("skopeo", "--policy", "any.json", "copy", "-q", "--all", "--preserve-digests", "--sign-by", "other@example.org", "--registries.d", dir, "--src-tls-verify=false", "--dest-tls-verify=false",
				"docker://"+c.repo+"@"+c.index, "docker://"+address+"/skopeo/zones:15.0", "--remove-signatures")
			verify(address+"/skopeo/zones", "--keyring", "other.gpg", "--lookaside", c.lookaside, "--require-form", "pgp")
		})
	}
}

// TestInteropKeysElsewhere signs with commands, a hardware key, and away from the builder,
// by the examples of the manual page.
func TestInteropKeysElsewhere(t *testing.T) {
	c := &clients{t: t, dir: t.TempDir(), repo: "docker.io/freebsd/freebsd-runtime"}
	if err := os.MkdirAll(c.dir+"/gnupg", 0o700); err != nil {
		t.Fatal(err)
	}
	images, _ := images(t)
	for _, name := range []string{"container-image-runtime.txz", "container-image-runtime.lock.json"} {
		c.must("cp", filepath.Join(images, name), c.dir)
	}
	c.orlop("index", "-o", "container-image-runtime.index.tar", "container-image-runtime.txz")
	c.must("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "key.pem")
	c.write("key.pub", c.must("openssl", "pkey", "-in", "key.pem", "-pubout"))
	c.must("cp", "key.pub", "cosign.pub")
	c.must("gpg", "--batch", "--passphrase", "", "--quick-gen-key", "release@example.org", "ed25519", "sign", "never")
	c.write("release.pub", c.must("gpg", "--export", "--armor", "release@example.org"))
	c.write("softhsm2.conf", "directories.tokendir = "+c.dir+"/tokens\n")
	if err := os.Mkdir(c.dir+"/tokens", 0o700); err != nil {
		t.Fatal(err)
	}
	c.must("softhsm2-util", "--init-token", "--free", "--label", "release", "--pin", "1234", "--so-pin", "1234")
	c.must("softhsm2-util", "--import", "key.pem", "--token", "release", "--label", "key", "--id", "01", "--pin", "1234")
	example := func(word string) {
		t.Helper()
		c.must("dash", "-euc", examples(t, signaturesPage, word)[0])
	}
	verify := func(args ...string) {
		t.Helper()
		c.orlop(append(append([]string{"verify", "-q"}, args...), "container-image-runtime.txz")...)
	}
	clean := func() { c.must("dash", "-euc", "rm -rf ./*.sigstore.json ./*.cosign.json ./*.pgp ./*.asc tosign") }
	example("pkeyutl -sign -inkey") // the second of its commands finds all signatures there
	verify("--key", "key.pub", "--require-form", "bundle")
	clean()
	c.must("dash", "-euc", "orlop sign"+strings.SplitN(examples(t, signaturesPage, "pkcs11")[0], "orlop sign", 3)[2])
	verify("--key", "key.pub", "--require-form", "bundle")
	clean()
	example("--pgp-signer")
	verify("--keyring", "release.pub", "--require-form", "pgp", "--digests", "container-image-MANIFESTS.asc")
	c.must("gpg", "--verify", "container-image-MANIFESTS.asc")
	clean()
	example("--prepare ")
	example("--show")
	example("--attach")
	verify("--key", "key.pub", "--keyring", "release.pub", "--require-form", "bundle", "--require-form", "cosign", "--require-form", "pgp", "--signers", "2", "--identity", c.repo)
	example("gpg --verify")
	c.orlop("verify", "-q", "--key", "key.pub", "--keyring", "release.pub", "--require-form", "bundle", "--require-form", "pgp", "container-image-runtime.index.tar")
}
