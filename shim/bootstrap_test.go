package shim

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	runhcs "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	bootapi "github.com/containerd/containerd/api/runtime/bootstrap/v1"
	"github.com/containerd/containerd/api/types"
	"github.com/containerd/containerd/api/types/runtimeoptions/v1"
	"github.com/opencontainers/runtime-spec/specs-go/features"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"
)

func packed(t *testing.T, m proto.Message) *anypb.Any {
	t.Helper()
	a, err := anyOf(m)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func bytesOf(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func params(t *testing.T, level bootapi.LogLevel, extensions ...proto.Message) []byte {
	p := &bootapi.BootstrapParams{InstanceID: "web", Namespace: ns, LogLevel: level, ContainerdVersion: "2.4.2"}
	for _, x := range extensions {
		p.Extensions = append(p.Extensions, &bootapi.Extension{Value: packed(t, x)})
	}
	return bytesOf(t, p)
}

func TestBootstrapInput(t *testing.T) {
	toml := &runtimeoptions.Options{ConfigBody: []byte("Debug = true\nSandboxIsolation = 1\n[DefaultContainerAnnotations]\n'a.b' = 'c'\n")}
	for name, c := range map[string]struct {
		in     []byte
		debug  bool
		legacy bool
		level  slog.Level
		check  func(*runhcs.Options) bool
	}{
		"nothing":      {legacy: true},
		"bare options": {in: bytesOf(t, packed(t, &runhcs.Options{Debug: true})), legacy: true, level: slog.LevelDebug, check: func(o *runhcs.Options) bool { return o.Debug }},
		"bare TOML": {in: bytesOf(t, packed(t, toml)), legacy: true, level: slog.LevelDebug, check: func(o *runhcs.Options) bool {
			return o.DefaultContainerAnnotations["a.b"] == "c" && o.SandboxIsolation == 1
		}},
		"bare of another kind": {in: bytesOf(t, packed(t, &emptypb.Empty{})), legacy: true},
		"parameters":           {in: params(t, bootapi.LogLevel_LOG_LEVEL_WARN), level: slog.LevelWarn},
		"parameters, options":  {in: params(t, 0, &emptypb.Empty{}, &runhcs.Options{LogLevel: "error"}), level: slog.LevelError, check: func(o *runhcs.Options) bool { return o.LogLevel == "error" }},
		"parameters, debug":    {in: params(t, 0), debug: true, level: slog.LevelDebug},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := parseBootstrap(c.in, ns, "web", c.debug)
			if err != nil {
				t.Fatal(err)
			}
			if b.Legacy != c.legacy || b.Level != c.level || c.check != nil && !c.check(b.Options) {
				t.Errorf("%+v", b)
			}
		})
	}
}

func TestBootstrapRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		in    []byte
		names string
	}{
		"garbage":           {[]byte("\xff\xff"), "standard input"},
		"unknown key":       {bytesOf(t, packed(t, &runtimeoptions.Options{ConfigBody: []byte("Nonsense = 1")})), "Nonsense"},
		"wrong type":        {bytesOf(t, packed(t, &runtimeoptions.Options{ConfigBody: []byte("ScrubLogs = 7")})), "ScrubLogs"},
		"unknown isolation": {bytesOf(t, packed(t, &runtimeoptions.Options{ConfigBody: []byte("SandboxIsolation = 7")})), "SandboxIsolation"},
		"not TOML":          {bytesOf(t, packed(t, &runtimeoptions.Options{ConfigBody: []byte("=")})), "runtime options"},
		"level":             {bytesOf(t, packed(t, &runhcs.Options{LogLevel: "loud"})), "loud"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseBootstrap(c.in, ns, "web", false); err == nil || !strings.Contains(err.Error(), c.names) {
				t.Errorf("%v does not name %s", err, c.names)
			}
		})
	}
}

func FuzzBootstrap(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x0a\x03web\x12\x07default"))
	f.Fuzz(func(t *testing.T, in []byte) {
		if b, err := parseBootstrap(in, ns, "web", false); err == nil && b.Options == nil {
			t.Error("no options")
		}
	})
}

func TestBootstrapAnswer(t *testing.T) {
	plain, err := Bootstrap{Legacy: true}.answer(`\\.\pipe\x`, true)
	if err != nil || string(plain) != `\\.\pipe\x` {
		t.Errorf("%s, %v", plain, err)
	}
	old, err := Bootstrap{Legacy: true}.answer(`\\.\pipe\x`, false)
	var v struct {
		Version           int
		Address, Protocol string
	}
	if err != nil || json.Unmarshal(old, &v) != nil || v.Version != 2 || v.Address != `\\.\pipe\x` || v.Protocol != "ttrpc" {
		t.Errorf("%s, %v", old, err)
	}
	now, err := Bootstrap{}.answer(`\\.\pipe\x`, false)
	var r bootapi.BootstrapResult
	if err != nil || proto.Unmarshal(now, &r) != nil || r.Version != 3 || r.Address != `\\.\pipe\x` || r.Protocol != "ttrpc" {
		t.Errorf("%v, %v", &r, err)
	}
}

func TestInfo(t *testing.T) {
	in := bytesOf(t, packed(t, &runhcs.Options{Debug: true}))
	var out bytes.Buffer
	if err := Info("io.containerd.hcs.v1", Version{"1.2", "abc"}, bytes.NewReader(in), &out); err != nil {
		t.Fatal(err)
	}
	var info types.RuntimeInfo
	if err := proto.Unmarshal(out.Bytes(), &info); err != nil {
		t.Fatal(err)
	}
	var f features.Features
	if err := json.Unmarshal(info.Features.Value, &f); err != nil {
		t.Fatal(err)
	}
	if info.Name != "io.containerd.hcs.v1" || info.Version.Version != "1.2" || info.Version.Revision != "abc" || !proto.Equal(info.Options, packed(t, &runhcs.Options{Debug: true})) {
		t.Errorf("%v", &info)
	}
	if f.OCIVersionMax == "" || len(f.MountOptions) == 0 || len(f.PotentiallyUnsafeConfigAnnotations) == 0 {
		t.Errorf("%+v", f)
	}
}
