// SPDX-License-Identifier: BSD-2-Clause

package hooks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/release"
	"github.com/orlop/orlop/release/layer"
	"github.com/orlop/orlop/release/oci"
)

// checkDocuments compares config and manifest with those that a lock makes of
// these layers. The index, which no digest covers, is only the wrapping.
func checkDocuments(a *Artifact, l *solve.Lock) []error {
	docs, err := documentsOf(a, l)
	if err != nil {
		return []error{fault.Contentf("its lock: %w", err)}
	}
	const by = "its lock makes it"
	noteWrapping(a, docs.Index, by)
	errs := compareDocument("manifest", a.Texts.Manifest, docs.Manifest, by)
	if a.Texts.Config == nil {
		return errs // which is told
	}
	return append(compareDocument("config", a.Texts.Config, docs.Config, by), errs...)
}

// noteWrapping tells in what the layout around the image is not the one that
// orlop writes. Whoever copies an image writes another.
func noteWrapping(a *Artifact, index []byte, by string) {
	var names []string
	var details []error
	for _, d := range []struct {
		name          string
		found, wanted []byte
	}{{"index.json", a.Texts.Index, index}, {"oci-layout", a.Texts.Layout, []byte(oci.LayoutFile)}} {
		if changes := compareDocument(d.name, d.found, d.wanted, by); changes != nil {
			names, details = append(names, d.name), append(details, changes...)
		}
	}
	if names == nil {
		return
	}
	a.Notes = append(a.Notes, "the layout around the image is not the one that orlop writes: "+strings.Join(names, " and "))
	for _, d := range details {
		a.Details = append(a.Details, d.Error())
	}
}

// IsOf reports whether a lock may be of this image: its manifest says the same
// title, version and ABI. The name in an index may be another since a copy.
func IsOf(a *Artifact, l *solve.Lock) bool {
	image, err := lockedImage(l, nil)
	for _, key := range []string{v1.AnnotationTitle, v1.AnnotationVersion, release.AnnotationABI} {
		if err != nil || image.Annotations[key] != a.Manifest.Annotations[key] {
			return false
		}
	}
	return true
}

// compareDocument finds in what a document differs from the one that is wanted,
// but for digests and sizes of others, of which the faults are told already.
func compareDocument(what string, found, wanted []byte, by string) []error {
	if bytes.Equal(found, wanted) {
		return nil
	}
	changes := jsonChanges(json.RawMessage(wanted), json.RawMessage(found))
	if len(changes) == 0 {
		return []error{fault.Contentf("%s: says what it should, in other bytes than orlop writes", what)}
	}
	var errs []error
	for _, c := range changes {
		if !follows(c.Key) {
			errs = append(errs, fault.Contentf("%s: %s is %s, %s %s", what, c.Key, fault.Shown(c.New), by, fault.Shown(c.Old)))
		}
	}
	return errs
}

// follows reports whether a value changes with others that are said already.
func follows(key string) bool {
	return slices.Contains([]string{"config.digest", "config.size", "manifests.0.digest", "manifests.0.size"}, key)
}

// documentsOf makes config, manifest and index from a lock and the layers of
// the archive.
func documentsOf(a *Artifact, l *solve.Lock) (oci.Documents, error) {
	steps := l.Layers
	if l.Squash {
		steps = steps[len(steps)-1:]
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
	image, err := lockedImage(l, layers)
	if err != nil {
		return oci.Documents{}, err
	}
	if elder(l.Layers[len(l.Layers)-1].Definition) { // the image may be, too, and have fewer
		for _, key := range []string{v1.AnnotationURL, v1.AnnotationDocumentation} {
			if _, has := a.Manifest.Annotations[key]; !has {
				delete(image.Annotations, key)
			}
		}
	}
	return image.Documents(), nil
}

// lockedImage is the image of a lock, of whatever layers.
func lockedImage(l *solve.Lock, layers []oci.Layer) (oci.Image, error) {
	rel, err := release.Locked(l.Revision, l.Branch, l.ABI)
	if err != nil {
		return oci.Image{}, err
	}
	top := len(l.Layers) - 1
	def, err := lockedDefinition(l, top)
	if err != nil {
		return oci.Image{}, err
	}
	return imageOf(rel, def, l.Annotations, l.Layers[top].Epoch, layers)
}

// LockedName is the name that a lock's image has in its archive, "" if the lock
// does not tell.
func LockedName(l *solve.Lock) string {
	image, err := lockedImage(l, nil)
	if err != nil {
		return ""
	}
	return image.Name
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
	slices.SortFunc(changes, compareKeys)
	var list []keyChange
	for _, c := range changes {
		empty := c.Old+c.New == "{}" || c.Old+c.New == "[]"
		if !empty || !hasBelow(changes, c.Key) { // else what it has, or had, says it
			list = append(list, c)
		}
	}
	return list
}

func compareKeys(x, y keyChange) int { return strings.Compare(x.Key, y.Key) }

// hasBelow reports whether sorted changes have one below a key.
func hasBelow(changes []keyChange, key string) bool {
	prefix := strings.TrimPrefix(key+".", ".") // all are below the whole
	i, _ := slices.BinarySearchFunc(changes, keyChange{Key: prefix}, compareKeys)
	return i < len(changes) && strings.HasPrefix(changes[i].Key, prefix)
}

// Bounds for documents that anybody wrote. What is deeper, or has a longer key,
// is noted without taking it apart.
const (
	maxDepth = 16
	maxKey   = 100
)

// flatten notes each scalar of a value under its path, keys and indices joined
// by dots, and each empty object or list. A key that is there twice has "again"
// after its path.
func flatten(v any, into map[string]string) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // of a type that is not JSON's
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	flattenAt("", maxDepth, dec, into)
}

func flattenAt(path string, depth int, dec *json.Decoder, into map[string]string) {
	var value json.RawMessage
	if depth == 0 {
		_ = dec.Decode(&value) // a text that json.Marshal made, as all below
		note(path, string(value), into)
		return
	}
	token, _ := dec.Token()
	delim, ok := token.(json.Delim)
	if !ok {
		value, _ = json.Marshal(token)
		note(path, string(value), into)
		return
	}
	if !dec.More() {
		note(path, map[json.Delim]string{'{': "{}", '[': "[]"}[delim], into)
	}
	for i := 0; dec.More(); i++ {
		key := fmt.Sprint(i)
		if delim == '{' {
			name, _ := dec.Token()
			key = clipped(fmt.Sprint(name))
		}
		flattenAt(strings.TrimPrefix(path+"."+key, "."), depth-1, dec, into)
	}
	_, _ = dec.Token() // the end
}

func note(path, value string, into map[string]string) {
	if _, twice := into[path]; twice {
		path += " again"
	}
	into[path] = value
}

// clipped is a key, of a long one the beginning and its sha256.
func clipped(key string) string {
	if len(key) <= maxKey {
		return key
	}
	return key[:maxKey] + "… " + hexDigest([]byte(key))
}
