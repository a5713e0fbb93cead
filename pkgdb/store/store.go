// SPDX-License-Identifier: BSD-2-Clause

// Package store provides the bytes of packages, and only the right ones: a whole
// package is hashed each time before its first byte is returned. Who vouches for
// a catalogue is not known here; whoever requests one checks that.
//
// A repository on this machine (a directory or a file: URL) is read in place.
// What comes over a network (http:, https:, and pkg's pkg+http:, pkg+https:) is
// kept in a folder, packages by their sums, for later runs.
package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/orlop/orlop/pkgdb/secret"
	"github.com/orlop/orlop/pkgdb/sum"
	"github.com/orlop/orlop/pkgdb/transport"
	"github.com/orlop/orlop/pkgdb/until"
)

// AbsentError reports that bytes could not be obtained.
type AbsentError struct {
	What string // file and repository
	Err  error
}

func (e *AbsentError) Error() string { return fmt.Sprintf("%s: %v", e.What, e.Err) }

// Absent reports that bytes could not be obtained.
func (*AbsentError) Absent() bool { return true }

// Unwrap returns the reason.
func (e *AbsentError) Unwrap() error { return e.Err }

// Parts are what, where, found and wanted, for reports.
func (e *AbsentError) Parts() (what, where, found, wanted string) {
	return e.Err.Error(), e.What, "", ""
}

// Hint suggests a remedy, "" if none helps often.
func (e *AbsentError) Hint() string {
	if e.NotFound() && emptyFolder.MatchString(e.What) {
		return "the url has an empty folder name; release/Makefile writes one where pkg(8) is missing and cannot report the ABI: give --repo"
	}
	return ""
}

// emptyFolder finds // after the scheme of a URL.
var emptyFolder = regexp.MustCompile(`[^:/]//`)

// NotFound reports whether the repository answered that it has no such file.
func (e *AbsentError) NotFound() bool { return errors.Is(e.Err, fs.ErrNotExist) }

// SizeError reports that a file does not have the size in the catalogue.
type SizeError struct {
	Subject       string
	Found, Wanted int64 // bytes
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("%s: size is %d bytes, wanted %d", e.Subject, e.Found, e.Wanted)
}

// Wrong reports that the bytes exist and are wrong.
func (*SizeError) Wrong() bool { return true }

// Parts are what, where, found and wanted, for reports.
func (e *SizeError) Parts() (what, where, found, wanted string) {
	return "size in bytes", e.Subject, fmt.Sprint(e.Found), fmt.Sprint(e.Wanted)
}

// Ref identifies the wanted bytes.
type Ref struct {
	Name string // for messages, NAME-VERSION
	Path string // inside the repository
	Sum  sum.Sum
	Size int64 // bytes
}

// Store is where packages come from. Its zero value reads only repositories on
// this machine.
type Store struct {
	Dir     string       // keeps what came over a network; "" for no network
	Client  *http.Client // nil for one of transport.NewClient
	Offline bool         // only what Dir has
	Shared  bool         // new folders are for the group, too

	Limit int64 // bytes to which CutBack reduces it; 0 for DefaultLimit

	Retries int           // further tries of a server; 0 for 3, as pkg's FETCH_RETRY
	Backoff time.Duration // before the first of them, doubled for the next; 0 for half a second
	Window  time.Duration // a server must send transport.MinBytes in each; 0 for 30 seconds
	// Now is the time recorded when a file is used, for Prune; nil if that does
	// not matter.
	Now    func() time.Time
	Notice func(text string)                                                        // about repairs; may be nil
	Came   func(bytes int64)                                                        // over the network; may be nil, is called from many goroutines
	Lookup func(ctx context.Context, service, proto, name string) ([]Server, error) // of SRV records; nil for the system's

	ownClient sync.Once

	opening  sync.Mutex
	top, own *os.Root // Dir, and in a shared store the user's folder there; nil before their first use
	isShared bool
}

func (st *Store) client() *http.Client {
	st.ownClient.Do(func() {
		if st.Client == nil {
			st.Client = transport.NewClient(transport.Settings{})
		}
	})
	return st.Client
}

// Guarded is Source for a place named in a document: it is reached only if it is
// https and, wherever names, mirrors and redirects lead, at a public address and
// not through a proxy.
func (st *Store) Guarded(location, mirrorType string) (*Source, error) {
	if scheme, _, _ := strings.Cut(location, "://"); strings.TrimPrefix(scheme, "pkg+") != "https" {
		return nil, forbidden(&transport.PlaceError{Place: Public(location), Err: errors.New("is not https")})
	}
	s, err := st.Source(location, mirrorType)
	if err != nil {
		return nil, err
	}
	s.guarded = transport.Guard(st.client())
	return s, nil
}

// forbidden says how the user allows a place that a lock names.
func forbidden(err error) error { return fmt.Errorf("%w (--lock-urls allows it)", err) }

// Server is the target of an SRV record.
type Server struct {
	Host string
	Port uint16
}

