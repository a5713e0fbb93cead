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

// mayImport says which packages of this module and which libraries each
// package may import directly. Two halves that never meet but in hooks: pkgdb
// knows the world of pkg(8), release the world of artifacts; ucl, sum, strict, xz,
// spelling and until are leaves for both.
var mayImport = map[string][]string{
	"pkgdb/benchtest":       {},
	"pkgdb/ucl":             {},
	"pkgdb/sum":             {"golang.org/x/crypto/blake2b"},
	"pkgdb/pkgver":          {},
	"pkgdb/secret":          {},
	"pkgdb/spelling":        {},
	"pkgdb/fault":           {},
	"pkgdb/strict":          {},
	"pkgdb/xz":              {"github.com/ulikunitz/xz/lzma"},
	"pkgdb/until":           {},
	"pkgdb/pkgfile":         {"pkgdb/ucl", "pkgdb/sum", "pkgdb/pkgver", "pkgdb/xz", "pkgdb/until", "github.com/klauspost/compress/zstd", "github.com/ulikunitz/xz/lzma"},
	"pkgdb/pkgfile/pkgtest": {"pkgdb/sum", "pkgdb/pkgfile", "github.com/klauspost/compress/zstd"},
	"pkgdb/sign":            {"pkgdb/ucl", "golang.org/x/crypto/blake2b", "github.com/decred/dcrd/dcrec/secp256k1/v4", "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"},
	"pkgdb/catalog":         {"pkgdb/ucl", "pkgdb/sum", "pkgdb/secret", "pkgdb/pkgfile", "pkgdb/sign", "pkgdb/until", "golang.org/x/crypto/blake2b"},
	"pkgdb/solve":           {"pkgdb/sum", "pkgdb/secret", "pkgdb/pkgver", "pkgdb/spelling", "pkgdb/strict", "pkgdb/pkgfile", "pkgdb/catalog", "pkgdb/until"},
	"pkgdb/store":           {"pkgdb/sum", "pkgdb/secret", "pkgdb/until"},
	"pkgdb":                 {"pkgdb/ucl", "pkgdb/sum", "pkgdb/pkgver", "pkgdb/pkgfile", "pkgdb/until", "github.com/mattn/go-sqlite3"},
	"release/tree":          {"pkgdb/until"},
	"release/etc":           {"release/tree"},
	"release/elf":           {},
	"release/shebang":       {},
	"release/shell":         {},
	"release/elf/elftest":   {},
	"release":               {"pkgdb/ucl", "pkgdb/fault", "pkgdb/spelling", "release/shell", "release/tree"},
	"release/layer":         {"pkgdb/spelling", "pkgdb/until", "release/tree", "github.com/klauspost/compress/gzip", "github.com/klauspost/compress/zstd", "github.com/opencontainers/go-digest", "github.com/opencontainers/image-spec/specs-go/v1", "golang.org/x/sync/errgroup"},
	"release/oci":           {"pkgdb/spelling", "pkgdb/strict", "pkgdb/until", "pkgdb/xz", "release/tree", "release/layer", "github.com/klauspost/compress/zstd", "github.com/opencontainers/go-digest", "github.com/opencontainers/image-spec/specs-go/v1"},
	"hooks":                 nil, // everything below it, and these
	"cmd/orlop":             nil,
	"scripts/bench":         nil,
	"scripts/differential":  nil,
}

// onlyIn names the packages that alone may import a library.
var onlyIn = map[string]string{
	"github.com/urfave/cli/v2":                   "cmd/orlop",
	"github.com/schollz/progressbar/v3":          "cmd/orlop",
	"golang.org/x/term":                          "cmd/orlop",
	"github.com/mattn/go-sqlite3":                "pkgdb",
	module + "pkgdb/pkgfile/pkgtest":             "scripts/bench", // and tests
	module + "pkgdb/benchtest":                   "",              // tests
	module + "release/elf/elftest":               "",              // tests
	"github.com/rogpeppe/go-internal/testscript": "",              // tests
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
			switch short := strings.TrimPrefix(imp, module); {
			case restricted && only != name:
				t.Errorf("%s imports %s", name, imp)
			case allowed != nil && strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") && !slices.Contains(allowed, short):
				t.Errorf("%s imports %s", name, imp)
			case name == "hooks" && strings.HasPrefix(short, "cmd/"):
				t.Errorf("hooks imports %s", imp)
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
