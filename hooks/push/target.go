// SPDX-License-Identifier: BSD-2-Clause

package push

import (
	"strings"

	"github.com/orlop/orlop/hooks/family"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/registry"
)

// placeholder stands for the name of an image in a target.
const placeholder = "{image}"

// targets finds the repository of each image. Several need a place for their names.
func targets(cfg Config, families []*family.Family) ([]*job, error) {
	if len(families) > 1 && !strings.Contains(cfg.Target, placeholder) {
		return nil, fault.Usagef("%s: found %d images, %s and %s among them, wanted %s in the name where each has its own",
			cfg.Target, len(families), families[0].Image, families[1].Image, placeholder)
	}
	var jobs []*job
	for _, f := range families {
		ref, err := Target(cfg.Target, f.Image)
		if err != nil {
			return nil, err
		}
		jobs = append(jobs, newJob(f, cfg.Client.Repository(ref)))
	}
	return jobs, nil
}

// Target reads where an image goes. Its tags come from its version and from flags, so
// there is none in the name.
func Target(text, image string) (registry.Reference, error) {
	ref, err := registry.ParseReference(strings.ReplaceAll(text, placeholder, image))
	switch {
	case err != nil:
		return ref, err
	case ref.Digest != "":
		return ref, fault.Usagef("%s: found a digest, wanted REGISTRY/PATH alone", text)
	case ref.Tag != "":
		return ref, fault.Usagef("%s: found the tag %s, wanted REGISTRY/PATH alone; give --tag %s", text, ref.Tag, ref.Tag)
	}
	return ref, nil
}
