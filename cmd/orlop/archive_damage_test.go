// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"database/sql"
	"io"
	"os"
	"path/filepath"
	"slices"

	_ "github.com/mattn/go-sqlite3"
)

func flip(name string) func(*opened) {
	return func(l *opened) { l.flip(filepath.Join(l.dir, name)) }
}

func documents(change func(*opened)) func(*opened) {
	return func(l *opened) {
		change(l)
		l.saveDocuments()
	}
}

func inLayer(i int, change func(*opened)) func(*opened) {
	return func(l *opened) {
		l.open(i)
		change(l)
		l.save()
	}
}

// index changes the descriptor in the index.
func index(change func(descriptor object)) func(*opened) {
	return documents(func(l *opened) { change(at[[]any](l.index, "manifests")[0].(object)) })
}

// blob changes the packed bytes of the upper layer.
func blob(change func([]byte) []byte) func(*opened) {
	return documents(func(l *opened) {
		l.t.Helper()
		b, err := os.ReadFile(l.layerPath(1))
		if err != nil {
			l.t.Fatal(err)
		}
		l.replace(l.descriptors()[1].(object), change(b))
	})
}

// addition appends an entry without contents to a layer.
func addition(i int, h tar.Header) func(*opened) {
	return inLayer(i, func(l *opened) { l.layers[i] = append(l.layers[i], entry{Header: h}) })
}

// row changes the database of the upper layer.
func row(statement string) func(*opened) {
	return inLayer(1, func(l *opened) {
		l.t.Helper()
		e := l.find(1, "var/db/pkg/local.sqlite")
		path := filepath.Join(l.t.TempDir(), "local.sqlite")
		if err := os.WriteFile(path, e.body, 0o666); err != nil {
			l.t.Fatal(err)
		}
		db, err := sql.Open("sqlite3", path)
		if err == nil {
			_, err = db.Exec(statement)
			db.Close()
		}
		if err != nil {
			l.t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			l.t.Fatal(err)
		}
		e.set(text)
	})
}

// edit rewrites a file of the layout.
func (l *opened) edit(path string, change func([]byte) []byte) {
	l.t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(b), 0o666)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *opened) flip(path string) {
	l.edit(path, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
}

func (l *opened) cut(path string) { l.edit(path, func(b []byte) []byte { return b[:len(b)/2] }) }

func (l *opened) write(name, text string) {
	l.t.Helper()
	if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o666); err != nil {
		l.t.Fatal(err)
	}
}

func (l *opened) drop(i int, name string) {
	l.layers[i] = slices.DeleteFunc(l.layers[i], func(e entry) bool { return e.Name == name })
}

// recompress keeps a layer's tar file.
func (l *opened) recompress(i int) {
	l.t.Helper()
	f, err := os.Open(l.layerPath(i))
	if err != nil {
		l.t.Fatal(err)
	}
	defer f.Close()
	from, err := gzip.NewReader(f)
	if err != nil {
		l.t.Fatal(err)
	}
	var b bytes.Buffer
	to := gzip.NewWriter(&b)
	if _, err := io.Copy(to, from); err != nil {
		l.t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		l.t.Fatal(err)
	}
	l.replace(l.descriptors()[i].(object), b.Bytes())
}
