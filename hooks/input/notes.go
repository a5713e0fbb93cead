// SPDX-License-Identifier: BSD-2-Clause

package input

import (
	"context"

	"github.com/orlop/orlop/pkgdb/catalog"
	"github.com/orlop/orlop/pkgdb/store"
)

// notes are those of one program on catalogues, since another may read the same
// archive otherwise.
type notes struct {
	store *store.Store
	maker string
}

func (n notes) Recall(key string) []byte { return n.store.Recall(n.maker + "\n" + key) }

// Remember keeps a note, and cuts back a store that has grown too large by it.
func (n notes) Remember(ctx context.Context, key string, parts ...[]byte) error {
	err := n.store.Remember(ctx, n.maker+"\n"+key, parts...)
	if err == nil {
		n.store.CutBack(ctx)
	}
	return err
}

// notes returns where to keep what is read of catalogues, nil for nowhere.
func (in *Repositories) notes() catalog.Notes {
	if in.Maker == "" || !in.Store.Reuses() {
		return nil
	}
	return notes{in.Store, in.Maker}
}
