// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// module is the path of this module.
const module = "github.com/orlop/orlop/"

// mayImport says which packages of this module and which libraries each package
// imports, no more and no fewer, and so is the map of the whole: what a line names
// stands above it. Two halves never meet below hooks: pkgdb knows the world of
// pkg(8), release that of artifacts. Leaves for both are pkgdb/fault, packing,
// secret, spelling, strict, sum, transport, ucl, until and xz. Of hooks, artifact, compare and verify
// read what is finished, and hooks itself imports none of them.
var mayImport = map[string][]string{
	"pkgdb/fault":                   {},
	"pkgdb/jsonscan":                {},
	"pkgdb/xz":                      {"github.com/ulikunitz/xz/lzma"},
	"pkgdb/packing":                 {"pkgdb/fault", "pkgdb/xz", "github.com/klauspost/compress/zstd", "github.com/ulikunitz/xz/lzma"},
	"pkgdb/sum":                     {"golang.org/x/crypto/blake2b"},
	"pkgdb/ucl":                     {},
	"pkgdb/until":                   {},
	"pkgdb/tarread":                 {},
	"pkgdb/pkgfile":                 {"pkgdb/fault", "pkgdb/jsonscan", "pkgdb/packing", "pkgdb/sum", "pkgdb/tarread", "pkgdb/ucl", "pkgdb/until"},
	"pkgdb/sqlitefile":              {"pkgdb/until", "github.com/mattn/go-sqlite3"},
	"pkgdb":                         {"pkgdb/fault", "pkgdb/pkgfile", "pkgdb/sqlitefile", "pkgdb/sum", "pkgdb/until"},
	"pkgdb/benchtest":               {},
	"pkgdb/secret":                  {},
	"pkgdb/trust":                   {"pkgdb/ucl", "github.com/decred/dcrd/dcrec/secp256k1/v4", "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa", "golang.org/x/crypto/blake2b"},
	"pkgdb/catalog":                 {"pkgdb/fault", "pkgdb/jsonscan", "pkgdb/packing", "pkgdb/pkgfile", "pkgdb/secret", "pkgdb/sum", "pkgdb/trust", "pkgdb/ucl", "pkgdb/until", "golang.org/x/crypto/blake2b"},
	"pkgdb/pkgfile/pkgtest":         {"pkgdb/packing", "pkgdb/pkgfile", "pkgdb/sum", "github.com/klauspost/compress/zstd"},
	"pkgdb/pkgfile/porttest":        {"pkgdb/pkgfile/pkgtest"},
	"pkgdb/pkgver":                  {},
	"pkgdb/spelling":                {},
	"pkgdb/solve":                   {"pkgdb/catalog", "pkgdb/pkgver", "pkgdb/spelling", "pkgdb/until"},
	"pkgdb/transport":               {"pkgdb/secret"},
	"pkgdb/store":                   {"pkgdb/secret", "pkgdb/sum", "pkgdb/transport", "pkgdb/until"},
	"pkgdb/strict":                  {},
	"release":                       {"pkgdb/fault", "pkgdb/spelling"},
	"release/shell":                 {},
	"release/containerfile":         {"pkgdb/fault", "release/define"},
	"release/define":                {"pkgdb/fault", "pkgdb/spelling", "pkgdb/ucl", "release", "release/oci", "release/shell", "release/tree", "github.com/opencontainers/image-spec/specs-go/v1"},
	"release/elf":                   {},
	"release/etc":                   {"pkgdb/fault", "pkgdb/ucl", "pkgdb/until"},
	"release/shebang":               {},
	"release/edit":                  {"pkgdb/fault"},
	"release/glob":                  {"pkgdb/fault"},
	"release/tree":                  {"pkgdb/until"},
	"release/closure":               {"release/define", "release/elf", "release/etc", "release/shebang", "release/tree"},
	"release/elf/elftest":           {},
	"release/jsondiff":              {"pkgdb/sum"},
	"release/tarfile":               {"pkgdb/fault", "release/tree"},
	"release/layer":                 {"pkgdb/fault", "pkgdb/spelling", "pkgdb/tarread", "pkgdb/until", "release/tarfile", "release/tree", "github.com/klauspost/compress/gzip", "github.com/klauspost/compress/zstd", "github.com/opencontainers/go-digest", "github.com/opencontainers/image-spec/specs-go/v1", "golang.org/x/sync/errgroup"},
	"release/oci":                   {"pkgdb/fault", "pkgdb/strict", "pkgdb/until", "release/layer", "github.com/opencontainers/go-digest", "github.com/opencontainers/image-spec/specs-go/v1"},
	"release/oci/layout":            {"pkgdb/fault", "pkgdb/spelling", "pkgdb/until", "pkgdb/xz", "release/layer", "release/oci", "release/tarfile", "release/tree", "github.com/klauspost/compress/zstd", "github.com/opencontainers/go-digest", "github.com/opencontainers/image-spec/specs-go/v1"},
	"release/unpack":                {"pkgdb/fault", "pkgdb/tarread", "pkgdb/until", "pkgdb/xz", "release/glob", "release/layer", "release/tree"},
	"release/tarfile/tartest":       {},
	"hooks/event":                   {},
	"hooks/lock":                    {"pkgdb", "pkgdb/catalog", "pkgdb/fault", "pkgdb/pkgver", "pkgdb/secret", "pkgdb/solve", "pkgdb/strict", "pkgdb/sum", "pkgdb/until", "release", "release/define", "release/jsondiff", "release/layer", "release/oci", "release/tarfile", "release/tree", "github.com/opencontainers/image-spec/specs-go/v1"},
	"hooks/script":                  {"pkgdb/pkgfile", "release/etc", "release/shell", "release/tree"},
	"hooks/input":                   {"hooks/event", "hooks/lock", "hooks/script", "pkgdb", "pkgdb/catalog", "pkgdb/fault", "pkgdb/packing", "pkgdb/pkgfile", "pkgdb/solve", "pkgdb/store", "pkgdb/sum", "pkgdb/transport", "pkgdb/trust", "pkgdb/until", "release/define", "release/etc", "release/tree"},
	"hooks/cache":                   {"hooks/input", "pkgdb/catalog", "pkgdb/pkgfile", "pkgdb/store", "pkgdb/until", "release/elf", "release/layer", "release/tree"},
	"hooks/output":                  {"pkgdb/fault", "pkgdb/store", "pkgdb/strict", "pkgdb/until", "release/define", "release/oci", "github.com/opencontainers/go-digest", "github.com/opencontainers/image-spec/specs-go/v1"},
	"hooks/parent":                  {"hooks/artifact", "hooks/lock", "hooks/signature", "pkgdb", "pkgdb/catalog", "pkgdb/fault", "pkgdb/pkgfile", "pkgdb/until", "release/attest", "release/closure", "release/define", "release/layer", "release/oci", "release/oci/layout", "release/registry", "release/tree", "github.com/opencontainers/go-digest", "github.com/opencontainers/image-spec/specs-go/v1"},
	"hooks/resolve":                 {"hooks/event", "hooks/input", "hooks/lock", "hooks/own", "hooks/parent", "pkgdb/catalog", "pkgdb/fault", "pkgdb/pkgfile", "pkgdb/pkgver", "pkgdb/solve", "pkgdb/spelling", "pkgdb/sum", "pkgdb/until", "release", "release/define", "release/jsondiff"},
	"hooks/own":                     {"hooks/artifact", "hooks/event", "hooks/lock", "pkgdb/fault", "pkgdb/store", "pkgdb/until", "release/closure", "release/define", "release/elf", "release/glob", "release/shebang", "release/tree", "release/unpack"},
	"hooks/root":                    {"hooks/cache", "hooks/event", "hooks/input", "hooks/lock", "hooks/own", "hooks/resolve", "hooks/script", "pkgdb", "pkgdb/catalog", "pkgdb/fault", "pkgdb/pkgfile", "pkgdb/pkgver", "pkgdb/solve", "pkgdb/sum", "pkgdb/ucl", "pkgdb/until", "release/closure", "release/define", "release/edit", "release/etc", "release/layer", "release/shebang", "release/tree"},
	"hooks":                         {"hooks/cache", "hooks/event", "hooks/input", "hooks/lock", "hooks/output", "hooks/own", "hooks/parent", "hooks/resolve", "hooks/root", "pkgdb", "pkgdb/catalog", "pkgdb/fault", "pkgdb/pkgfile", "pkgdb/solve", "pkgdb/store", "pkgdb/sum", "pkgdb/until", "release", "release/closure", "release/define", "release/elf", "release/etc", "release/layer", "release/oci", "release/oci/layout", "release/registry", "release/shebang", "release/tarfile", "release/tree", "golang.org/x/sync/errgroup"},
	"release/registry":              {"pkgdb/fault", "pkgdb/secret", "pkgdb/strict", "pkgdb/transport", "release/oci", "github.com/klauspost/compress/gzip", "github.com/opencontainers/go-digest", "github.com/opencontainers/image-spec/specs-go/v1", "oras.land/oras-go/v2/registry", "oras.land/oras-go/v2/registry/remote/auth", "oras.land/oras-go/v2/registry/remote/errcode"},
	"hooks/artifact":                {"pkgdb", "pkgdb/fault", "pkgdb/sum", "pkgdb/until", "release", "release/closure", "release/define", "release/elf", "release/etc", "release/layer", "release/oci", "release/oci/layout", "release/registry", "release/shebang", "release/tree", "github.com/opencontainers/go-digest", "github.com/opencontainers/image-spec/specs-go/v1", "golang.org/x/crypto/blake2b"},
	"hooks/artifact/artifacttest":   {"hooks/artifact", "pkgdb", "pkgdb/pkgfile", "pkgdb/sum", "release/elf/elftest", "release/layer", "release/oci", "release/tarfile", "release/tree", "github.com/opencontainers/go-digest", "github.com/opencontainers/image-spec/specs-go/v1"},
	"hooks/compare":                 {"hooks/artifact", "pkgdb", "pkgdb/fault", "pkgdb/packing", "pkgdb/pkgver", "pkgdb/sum", "pkgdb/until", "release/elf", "release/jsondiff", "release/layer", "release/tarfile", "release/tree", "github.com/opencontainers/go-digest", "github.com/rogpeppe/go-internal/diff", "golang.org/x/sync/errgroup"},
	"release/attest":                {"pkgdb/strict", "github.com/ProtonMail/go-crypto/openpgp", "github.com/ProtonMail/go-crypto/openpgp/armor", "github.com/ProtonMail/go-crypto/openpgp/packet", "github.com/opencontainers/go-digest", "github.com/opencontainers/image-spec/specs-go/v1", "github.com/secure-systems-lab/go-securesystemslib/encrypted"},
	"release/registry/keyring":      {"pkgdb/fault", "release/registry"},
	"scripts/bench":                 {"pkgdb/packing", "pkgdb/pkgfile/pkgtest", "github.com/klauspost/compress/gzip", "github.com/klauspost/compress/zstd", "golang.org/x/crypto/blake2b"},
	"scripts/differential":          {"release/tree", "github.com/klauspost/compress/gzip", "github.com/klauspost/compress/zstd", "github.com/ulikunitz/xz", "github.com/ulikunitz/xz/lzma"},
	"release/registry/registrytest": {"github.com/opencontainers/go-digest", "github.com/opencontainers/image-spec/specs-go", "github.com/opencontainers/image-spec/specs-go/v1"},
	"hooks/signature":               {"hooks/output", "pkgdb/fault", "pkgdb/secret", "pkgdb/store", "pkgdb/strict", "pkgdb/sum", "release", "release/attest", "release/oci", "release/registry", "github.com/opencontainers/go-digest", "github.com/opencontainers/image-spec/specs-go/v1"},
	"release/policy":                {"pkgdb/fault", "pkgdb/strict", "release/attest", "github.com/opencontainers/go-digest"},
	"hooks/verify":                  {"hooks", "hooks/artifact", "hooks/compare", "hooks/input", "hooks/lock", "hooks/resolve", "hooks/script", "hooks/signature", "pkgdb", "pkgdb/fault", "pkgdb/pkgfile", "pkgdb/pkgver", "pkgdb/store", "pkgdb/sum", "release", "release/attest", "release/closure", "release/define", "release/etc", "release/jsondiff", "release/layer", "release/oci", "release/oci/layout", "release/policy", "release/registry", "release/tarfile", "release/tree", "github.com/opencontainers/go-digest", "github.com/opencontainers/image-spec/specs-go/v1"},
	"hooks/family":                  {"hooks", "hooks/artifact", "hooks/event", "hooks/input", "hooks/lock", "hooks/output", "hooks/resolve", "hooks/verify", "pkgdb/fault", "pkgdb/sum", "pkgdb/until", "release", "release/define", "release/oci", "release/oci/layout", "github.com/opencontainers/go-digest", "github.com/opencontainers/image-spec/specs-go/v1", "golang.org/x/sync/errgroup"},
	"hooks/push":                    {"hooks/artifact", "hooks/event", "hooks/family", "hooks/lock", "hooks/signature", "hooks/verify", "pkgdb/fault", "pkgdb/pkgver", "release", "release/attest", "release/registry", "github.com/opencontainers/go-digest", "github.com/opencontainers/image-spec/specs-go/v1", "golang.org/x/sync/errgroup"},
	"hooks/sign":                    {"hooks/artifact", "hooks/event", "hooks/family", "hooks/lock", "hooks/output", "hooks/signature", "pkgdb/fault", "pkgdb/store", "pkgdb/strict", "pkgdb/sum", "release", "release/attest", "release/registry", "github.com/opencontainers/go-digest", "github.com/opencontainers/image-spec/specs-go/v1"},
	"cmd/orlop":                     {"hooks", "hooks/artifact", "hooks/cache", "hooks/compare", "hooks/event", "hooks/family", "hooks/input", "hooks/lock", "hooks/output", "hooks/parent", "hooks/push", "hooks/resolve", "hooks/sign", "hooks/signature", "hooks/verify", "pkgdb", "pkgdb/catalog", "pkgdb/fault", "pkgdb/secret", "pkgdb/solve", "pkgdb/spelling", "pkgdb/sqlitefile", "pkgdb/store", "pkgdb/transport", "pkgdb/until", "release", "release/attest", "release/containerfile", "release/define", "release/layer", "release/oci", "release/oci/layout", "release/policy", "release/registry", "release/registry/keyring", "release/tree", "github.com/schollz/progressbar/v3", "github.com/urfave/cli/v2", "golang.org/x/term"},
}

