package shim

import (
	"strings"
	"testing"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"containerd-shim-hcs/hcs/fault"
)

// TestStartErrors: what a program cannot be started for is told in Windows' words, with the program as it was written (clients look for
// both), of init and of an exec.
func TestStartErrors(t *testing.T) {
	for code, want := range map[string]struct {
		code codes.Code
		text string
	}{
		"0x80070002": {codes.NotFound, "The system cannot find the file specified."},
		"0x80070003": {codes.NotFound, "The system cannot find the path specified."},
		"0x80070005": {codes.PermissionDenied, "Access is denied."},
		"0x8007000A": {codes.InvalidArgument, "The environment is incorrect."},
		"0x800700C1": {codes.InvalidArgument, "%1 is not a valid Win32 application."},
		"0x800700D8": {codes.InvalidArgument, "is not compatible with the version of Windows"},
		"0x8007010B": {codes.InvalidArgument, "The directory name is invalid."},
		"0x800702E4": {codes.PermissionDenied, "The requested operation requires elevation."},
		"0x8007052E": {codes.InvalidArgument, "The user name or password is incorrect."},
		"0x80070525": {codes.InvalidArgument, "The specified account does not exist."},
		"0x80070534": {codes.InvalidArgument, "No mapping between account names and security IDs was done."},
		"0x800705AF": {codes.ResourceExhausted, "The paging file is too small for this operation to complete."},
		"0x8007000E": {codes.ResourceExhausted, "Not enough memory resources are available to complete this operation."},
		"0x80071234": {codes.Unknown, "HRESULT 0x80071234"},
	} {
		t.Run(code, func(t *testing.T) {
			runFaulty(t, func(t *testing.T, n *node, set *fault.Set) {
				once := rule(t, "HcsCreateProcess fail "+code+" times=1")
				check := func(what string, err error) {
					t.Helper()
					if status.Code(err) != want.code {
						t.Errorf("%s: %v, want %s", what, err, want.code)
					}
					for _, part := range []string{`run C:\a b\app.exe -x in C:\work as ContainerUser: `, want.text} {
						if !strings.Contains(status.Convert(err).Message(), part) {
							t.Errorf("%s: %v does not say %q", what, err, part)
						}
					}
				}
				asked := func(p *specs.Process) {
					p.CommandLine, p.Cwd, p.User.Username = `C:\a b\app.exe -x`, `C:\work`, "ContainerUser"
				}
				n.create(spec("", func(s *specs.Spec) { asked(s.Process) }))
				set.Add(once)
				_, err := n.task.Start(t.Context(), &taskapi.StartRequest{ID: n.id})
				check("start", err)
				if _, err := n.delete(""); err != nil {
					t.Errorf("delete: %v", err)
				}
				n.create(spec("wait"))
				n.start("")
				set.Clear()
				set.Add(once)
				p := specs.Process{}
				asked(&p)
				if err := n.execSpec("x", &p); err != nil {
					t.Fatal(err)
				}
				_, err = n.task.Start(t.Context(), &taskapi.StartRequest{ID: n.id, ExecID: "x"})
				check("start of an exec", err)
				if _, err := n.delete("x"); err != nil {
					t.Errorf("delete: %v", err)
				}
				n.end()
			})
		})
	}
}
