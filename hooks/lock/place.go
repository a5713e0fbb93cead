// SPDX-License-Identifier: BSD-2-Clause

package lock

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/orlop/orlop/pkgdb/secret"
)

// CheckURL accepts what a lock may name as the place of a repository: "" for
// none that is known, else a URL of http or https or pkg's forms of them. It is
// read by others on their machines, so it is no path, and has no secret in it.
func CheckURL(location string) error {
	if location == "" {
		return nil
	}
	scheme, rest, found := strings.Cut(location, "://")
	switch strings.TrimPrefix(scheme, "pkg+") {
	case "http", "https":
	default:
		found = false
	}
	if !found {
		return fmt.Errorf("URL %q: wanted one of http:, https:, pkg+http: or pkg+https:, which anybody can reach", secret.Cut(location))
	}
	u, err := url.Parse(strings.TrimPrefix(location, "pkg+"))
	switch {
	case err != nil:
		return fmt.Errorf("URL %q cannot be read", secret.Cut(location))
	case u.User != nil || strings.ContainsAny(rest, "?#"):
		return fmt.Errorf("URL %q: it has a user, a query or a fragment, wanted only what all may know", secret.Cut(location))
	case u.Hostname() == "":
		return fmt.Errorf("URL %q: it has no host, wanted one", location)
	}
	return nil
}