// onlyIn names the packages that alone may import a library.
var onlyIn = map[string]string{
	"github.com/urfave/cli/v2":                                    "cmd/orlop",
	"github.com/schollz/progressbar/v3":                           "cmd/orlop",
	"golang.org/x/term":                                           "cmd/orlop",
	"github.com/mattn/go-sqlite3":                                 "pkgdb/sqlitefile",
	module + "pkgdb/pkgfile/pkgtest":                              "scripts/bench", // and tests
	module + "pkgdb/pkgfile/porttest":                             "",              // tests
	module + "pkgdb/benchtest":                                    "",              // tests
	module + "release/elf/elftest":                                "",              // tests
	module + "release/tarfile/tartest":                            "",              // tests
	module + "hooks/artifact/artifacttest":                        "",              // tests
	module + "release/registry/registrytest":                      "",              // tests
	"oras.land/oras-go/v2/registry":                               "release/registry",
	"github.com/ProtonMail/go-crypto/openpgp":                     "release/attest",
	"github.com/secure-systems-lab/go-securesystemslib/encrypted": "release/attest",
	"github.com/rogpeppe/go-internal/testscript":                  "", // tests
}

// shared know neither of the two worlds.
var shared = []string{"pkgdb/fault", "pkgdb/packing", "pkgdb/secret", "pkgdb/spelling", "pkgdb/strict", "pkgdb/sum", "pkgdb/tarread", "pkgdb/transport", "pkgdb/ucl", "pkgdb/until", "pkgdb/xz"}

