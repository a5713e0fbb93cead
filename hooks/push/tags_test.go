// SPDX-License-Identifier: BSD-2-Clause

package push_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/orlop/orlop/hooks/push"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/registry"
	"github.com/orlop/orlop/release/registry/registrytest"
)

const runtime = "freebsd/freebsd-runtime"

// both are an image for two platforms.
func both(version string) []given {
	return []given{
		{"runtime", "amd64", version, []string{"runtime" + version}},
		{"runtime", "arm64", version, []string{"runtime" + version}},
	}
}

// pushed pushes and requires success.
func pushed(t *testing.T, cfg push.Config, list ...given) push.Result {
	t.Helper()
	results, err := push.Run(t.Context(), cfg, families(t, list...))
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}

// TestTags sets the tags of a version, and moves only what moves, and only forward.
func TestTags(t *testing.T) {
	t.Parallel()
	s := serve(t, registrytest.Profile{})
	cfg, said := config(s), new(notices)
	cfg.Observe = said.observe
	first := pushed(t, cfg, both("15.0")...)
	second := pushed(t, cfg, both("15.0p3")...)
	if got := s.Tag(runtime, "15"); got != second.Digest {
		t.Errorf("15 is %s after a newer version, want %s", got, second.Digest)
	}
	older := pushed(t, cfg, both("15.0p1")...)
	if got := s.Tag(runtime, "15"); got != second.Digest || s.Tag(runtime, "15.0p1") != older.Digest || s.Tag(runtime, "15.0") != first.Digest {
		t.Errorf("15 is %s after an older version, want %s; all tags: %v", got, second.Digest, s.Tags(runtime))
	}
	if want := "image runtime: tag 15 stays: it names version 15.0p3, and this is 15.0p1; --move-tag 15 moves it"; !said.has(want) {
		t.Errorf("got the notices %q, want %q", said.list, want)
	}
	cfg.MoveTags = []string{"15"}
	if pushed(t, cfg, both("15.0p1")...); s.Tag(runtime, "15") != older.Digest {
		t.Errorf("--move-tag left 15 at %s", s.Tag(runtime, "15"))
	}
	cfg.MoveTags = nil
	if next := pushed(t, cfg, both("15.1")...); s.Tag(runtime, "15") != next.Digest {
		t.Errorf("15 is %s, want 15.1", s.Tag(runtime, "15"))
	}
	if snap := pushed(t, cfg, both("16.snap20260325035941")...); strings.Join(snap.Tags, " ") != "16.snap20260325035941 16.snap" {
		t.Errorf("a snapshot has the tags %v", snap.Tags)
	}
	if beta := pushed(t, cfg, both("15.2.b1.20261120010203")...); strings.Join(beta.Tags, " ") != "15.2.b1.20261120010203" {
		t.Errorf("a candidate has the tags %v", beta.Tags)
	}
}

// TestTagsWanted names images by flags, by definitions, or only until they are joined.
func TestTagsWanted(t *testing.T) {
	t.Parallel()
	one := both("15.0p3")[:1]
	web := []given{{"web", "amd64", "", []string{"web"}}}
	for name, tt := range map[string]struct {
		list []given
		set  func(*push.Config)
		want string
		err  string
	}{
		"one platform":         {one, func(*push.Config) {}, "orlop-15.0p3-amd64", ""},
		"one platform, tagged": {one, func(c *push.Config) { c.Tags = []string{"test"} }, "test", ""},
		"none":                 {both("15.0p3"), func(c *push.Config) { c.NoTags = true }, "orlop-15.0p3", ""},
		"another":              {both("15.0p3"), func(c *push.Config) { c.Tags = []string{"latest", "15"} }, "15.0p3 15 latest", ""},
		"of one's own":         {web, func(c *push.Config) { c.Tags = []string{"1.0", "1"} }, "1.0 1", ""},
		"both":                 {one, func(c *push.Config) { c.NoTags, c.Tags = true, []string{"x"} }, "", "--tag and --no-tags contradict each other"},
		"case":                 {one, func(c *push.Config) { c.Tags = []string{"a", "A"} }, "", "image runtime: tags a and A: differ only in case, which some registries do not keep"},
		"no tag":               {one, func(c *push.Config) { c.Tags = []string{"-x"} }, "", `image runtime: tag "-x": wanted at most 128 letters, digits and _ . -, the first no . or -`},
		"moves another":        {one, func(c *push.Config) { c.MoveTags = []string{"16"} }, "", "image runtime: --move-tag 16: the image gets no such tag"},
		"no version":           {both("what"), func(*push.Config) {}, "15.0 15", ""},
		"two images, one name": {twoPlatforms("15.0")[:2], func(c *push.Config) { c.Target = strings.ReplaceAll(c.Target, "{image}", "x") }, "", "found 2 images, dynamic and static among them, wanted {image} in the name where each has its own"},
		"tag in the name":      {one, func(c *push.Config) { c.Target += ":x" }, "", "found the tag x, wanted REGISTRY/PATH alone; give --tag x"},
	} {
		s := serve(t, registrytest.Profile{})
		cfg := config(s)
		tt.set(&cfg)
		results, err := push.Run(t.Context(), cfg, families(t, tt.list...))
		if tt.err != "" {
			if err == nil || !strings.HasSuffix(err.Error(), tt.err) || fault.ClassOf(err) != fault.Usage || len(s.Requests()) > 0 && s.Count("PUT", "") > 0 {
				t.Errorf("%s: got %v, want %s", name, err, tt.err)
			}
			continue
		}
		if err != nil || strings.Join(results[0].Tags, " ") != tt.want {
			t.Errorf("%s: got %+v, %v, want the tags %s", name, results, err, tt.want)
		}
	}
}

