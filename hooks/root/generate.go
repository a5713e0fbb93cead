// SPDX-License-Identifier: BSD-2-Clause

package root

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/pkgdb/pkgver"
	"github.com/orlop/orlop/pkgdb/solve"
	"github.com/orlop/orlop/pkgdb/ucl"
	"github.com/orlop/orlop/pkgdb/until"
	"github.com/orlop/orlop/release/closure"
	"github.com/orlop/orlop/release/etc"
	"github.com/orlop/orlop/release/tree"
)

// generators write what FreeBSD's programs would: those that scripts of packages
// call, if their input is there, and those that the definition asks for.
func (b *Builder) generators(ctx context.Context, m *Root) error {
	errs := []error{b.databases(ctx, m), b.certificates(ctx, m), b.hints(ctx, m)}
	if m.Def.BaseConf != nil {
		errs = append(errs, b.baseConf(ctx, m))
	}
	if slices.ContainsFunc(m.Chain(), func(at *resolve.Step) bool { return at.Def.OSRelease }) {
		errs = append(errs, b.osRelease(m))
	}
	return errors.Join(errs...)
}

// make adds a generated file, unless a package has it.
func (m *Root) make(path string, mode uint32, text []byte) error {
	if n := m.Tree.Lookup(path); n != nil && n.Origin == tree.Packaged {
		return nil
	}
	return m.generate(tree.Node{Path: path, Mode: mode}, text)
}

// databases adds what is derived from other files.
func (b *Builder) databases(ctx context.Context, m *Root) error {
	files, err := etc.Derive(ctx, m.altered, b.Family.Release.ByteOrder())
	errs := []error{err}
	for _, f := range files {
		if n := m.Tree.Lookup(f.Path); (m.added != nil || len(m.Def.Accounts) > 0) && f.Source == etc.MasterFile && n != nil && n.Origin == tree.Packaged {
			if len(m.Def.Accounts) > 0 {
				m.touch(n)
			}
			errs = append(errs, m.edit(f.Path, f.Text)) // as pw(8) does
			continue
		}
		errs = append(errs, m.make(f.Path, f.Mode, f.Text))
	}
	return errors.Join(errs...)
}

// altered is content, but of a file that is still that of an image below it is nil:
// what programs made of it there stays.
func (m *Root) altered(path string) []byte {
	if n := m.Tree.Lookup(path); n == nil || m.onBase(n) {
		return nil
	}
	return m.content(path)
}

// hints does what ldconfig(8) does when FreeBSD boots, which a container never does.
// It names /usr/local/lib before that exists, for packages that users add.
func (b *Builder) hints(ctx context.Context, m *Root) error {
	if m.Tree.Lookup(closure.RunTimeLinker) == nil {
		return nil
	}
	return m.make("/var/run/ld-elf.so.hints", 0o444, etc.MakeHints(closure.LibraryPath(m.Tree, m.texts(ctx, closure.LibraryLists)), b.Family.Release.ByteOrder()))
}

// certificates does what certctl(8) does. Its sources are those of packages in the
// image, else those that the definition takes. A layer cannot remove a certificate,
// so a step whose sources differ from a lower step's is an error.
func (b *Builder) certificates(ctx context.Context, m *Root) error {
	var sets [2][]etc.Source
	for i, name := range []string{"trusted", "untrusted"} {
		var err error
		if sets[i] = m.sources(ctx, etc.CertificateDir+"/"+name+"/"); sets[i] != nil || m.Def.Certificates == nil {
			continue
		}
		t := *m.Def.Certificates
		t.Path += "/" + name
		if t.Source != "" {
			t.Source += "/" + name
		}
		if sets[i], err = b.take(ctx, m, t, t.Path); err != nil && name == "trusted" {
			return err
		}
	}
	if sets[0] == nil {
		return nil
	}
	make := etc.MakeCertificates
	if b.Family.Release.Before(15) {
		make = etc.LinkCertificates
	}
	files, err := until.Do(ctx, func() ([]etc.Output, error) { return make(sets[0], sets[1]) })
	if err != nil {
		return fault.Content(err)
	}
	return m.placeCertificates(ctx, files)
}

// placeCertificates adds the output of certctl. If a lower step has certificates they
// must be the same.
func (m *Root) placeCertificates(ctx context.Context, files []etc.Output) error {
	old := m.inheritedCertificates(ctx)
	if len(old) == 0 {
		var errs []error
		for _, f := range files {
			errs = append(errs, m.generate(tree.Node{Path: f.Path, Mode: f.Mode, Link: f.Link}, f.Text))
		}
		return errors.Join(errs...)
	}
	var errs []error
	fault := func(path, found string) {
		errs = append(errs, &pkgdb.Fault{Subject: path, Fact: "the certificate of this step", Found: found, Wanted: "the one of a lower step"})
	}
	for _, f := range files {
		n := old[f.Path]
		delete(old, f.Path)
		switch {
		case n == nil:
			fault(f.Path, "new")
		case n.Link != f.Link || n.Digest.String() != f.Digest():
			fault(f.Path, "another")
		}
	}
	for _, path := range slices.Sorted(maps.Keys(old)) {
		fault(path, "absent")
	}
	return errors.Join(errs...)
}