// TestHalves wants pkgdb and release not to know each other, and hooks to know
// nothing of who reads its images.
func TestHalves(t *testing.T) {
	t.Parallel()
	for name, imports := range mayImport {
		for _, imp := range imports {
			half, _, _ := strings.Cut(name, "/")
			other, _, _ := strings.Cut(imp, "/")
			switch {
			case half == "release" && other == "pkgdb" && !slices.Contains(shared, imp),
				half == "pkgdb" && (other == "release" || other == "hooks"),
				half == "release" && other == "hooks",
				name == "hooks" && slices.Contains([]string{"hooks/artifact", "hooks/compare", "hooks/verify"}, imp):
				t.Errorf("%s imports %s", name, imp)
			}
		}
	}
}

// TestLayers compares the imports of every package with the tables above.
func TestLayers(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(p.ImportPath, module)
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("package %s is not in the table", name)
		}
		seen++
		for _, imp := range p.Imports {
			only, restricted := onlyIn[imp]
			ofTests := strings.HasSuffix(name, "test") && (only == "" || strings.HasSuffix(imp, "test")) // a package of tests itself
			switch short := strings.TrimPrefix(imp, module); {
			case restricted && only != name && !ofTests:
				t.Errorf("%s imports %s", name, imp)
			case strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") && !slices.Contains(allowed, short):
				t.Errorf("%s imports %s", name, imp)
			}
		}
		for _, imp := range allowed {
			if !slices.Contains(p.Imports, imp) && !slices.Contains(p.Imports, module+imp) {
				t.Errorf("%s does not import %s any more", name, imp)
			}
		}
	}
	if seen != len(mayImport) {
		t.Errorf("found %d packages, the table has %d", seen, len(mayImport))
	}
}

