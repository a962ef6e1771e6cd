package shim

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/containerd/containerd/api/types"
	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/runtime-spec/specs-go/features"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"containerd-shim-hcs/task/annotation"
)

// Version is what was built.
type Version struct {
	Version, Commit string
}

// featuresURL is the type under which containerd knows the OCI runtime features.
const featuresURL = "types.containerd.io/opencontainers/runtime-spec/1/features/Features"

// Info is the -info command: it prints a RuntimeInfo for containerd's introspection.
func Info(name string, v Version, stdin io.Reader, stdout io.Writer) error {
	in, err := readInput(stdin)
	if err != nil {
		return err
	}
	info := &types.RuntimeInfo{
		Name:    name,
		Version: &types.RuntimeVersion{Version: v.Version, Revision: v.Commit},
	}
	if len(in) > 0 { // the runtime options, given back as they came
		info.Options = &anypb.Any{}
		if err := proto.Unmarshal(in, info.Options); err != nil {
			return fmt.Errorf("standard input: runtime options: %w", err)
		}
		if _, err := parseOptions(info.Options); err != nil {
			return err
		}
	}
	f, err := json.Marshal(Features())
	if err != nil {
		return err
	}
	info.Features = &anypb.Any{TypeUrl: featuresURL, Value: f}
	b, err := proto.Marshal(info)
	if err != nil {
		return err
	}
	_, err = stdout.Write(b)
	return err
}

// Features is what the runtime can do with a spec.
func Features() *features.Features {
	var keys []string
	for _, e := range annotation.Table {
		keys = append(keys, e.Key)
	}
	return &features.Features{
		OCIVersionMin:                      "1.0.0",
		OCIVersionMax:                      specs.Version,
		Hooks:                              []string{}, // none is run
		MountOptions:                       []string{"ro", "rw"},
		PotentiallyUnsafeConfigAnnotations: keys,
	}
}
