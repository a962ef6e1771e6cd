package shim

import (
	"testing"

	"github.com/containerd/errdefs"
	"google.golang.org/protobuf/types/known/anypb"
)

// FuzzOptions feeds runtime options of every type and content: they are read, passed over, or refused as an invalid argument.
func FuzzOptions(f *testing.F) {
	f.Add("containerd.runhcs.v1.Options", []byte{8, 1})
	f.Add("runtimeoptions.v1.Options", []byte("\x1a\x0cDebug = true"))
	f.Add("runtimeoptions.v1.Options", []byte("\x1a\x1bVmProcessorCount = 99999999999"))
	f.Add("containerd.runc.v1.Options", []byte{0xff})
	f.Add("", []byte{})
	f.Fuzz(func(t *testing.T, url string, value []byte) {
		if _, err := parseOptions(&anypb.Any{TypeUrl: url, Value: value}); err != nil && !errdefs.IsInvalidArgument(err) {
			t.Errorf("%q: %v", url, err)
		}
	})
}
