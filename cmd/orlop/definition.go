// SPDX-License-Identifier: BSD-2-Clause

package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/orlop/orlop/hooks/resolve"
	"github.com/orlop/orlop/pkgdb/fault"
	"github.com/orlop/orlop/release/define"
	"github.com/orlop/orlop/release/oci"
)

// definitionFlags define an image, or choose one of a file.
func definitionFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "image-file", Usage: "`FILE` with image definitions"},
		treeFileFlag(),
		&cli.StringSliceFlag{Name: "set", Usage: "`NAME=VALUE` of a variable that an image file declares"},
		&cli.StringFlag{Name: "name", Usage: "define an image `NAME` from the flags below, or give the only image of an image file that name"},
		&cli.StringSliceFlag{Name: "package", Usage: "`PACKAGE` of the image --name: name, NAME-VERSION, pattern, or \"a | b\""},
		&cli.StringSliceFlag{Name: "parent", Usage: "`IMAGE` that the image --name stands on: a name, an image of a registry, or a path with a /", DefaultText: "none"},
		&cli.StringSliceFlag{Name: "copy", Usage: "`LOCAL:PATH` of a file or folder for the image --name"},
		&cli.StringSliceFlag{Name: "entrypoint", Usage: "`WORD` of the program of the image --name, or a JSON array of words"},
		&cli.StringSliceFlag{Name: "cmd", Usage: "`WORD` of the command of the image --name, or a JSON array of words"},
		&cli.StringSliceFlag{Name: "env", Usage: "`NAME=VALUE` in the environment of the image --name"},
		&cli.StringFlag{Name: "user", Usage: "`USER[:GROUP]` as whom the image --name runs"},
		&cli.StringFlag{Name: "workdir", Usage: "`PATH` of the folder in which the image --name starts"},
		&cli.StringSliceFlag{Name: "expose", Usage: "`PORT[/PROTOCOL]` of the image --name"},
		&cli.StringSliceFlag{Name: "volume", Usage: "`PATH` of a volume of the image --name"},
		&cli.StringFlag{Name: "stop-signal", Usage: "`SIGNAL` that ends the image --name"},
		&cli.StringSliceFlag{Name: "label", Usage: "`KEY=VALUE` label of the image --name"},
	}
}

// ofImage are the flags that go with --name, and make an image of it.
var ofImage = []string{"package", "parent", "copy", "entrypoint", "cmd", "env", "user", "workdir", "expose", "volume", "stop-signal", "label"}

func printDefinitionFlag() cli.Flag {
	return &cli.BoolFlag{Name: "print-definition", Usage: "print the definition that the flags of the image --name stand for, and do nothing else"}
}

// defineImage completes a request with what the flags define.
func defineImage(c *cli.Context, req *resolve.Request) error {
	var err error
	if req.Set, err = keyValues(c, "set"); err != nil {
		return err
	}
	name := c.String("name")
	if c.IsSet("lock") { // and --update, with --name
		if req.Name = name; name != "" && len(req.ImageFiles) != 1 {
			return fault.Usagef("--name %s: found %s, wanted the one whose image it is", name, fault.Counted(len(req.ImageFiles), "image file"))
		}
		return nil
	}
	given := slices.DeleteFunc(slices.Clone(ofImage), func(flag string) bool { return !c.IsSet(flag) })
	switch {
	case name == "" && len(given) > 0:
		return fault.Usagef("--%s goes with --name", given[0])
	case name == "":
		return nil
	case len(given) > 0:
		req.Custom, req.Copies, err = customImage(c)
	case len(req.ImageFiles) == 0:
		return fault.Usagef("--name %s: no --package and no --parent given", name)
	case len(req.ImageFiles) > 1:
		return fault.Usagef("--name %s: found %d image files, wanted one, or --package or --parent", name, len(req.ImageFiles))
	case strings.HasSuffix(req.ImageFiles[0], ".conf"):
		return fault.Usagef("--name %s: %s: the name of the file names its image", name, req.ImageFiles[0])
	default:
		req.Name = name
	}
	if err == nil && len(req.Images) == 0 {
		req.Images = []string{name}
	}
	return err
}

// customImage returns the image of --name, and where what it copies is.
func customImage(c *cli.Context) (*define.Image, map[string]string, error) {
	img := &define.Image{Name: c.String("name"), User: c.String("user"), WorkDir: c.String("workdir"), StopSignal: c.String("stop-signal"),
		Env: c.StringSlice("env"), Expose: c.StringSlice("expose"), Volumes: c.StringSlice("volume")}
	for _, element := range c.StringSlice("package") {
		if isFile(element) {
			element = "./" + filepath.Base(element)
		}
		img.Packages = append(img.Packages, element)
	}
	var errs [5]error
	img.Parent, errs[0] = customParent(c)
	img.Entrypoint, errs[1] = jsonWords(c, "entrypoint")
	img.Cmd, errs[2] = jsonWords(c, "cmd")
	if !slices.Equal(c.StringSlice("label"), []string{none}) {
		img.Labels, errs[3] = keyValues(c, "label")
	}
	copies, err := copiesOf(c, img)
	errs[4] = err
	unset(c, img)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, nil, err
	}
	if len(img.Packages) == 0 && img.Parent == "" {
		return nil, nil, fault.Usagef("--name %s: no --package and no --parent given", img.Name)
	}
	if err := errors.Join(img.Check()...); err != nil {
		return nil, nil, &fault.UsageError{Err: fault.Within("--name "+img.Name, err)}
	}
	return img, copies, nil
}