// TestFixedTag stops everything before anything is tagged if a version's tag names
// something else, whether or not the registry says so.
func TestFixedTag(t *testing.T) {
	t.Parallel()
	s := serve(t, registrytest.Profile{})
	pushed(t, config(s), both("15.0")...)
	other := both("15.0")
	other[0].layers = []string{"something else"}
	family := append(other, given{"static", "amd64", "15.0", []string{"s"}}, given{"static", "arm64", "15.0", []string{"s"}})
	_, err := push.Run(t.Context(), config(s), families(t, family...))
	if _, is := errors.AsType[*registry.ImmutableError](err); !is || fault.ClassOf(err) != fault.Wrong {
		t.Errorf("got %v", err)
	}
	if tags := s.Tags("freebsd/freebsd-static"); len(tags) > 0 {
		t.Errorf("another image got the tags %v", tags)
	}
	for _, status := range []int{400, 403, 405, 409, 412} {
		p := registrytest.Profile{Immutable: registrytest.Immutability{On: true, Same: true, Refusal: registrytest.Refusal{Status: status, Code: "DENIED", Message: "tag is immutable"}}}
		s := serve(t, p)
		list := both("15.0")
		pushed(t, config(s), list...)
		s.ResetRequests()
		if pushed(t, config(s), list...); s.Count("PUT", "") > 0 {
			t.Errorf("%d: an equal tag was written again", status)
		}
		cfg := config(s)
		cfg.Tags = []string{"test"}
		pushed(t, cfg, list...)
		_, err := push.Run(t.Context(), cfg, families(t, both("15.0p1")...))
		if fault.ClassOf(err) != fault.Wrong {
			t.Errorf("%d: got %v, want an error that the tag is another's", status, err)
		}
	}
}

// TestAttachmentsUnkept fails before tags move where nobody can find attachments, and
// does without them if told to.
func TestAttachmentsUnkept(t *testing.T) {
	t.Parallel()
	s := serve(t, registrytest.Profile{NoReferrers: true})
	s.Handle(registrytest.Answer(registrytest.Always, 400, nil, registrytest.Errors("TAG_INVALID", "no such tags here"), registrytest.On("PUT", "/manifests/sha256-")))
	cfg := config(s)
	_, err := push.Run(t.Context(), cfg, families(t, both("15.0")...))
	if _, is := errors.AsType[*registry.UnkeptError](err); !is || fault.ClassOf(err) != fault.Failed {
		t.Errorf("got %v", err)
	}
	if tags := s.Tags(runtime); len(tags) > 0 {
		t.Errorf("found the tags %v", tags)
	}
	cfg.NoAttachments = true
	if r := pushed(t, cfg, both("15.0")...); r.Attached > 0 {
		t.Errorf("attached %d files", r.Attached)
	}
}

// TestLostBlob brings a blob again that a registry has lost, once.
func TestLostBlob(t *testing.T) {
	t.Parallel()
	list := both("15.0")
	all := families(t, list...)
	lost := all[0].Members[0].Manifest.Layers[0].Digest
	for times, ok := range map[int]bool{1: true, registrytest.Always: false} {
		s := serve(t, registrytest.Profile{})
		s.Handle(registrytest.Do(times, registrytest.On("PUT", "/manifests/sha256:"), func() { s.DropBlob(runtime, lost) }))
		_, err := push.Run(t.Context(), config(s), all)
		if (err == nil) != ok || !ok && len(s.Tags(runtime)) > 0 {
			t.Errorf("lost %d times: got %v, tags %v", times, err, s.Tags(runtime))
		}
	}
}

// TestPlan lists what a push does, and does nothing.
func TestPlan(t *testing.T) {
	t.Parallel()
	s := serve(t, registrytest.Profile{})
	all := families(t, both("15.0")...)
	steps, err := push.Plan(t.Context(), config(s), all)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, step := range steps {
		count[step.Do]++
	}
	if got := fmt.Sprint(count); got != "map[attach:2 put:3 tag:2 upload:7]" {
		t.Errorf("got %s: %v", got, steps)
	}
	if s.Count("PUT", "")+s.Count("POST", "") > 0 {
		t.Error("it wrote something")
	}
	pushed(t, config(s), both("15.0")...)
	if steps, err = push.Plan(t.Context(), config(s), all); err != nil || len(steps) > 0 {
		t.Errorf("after the push: got %v, %v", steps, err)
	}
}

// TestReadAll reads every blob back, and finds what a registry has changed.
func TestReadAll(t *testing.T) {
	t.Parallel()
	s := serve(t, registrytest.Profile{})
	cfg := config(s)
	cfg.ReadAll = true
	all := families(t, both("15.0")...)
	layer := all[0].Members[0].Manifest.Layers[0].Digest.String()
	s.Edit(registrytest.Always, registrytest.On("GET", "/blobs/"+layer), registrytest.Spoil())
	if _, err := push.Run(t.Context(), cfg, all); fault.ClassOf(err) != fault.Wrong || len(s.Tags(runtime)) > 0 {
		t.Errorf("got %v, tags %v", err, s.Tags(runtime))
	}
	s.Reset()
	if _, err := push.Run(t.Context(), cfg, all); err != nil {
		t.Error(err)
	}
}
