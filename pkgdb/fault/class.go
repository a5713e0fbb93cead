// SPDX-License-Identifier: BSD-2-Clause

package fault

// Class is what an error means for whoever called. It says which exit status a
// program ends with.
type Class int

// The classes. Of several errors the one that comes first here decides.
const (
	Wrong  Class = iota + 1 // bytes are there and wrong
	Absent                  // bytes could not be obtained
	Unmet                   // the request cannot be met
	Failed                  // this version or this machine cannot do it
	Usage                   // the command line, a configuration or a definition is wrong
)

// ClassOf finds the class of an error by asking it and those that it wraps.
func ClassOf(err error) Class {
	found := map[Class]bool{}
	classify(err, found)
	for class := Wrong; class < Usage; class++ {
		if found[class] {
			return class
		}
	}
	return Usage
}

// classify notes the class of each error in a tree of them.
func classify(err error, found map[Class]bool) {
	if class := own(err); class != 0 {
		found[class] = true
		return
	}
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		for _, each := range e.Unwrap() {
			classify(each, found)
		}
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			classify(inner, found)
			return
		}
		found[Failed] = true
	default:
		found[Failed] = true
	}
}

// own is the class that an error says itself, 0 if it says none.
func own(err error) Class {
	if is, ok := err.(interface{ Failed() bool }); ok && is.Failed() {
		return Failed
	}
	if is, ok := err.(interface{ Usage() bool }); ok && is.Usage() {
		return Usage
	}
	if is, ok := err.(interface{ Unmet() bool }); ok && is.Unmet() {
		return Unmet
	}
	if is, ok := err.(interface{ Absent() bool }); ok && is.Absent() {
		return Absent
	}
	if is, ok := err.(interface{ Wrong() bool }); ok && is.Wrong() {
		return Wrong
	}
	return 0
}
