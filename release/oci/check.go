// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"errors"
	"fmt"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
)

func typeMismatch(what, found, wanted string) error {
	return &MismatchError{"type of " + what, fmt.Sprintf("%q", found), fmt.Sprintf("%q", wanted)}
}

// check finds what is wrong with the documents, as far as they could be read.
func (c *Contents) check() error {
	errs := []error{checkVersion("index.json", c.Index.SchemaVersion), checkVersion("manifest", c.Manifest.SchemaVersion),
		checkType("index.json", c.Index.MediaType, v1.MediaTypeImageIndex), checkType("manifest", c.Manifest.MediaType, v1.MediaTypeImageManifest)}
	if c.Texts.Config != nil {
		errs = append(errs, checkConfig(c))
	}
	return errors.Join(errs...)
}

func checkVersion(what string, found int) error {
	if found != 2 {
		return &MismatchError{"schemaVersion of " + what, fmt.Sprint(found), "2"}
	}
	return nil
}

// checkType accepts a document that does not state its own type.
func checkType(what, found, wanted string) error {
	if found != "" && found != wanted {
		return typeMismatch(what, found, wanted)
	}
	return nil
}

func checkConfig(c *Contents) error {
	var errs []error
	if found := c.Config.RootFS.Type; found != "layers" {
		errs = append(errs, typeMismatch("config's rootfs", found, "layers"))
	}
	if c.Config.OS == "" || c.Config.Architecture == "" {
		errs = append(errs, FormatErrorf("config: os is %q and architecture %q, wanted both", c.Config.OS, c.Config.Architecture))
	}
	// Tools disagree on whether to state a variant.
	if p := c.Descriptor.Platform; p != nil && (p.OS != c.Config.OS || p.Architecture != c.Config.Architecture) {
		errs = append(errs, &MismatchError{"platform in index.json", p.OS + "/" + p.Architecture, c.Config.OS + "/" + c.Config.Architecture + ", which the config has"})
	}
	return errors.Join(append(errs, checkCounts(c))...)
}

// CheckLayoutFile checks the text of oci-layout.
func CheckLayoutFile(text []byte) error {
	var l v1.ImageLayout
	if err := parse(text, &l, nil); err != nil {
		return FormatErrorf("oci-layout: %w", err)
	}
	switch l.Version {
	case v1.ImageLayoutVersion:
		return nil
	case "":
		return &MismatchError{"version in oci-layout", "absent", v1.ImageLayoutVersion}
	}
	return fault.Unsupportedf("version in oci-layout is %q, which this version does not read, wanted %s", l.Version, v1.ImageLayoutVersion)
}

// checkCounts compares the places that list the layers. A history is optional.
func checkCounts(c *Contents) error {
	var errs []error
	layers, diffIDs, lines := len(c.Manifest.Layers), len(c.Config.RootFS.DiffIDs), 0
	for _, h := range c.Config.History {
		if !h.EmptyLayer {
			lines++
		}
	}
	if layers != diffIDs {
		errs = append(errs, &MismatchError{"number of diff_ids in the config", fmt.Sprint(diffIDs), fmt.Sprintf("%d, as many as the manifest has layers", layers)})
	}
	if len(c.Config.History) > 0 && lines != layers {
		errs = append(errs, &MismatchError{"number of layers in the history", fmt.Sprint(lines), fmt.Sprintf("%d, as many as the manifest has", layers)})
	}
	return errors.Join(errs...)
}

// unreferenced names files that nothing refers to. A layer with a bad digest
// refers to nothing; Blob reports that.
func (r *reader) unreferenced(files []string) []string {
	var list []string
	for _, name := range files {
		if !r.reached[name] {
			list = append(list, name+" is in the archive, but nothing refers to it")
		}
	}
	return list
}
