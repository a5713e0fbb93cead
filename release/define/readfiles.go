// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"cmp"
	"errors"
	"maps"
	"path"
	"strings"

	"github.com/orlop/orlop/pkgdb/ucl"
)

// ownFiles are the readers of keys for what an image has from elsewhere than its packages.
func (d *definer) ownFiles() map[string]reader {
	img := &d.img
	return map[string]reader{
		"replaces": list(&img.Replaces), "file": d.files, "tree": d.trees, "dir": d.dirs, "link": d.links,
		"archive": d.archives, "attributes": d.attributes, "edit": d.edits,
	}
}

// located puts the place of a value before faults.
func located(v ucl.Value, faults []error) error {
	var errs []error
	for _, err := range faults {
		errs = append(errs, v.Errorf("%w", err))
	}
	return errors.Join(errs...)
}

// owned are the readers of owner and group.
func (o *Owned) owned() map[string]reader {
	return map[string]reader{"owner": str(&o.Owner), "group": str(&o.Group)}
}

// files reads files, each from one origin.
func (d *definer) files(v ucl.Value) error {
	return each(v, func(name string, v ucl.Value) error {
		f := File{Target: name}
		readers, hasMode := f.readers(), false
		maps.Copy(readers, map[string]reader{
			"optional": boolean(&f.Optional), "owner": str(&f.Owner), "group": str(&f.Group),
			"mode":  func(v ucl.Value) error { hasMode = true; return mode(&f.Mode)(v) },
			"local": local(&f.Local),
			"content": func(v ucl.Value) error {
				text, err := v.AsString()
				if v.Lines {
					text += "\n"
				}
				f.Content = &text
				return err
			},
		})
		err := errors.Join(d.once("path", name, v), fields(v, readers))
		switch {
		case hasMode && f.Mode == 0 && f.Given():
			err = errors.Join(err, v.Errorf("mode 0 lets nobody do anything, wanted another"))
		case !hasMode && f.Local == "":
			f.Mode = 0o644
		}
		if !f.Given() {
			f.Path = cmp.Or(f.Path, name)
		}
		d.img.Files = append(d.img.Files, f)
		return errors.Join(err, located(v, f.check()))
	})
}

// local reads the path of a file or folder below the definition's: ./x and x are the same.
func local(p *string) reader {
	return func(v ucl.Value) error {
		s, err := v.AsString()
		if err != nil {
			return err
		}
		*p = strings.TrimPrefix(s, "./")
		if err := checkLocal(*p); err != nil {
			return v.Errorf("%q %w", s, err)
		}
		return nil
	}
}

// checkLocal wants a path inside the definition's folder.
func checkLocal(p string) error {
	switch {
	case strings.HasPrefix(p, "/"), p == "..", strings.HasPrefix(p, "../"):
		return errors.New("is outside of the definition's folder")
	case p == "", path.Clean(p) != p, strings.ContainsRune(p, 0):
		return errors.New("is not a clean path inside the definition's folder")
	}
	return nil
}

func (d *definer) trees(v ucl.Value) error {
	return each(v, func(name string, v ucl.Value) error {
		t := Tree{Target: name}
		readers := t.owned()
		maps.Copy(readers, map[string]reader{
			"local": local(&t.Local), "image": str(&t.Image), "platform": str(&t.Platform), "path": str(&t.Path),
			"exclude": list(&t.Exclude), "modes": pairs(&t.Modes),
		})
		err := fields(v, readers)
		d.img.Trees = append(d.img.Trees, t)
		return errors.Join(err, located(v, t.check()))
	})
}

// archives reads an archive, or a list of them.
func (d *definer) archives(v ucl.Value) error {
	if v.Kind == ucl.List {
		var errs []error
		for _, e := range v.List {
			errs = append(errs, d.archives(e))
		}
		return errors.Join(errs...)
	}
	var a Archive
	readers := a.owned()
	maps.Copy(readers, map[string]reader{
		"url": str(&a.URL), "sha256": str(&a.SHA256), "strip": count(&a.Strip, maxStrip), "include": list(&a.Include),
		"to": str(&a.To), "modes": pairs(&a.Modes),
	})
	err := fields(v, readers)
	d.img.Archives = append(d.img.Archives, a)
	return errors.Join(err, located(v, a.check()))
}

