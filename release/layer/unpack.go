// SPDX-License-Identifier: BSD-2-Clause

package layer

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/tarfile"
)

// unpack returns the plain bytes of a blob. What keeps them from being read to
// their end is named: a blob that is empty, none of its type, cut short, or
// longer than what is packed in it.
func unpack(r io.Reader, mediaType string) (io.ReadCloser, error) {
	in := bufio.NewReader(r)
	head, _ := in.Peek(tarfile.BlockSize) // an error comes again
	if mediaType == "" {
		return nil, errors.New("its descriptor has no mediaType, wanted one (image-spec, descriptor.md)")
	}
	wanted, known := "", mediaType == v1.MediaTypeImageLayer
	for _, m := range methods {
		if m.mediaType == mediaType {
			wanted, known = string(m.name), true
		}
	}
	if !known {
		return nil, fault.Unsupportedf("media type %q is not supported, wanted application/vnd.oci.image.layer.v1.tar, +gzip or +zstd", mediaType)
	}
	if found := Packing(head); found != "" && found != wanted {
		return nil, fmt.Errorf("is packed with %s, wanted %s, as its media type has it", found, cmp.Or(wanted, "a plain tar file"))
	}
	return Decode(in, wanted)
}

// Decode returns the plain bytes of a stream that is packed with a method of layers,
// or with nothing.
func Decode(in *bufio.Reader, packing string) (io.ReadCloser, error) {
	for _, m := range methods {
		if string(m.name) == packing {
			return m.decode(in)
		}
	}
	return io.NopCloser(in), nil
}

// otherPackings are the first bytes of what layers are not packed with, by which a
// message can name it.
var otherPackings = map[string]string{
	"\xfd7zXZ\x00": "xz", "BZh": "bzip2", "LZIP": "lzip", "\x04\x22\x4d\x18": "lz4", "\x1f\x9d": "compress",
	"PK\x03\x04": "zip", "7z\xbc\xaf\x27\x1c": "7z",
}

// Packing tells from its first block how a file is packed: gzip, zstd, xz or
// what this version does not read; "" where it does not seem to be.
func Packing(head []byte) string {
	if len(head) > 262 && string(head[257:262]) == "ustar" {
		return "" // whatever the name of the first entry looks like
	}
	for _, m := range methods {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return string(m.name)
		}
	}
	for magic, name := range otherPackings {
		if bytes.HasPrefix(head, []byte(magic)) {
			return name
		}
	}
	return ""
}

// broken names what is wrong with a part of a stream.
func broken(err error, part string) error {
	switch {
	case err == io.EOF:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("ends in the middle of a %s", part)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, zstd.ErrCRCMismatch):
		return fmt.Errorf("has a %s with another check sum than its contents", part)
	}
	return err
}
