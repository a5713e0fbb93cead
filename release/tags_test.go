// SPDX-License-Identifier: BSD-2-Clause

package release

import "testing"

// TestTagsOf names versions as the handbook does.
func TestTagsOf(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]Tags{
		"15.0":                   {"15.0", "15"},
		"15.0p3":                 {"15.0p3", "15"},
		"16.snap20260325035941":  {"16.snap20260325035941", "16.snap"},
		"15.1.b2.20260325035941": {"15.1.b2.20260325035941", ""},
		"15.1.rc1.2026":          {"15.1.rc1.2026", ""},
		"":                       {}, "15": {}, "latest": {}, "15.0p": {}, "16.snap": {}, "15.0-RELEASE": {},
	} {
		got := TagsOf(version)
		if got != want {
			t.Errorf("%s: got %+v, want %+v", version, got, want)
		}
		if IsFixedTag(version) != (want.Fixed != "") || got.Moving != "" && (!IsMovingTag(got.Moving) || IsFixedTag(got.Moving)) {
			t.Errorf("%s: fixed %t, %s moves %t", version, IsFixedTag(version), got.Moving, IsMovingTag(got.Moving))
		}
	}
	for branch, want := range map[string]string{"RELEASE": "15.0", "RELEASE-p12": "15.0p12", "RELEASE-p": "", "STABLE": "", "": "", "BETA1": ""} {
		if got := (Release{Revision: "15.0", Branch: branch}).PackageVersion(); got != want {
			t.Errorf("%s: got %q, want %q", branch, got, want)
		}
	}
}