// Source is the location of a repository.
type Source struct {
	store  *Store
	dir    string // for a repository on this machine
	url    *url.URL
	mirror string // "none", "srv" or "http", for url
	where  string // as given; it may contain a password
	public string // for messages

	servers serverList
	guarded *http.Client // of Guarded; nil for the store's
}

// Source accepts a directory, or a URL that pkg accepts, and how to find its
// mirrors (mirror_type of pkg's configuration).
func (st *Store) Source(location, mirrorType string) (*Source, error) {
	scheme, rest, found := strings.Cut(location, ":")
	if !found || strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz+") != "" { // so FreeBSD:15:amd64 is a directory
		return &Source{store: st, dir: location, where: location, public: Public(location)}, nil
	}
	if scheme == "file" {
		return st.local(location, rest)
	}
	public := Public(location)
	u, err := url.Parse(strings.TrimPrefix(scheme, "pkg+") + ":" + rest)
	if err != nil { // its text quotes the location
		return nil, fmt.Errorf("%s: is not a readable URL; in a user or password, %% / ? # and @ must be written as %%25 %%2F %%3F %%23 %%40", public)
	}
	switch u.Scheme {
	case "http", "https":
		if u.Host == "" {
			return nil, fmt.Errorf("%s: has no host", public)
		}
		if scheme != u.Scheme && mirrorType != "srv" {
			return nil, fmt.Errorf("%s: pkg+ goes with the mirror type srv, found %s", public, mirrorType)
		}
		if st.Dir == "" {
			return nil, fmt.Errorf("%s: %w", public, errNoStore)
		}
		return &Source{store: st, url: u, mirror: mirrorType, where: location, public: public}, nil
	}
	return nil, fmt.Errorf("%s: transport %q is not supported, wanted a directory or file:, http:, https:, pkg+http: or pkg+https: with a URL", public, scheme)
}

// local takes the path verbatim, as pkg does (libpkg/fetch_file.c): make(1) may
// have put a percent sign into a URL.
func (st *Store) local(location, path string) (*Source, error) {
	if rest, found := strings.CutPrefix(path, "//"); found {
		host, _, _ := strings.Cut(rest, "/")
		if host != "" && host != "localhost" {
			return nil, fmt.Errorf("%s: a file: URL has no host, found %q", Public(location), host[strings.LastIndexByte(host, '@')+1:])
		}
		path = rest[len(host):]
	}
	return &Source{store: st, dir: filepath.FromSlash(path), where: location, public: Public(location)}, nil
}

func (s *Source) client() *http.Client {
	if s.guarded != nil {
		return s.guarded
	}
	return s.store.client()
}

// Remote reports whether the repository is reached over a network.
func (s *Source) Remote() bool { return s.url != nil }

// PublicURL is the location of a repository on a network without what Public
// removes.
func (s *Source) PublicURL() string {
	u := url.URL{Scheme: s.url.Scheme, Host: s.url.Host, Path: s.url.Path, RawPath: s.url.RawPath}
	if strings.HasPrefix(s.where, "pkg+") {
		return "pkg+" + u.String()
	}
	return u.String()
}

// Public returns what messages and documents may show of a location: a URL
// without user, password, query and fragment, a directory as it is.
func Public(location string) string { return secret.Cut(location) }

// Open opens a file of the repository by its path there, unchecked. The path
// cannot leave the repository, whatever it or a symbolic link says.
func (s *Source) Open(ctx context.Context, path string) (io.ReadSeekCloser, error) {
	if s.Remote() {
		return s.download(ctx, path)
	}
	f, err := s.open(path)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Verified opens a file at its first byte, after checking its size and sum.
func (s *Source) Verified(ctx context.Context, want Ref) (io.ReadCloser, error) {
	if s.Remote() {
		return s.obtain(ctx, want)
	}
	f, err := s.open(want.Path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", want.Name, err)
	}
	if err := verify(ctx, f, want); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// open opens a file of a repository on this machine.
func (s *Source) open(path string) (*os.File, error) {
	root, err := openFolder(s.dir)
	if err != nil {
		return nil, &AbsentError{"repository " + s.public, reason(err)}
	}
	defer root.Close()
	f, err := OpenRegular(root, filepath.FromSlash(path))
	if err != nil {
		return nil, &AbsentError{path + " of repository " + s.public, reason(err)}
	}
	return f, nil
}

// verify compares a file with what is wanted and rewinds it.
func verify(ctx context.Context, f *os.File, want Ref) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%s: %w", want.Name, err)
	}
	subject := want.Name + ": " + want.Path
	if info.Size() != want.Size {
		return &SizeError{Subject: subject, Found: info.Size(), Wanted: want.Size}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	h := want.Sum.New()
	if _, err := io.Copy(h, until.Reader(ctx, f)); err != nil {
		return fmt.Errorf("%s: %w", want.Name, err)
	}
	if err := want.Sum.Check(subject, h); err != nil {
		return err
	}
	_, err = f.Seek(0, io.SeekStart)
	return err
}

// reason removes the path that the message already has.
func reason(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
