// SPDX-License-Identifier: BSD-2-Clause

package transport

import (
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1:443": "this machine's own", "127.9.9.9:80": "this machine's own", "[::1]:443": "this machine's own", "[::ffff:127.0.0.1]:443": "this machine's own",
		"0.0.0.0:443": "not an address", "[::]:443": "not an address", "0.1.2.3:443": "an address of this network",
		"10.0.0.1:443": "private", "172.16.0.1:443": "private", "172.31.255.255:443": "private", "192.168.1.1:443": "private", "[fc00::1]:443": "private", "[fdff::1]:443": "private",
		"100.64.0.1:443": "carrier's", "100.127.255.255:443": "carrier's", "169.254.169.254:80": "local network", "[fe80::1%eth0]:443": "local network", "224.0.0.1:443": "local network",
		"[ff02::1]:443": "local network", "255.255.255.255:443": "reserved", "192.0.2.1:443": "documentation", "198.18.0.1:443": "benchmarks",
		"[64:ff9b::7f00:1]:443": "this machine's own", "[2002:c0a8:101::]:443": "private", "[::10.0.0.1]:443": "private", "[2001:0:1::1]:443": "tunnel", "[fec0::1]:443": "site's",
		"host:443": "not an address that can be checked", "127.0.0.1": "not an address that can be checked",
		"96.47.72.84:443": "", "100.63.0.1:443": "", "100.128.0.1:443": "", "172.32.0.1:443": "", "[2610:1c1:1:606c::50:2]:443": "", "[64:ff9b::602f:4854]:443": "", "[2002:602f:4854::]:443": "",
	} {
		err := OnlyPublic("tcp", address, nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", address, err, want)
		}
	}
}
