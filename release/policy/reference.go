// SPDX-License-Identifier: BSD-2-Clause

package policy

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/opencontainers/go-digest"
)

// reference names a repository in full, and perhaps a manifest in it. Two are for the same
// if they are equal.
type reference struct {
	name   string // REGISTRY/PATH
	tag    string
	digest digest.Digest
}

// The grammar of names is that of podman and skopeo (go.podman.io/image, docker/reference).
// They have no addresses in brackets, which registries here may have.
const (
	label     = `(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])`
	hostname  = label + `(?:\.` + label + `)*`
	registry  = `(?:` + hostname + `|\[[a-fA-F0-9:]+\])(?::[0-9]+)?`
	component = `[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*`
	path      = component + `(?:/` + component + `)*`
	tag       = `[0-9A-Za-z_][0-9A-Za-z_.-]{0,127}`
)

var (
	hostnames  = regexp.MustCompile(`^` + hostname + `$`)
	prefixes   = regexp.MustCompile(`^` + registry + `(?:/` + path + `)?$`)
	references = regexp.MustCompile(`^(` + registry + `/` + path + `)(?::(` + tag + `))?(?:@(.+))?$`)
	imageIDs   = regexp.MustCompile(`^[a-f0-9]{64}$`)
)

// maxName bounds REGISTRY/PATH, in bytes.
const maxName = 255

// The registry of names without one, where it had another name, and where those of one
// part stand there.
const (
	dockerHub    = "docker.io"
	oldDockerHub = "index.docker.io"
	library      = "library/"
)

// parseReference reads a name as docker(1) does, and makes it whole. It adds no tag.
func parseReference(text string) (reference, error) {
	if imageIDs.MatchString(text) {
		return reference{}, errors.New("is the ID of an image, wanted a name")
	}
	m := references.FindStringSubmatch(whole(text))
	if m == nil {
		return reference{}, errors.New("is no reference, wanted [REGISTRY/]PATH[:TAG][@DIGEST]")
	}
	r := reference{name: m[1], tag: m[2], digest: digest.Digest(m[3])}
	if n := len(r.name); n > maxName {
		return reference{}, fmt.Errorf("has a name of %d bytes, wanted at most %d", n, maxName)
	}
	if r.digest != "" && r.digest.Validate() != nil {
		return reference{}, errors.New("has a digest that is none, wanted sha256:HEX")
	}
	return r, nil
}

// whole adds what a name may leave out. Its first part is a registry if it has a dot or a
// colon, or is localhost.
func whole(text string) string {
	host, rest, more := strings.Cut(text, "/")
	switch {
	case !more, host != "localhost" && !strings.ContainsAny(host, ".:"):
		host, rest = dockerHub, text
	case host == oldDockerHub:
		host = dockerHub
	}
	if host == dockerHub && !strings.Contains(rest, "/") {
		rest = library + rest
	}
	return host + "/" + rest
}

// isBare reports whether there is neither a tag nor a digest.
func (r reference) isBare() bool { return r.tag == "" && r.digest == "" }

// String returns the reference in full.
func (r reference) String() string {
	s := r.name
	if r.tag != "" {
		s += ":" + r.tag
	}
	if r.digest != "" {
		s += "@" + string(r.digest)
	}
	return s
}

// isWhole reports whether a text is a reference that lacks nothing which may be left out.
func isWhole(text string) bool {
	r, err := parseReference(text)
	return err == nil && r.String() == text
}

// isScope reports whether there may be an image for which a scope is: it is one by itself
// or one may be below it. No image is looked for by a tag and a digest.
func isScope(scope string) bool {
	if domain, is := strings.CutPrefix(scope, "*."); is {
		return hostnames.MatchString(domain)
	}
	if r, err := parseReference(scope); err == nil && r.tag != "" && r.digest != "" {
		return false
	}
	return scope == "" || isWhole(scope) || isWhole(scope+"/x/x")
}

// isPrefix accepts a registry, or one with a path.
func isPrefix(text string) bool { return prefixes.MatchString(text) }