// none is the value of a setting that the parent has and the image has not.
const none = "none"

// unset reads the settings whose flag says none.
func unset(c *cli.Context, img *define.Image) {
	list := func(p *[]string) (is bool) {
		if is = slices.Equal(*p, []string{none}); is {
			*p = nil
		}
		return is
	}
	text := func(p *string) (is bool) {
		if is = *p == none; is {
			*p = ""
		}
		return is
	}
	said := map[oci.Setting]bool{oci.User: text(&img.User), oci.WorkDir: text(&img.WorkDir), oci.StopSignal: text(&img.StopSignal),
		oci.Env: list(&img.Env), oci.Expose: list(&img.Expose), oci.Volumes: list(&img.Volumes),
		oci.Labels:     slices.Equal(c.StringSlice("label"), []string{none}),
		oci.Entrypoint: slices.Equal(c.StringSlice("entrypoint"), []string{none}) && list(&img.Entrypoint),
		oci.Cmd:        slices.Equal(c.StringSlice("cmd"), []string{none}) && list(&img.Cmd)}
	for _, s := range oci.Settings {
		if said[s] {
			img.Unset = append(img.Unset, s)
		}
	}
}

// jsonWords reads a flag that is given for each word, or once with a JSON array.
func jsonWords(c *cli.Context, flag string) ([]string, error) {
	list := c.StringSlice(flag)
	if len(list) != 1 || !strings.HasPrefix(list[0], "[") || list[0] == "[" { // which is test(1)
		return list, nil
	}
	var words []string
	if err := json.Unmarshal([]byte(list[0]), &words); err != nil {
		return nil, fault.Usagef("--%s: found %q, wanted a word, or a JSON array of words: %w", flag, list[0], err)
	}
	return words, nil
}

// keyValues reads a flag of KEY=VALUE.
func keyValues(c *cli.Context, flag string) (map[string]string, error) {
	var all map[string]string
	for _, arg := range c.StringSlice(flag) {
		key, value, ok := strings.Cut(arg, "=")
		if !ok || key == "" {
			return nil, fault.Usagef("--%s: found %q, wanted KEY=VALUE", flag, arg)
		}
		if old, twice := all[key]; twice && old != value {
			return nil, fault.Usagef("--%s: %s is %q and %q, wanted one of them", flag, key, old, value)
		}
		if all == nil {
			all = map[string]string{}
		}
		all[key] = value
	}
	return all, nil
}

// copiesOf adds the files and folders of --copy to an image, as if they were in the folder
// of its definition, and returns where they are.
func copiesOf(c *cli.Context, img *define.Image) (map[string]string, error) {
	copies, targets := map[string]string{}, map[string]bool{}
	var errs []error
	for _, arg := range c.StringSlice("copy") {
		at := strings.LastIndexByte(arg, ':')
		if at <= 0 || at == len(arg)-1 {
			errs = append(errs, fault.Usagef("--copy: found %q, wanted LOCAL:PATH", arg))
			continue
		}
		local, target := arg[:at], arg[at+1:]
		info, err := os.Stat(local)
		if err != nil {
			errs = append(errs, &fault.UnreadError{Flag: "copy", Path: local, Err: err})
			continue
		}
		path, err := filepath.Abs(local)
		if err != nil {
			return nil, err
		}
		name := filepath.Base(path)
		switch {
		case !info.IsDir() && !info.Mode().IsRegular():
			err = fault.Usagef("--copy: %s is neither a file nor a folder", local)
		case path == "/":
			err = fault.Usagef("--copy: %s is the root folder, wanted one with a name", local)
		case copies[name] != "" && copies[name] != local:
			err = fault.Usagef("--copy: %s and %s have one name, wanted another", copies[name], local)
		case targets[target]:
			err = fault.Usagef("--copy: found two for %s, wanted one", target)
		case info.IsDir():
			img.Trees = append(img.Trees, define.Tree{Target: target, Local: name})
		default:
			img.Files = append(img.Files, define.File{Target: target, Local: name})
		}
		copies[name], targets[target] = local, true
		errs = append(errs, err)
	}
	if len(copies) == 0 {
		copies = nil
	}
	return copies, errors.Join(errs...)
}

// printDefinition prints the definition that flags stand for.
func (p *program) printDefinition(c *cli.Context) error {
	var req resolve.Request
	req.ImageFiles = c.StringSlice("image-file")
	err := defineImage(c, &req)
	if err != nil {
		return err
	}
	if req.Custom == nil {
		return fault.Usagef("--print-definition: no image is defined by flags; give --name, and --package or --parent")
	}
	img := *req.Custom
	if img.Annotations, err = annotations(c); err != nil {
		return err
	}
	if len(img.Annotations) == 0 {
		img.Annotations = nil
	}
	text, err := img.Text()
	if err != nil {
		return fault.Within("--print-definition", err)
	}
	return p.out.lines(text)
}

// printing lets a command print a definition instead.
func (p *program) printing(action cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.Bool("print-definition") {
			return p.printDefinition(c)
		}
		return action(c)
	}
}
