// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"maps"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// Setting is one with which containers start, by the key of a definition. Its field in
// the config has another name (image-spec, config.md).
type Setting string

// The settings that an image can replace or remove.
const (
	User       Setting = "user"
	Expose     Setting = "expose"
	Env        Setting = "env"
	Entrypoint Setting = "entrypoint"
	Cmd        Setting = "cmd"
	Volumes    Setting = "volumes"
	WorkDir    Setting = "workdir"
	Labels     Setting = "labels"
	StopSignal Setting = "stop-signal"
)

// Settings are all of them.
var Settings = []Setting{User, Expose, Env, Entrypoint, Cmd, Volumes, WorkDir, Labels, StopSignal}

// Inherit returns the settings of an image that stands on another, as docker and
// buildah do it: variables and labels by key, ports and volumes of both, and of the
// rest what is its own, else its parent's. A new entry point takes away the parent's
// command, which were its arguments. Without has what the parent's must not be taken.
func Inherit(parent, own v1.ImageConfig, without []Setting) v1.ImageConfig {
	for _, s := range without {
		remove(&parent, s)
	}
	all := parent
	if own.User != "" {
		all.User = own.User
	}
	if own.WorkingDir != "" {
		all.WorkingDir = own.WorkingDir
	}
	if own.StopSignal != "" {
		all.StopSignal = own.StopSignal
	}
	if own.Entrypoint != nil {
		all.Entrypoint, all.Cmd = own.Entrypoint, nil
	}
	if own.Cmd != nil {
		all.Cmd = own.Cmd
	}
	all.Env = variables(parent.Env, own.Env)
	all.Labels = joined(parent.Labels, own.Labels)
	all.ExposedPorts = joined(parent.ExposedPorts, own.ExposedPorts)
	all.Volumes = joined(parent.Volumes, own.Volumes)
	return all
}

// remove removes a setting.
func remove(c *v1.ImageConfig, s Setting) {
	switch s {
	case User:
		c.User = ""
	case Expose:
		c.ExposedPorts = nil
	case Env:
		c.Env = nil
	case Entrypoint:
		c.Entrypoint = nil
	case Cmd:
		c.Cmd = nil
	case Volumes:
		c.Volumes = nil
	case WorkDir:
		c.WorkingDir = ""
	case Labels:
		c.Labels = nil
	case StopSignal:
		c.StopSignal = ""
	}
}

// variables are those of two lists. One that both have keeps its place and takes the
// second value.
func variables(parent, own []string) []string {
	all := slices.Clone(parent)
	for _, text := range own {
		name, _, _ := strings.Cut(text, "=")
		at := slices.IndexFunc(all, func(old string) bool { return strings.HasPrefix(old, name+"=") })
		if at < 0 {
			all = append(all, text)
		} else {
			all[at] = text
		}
	}
	return all
}

// joined has the members of both maps. Of one that is in both it has the second.
func joined[V any](parent, own map[string]V) map[string]V {
	if len(parent)+len(own) == 0 {
		return nil
	}
	all := make(map[string]V, len(parent)+len(own))
	maps.Copy(all, parent)
	maps.Copy(all, own)
	return all
}

// settings are those of an image in the order of the image-spec.
func settings(c *v1.ImageConfig) object {
	return object{
		{"User", optional(c.User)},
		{"ExposedPorts", set(c.ExposedPorts)},
		{"Env", texts(c.Env)},
		{"Entrypoint", texts(c.Entrypoint)},
		{"Cmd", texts(c.Cmd)},
		{"Volumes", set(c.Volumes)},
		{"WorkingDir", optional(c.WorkingDir)},
		{"Labels", sorted(c.Labels)},
		{"StopSignal", optional(c.StopSignal)},
	}
}

// set makes an object of empty objects, by key; nil if it is empty.
func set(m map[string]struct{}) any {
	if len(m) == 0 {
		return nil
	}
	var o object
	for _, k := range slices.Sorted(maps.Keys(m)) {
		o = append(o, member{k, object{}})
	}
	return o
}