// inheritedCertificates returns the generated certificates of lower steps, by path.
func (m *Root) inheritedCertificates(ctx context.Context) map[string]*tree.Node {
	old := map[string]*tree.Node{}
	if m.under != nil {
		for n := range m.under.Until(ctx) {
			if n.Origin == tree.Generated && strings.HasPrefix(n.Path, "/etc/ssl/") {
				old[n.Path] = new(*n)
			}
		}
	}
	return old
}

// texts returns the contents of the files of a folder in the image.
func (m *Root) texts(ctx context.Context, folder string) [][]byte {
	var list [][]byte
	for _, s := range m.sources(ctx, folder) {
		list = append(list, s.Text)
	}
	return list
}

// sources returns the files of a folder in the image whose contents are in memory.
func (m *Root) sources(ctx context.Context, folder string) []etc.Source {
	var list []etc.Source
	for n := range m.Tree.Until(ctx) {
		if strings.HasPrefix(n.Path, folder) && n.Type == tree.File {
			if text := m.content(n.Path); text != nil {
				list = append(list, etc.Source{Path: n.Path, Text: text})
			}
		}
	}
	return list
}

// baseConf writes the configuration of the repository of base packages: one line if
// FreeBSD's own has a stanza that only has to be enabled.
func (b *Builder) baseConf(ctx context.Context, m *Root) error {
	const target = "/usr/local/etc/pkg/repos/base.conf"
	files, err := b.take(ctx, m, *m.Def.BaseConf, target)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var text []byte
	if err == nil {
		text = files[0].Text
	}
	conf, err := ucl.Parse(m.Def.BaseConf.Path, text, nil)
	if err != nil {
		return fault.Content(err)
	}
	if _, has := conf.Get("FreeBSD-base"); has {
		return m.make(target, 0o644, []byte("FreeBSD-base: { enabled: yes }\n"))
	}
	keys := "/usr/share/keys/pkgbase-" + b.Family.Release.Major()
	if m.Tree.Lookup(keys) == nil {
		keys = "/usr/share/keys/pkg"
	}
	of := b.Family.Release.Of(m.newestVersion())
	if of.OnlyABI() { // a snapshot, say, or an image of other packages
		of = b.Family.Release
	}
	return m.make(target, 0o644, fmt.Appendf(nil, `FreeBSD-base: {
  url: "pkg+https://pkg.FreeBSD.org/${ABI}/%s",
  mirror_type: "srv",
  signature_type: "fingerprints",
  fingerprints: "%s",
  enabled: yes
}
`, of.BaseRepository(), keys))
}

// newestVersion returns the newest version of FreeBSD's packages in this and all
// lower steps, "" for none. What a layer says of its release must depend on these
// only: if they do not change in the next patch level, neither may the layer.
func (m *Root) newestVersion() string {
	newest := ""
	newer := func(p *solve.Planned) {
		if strings.HasPrefix(p.Name, "FreeBSD-") && (newest == "" || pkgver.Compare(p.Version, newest) > 0) {
			newest = p.Version
		}
	}
	for _, p := range m.Plan.Present {
		newer(p)
	}
	for _, step := range m.Plan.Steps {
		for _, p := range step.Packages {
			newer(p)
		}
	}
	return newest
}

// inQuotes escapes what is special to sh(1) in double quotes.
var inQuotes = strings.NewReplacer(`"`, `\"`, `$`, `\$`, "`", "\\`", `\`, `\\`)

// osRelease writes what rc.d/os-release prints when FreeBSD boots, and the link by
// which other programs find it. A snapshot is named after its packages' version,
// which does not say the branch. An upper step writes it again if its own packages
// are newer.
func (b *Builder) osRelease(m *Root) error {
	newest := m.newestVersion()
	of := b.Family.Release.Of(newest)
	version := of.Version()
	if of.OnlyABI() && newest != "" {
		version = inQuotes.Replace(newest)
	}
	text := `NAME=FreeBSD
VERSION="` + version + `"
VERSION_ID="` + of.Revision + `"
ID=freebsd
ANSI_COLOR="0;31"
PRETTY_NAME="FreeBSD ` + version + `"
CPE_NAME="cpe:/o:freebsd:freebsd:` + of.Revision + `"
HOME_URL="https://www.FreeBSD.org"
DOCUMENTATION_URL="https://docs.FreeBSD.org"
SUPPORT_URL="https://www.FreeBSD.org/support"
BUG_REPORT_URL="https://bugs.FreeBSD.org"
`
	err := m.make("/var/run/os-release", 0o444, []byte(text))
	if n := m.Tree.Lookup("/etc/os-release"); n == nil {
		err = errors.Join(err, m.generate(tree.Node{Path: "/etc/os-release", Mode: 0o755, Link: "../var/run/os-release"}, nil))
	}
	return err
}
