// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"errors"
	"fmt"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/ucl"
	"github.com/orlop/orlop/release"
)

// Read adds the definitions of a UCL text:
//
//	image NAME {
//	    title = "…"; parent = NAME or REFERENCE; packages = [ … ];
//	    repositories = [ … ]                                   # names; not in "when"
//	    packages = [ ./FILE ]                                  # a file in this file's folder or below; not in "when"
//	    mtree { from = [ … ]; "/path/in/package" { source = …; prefix = … } }
//	    file "/path/in/image" { from = [ … ]; path = …; source = …; mode = "0644"; optional = yes }
//	    folder "/path/in/image" { from = [ … ]; path = …; source = …; optional = yes }
//	    certificates { from = [ … ]; path = …; source = … }    # folders trusted, untrusted
//	    base-conf { from = [ … ]; path = …; source = … }       # pkg's FreeBSD.conf
//	    os-release = yes; unknown-scripts = skip;
//	    skip-scripts { PACKAGE = "reason" }; skip-triggers { NAME = "reason" }
//	    known-missing { NAME = "reason"; "pam:MODULE" = "reason" }; known-dangling { "/path" = "reason" }; complete = yes;
//	    known-missing { NAME { package = …; reason = "…" } }    # for files of that package only
//	    replaces = [ … ]; cmd = [ … ]; entrypoint = [ … ]; env = [ … ]; labels { KEY = … }
//	    user = …; workdir = …; expose = [ … ]; volumes = [ … ]; stop-signal = …; KEY = none
//	    without { PACKAGE = "reason" }; remove = [ "/path", "/folder/**" ]
//	    only { programs = [ … ]; paths = [ … ] }; pkg-database = keep or none
//	    layers { at-most = N }                                 # packages in layers of their own below the last one
//	    tags = [ … ]; version = "…"; annotations { KEY = … }   # of the manifest
//	    when ">=15" { … }    # any of these keys, for some revisions only
//	}
//
// Lists in "when" blocks that hold for the revision are appended, and
// ${VERSION_MAJOR} stands for its first number. Unknown keys are errors: a
// misspelt one would silently change an image. A file oci-image-NAME.conf has
// the form of FreeBSD's release/tools instead.
//
// What is read is the user's own: vendor, licences and the name prefix belong
// only to FreeBSD's own images, which Standard returns. The first tag names the
// image in its archive, instead of REVISION-BRANCH. Annotations that follow from
// what an image is made of cannot be set.
func (all Images) Read(name string, text []byte, revision string) error {
	if strings.HasSuffix(name, ".conf") {
		_, err := all.AddConf(name, text, revision)
		return err
	}
	members, errs := imageMembers(name, text, revision)
	for _, def := range members {
		img, err := define(def, revision)
		if err != nil {
			errs = append(errs, fmt.Errorf("image %q: %w", def.Key, err))
		} else if err := all.Add(img); err != nil {
			errs = append(errs, def.Value.Errorf("%w", err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return &fault.UsageError{Err: err}
	}
	return nil
}

// imageMembers are the unparsed definitions of a UCL text, and everything else
// that is wrong in it.
func imageMembers(name string, text []byte, revision string) (list []ucl.Member, errs []error) {
	o, err := ucl.Parse(name, text, map[string]string{"VERSION_MAJOR": (release.Release{Revision: revision}).Major()})
	if err != nil {
		return nil, []error{err}
	}
	for _, m := range o.Members {
		if m.Key != "image" {
			errs = append(errs, m.Value.Errorf("key %q is not known, wanted image", m.Key))
			continue
		}
		named, err := m.Value.AsObject()
		if err != nil {
			errs = append(errs, err)
			continue
		}
		list = append(list, named.Members...)
	}
	return list, errs
}

// Defines lists the images that a file of definitions has, for any revision.
func Defines(name string, text []byte) ([]string, error) {
	if strings.HasSuffix(name, ".conf") {
		all := Images{}
		_, err := all.AddConf(name, text, "0.0")
		return all.names(), err
	}
	var names []string
	members, errs := imageMembers(name, text, "0.0")
	for _, def := range members {
		names = append(names, def.Key)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, &fault.UsageError{Err: err}
	}
	return names, nil
}

func define(def ucl.Member, revision string) (Image, error) {
	d := definer{img: Image{Name: def.Key}, revision: revision}
	d.object(def.Value)
	for _, err := range d.img.Check() {
		d.errs = append(d.errs, def.Value.Errorf("%w", err))
	}
	return d.img, errors.Join(d.errs...)
}

// definer collects an image and all faults of its definition.
type definer struct {
	img      Image
	revision string
	inWhen   bool
	errs     []error
}

func (d *definer) object(v ucl.Value) {
	o, err := v.AsObject()
	if err != nil {
		d.errs = append(d.errs, err)
		return
	}
	for _, m := range o.Members {
		if err := d.key(m); err != nil {
			d.errs = append(d.errs, fmt.Errorf("%s: %w", m.Key, err))
		}
	}
}

func (d *definer) key(m ucl.Member) (err error) {
	if is, err := d.setting(m); is {
		return err
	}
	if is, err := d.departures(m); is {
		return err
	}
	switch v := m.Value; m.Key {
	case "title":
		d.img.Title, err = v.AsString()
	case "parent":
		d.img.Parent, err = v.AsString()
	case "packages":
		err = d.packages(v)
	case "repositories":
		if d.inWhen {
			return v.Errorf("the revision may follow from the repositories, wanted them outside of when")
		}
		var names []string
		err = extend(&names, v) // Sources reads them
	case "replaces":
		err = extend(&d.img.Replaces, v)
	case "known-missing", "known-dangling":
		err = d.img.Exceptions.readers()[m.Key](v)
	case "complete":
		d.img.Complete, err = v.AsBool()
	case "os-release":
		d.img.OSRelease, err = v.AsBool()
	case "base-conf":
		d.img.BaseConf = new(Taken)
		err = fields(v, d.img.BaseConf.readers())
	case "unknown-scripts":
		err = d.unknownScripts(v)
	case "skip-scripts":
		err = pairs(&d.img.SkippedScripts, v)
	case "skip-triggers":
		err = pairs(&d.img.SkippedTriggers, v)
	case "tags":
		err = extend(&d.img.Tags, v)
	case "version":
		d.img.Version, err = v.AsString()
	case "annotations":
		err = pairs(&d.img.Annotations, v)
	case "folder":
		err = d.folders(v)
	case "certificates":
		d.img.Certificates = &Taken{Folder: true}
		err = fields(v, d.img.Certificates.readers())
	case "mtree":
		err = d.mtree(v)
	case "file":
		err = d.files(v)
	case "layers":
		err = fields(v, map[string]func(ucl.Value) error{"at-most": count(&d.img.Layers.AtMost)})
	case "when":
		err = d.when(v)
	default:
		err = v.Errorf("key is not known, wanted one of a definition, such as packages or parent")
	}
	return err
}

// mtree reads the files in order: a later one refines an earlier one.
func (d *definer) mtree(v ucl.Value) error {
	o, err := v.AsObject()
	if err != nil {
		return err
	}
	var from []string
	if f, ok := o.Get("from"); ok {
		if from, err = f.AsStrings(); err != nil {
			return fmt.Errorf("from: %w", err)
		}
	}
	for _, m := range o.Members {
		if m.Key == "from" {
			continue
		}
		t := Mtree{Taken: Taken{Path: m.Key, From: from}}
		err := fields(m.Value, map[string]func(ucl.Value) error{
			"source": str(&t.Source), "prefix": str(&t.Prefix),
			"from": func(v ucl.Value) (err error) { t.From, err = v.AsStrings(); return err },
		})
		if err != nil {
			return fmt.Errorf("%s: %w", m.Key, err)
		}
		d.img.Mtree = append(d.img.Mtree, t)
	}
	return nil
}

func (d *definer) files(v ucl.Value) error {
	o, err := v.AsObject()
	if err != nil {
		return err
	}
	for _, m := range o.Members {
		f := File{Taken: Taken{Path: m.Key}, Target: m.Key, Mode: 0o644}
		readers := f.readers()
		readers["optional"] = boolean(&f.Optional)
		readers["mode"] = func(v ucl.Value) (err error) { f.Mode, err = mode(v); return err }
		if err := fields(m.Value, readers); err != nil {
			return fmt.Errorf("%s: %w", m.Key, err)
		}
		d.img.Files = append(d.img.Files, f)
	}
	return nil
}

func (d *definer) folders(v ucl.Value) error {
	o, err := v.AsObject()
	if err != nil {
		return err
	}
	for _, m := range o.Members {
		// UCL expands variables in values, but not in keys.
		target := strings.ReplaceAll(m.Key, "${VERSION_MAJOR}", (release.Release{Revision: d.revision}).Major())
		f := Folder{Taken: Taken{Path: target, Folder: true}, Target: target}
		readers := f.readers()
		readers["optional"] = boolean(&f.Optional)
		if err := fields(m.Value, readers); err != nil {
			return fmt.Errorf("%s: %w", m.Key, err)
		}
		d.img.Folders = append(d.img.Folders, f)
	}
	return nil
}

// readers are those of the keys that say where something is taken from.
func (t *Taken) readers() map[string]func(ucl.Value) error {
	return map[string]func(ucl.Value) error{
		"source": str(&t.Source), "path": str(&t.Path),
		"from": func(v ucl.Value) (err error) { t.From, err = v.AsStrings(); return err },
	}
}

func (d *definer) unknownScripts(v ucl.Value) error {
	s, err := v.AsString()
	if err == nil && s != "skip" && s != "fail" {
		err = v.Errorf("found %q, wanted skip or fail", s)
	}
	d.img.SkipScripts = s == "skip"
	return err
}

func (d *definer) when(v ucl.Value) error {
	o, err := v.AsObject()
	if err != nil {
		return err
	}
	for _, m := range o.Members {
		holds, err := holds(m.Key, d.revision)
		if err != nil {
			return m.Value.Errorf("%v", err)
		}
		if holds {
			before := d.inWhen
			d.inWhen = true
			d.object(m.Value)
			d.inWhen = before
		}
	}
	return nil
}
