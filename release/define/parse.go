// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/spelling"
	"github.com/orlop/orlop/pkgdb/ucl"
	"github.com/orlop/orlop/release/oci"
)

// Read adds the definitions of a UCL text. Each key of an image may be left out, but
// for one of parent and packages.
//
//	variables { NAME = "…" }     # ${NAME} in keys and values of this file's images
//	image NAME {
//
//	# What it is made of
//	    title = "…"; parent = NAME or REFERENCE; packages = [ … ]
//	    packages = [ ./FILE ]                                  # a file in this file's folder or below; not in "when"
//	    repositories = [ … ]                                   # names; not in "when"
//	    layers { at-most = N }                                 # packages in layers of their own below the last one
//	    os-release = yes                                       # os-release(5)
//	    mtree { from = [ … ]; "/path/in/package" { source = …; prefix = … } }
//	    certificates { from = [ … ]; path = …; source = … }    # folders trusted, untrusted
//	    base-conf { from = [ … ]; path = …; source = … }       # pkg's FreeBSD.conf
//
//	# Files that none of its packages installs, or one does in another way
//	    file "/path" { local = FILE }                          # a file in this file's folder or below
//	    file "/path" { content = "…" }                         # itself; of <<EOT … EOT each line has its end
//	    file "/path" { from = [ PACKAGE … ]; path = …; source = …; optional = yes }
//	    tree "/path" { local = FOLDER; exclude = [ PATTERN … ]; modes { PATTERN = "0755" } }
//	    tree "/path" { image = REFERENCE; path = "/path/there"; platform = "freebsd/amd64" }
//	    folder "/path" { from = [ … ]; path = …; source = …; optional = yes }
//	    archive { url = "https://…"; sha256 = "…"; strip = N; include = [ PATTERN … ]; to = "/path"; modes { … } }
//	    dir "/path" { }                                        # an empty folder
//	    link { "/path" = "target" }                            # symbolic links
//	    attributes "/path" or "/folder/**" { … }               # of whatever is there in the end
//	    owner = NAME; group = NAME; mode = "0644"              # in file, dir, attributes; tree and archive have no mode
//	    edit "/path" { replace { "OLD" = "NEW" }; comment = [ "REGEXP" … ]; set { "name" = "value" }; append = [ "line" … ]; times = N; sign = "#" }
//
//	# Accounts and configuration of the system
//	    account NAME { uid = N; group = NAME; groups = [ … ]; home = "/…"; shell = "/…"; class = …; gecos = "…" }
//	    group NAME { gid = N; members = [ … ] }
//	    rc-conf { name = "value" }                             # lines of /etc/rc.conf
//	    pkg-conf NAME { url = '…'; enabled = yes; … }          # /usr/local/etc/pkg/repos/NAME.conf
//
//	# How containers start, and what registries show
//	    cmd = [ … ]; entrypoint = [ … ]; env = [ NAME=VALUE … ]; labels { KEY = … }
//	    user = …; workdir = …; expose = [ … ]; volumes = [ … ]; stop-signal = …; KEY = none
//	    tags = [ … ]; version = "…"; annotations { KEY = … }   # of the manifest
//
//	# What it has not, lacks, or may do without
//	    without { PACKAGE = "reason" }; remove = [ "/path", "/folder/**" ]; replaces = [ "/path", "/folder/**" ]
//	    only { programs = [ … ]; paths = [ … ] }; pkg-database = keep or none
//	    unknown-scripts = skip; skip-scripts { PACKAGE = "reason" }; skip-triggers { NAME = "reason" }
//	    known-missing { NAME = "reason"; "pam:MODULE" = "reason" }; known-dangling { "/path" = "reason" }; complete = yes
//	    known-missing { NAME { package = …; reason = "…" } }   # for files of that package only
//	    assert { PACKAGE = "8.4.*" }                           # the version that it must have
//
//	    when ">=15" { … }    # any of these keys, for some revisions only
//	}
//
// Sections with a name, as file, account and edit, may be given for several names, and
// archive several times. A path is given once in an image, by one of file, dir and link,
// and so is an account, a group, and the path of an edit. Lists and sections in "when"
// blocks that hold for the revision are appended. Unknown keys are errors: a misspelt one
// would silently change an image.
//
// A PATTERN is relative to its tree or archive: of its components ** stands for any
// number, and the others are as in path.Match. Of modes the last that matches holds.
//
// Variables are ${NAME}, replaced once: what they stand for is not looked at again. Those
// that are not declared are VERSION_MAJOR, the first number of the revision; ABI; ARCH, the
// last part of the ABI; and version:PACKAGE, which is allowed in content, env, labels,
// annotations, cmd, entrypoint, version and edit. Any other name is an error, but in
// content, where it stays as it is. Nothing is replaced in 'single quotes'.
//
// A file oci-image-NAME.conf has the form of FreeBSD's release/tools instead.
//
// What is read is the user's own: vendor, licences and the name prefix belong
// only to FreeBSD's own images, which Standard returns. The first tag names the
// image in its archive, instead of REVISION-BRANCH. Annotations that follow from
// what an image is made of cannot be set.
func (all Images) Read(name string, text []byte, target Target) error {
	if strings.HasSuffix(name, ".conf") {
		_, err := all.AddConf(name, text, target.Revision)
		return err
	}
	f, errs := parse(name, text, target)
	f.abi = cmp.Or(f.abi, "FreeBSD:"+f.major+":amd64") // some ABI, for the checks
	for _, def := range f.images {
		img, err := f.define(def, target.Revision)
		if err != nil {
			errs = append(errs, fault.Within(fmt.Sprintf("image %q", def.Key), err))
		} else if err := all.Add(img); err != nil {
			errs = append(errs, def.Value.Errorf("%w", err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return &fault.UsageError{Err: err}
	}
	return nil
}

// Defines lists the images that a file of definitions has, for any revision.
func Defines(name string, text []byte, target Target) ([]string, error) {
	if strings.HasSuffix(name, ".conf") {
		all := Images{}
		_, err := all.AddConf(name, text, "0.0")
		return all.names(), err
	}
	f, errs := parse(name, text, target)
	if err := errors.Join(errs...); err != nil {
		return nil, &fault.UsageError{Err: err}
	}
	var names []string
	for _, def := range f.images {
		names = append(names, def.Key)
	}
	return names, nil
}

func (f *file) define(def ucl.Member, revision string) (Image, error) {
	x := &expander{file: f}
	d := &definer{img: Image{Name: def.Key}, revision: revision, seen: map[string]int{}}
	d.known = d.readers()
	d.object(x.expand(def.Value, imageRule()))
	for _, err := range d.img.checkRest() {
		d.errs = append(d.errs, def.Value.Errorf("%w", err))
	}
	return d.img, errors.Join(append(x.errs, d.errs...)...)
}

// reader reads the value of a key.
type reader = func(ucl.Value) error

// definer collects an image and all faults of its definition.
type definer struct {
	img      Image
	revision string
	known    map[string]reader
	seen     map[string]int // the lines of what may be given once
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
		read := d.known[m.Key]
		if read == nil {
			err = m.Value.Errorf("key is not known, wanted one of a definition, such as packages or parent%s",
				spelling.Hint(m.Key, slices.Sorted(maps.Keys(d.known))...))
		} else {
			err = read(m.Value)
		}
		d.errs = append(d.errs, fault.Within(m.Key, err))
	}
}

// readers are those of all keys of an image.
func (d *definer) readers() map[string]reader {
	img := &d.img
	all := map[string]reader{
		"title": str(&img.Title), "parent": str(&img.Parent), "packages": d.packages, "repositories": d.repositories,
		"complete": boolean(&img.Complete), "os-release": boolean(&img.OSRelease),
		"unknown-scripts": d.unknownScripts, "skip-scripts": texts(&img.SkippedScripts), "skip-triggers": texts(&img.SkippedTriggers),
		"tags": list(&img.Tags), "version": str(&img.Version), "annotations": texts(&img.Annotations),
		"mtree": d.mtree, "folder": d.folders, "when": d.when,
		"base-conf": func(v ucl.Value) error {
			img.BaseConf = new(Taken)
			return fields(v, img.BaseConf.readers())
		},
		"certificates": func(v ucl.Value) error {
			img.Certificates = &Taken{Folder: true}
			return fields(v, img.Certificates.readers())
		},
		"layers": func(v ucl.Value) error {
			return fields(v, map[string]reader{"at-most": count(&img.Layers.AtMost, MaxLayers)})
		},
	}
	for _, more := range []map[string]reader{img.Exceptions.readers(), img.Departures.readers(), d.ownFiles(), d.ownSystem()} {
		maps.Copy(all, more)
	}
	for _, s := range oci.Settings {
		all[string(s)] = func(v ucl.Value) error { return d.setting(s, v) }
	}
	return all
}

// once finds what is given a second time, so that only one of the two could hold.
func (d *definer) once(what, name string, v ucl.Value) error {
	key := what + " " + name
	if line, twice := d.seen[key]; twice {
		return v.Errorf("is given twice, first in line %d", line)
	}
	d.seen[key] = v.Line
	return nil
}

// repositories are read by Sources.
func (d *definer) repositories(v ucl.Value) error {
	if d.inWhen {
		return v.Errorf("the revision may follow from the repositories, wanted them outside of when")
	}
	_, err := v.AsStrings()
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
	return each(v, func(name string, v ucl.Value) error {
		if name == "from" {
			return nil
		}
		t := Mtree{Taken: Taken{Path: name, From: from}}
		err := fields(v, map[string]reader{"source": str(&t.Source), "prefix": str(&t.Prefix), "from": whole(&t.From)})
		d.img.Mtree = append(d.img.Mtree, t)
		return err
	})
}

func (d *definer) folders(v ucl.Value) error {
	return each(v, func(name string, v ucl.Value) error {
		f := Folder{Taken: Taken{Path: name, Folder: true}, Target: name}
		readers := f.readers()
		readers["optional"] = boolean(&f.Optional)
		err := fields(v, readers)
		d.img.Folders = append(d.img.Folders, f)
		return err
	})
}

// readers are those of the keys that say where something is taken from.
func (t *Taken) readers() map[string]reader {
	return map[string]reader{"source": str(&t.Source), "path": str(&t.Path), "from": whole(&t.From)}
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
	return each(v, func(condition string, v ucl.Value) error {
		holds, err := holds(condition, d.revision)
		if err != nil {
			return v.Errorf("%v", err)
		}
		if holds {
			before := d.inWhen
			d.inWhen = true
			d.object(v)
			d.inWhen = before
		}
		return nil
	})
}
