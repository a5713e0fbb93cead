// SPDX-License-Identifier: BSD-2-Clause

package script

import (
	"slices"
	"strconv"
	"strings"
)

// callService is service(8) that writes the run-time linker's hints, which a generator
// does in every image.
func callService(r *run, args []string, _ map[string]string) bool {
	r.e.Hints = true
	return len(args) == 2 && args[0] == "ldconfig" && slices.Contains([]string{"restart", "start", "onestart", "onerestart"}, args[1])
}

// callLdconfig is ldconfig(8) that adds folders to the hints. The framework wrote it until
// 2018 (Mk/bsd.port.mk: USE_LDCONFIG). A folder is one of the image, whose lists have it.
func callLdconfig(r *run, args []string, _ map[string]string) bool {
	given, dirs, ok := options(args, "m", "")
	_, merges := given["m"]
	for _, dir := range dirs {
		name, is := absolute(dir)
		ok = ok && is
		r.e.Merged = append(r.e.Merged, name)
	}
	r.e.Hints = true
	return ok && merges && len(dirs) > 0
}

// callIndexinfo is indexinfo(1), which lists the manuals of a folder.
func callIndexinfo(r *run, args []string, _ map[string]string) bool {
	if len(args) != 1 {
		return false
	}
	name, ok := absolute(args[0])
	if !slices.Contains(r.e.Infos, name) {
		r.e.Infos = append(r.e.Infos, name)
	}
	return ok
}

// callInstall is install(1) that makes directories. -N is where it finds accounts.
func callInstall(r *run, args []string, _ map[string]string) bool {
	given, dirs, ok := options(args, "d", "Ngmo")
	_, makes := given["d"]
	if in, has := given["N"]; has && !isPath(in, "/etc") {
		ok = false
	}
	mode := uint64(0o755) // install.c: what a directory gets without -m
	if text, has := given["m"]; has {
		var err error
		mode, err = strconv.ParseUint(text, 8, 12)
		ok = ok && err == nil && octal.MatchString(text)
	}
	if !ok || !makes || len(dirs) == 0 || !accountName.MatchString(given["o"]) || !accountName.MatchString(given["g"]) {
		return false
	}
	for _, dir := range dirs {
		name, is := absolute(dir)
		if !is || name == "/" || strings.ContainsAny(name, " \t\n") {
			return false
		}
		r.e.Homes = append(r.e.Homes, Home{name, uint32(mode), given["o"], given["g"]})
	}
	return true
}

// callCp is cp(1) of a sample to where no file is.
func callCp(r *run, args []string, _ map[string]string) bool {
	if len(args) != 3 || args[0] != "-p" {
		return false
	}
	from, isFrom := absolute(args[1])
	to, isTo := absolute(args[2])
	r.e.Samples = append(r.e.Samples, Sample{From: from, To: to})
	return isFrom && isTo && r.mayAdd(r.lacks.file, to)
}
