// SPDX-License-Identifier: BSD-2-Clause

package oci

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// TestInherit sets, joins and removes settings of a parent.
func TestInherit(t *testing.T) {
	t.Parallel()
	type config = v1.ImageConfig
	set := func(names ...string) map[string]struct{} {
		m := map[string]struct{}{}
		for _, n := range names {
			m[n] = struct{}{}
		}
		return m
	}
	parent := config{User: "www", ExposedPorts: set("80"), Env: []string{"PATH=/bin", "A=1", "AB=2"}, Entrypoint: []string{"/entry"}, Cmd: []string{"serve"},
		Volumes: set("/data"), WorkingDir: "/srv", Labels: map[string]string{"a": "1", "b": "2"}, StopSignal: "SIGQUIT"}
	change := func(f func(c *config)) config {
		c := Inherit(parent, config{}, nil)
		f(&c)
		return c
	}
	for _, tt := range []struct {
		name    string
		own     config
		without []Setting
		want    config
	}{
		{"nothing", config{}, nil, parent},
		{"variables and labels by key", config{Env: []string{"A=x", "C="}, Labels: map[string]string{"b": "x", "c": ""}}, nil, change(func(c *config) {
			c.Env, c.Labels = []string{"PATH=/bin", "A=x", "AB=2", "C="}, map[string]string{"a": "1", "b": "x", "c": ""}
		})},
		{"ports and volumes of both", config{ExposedPorts: set("80", "443/tcp"), Volumes: set("/log")}, nil, change(func(c *config) {
			c.ExposedPorts, c.Volumes = set("80", "443/tcp"), set("/data", "/log")
		})},
		{"an entry point takes the command away", config{Entrypoint: []string{"/own"}}, nil, change(func(c *config) {
			c.Entrypoint, c.Cmd = []string{"/own"}, nil
		})},
		{"a command", config{Cmd: []string{"x"}}, nil, change(func(c *config) { c.Cmd = []string{"x"} })},
		{"both", config{Entrypoint: []string{"/own"}, Cmd: []string{"x"}}, nil, change(func(c *config) {
			c.Entrypoint, c.Cmd = []string{"/own"}, []string{"x"}
		})},
		{"an empty command", config{Cmd: []string{}}, nil, change(func(c *config) { c.Cmd = []string{} })},
		{"without an entry point", config{}, []Setting{Entrypoint}, change(func(c *config) { c.Entrypoint = nil })},
		{"without anything", config{}, Settings, config{}},
		{"others instead", config{User: "1001", Env: []string{"B=1"}}, Settings, config{User: "1001", Env: []string{"B=1"}}},
	} {
		if d := cmp.Diff(tt.want, Inherit(parent, tt.own, tt.without)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}
