package stdio

import (
	"strings"
	"testing"

	"github.com/containerd/errdefs"
)

// FuzzCheck feeds stream names: what is refused names the stream.
func FuzzCheck(f *testing.F) {
	f.Add(`\\.\pipe\a`, `\\.\PIPE\b`, "", false)
	f.Add("file:///C:/x", "binary://x?a=b", `\\.\pipe\`, true)
	f.Fuzz(func(t *testing.T, in, out, errs string, terminal bool) {
		err := Config{Stdin: in, Stdout: out, Stderr: errs, Terminal: terminal}.Check()
		if err == nil {
			return
		}
		if !errdefs.IsInvalidArgument(err) && !errdefs.IsNotImplemented(err) && !errdefs.IsFailedPrecondition(err) {
			t.Errorf("%v: of no kind", err)
		}
		if !strings.HasPrefix(err.Error(), "std") {
			t.Errorf("%v does not name the stream", err)
		}
	})
}
