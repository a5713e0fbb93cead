// SPDX-License-Identifier: BSD-2-Clause

package release_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/orlop/orlop/release"
)

// TestRepository compares FreeBSD's own repositories with its FreeBSD.conf.
func TestRepository(t *testing.T) {
	t.Parallel()
	const at = "pkg+https://pkg.FreeBSD.org/"
	for _, tt := range []struct {
		name string
		of   release.Release
		want release.Repository
	}{
		{"FreeBSD-base", release.Release{Revision: "15.1", Branch: "RELEASE", ABI: "FreeBSD:15:amd64"}, release.Repository{Name: "FreeBSD-base", URL: at + "FreeBSD:15:amd64/base_release_1", Keys: "pkgbase-15"}},
		{"FreeBSD-base", release.Release{Revision: "15.1", Branch: "RC2", ABI: "FreeBSD:15:aarch64"}, release.Repository{Name: "FreeBSD-base", URL: at + "FreeBSD:15:aarch64/base_release_1", Keys: "pkgbase-15"}},
		{"FreeBSD-base", release.Release{Revision: "15.1", Branch: "STABLE", ABI: "FreeBSD:15:amd64"}, release.Repository{Name: "FreeBSD-base", URL: at + "FreeBSD:15:amd64/base_latest", Keys: "pkg"}},
		{"FreeBSD-base", release.Release{Revision: "14.3", Branch: "RELEASE", ABI: "FreeBSD:14:amd64"}, release.Repository{Name: "FreeBSD-base", URL: at + "FreeBSD:14:amd64/base_release_3", Keys: "pkg"}},
		{"FreeBSD-ports", release.Release{Branch: "RELEASE", ABI: "FreeBSD:15:amd64"}, release.Repository{Name: "FreeBSD-ports", URL: at + "FreeBSD:15:amd64/quarterly", Keys: "pkg"}},
		{"FreeBSD-ports/latest", release.Release{Branch: "RELEASE", ABI: "FreeBSD:15:amd64"}, release.Repository{Name: "FreeBSD-ports", URL: at + "FreeBSD:15:amd64/latest", Keys: "pkg"}},
		{"FreeBSD-ports-kmods", release.Release{Revision: "15.1", Branch: "RELEASE", ABI: "FreeBSD:15:amd64"}, release.Repository{Name: "FreeBSD-ports-kmods", URL: at + "FreeBSD:15:amd64/kmods_quarterly_1", Keys: "pkg"}},
		{"FreeBSD-ports-kmods", release.Release{Revision: "15.1", Branch: "STABLE", ABI: "FreeBSD:15:amd64"}, release.Repository{Name: "FreeBSD-ports-kmods", URL: at + "FreeBSD:15:amd64/kmods_quarterly", Keys: "pkg"}},
	} {
		got, known := tt.of.Repository(tt.name)
		if d := cmp.Diff(tt.want, got); d != "" || !known {
			t.Errorf("%s of %s (-want +got):\n%s", tt.name, tt.of.Branch, d)
		}
	}
	for _, name := range release.RepositoryNames() {
		if _, known := (release.Release{}).Repository(name); !known {
			t.Errorf("%s is not known", name)
		}
	}
	if _, known := (release.Release{}).Repository("FreeBSD"); known {
		t.Error("FreeBSD is known, wanted only whole names")
	}
}
