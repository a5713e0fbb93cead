// SPDX-License-Identifier: BSD-2-Clause

package define

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/ucl"
	"github.com/orlop/orlop/release/oci"
)

// Settings are those with which containers start, as far as the definition says them.
func (img Image) Settings() v1.ImageConfig {
	return v1.ImageConfig{User: img.User, ExposedPorts: setOf(img.Expose), Env: img.Env, Entrypoint: img.Entrypoint, Cmd: img.Cmd,
		Volumes: setOf(img.Volumes), WorkingDir: img.WorkDir, Labels: img.Labels, StopSignal: img.StopSignal}
}

// Inherit completes a definition with the settings of its parent's.
func (img Image) Inherit(parent Image) Image {
	all := oci.Inherit(parent.Settings(), img.Settings(), img.Unset)
	own := img
	img.User, img.Expose, img.Env, img.Entrypoint, img.Cmd = all.User, listOf(all.ExposedPorts), all.Env, all.Entrypoint, all.Cmd
	img.Volumes, img.WorkDir, img.Labels, img.StopSignal = listOf(all.Volumes), all.WorkingDir, all.Labels, all.StopSignal
	for _, s := range parent.Unset {
		if !slices.Contains(img.Unset, s) && !own.sets(s) {
			img.Unset = append(img.Unset[:len(img.Unset):len(img.Unset)], s)
		}
	}
	return img
}

// sets reports whether a definition has a setting of its own.
func (img Image) sets(s oci.Setting) bool {
	switch s {
	case oci.User:
		return img.User != ""
	case oci.Entrypoint:
		return img.Entrypoint != nil
	case oci.Cmd:
		return img.Cmd != nil
	case oci.WorkDir:
		return img.WorkDir != ""
	case oci.StopSignal:
		return img.StopSignal != ""
	}
	return false // the others are joined
}

func setOf(list []string) map[string]struct{} {
	if len(list) == 0 {
		return nil
	}
	set := map[string]struct{}{}
	for _, s := range list {
		set[s] = struct{}{}
	}
	return set
}

func listOf(set map[string]struct{}) []string { return slices.Sorted(maps.Keys(set)) }

// setting reads one. The value none means that the parent's is not taken, either.
func (d *definer) setting(s oci.Setting, v ucl.Value) (err error) {
	if text, no := v.AsString(); no == nil && text == "none" {
		if !slices.Contains(d.img.Unset, s) {
			d.img.Unset = append(d.img.Unset, s)
		}
		return nil
	}
	switch s {
	case oci.User:
		d.img.User, err = v.AsString()
	case oci.Expose:
		err = extend(&d.img.Expose, v)
	case oci.Env:
		err = extend(&d.img.Env, v)
	case oci.Entrypoint:
		d.img.Entrypoint, err = v.AsStrings()
	case oci.Cmd:
		d.img.Cmd, err = v.AsStrings()
	case oci.Volumes:
		err = extend(&d.img.Volumes, v)
	case oci.WorkDir:
		d.img.WorkDir, err = v.AsString()
	case oci.Labels:
		err = texts(&d.img.Labels)(v)
	case oci.StopSignal:
		d.img.StopSignal, err = v.AsString()
	}
	return err
}

var (
	// portForm is PORT or PORT/PROTOCOL (image-spec, config.md: ExposedPorts).
	portForm = regexp.MustCompile(`^[1-9][0-9]{0,4}(?:/(?:tcp|udp|sctp))?$`)
	// signalForm is a name or number of signal(3).
	signalForm = regexp.MustCompile(`^(?:SIG[A-Z0-9+-]+|[1-9][0-9]{0,2})$`)
	userForm   = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.-]*\$?(?::[A-Za-z0-9_.][A-Za-z0-9_.-]*\$?)?$`)
)

// checkSettings finds settings that no program could use.
func (img Image) checkSettings() []error {
	var errs []error
	bad := func(s oci.Setting, found, wanted string) {
		errs = append(errs, fmt.Errorf("%s: found %q, wanted %s", s, found, wanted))
	}
	for _, c := range []struct {
		of    oci.Setting
		words []string
	}{{oci.Cmd, img.Cmd}, {oci.Entrypoint, img.Entrypoint}} {
		if len(c.words) > 0 && c.words[0] == "" {
			errs = append(errs, fmt.Errorf("%s: its first word is empty, wanted a program", c.of))
		}
	}
	for _, port := range img.Expose {
		if !portForm.MatchString(port) {
			bad(oci.Expose, port, "a port as in 8080 or 53/udp")
		}
	}
	clean := func(of oci.Setting, name string) {
		if name != "" && (!path.IsAbs(name) || path.Clean(name) != name || strings.ContainsRune(name, 0)) {
			bad(of, name, "a clean path that begins with /")
		}
	}
	for _, name := range img.Volumes {
		clean(oci.Volumes, name)
	}
	clean(oci.WorkDir, img.WorkDir)
	for _, text := range img.Env {
		if name, _, has := strings.Cut(text, "="); !has || name == "" {
			bad(oci.Env, text, "NAME=VALUE")
		}
	}
	if img.StopSignal != "" && !signalForm.MatchString(img.StopSignal) {
		bad(oci.StopSignal, img.StopSignal, "a signal, as in SIGQUIT")
	}
	if img.User != "" && !userForm.MatchString(img.User) {
		bad(oci.User, img.User, "USER or USER:GROUP")
	}
	for _, s := range img.Unset {
		if !slices.Contains(oci.Settings, s) {
			errs = append(errs, errors.New("unset: "+string(s)+" is no setting"))
		}
	}
	return errs
}
