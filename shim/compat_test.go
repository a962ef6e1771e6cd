package shim

import (
	"encoding/base64"
	"fmt"
	"os"
	"strings"
	"testing"

	_ "github.com/containerd/containerd/api/runtime/task/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// TestOldClientsMessages reads what containerd 1.6's gogo/protobuf messages look like on the wire, and writes it again for that side's
// own test; see test/compat.
func TestOldClientsMessages(t *testing.T) {
	const dir = "../test/compat/"
	b, err := os.ReadFile(dir + "old.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(b)) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		typ, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName("containerd.task.v2." + name))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		m := typ.New().Interface()
		if err := proto.Unmarshal(raw, m); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := len(m.ProtoReflect().GetUnknown()); n > 0 {
			t.Errorf("%s: %d bytes are not known: %v", name, n, m)
		}
		if raw, err = (proto.MarshalOptions{Deterministic: true}).Marshal(m); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&out, name, base64.StdEncoding.EncodeToString(raw))
	}
	if *rewrite {
		if err := os.WriteFile(dir+"now.txt", []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want, err := os.ReadFile(dir + "now.txt"); err != nil || string(want) != out.String() {
		t.Errorf("now.txt is not what this API writes (-rewrite), %v", err)
	}
}
