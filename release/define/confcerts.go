// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"path"
	"slices"
	"strings"

	"github.com/orlop/orlop/release/shell"
)

// certctl reads "env DESTDIR=… TRUSTPATH=… UNTRUSTPATH=… certctl -c rehash",
// with or without env. FreeBSD's certificates are in two subfolders of one
// folder.
func (c *conf) certctl(words []string) error {
	line := strings.Join(words, " ")
	env, words := shell.Assignments(words)
	const wanted = "env DESTDIR=${workdir}/rootfs TRUSTPATH=FOLDER/trusted UNTRUSTPATH=FOLDER/untrusted certctl -c rehash"
	if len(words) == 0 || words[0] != "certctl" && words[0] != "/usr/sbin/certctl" || len(env) != 3 {
		return notUnderstood(line, wanted)
	}
	if rest, ok := flags(words, "", "c"); !ok || !slices.Equal(rest, []string{"rehash"}) {
		return notUnderstood(line, wanted)
	}
	root, err := c.target(env["DESTDIR"])
	if err == nil && root != "/" {
		err = notUnderstood(env["DESTDIR"], "DESTDIR=${workdir}/rootfs")
	}
	var sets [2]string
	for i, name := range []string{"TRUSTPATH", "UNTRUSTPATH"} {
		if err == nil {
			sets[i], err = c.source(env[name])
		}
	}
	if err != nil {
		return err
	}
	folder := path.Dir(sets[0])
	if sets != [2]string{folder + "/trusted", folder + "/untrusted"} {
		return notUnderstood(line, wanted)
	}
	return c.certificates(folder)
}

// certificates are those of a folder of the source tree, and before FreeBSD 15
// the files that they link to.
func (c *conf) certificates(source string) error {
	for _, name := range StandardNames() {
		img := c.known[name]
		if img.Certificates == nil || img.Certificates.Source != source {
			continue
		}
		c.Image.Certificates = img.Certificates
		for _, f := range img.Folders {
			if strings.HasPrefix(f.Source, source+"/") {
				c.Image.Folders = append(c.Image.Folders, f)
			}
		}
		return nil
	}
	return notUnderstood(source, "the folder of certificates of FreeBSD's own images")
}
