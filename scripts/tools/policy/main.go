// SPDX-License-Identifier: BSD-2-Clause

// Command policy tells whether podman and skopeo of today would run an image, with their
// own code: those of Debian 12 know no signatures of cosign. It reads policy.json and a
// folder registries.d.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"go.podman.io/image/v5/docker"
	"go.podman.io/image/v5/image"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/image/v5/signature"
	"go.podman.io/image/v5/types"
)

func main() {
	policy := flag.String("policy", "", "`FILE`, a policy.json")
	registriesD := flag.String("registries.d", "", "`DIR`, where lookasides are named")
	arch := flag.String("arch", "", "choose `ARCH` of an index; without it, ask for the index itself")
	flag.Parse()
	if flag.NArg() != 1 || *policy == "" || *registriesD == "" {
		fmt.Fprintln(os.Stderr, "usage: policy -policy FILE -registries.d DIR [-arch ARCH] REGISTRY/NAME")
		os.Exit(2)
	}
	if err := judge(context.Background(), *policy, *registriesD, *arch, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "policy:", err)
		os.Exit(1)
	}
}

// judge returns why an image may not run, nil if it may.
func judge(ctx context.Context, policyFile, registriesD, arch, name string) (err error) {
	policy, err := signature.NewPolicyFromFile(policyFile)
	if err != nil {
		return err
	}
	engine, err := signature.NewPolicyContext(policy)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Destroy()) }()
	ref, err := docker.ParseReference("//" + name)
	if err != nil {
		return err
	}
	sys := &types.SystemContext{RegistriesDirPath: registriesD, DockerInsecureSkipTLSVerify: types.OptionalBoolTrue,
		OSChoice: "freebsd", ArchitectureChoice: arch}
	source, err := ref.NewImageSource(ctx, sys)
	if err != nil {
		return err
	}
	defer source.Close()
	unparsed := image.UnparsedInstance(source, nil)
	if arch != "" {
		text, mediaType, err := unparsed.Manifest(ctx)
		if err != nil {
			return err
		}
		if manifest.MIMETypeIsMultiImage(mediaType) {
			list, err := manifest.ListFromBlob(text, mediaType)
			if err != nil {
				return err
			}
			instance, err := list.ChooseInstance(sys)
			if err != nil {
				return err
			}
			unparsed = image.UnparsedInstance(source, &instance)
		}
	}
	allowed, err := engine.IsRunningImageAllowed(ctx, unparsed)
	if err == nil && !allowed {
		err = errors.New("refused, and no reason given")
	}
	return err
}
