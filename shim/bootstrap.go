package shim

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"

	bootapi "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"github.com/containerd/containerd/api/types"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	runhcs "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
)

// maxInput bounds what is read from standard input.
const maxInput = 10 << 20

// Bootstrap is what containerd says on the standard input of start. containerd up to 2.2, and every version towards a shim named
// as Microsoft's, writes the bare runtime options or nothing; newer ones write BootstrapParams. What was written decides how the
// answer is: older daemons refuse versions above 2.
type Bootstrap struct {
	Legacy  bool
	Options *runhcs.Options
	Level   slog.Level // of the log
}

// ReadBootstrap reads what start passed on to the serving process.
func ReadBootstrap(stdin io.Reader, f Flags) (Bootstrap, error) {
	in, err := readInput(stdin)
	if err != nil {
		return Bootstrap{}, err
	}
	return parseBootstrap(in, f.Namespace, f.ID, f.Debug)
}

func readInput(stdin io.Reader) ([]byte, error) {
	in, err := io.ReadAll(io.LimitReader(stdin, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	if len(in) > maxInput {
		return nil, fmt.Errorf("standard input: more than %d bytes", maxInput)
	}
	return in, nil
}

// parseBootstrap reads the input of start for the given id. A bare Any can be decoded as BootstrapParams too, so the ids decide.
func parseBootstrap(in []byte, namespace, id string, debug bool) (Bootstrap, error) {
	b := Bootstrap{Legacy: true, Options: &runhcs.Options{}}
	var params bootapi.BootstrapParams
	var options *anypb.Any
	if len(in) > 0 && proto.Unmarshal(in, &params) == nil && params.InstanceID == id && params.Namespace == namespace {
		b.Legacy = false
		b.Level = slog.Level(params.LogLevel) // the enumeration has slog's values: DEBUG -4, WARN 4, ERROR 8
		for _, x := range params.Extensions {
			if v := x.GetValue(); isOptions(v) {
				options = v
			}
		}
	} else if len(in) > 0 {
		options = &anypb.Any{}
		if err := proto.Unmarshal(in, options); err != nil {
			return b, fmt.Errorf("standard input is neither runtime options nor bootstrap parameters for %s/%s: %w", namespace, id, err)
		}
	}
	var err error
	if b.Options, err = parseOptions(options); err != nil {
		return b, err
	}
	if debug || b.Options.Debug {
		b.Level = min(b.Level, slog.LevelDebug)
	}
	if l := b.Options.LogLevel; l != "" {
		if b.Level, err = parseLevel(l); err != nil {
			return b, err
		}
	}
	return b, nil
}

// parseLevel reads the names that containerd uses.
func parseLevel(s string) (slog.Level, error) {
	for name, level := range map[string]slog.Level{
		"trace": slog.LevelDebug - 4, "debug": slog.LevelDebug, "info": slog.LevelInfo,
		"warn": slog.LevelWarn, "warning": slog.LevelWarn, "error": slog.LevelError,
		"fatal": slog.LevelError + 2, "panic": slog.LevelError + 4,
	} {
		if fold(s) == name {
			return level, nil
		}
	}
	return 0, fmt.Errorf("runtime option log_level: %q is not a level", s)
}

// answer is what start prints. plain is the oldest form, for a shim under Microsoft's name.
func (b Bootstrap) answer(address string, plain bool) ([]byte, error) {
	switch {
	case b.Legacy && plain:
		return []byte(address), nil
	case b.Legacy:
		return json.Marshal(struct {
			Version  int    `json:"version"`
			Address  string `json:"address"`
			Protocol string `json:"protocol"`
		}{2, address, "ttrpc"})
	}
	// The layers are mounted by the shim: containerd need not ask for that with -info.
	mounts, err := anyOf(&types.MountCapabilities{Types: []string{"windows-layer"}})
	if err != nil {
		return nil, err
	}
	return proto.Marshal(&bootapi.BootstrapResult{
		Version:    3,
		Address:    address,
		Protocol:   "ttrpc",
		Extensions: []*bootapi.Extension{{Value: mounts}},
	})
}
