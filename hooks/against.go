// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
)

// CheckLock finds everything in which an image is not what its lock says:
// packages, layers, and all that the definition puts into config and manifest.
// Only building it again tells more.
func (a *Artifact) CheckLock(l *solve.Lock) []error {
	var errs []error
	if a.whole {
		errs = a.checkPackages(l)
	}
	docs, err := a.documentsOf(l)
	if err != nil {
		return append(errs, &ContentError{fmt.Errorf("its lock: %w", err)})
	}
	if docs.Digest == a.Descriptor.Digest {
		return errs
	}
	found := len(errs)
	for _, part := range []struct {
		what      string
		got, want any
		text      []byte
	}{
		{"config", a.Config, new(v1.Image), docs.Config},
		{"manifest", a.Manifest, new(v1.Manifest), docs.Manifest},
		{"index.json", a.Index, new(v1.Index), docs.Index},
	} {
		if err := json.Unmarshal(part.text, part.want); err != nil {
			return append(errs, err)
		}
		for _, c := range jsonChanges(part.want, part.got) {
			if !follows(c.Key) {
				errs = append(errs, &ContentError{fmt.Errorf("%s: %s is %s, its lock makes it %s", part.what, c.Key, quoted(c.New), quoted(c.Old))})
			}
		}
	}
	if len(errs) == found {
		errs = append(errs, &oci.MismatchError{What: "the manifest's digest", Found: a.Descriptor.Digest.String(), Wanted: docs.Digest.String() + ", which its lock makes of these layers"})
	}
	return errs
}

// follows reports whether a value changes with others that are said already.
func follows(key string) bool {
	return slices.Contains([]string{"config.digest", "config.size", "manifests.0.digest", "manifests.0.size"}, key)
}

func quoted(s string) string {
	if s == "" {
		return "absent"
	}
	return s
}

// checkPackages compares what is registered with what is locked. A database
// that is not there, or cannot be read, is one fault.
func (a *Artifact) checkPackages(l *solve.Lock) []error {
	if a.database == nil {
		return []error{&ContentError{fmt.Errorf("%s is absent, wanted one with the packages of its lock", databasePath)}}
	}
	if a.content == nil {
		return nil // which is told
	}
	registered, err := a.content.Registered()
	if err != nil {
		return nil // which Check has told
	}
	var errs []error
	fault := func(name, found, wanted string) {
		errs = append(errs, &ContentError{fmt.Errorf("package %s: found %s, its lock has %s", name, found, wanted)})
	}
	state := func(version string, automatic bool) string {
		if automatic {
			return version + ", automatic"
		}
		return version + ", requested"
	}
	have := map[string]string{}
	for _, p := range registered {
		have[p.Name] = state(p.Version, p.Automatic)
	}
	for _, p := range l.Packages {
		if p.Donor {
			continue
		}
		if want := state(p.Version, p.Requested == ""); have[p.Name] == "" {
			fault(p.Name, "none", want)
		} else if have[p.Name] != want {
			fault(p.Name, have[p.Name], want)
		}
		delete(have, p.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		fault(name, have[name], "none")
	}
	return errs
}

// documentsOf makes config, manifest and index from a lock and the layers of
// the archive.
func (a *Artifact) documentsOf(l *solve.Lock) (oci.Documents, error) {
	rel, err := release.New(l.Revision, l.Branch, l.ABI, "")
	if err != nil {
		return oci.Documents{}, err
	}
	steps := l.Layers
	if l.Squash {
		steps = steps[len(steps)-1:]
	}
	top := steps[len(steps)-1]
	var def release.Image
	if err := json.Unmarshal(top.Definition, &def); err != nil {
		return oci.Documents{}, err
	}
	compression, err := layer.ParseCompression(l.Compression)
	if err != nil {
		return oci.Documents{}, err
	}
	var layers []oci.Layer
	for i, d := range a.Manifest.Layers {
		made := oci.Layer{Layer: layer.Layer{MediaType: compression.MediaType(), Digest: d.Digest, Size: d.Size}}
		if i < len(a.Config.RootFS.DiffIDs) {
			made.DiffID = a.Config.RootFS.DiffIDs[i]
		}
		if i < len(steps) {
			made.Created, made.CreatedBy = steps[i].Epoch, "orlop "+steps[i].Image
		}
		layers = append(layers, made)
	}
	if len(layers) != len(steps) {
		return oci.Documents{}, fmt.Errorf("found %d layers, it has %d", len(layers), len(steps))
	}
	image, err := imageOf(rel, def, top.Epoch, layers)
	return image.Documents(), err
}

// keyChange is a value in two JSON texts, "" where one has none.
type keyChange struct{ Key, Old, New string }

// jsonChanges compares two values as JSON, key by key.
func jsonChanges(old, now any) []keyChange {
	a, b := map[string]string{}, map[string]string{}
	flatten(old, a)
	flatten(now, b)
	var changes []keyChange
	for _, key := range slices.Sorted(maps.Keys(a)) {
		if a[key] != b[key] {
			changes = append(changes, keyChange{key, a[key], b[key]})
		}
		delete(b, key)
	}
	for _, key := range slices.Sorted(maps.Keys(b)) {
		changes = append(changes, keyChange{key, "", b[key]})
	}
	slices.SortFunc(changes, func(x, y keyChange) int { return strings.Compare(x.Key, y.Key) })
	return changes
}

// flatten notes each scalar of a value under its path, keys and indices joined
// by dots.
func flatten(v any, into map[string]string) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of a type that is not JSON's
	}
	var any any
	if err := json.Unmarshal(text, &any); err != nil {
		panic(err)
	}
	flattenAt("", any, into)
}

func flattenAt(path string, v any, into map[string]string) {
	below := func(key string) string { return strings.TrimPrefix(path+"."+key, ".") }
	switch v := v.(type) {
	case map[string]any:
		for key, each := range v {
			flattenAt(below(key), each, into)
		}
	case []any:
		for i, each := range v {
			flattenAt(below(fmt.Sprint(i)), each, into)
		}
	default:
		text, _ := json.Marshal(v) // a scalar
		into[path] = string(text)
	}
}
