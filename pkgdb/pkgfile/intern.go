// SPDX-License-Identifier: BSD-2-Clause

package pkgfile

import "slices"

// Files and Entries hold what many of them have in common once, in a list. Most have
// only a few such values: those are looked for one by one, and the others in a map.

// find returns the place of a value in a list, whose values after the first few are in
// places, too.
func find[T comparable](list []T, places map[T]uint32, value T) (place uint32, found bool) {
	if i := slices.Index(list[:min(few, len(list))], value); i >= 0 {
		return uint32(i), true
	}
	place, found = places[value]
	return place, found
}

// add adds a value that is not in a list, and returns its place.
func add[T comparable](list *[]T, places *map[T]uint32, value T) uint32 {
	place := uint32(len(*list))
	*list = append(*list, value)
	if place >= few {
		if *places == nil {
			*places = map[T]uint32{}
		}
		(*places)[value] = place
	}
	return place
}
