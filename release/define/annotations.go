// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/spelling"
	"github.com/orlop/orlop/release"
)

// AnnotationABI is the manifest annotation that distinguishes images made by
// orlop from others. It decides bytes, like everything in this file.
const AnnotationABI = "org.freebsd.abi"

// Vendor is that of FreeBSD's own images.
const Vendor = "The FreeBSD Project"

// The annotations of the OCI image-spec (annotations.md) begin with this.
const ociImage = "org.opencontainers.image."

// freeBSDs are the annotations of only FreeBSD's own images.
func freeBSDs() map[string]string {
	return map[string]string{
		ociImage + "vendor":        Vendor,
		ociImage + "licenses":      "BSD-2-Clause",
		ociImage + "url":           "https://www.FreeBSD.org",
		ociImage + "documentation": "https://docs.FreeBSD.org/en/books/handbook/containers/",
	}
}

// free are those of the image-spec that a definition or a release may set. The
// others follow from what an image is made of.
var free = []string{"authors", "description", "documentation", "licenses", "revision", "source", "url", "vendor"}

// NamesSource reports whether an annotation says where the source of a release is.
func NamesSource(key string) bool { return key == ociImage+"source" || key == ociImage+"revision" }

// derived are those that orlop makes, and where their values come from.
var derived = map[string]string{
	ociImage + "created": "from the packages' times", ociImage + "ref.name": "from name and tag",
	ociImage + "title": "from the definition's title", ociImage + "version": "from the release, or the definition's version",
	ociImage + "base.name": "from the parent", ociImage + "base.digest": "from the parent", AnnotationABI: "from the packages",
}

var annotationForm = regexp.MustCompile(`^[A-Za-z0-9-]+(?:\.[A-Za-z0-9_-]+)+(?:/[A-Za-z0-9._-]+)*$`)

// CheckAnnotations finds keys and values that a manifest cannot have, or that
// nobody may choose.
func CheckAnnotations(all map[string]string) error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if err := checkAnnotation(key, all[key]); err != nil {
			errs = append(errs, &fault.UsageError{Err: fmt.Errorf("annotation %q: %w", key, err)})
		}
	}
	return errors.Join(errs...)
}

func checkAnnotation(key, value string) error {
	for name, from := range derived {
		if strings.EqualFold(key, name) {
			return fmt.Errorf("orlop makes it, %s", from)
		}
	}
	if !annotationForm.MatchString(key) {
		return fmt.Errorf("is not a name such as %ssource", ociImage)
	}
	if strings.HasPrefix(strings.ToLower(key), "org.opencontainers.") && !slices.Contains(free, strings.TrimPrefix(key, ociImage)) {
		var known []string
		for _, name := range free {
			known = append(known, ociImage+name)
		}
		return fmt.Errorf("the image-spec has no such annotation to set, wanted one of %s%s", strings.Join(known, ", "), spelling.Hint(key, known...))
	}
	return checkText(value)
}

// checkText refuses what nobody could read, or would misread.
func checkText(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return errors.New("its text is empty")
	case !utf8.ValidString(text):
		return fmt.Errorf("its text %q is not UTF-8", text)
	case strings.ContainsFunc(text, func(c rune) bool {
		return unicode.IsControl(c) || unicode.Is(unicode.Cf, c) || c == '\u2028' || c == '\u2029'
	}):
		return fmt.Errorf("its text %q has a control character", text)
	}
	return nil
}

// CheckGiven finds annotations that a run may not set: FreeBSD's own images
// define some of them themselves. A custom image's own annotations stay.
func (img Image) CheckGiven(annotations map[string]string) error {
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if _, has := img.Annotations[key]; has && img.FreeBSD {
			errs = append(errs, fault.Usagef("annotation %q: the definition of image %s has it", key, img.Name))
		}
	}
	return errors.Join(errs...)
}

// ManifestAnnotations are those of an image's manifest except its time: what it
// is made of, what its definition says, and what the run adds to these.
func (img Image) ManifestAnnotations(r release.Release, given map[string]string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, given)
	maps.Copy(all, img.Annotations)
	all[ociImage+"title"] = cmp.Or(img.Title, img.Name)
	all[AnnotationABI] = r.ABI
	version := img.Version
	if img.FreeBSD {
		version = r.Version()
	}
	if version != "" {
		all[ociImage+"version"] = version
	}
	return all
}

// freeBSDPrefix begins the names of FreeBSD's own images, and of no others.
const freeBSDPrefix = "freebsd-"

// FullName is the name of the image where there are images of others.
func (img Image) FullName() string {
	if img.FreeBSD {
		return freeBSDPrefix + img.Name
	}
	return img.Name
}

// RefName is the name that an archive gives an image: for FreeBSD's own the one
// in release/scripts/make-oci-image.sh, for others with the first of their tags,
// if any.
func (img Image) RefName(r release.Release) string {
	tag := r.Version()
	if !img.FreeBSD && len(img.Tags) > 0 {
		tag = img.Tags[0]
	}
	return img.FullName() + ":" + tag + "-" + r.TargetArch()
}

// OwnRefName reports whether an archive may give this name to a custom image,
// whatever its tag.
func OwnRefName(refName, image, targetArch string) bool {
	name, tag, _ := strings.Cut(refName, ":")
	before, ok := strings.CutSuffix(tag, "-"+targetArch)
	return ok && before != "" && name == image && tagForm.MatchString(tag)
}

// OfFreeBSDs is the image's name within an archive's name for one of FreeBSD's
// own, "" for another name.
func OfFreeBSDs(refName string) string {
	name, _, _ := strings.Cut(refName, ":")
	image, ours := strings.CutPrefix(name, freeBSDPrefix)
	if !ours {
		return ""
	}
	return image
}

// tagForm is that of tags in the distribution-spec.
var tagForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// CheckRefName requires an archive's name of an image to be one that programs
// accept.
func (img Image) CheckRefName(r release.Release) error {
	if _, tag, _ := strings.Cut(img.RefName(r), ":"); !tagForm.MatchString(tag) {
		return fault.Usagef("image %s: its tag %s has %d characters, wanted at most 128", img.Name, tag, len(tag))
	}
	return nil
}

// checkOwn finds what a definition cannot say about itself.
func (img Image) checkOwn() []error {
	var errs []error
	for i, tag := range img.Tags {
		if !tagForm.MatchString(tag) {
			errs = append(errs, fmt.Errorf("tag %q: wanted at most 128 letters, digits, _ . and -, not beginning with . or -", tag))
		}
		if slices.Contains(img.Tags[:i], tag) {
			errs = append(errs, fmt.Errorf("tag %q occurs twice", tag))
		}
	}
	for _, t := range []struct{ key, text string }{{"version", img.Version}, {"title", img.Title}} {
		if t.text != "" {
			if err := checkText(t.text); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", t.key, err))
			}
		}
	}
	for _, k := range []struct {
		key  string
		list map[string]string
	}{{"skip-scripts", img.SkippedScripts}, {"skip-triggers", img.SkippedTriggers}} {
		for _, name := range slices.Sorted(maps.Keys(k.list)) {
			if k.list[name] == "" {
				errs = append(errs, fmt.Errorf("%s: %s has no reason, wanted one", k.key, name))
			}
		}
	}
	if err := CheckAnnotations(img.Annotations); err != nil {
		errs = append(errs, err)
	}
	return errs
}
