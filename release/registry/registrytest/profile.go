// SPDX-License-Identifier: BSD-2-Clause

package registrytest

import "time"

// Profile is how a registry behaves all the time. The zero value is a correct
// one: referrers API, OCI-Subject, plain http, no credentials, tags that move.
type Profile struct {
	// Name and OtherName are host names without a port that the server uses for
	// itself and its second host instead of 127.0.0.1:port. DialContext knows
	// them.
	Name, OtherName string
	TLS             bool

	// Auth is what the registry asks for. The rest is about bearer tokens.
	Auth Auth
	// Challenge holds the texts of the WWW-Authenticate headers in place of the
	// usual one. {realm}, {service} and {scope} are filled in.
	Challenge      []string
	Service        string        // named in the challenge
	TokenElsewhere bool          // the realm is on the second host
	TokenLife      time.Duration // 5 minutes if 0
	TokenUses      int           // requests that a token is good for; 0: no limit
	// Grant tells which of the scopes asked for are granted; a status other than
	// 0 refuses the token altogether. Nil grants all.
	Grant func(scopes []string) (granted []string, status int)
	// TokenUnknown is the status of a request for a token that asks for no more
	// than pull on a repository that is not there or is private; 0 leaves the
	// scope out and says 200.
	TokenUnknown int
	Private      bool // anonymous clients see nothing before Server.Publish

	Components  int  // exact number of a name's components, else 401; 0: any
	MustExist   bool // a push makes no repository; see Server.CreateRepo
	UnknownRepo int  // status for a repository that is not there; 404 if 0

	NoReferrers      bool // no referrers API: 404
	ReferrersUnknown int  // status of it for an unknown digest; 200 if 0
	NoFilter         bool // it does not filter by artifactType
	PageSize         int  // longest page of referrers and tags; 0: no pages
	Subject          SubjectHeader
	SubjectMustExist bool
	// FallbackSubject makes the tag sha256-<hex>, where no such tag is, lead to
	// the manifest sha256:<hex>, as GitLab does.
	FallbackSubject bool

	Mount      Mount
	Location   Location
	State      bool   // Location has a query that is good for one step only
	UploadPath string // the element in Location; "uploads" if empty
	// Range is the text of that header in answers to POST, PATCH and GET of an
	// upload that has total bytes, of which first came in the first chunk.
	Range              func(method string, first, total int64) string
	IgnoreContentRange bool     // chunks are appended as they come
	MaxChunk           int64    // a longer PATCH with Content-Range is 416; 0: no limit
	MaxPut             int64    // a longer PUT of a blob is 413; 0: no limit
	EmptyBlob          *Refusal // of blobs without a byte

	// Redirects is the number of redirects from a blob to its bytes: the last
	// leads to signed storage on the second host.
	Redirects     int
	SignatureUses int // requests that a signed address is good for; 0: no limit

	// Check refuses manifests beyond what the specification demands.
	Check      func(manifest []byte) *Refusal
	NoChildren bool // children of a manifest need not be there
	Immutable  Immutability
	LowerTags  bool // tags are kept in lower case
	// Settle is the number of requests for a manifest that are answered 404
	// after it was put, for its tag and for its digest each.
	Settle int
	// NotAcceptable answers a GET whose Accept header has not the manifest's
	// type, instead of 404.
	NotAcceptable *Document

	// Setup is called once the server runs, to add handlers and edits.
	Setup func(s *Server)
}

// Auth is a kind of authentication.
type Auth string

// What a registry may ask for.
const (
	AuthNone   Auth = ""
	AuthBasic  Auth = "basic"
	AuthBearer Auth = "bearer"
)

// SubjectHeader tells when a manifest with a subject is answered OCI-Subject.
type SubjectHeader string

// The header's ways: as the specification has it, and the two that lie.
const (
	SubjectWithAPI SubjectHeader = ""
	SubjectAlways  SubjectHeader = "always"
	SubjectNever   SubjectHeader = "never"
)

// Mount tells what happens to a request to mount a blob.
type Mount string

// Ways to mount. A blob that is not there, or whose source the token does not
// cover, starts an upload (202) unless the name says otherwise.
const (
	MountWorks     Mount = ""
	MountNever     Mount = "never"      // always 202, an upload is started
	MountNeedsPull Mount = "needs-pull" // 401 when the token has no pull on the source
)

// Location is a way to write the address of an upload.
type Location string

// Forms of a Location. That without a host is no address at all.
const (
	LocationAbsolute Location = ""
	LocationPath     Location = "path"      // /v2/…/uploads/id
	LocationRelative Location = "relative"  // id
	LocationNoScheme Location = "no-scheme" // //host/v2/…
	LocationNoHost   Location = "no-host"   // http:///v2/…
	LocationFragment Location = "fragment"  // …#fragment
	LocationHTTP     Location = "http"      // http://host/v2/… whatever was asked
	LocationOther    Location = "other"     // on the second host
)

// Refusal is an error answer.
type Refusal struct {
	Status        int
	Code, Message string
}

// Immutability is the rule for tags that are there already. It holds for every
// tag once On is set; the profiles have the rest filled in.
type Immutability struct {
	On   bool
	Same bool // the digest it has already is refused, too
	Refusal
}

// Document is a body with its type.
type Document struct {
	MediaType string
	Body      string
}
