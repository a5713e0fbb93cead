// SPDX-License-Identifier: BSD-2-Clause

package lock

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/orlop/orlop/pkgdb/secret"
)

// CheckURL accepts what a lock may have as the URL of a repository: "" if none is
// known, else a URL of http, https or pkg's forms of them. Others read it on their
// machines, so it may not be a path or hold a secret.
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
		return fmt.Errorf("URL %q: wanted one of http:, https:, pkg+http: or pkg+https:, which others can reach", secret.Cut(location))
	}
	u, err := url.Parse(strings.TrimPrefix(location, "pkg+"))
	switch {
	case err != nil:
		return fmt.Errorf("URL %q cannot be read", secret.Cut(location))
	case u.User != nil || strings.ContainsAny(rest, "?#"):
		return fmt.Errorf("URL %q: it has a user, a query or a fragment, wanted nothing that may be secret", secret.Cut(location))
	case u.Hostname() == "":
		return fmt.Errorf("URL %q: it has no host, wanted one", location)
	}
	return nil
}