// impure are functions by which a clock, the host or the user would reach the
// bytes. Below cmd nobody calls them.
var impure = map[string][]string{
	"time":     {"Now", "Since", "Until", "LoadLocation"},
	"os":       {"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Hostname", "Getuid", "Geteuid", "Getgid", "Getwd", "Exit", "Stdin", "Stdout", "Stderr", "UserHomeDir", "UserCacheDir"},
	"fmt":      {"Print", "Printf", "Println"},
	"runtime":  {"GOARCH", "GOOS", "NumCPU", "GOMAXPROCS"},
	"syscall":  {"Umask", "Getenv", "Getuid", "Geteuid", "Getgid", "Getegid", "Getgroups"},
	"net/http": {"Get"},
}

// whoAsks may know who runs it: that decides what is believed of a store, and
// whose the folders in it are, but no byte of an image.
const whoAsks = "../../pkgdb/store/owner.go"

// readsTypes may look at Go's types, to know the members that a text may have: it
// writes nothing.
const readsTypes = "../../pkgdb/strict/strict.go"

// impurePackages are not imported below cmd at all.
var impurePackages = []string{"os/user", "os/exec", "math/rand", "math/rand/v2", "crypto/rand", "log", "log/slog", "flag", "unsafe", "reflect"}

// TestPurity looks for impure calls below cmd.
func TestPurity(t *testing.T) {
	t.Parallel()
	files := 0
	for _, dir := range []string{"../../pkgdb", "../../release", "../../hooks"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && strings.HasSuffix(path, "test") { // only tests import it
				return fs.SkipDir
			}
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			files++
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, path, nil, 0)
			if err != nil {
				return err
			}
			for _, imp := range f.Imports {
				if name := strings.Trim(imp.Path.Value, `"`); slices.Contains(impurePackages, name) && (name != "reflect" || path != readsTypes) {
					t.Errorf("%s imports %s", path, imp.Path.Value)
				}
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(impure[x.Name], sel.Sel.Name) &&
						!(x.Name == "syscall" && strings.HasPrefix(sel.Sel.Name, "Get") && path == whoAsks) {
						t.Errorf("%s: %s.%s", fset.Position(n.Pos()), x.Name, sel.Sel.Name)
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 40 {
		t.Errorf("looked at %d files only", files)
	}
}