func (d *definer) dirs(v ucl.Value) error {
	return each(v, func(name string, v ucl.Value) error {
		dir := Dir{Path: name}
		err := errors.Join(d.once("path", name, v), dir.read(v))
		d.img.Dirs = append(d.img.Dirs, dir)
		return errors.Join(err, located(v, dir.check()))
	})
}

// read reads owner, group and mode.
func (o *Owned) read(v ucl.Value) error {
	readers := o.owned()
	readers["mode"] = func(v ucl.Value) error {
		err := mode(&o.Mode)(v)
		if err == nil && o.Mode == 0 {
			err = v.Errorf("mode 0 lets nobody do anything, wanted another")
		}
		return err
	}
	return fields(v, readers)
}

func (d *definer) links(v ucl.Value) error {
	return each(v, func(name string, v ucl.Value) error {
		target, err := v.AsString()
		link := Pair{name, target}
		err = errors.Join(err, d.once("path", name, v))
		d.img.Links = append(d.img.Links, link)
		return errors.Join(err, located(v, checkLink(link)))
	})
}

func (d *definer) attributes(v ucl.Value) error {
	return each(v, func(name string, v ucl.Value) error {
		a := Attributes{Pattern: name}
		err := a.read(v)
		d.img.Attributes = append(d.img.Attributes, a)
		return errors.Join(err, located(v, a.check()))
	})
}

func (d *definer) edits(v ucl.Value) error {
	return each(v, func(name string, v ucl.Value) error {
		e := Edit{Path: name}
		err := errors.Join(d.once("edit", name, v), fields(v, map[string]reader{
			"replace": pairs(&e.Replace), "comment": list(&e.Comment), "set": pairs(&e.Set), "append": lines(&e.Append), "times": count(&e.Times, maxTimes),
			"sign": str(&e.Sign),
		}))
		d.img.Edits = append(d.img.Edits, e)
		return errors.Join(err, located(v, e.check()))
	})
}

// lines reads lines, several of which may be in one text.
func lines(p *[]string) reader {
	return func(v ucl.Value) error {
		texts, err := v.AsStrings()
		for _, text := range texts {
			*p = append(*p, strings.Split(strings.TrimSuffix(text, "\n"), "\n")...)
		}
		return err
	}
}

// ownSystem are the readers of keys for accounts and the system's configuration.
func (d *definer) ownSystem() map[string]reader {
	o := &d.img.Own
	return map[string]reader{
		"account": func(v ucl.Value) error {
			return each(v, func(name string, v ucl.Value) error {
				a := Account{Name: name}
				err := errors.Join(d.once("account", name, v), fields(v, map[string]reader{
					"uid": str(&a.UID), "group": str(&a.Group), "groups": list(&a.Groups), "home": str(&a.Home),
					"shell": str(&a.Shell), "class": str(&a.Class), "gecos": str(&a.Gecos),
				}))
				o.Accounts = append(o.Accounts, a)
				return errors.Join(err, located(v, a.check()))
			})
		},
		"group": func(v ucl.Value) error {
			return each(v, func(name string, v ucl.Value) error {
				g := Group{Name: name}
				err := errors.Join(d.once("group", name, v), fields(v, map[string]reader{"gid": str(&g.GID), "members": list(&g.Members)}))
				o.Groups = append(o.Groups, g)
				return errors.Join(err, located(v, g.check()))
			})
		},
		"rc-conf": d.unique("rc-conf", &o.RCConf, checkRCConf),
		"assert":  d.unique("assert", &o.Assert, checkAssert),
		"pkg-conf": func(v ucl.Value) error {
			return each(v, func(name string, v ucl.Value) error {
				c := PkgConf{Name: name}
				err := errors.Join(d.once("pkg-conf", name, v), pairs(&c.Keys)(v))
				o.PkgConf = append(o.PkgConf, c)
				return errors.Join(err, located(v, c.check()))
			})
		},
	}
}

// unique reads an object of texts in its order. A key is given once in an image.
func (d *definer) unique(what string, into *[]Pair, check func(Pair) []error) reader {
	return func(v ucl.Value) error {
		return each(v, func(name string, v ucl.Value) error {
			text, err := v.AsString()
			p := Pair{name, text}
			err = errors.Join(err, d.once(what, name, v))
			*into = append(*into, p)
			return errors.Join(err, located(v, check(p)))
		})
	}
}
