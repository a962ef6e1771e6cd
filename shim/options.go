package shim

import (
	"fmt"

	runhcs "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"github.com/containerd/containerd/api/types/runtimeoptions/v1"
	"github.com/containerd/errdefs"
	"github.com/pelletier/go-toml/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"containerd-shim-hcs/task"
)

// parseOptions reads runtime options. They are Microsoft's message when the client knows the runtime by that name; under any other
// name CRI sends the handler's TOML table. Types that belong to other runtimes carry nothing for this one and are passed over:
// clients send runc's to whatever runtime there is.
func parseOptions(a *anypb.Any) (*runhcs.Options, error) {
	opts := &runhcs.Options{}
	if a == nil {
		return opts, nil
	}
	switch {
	case a.MessageIs(opts):
		if err := proto.Unmarshal(a.Value, opts); err != nil {
			return nil, fmt.Errorf("runtime options: %w: %w", err, errdefs.ErrInvalidArgument)
		}
	case a.MessageIs(&runtimeoptions.Options{}):
		var r runtimeoptions.Options
		if err := proto.Unmarshal(a.Value, &r); err != nil {
			return nil, fmt.Errorf("runtime options: %w: %w", err, errdefs.ErrInvalidArgument)
		}
		if err := fromTOML(r.ConfigBody, opts); err != nil {
			return nil, fmt.Errorf("runtime options: %w: %w", err, errdefs.ErrInvalidArgument)
		}
	}
	return opts, nil
}

// isOptions reports whether parseOptions finds anything in a.
func isOptions(a *anypb.Any) bool {
	return a.MessageIs(&runhcs.Options{}) || a.MessageIs(&runtimeoptions.Options{})
}

// taskOptions are what a container needs to know of them.
func taskOptions(o *runhcs.Options) task.Options {
	return task.Options{
		Annotations: o.GetDefaultContainerAnnotations(),
		Hypervisor:  o.GetSandboxIsolation() == runhcs.Options_HYPERVISOR,
		Platform:    o.GetSandboxPlatform(),
	}
}

// fromTOML sets the fields of m from a TOML table whose keys are the fields' Go names, as containerd's configuration has them.
func fromTOML(body []byte, m proto.Message) error {
	var table map[string]any
	if err := toml.Unmarshal(body, &table); err != nil {
		return err
	}
	r := m.ProtoReflect()
	for name, v := range table {
		f := fieldByGoName(r.Descriptor(), name)
		if f == nil {
			return fmt.Errorf("%s is not an option", name)
		}
		if err := setField(r, f, v); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// fieldByGoName finds ScrubLogs for scrub_logs; underscores and case do not count.
func fieldByGoName(d protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	for i := range d.Fields().Len() {
		if f := d.Fields().Get(i); fold(string(f.Name())) == fold(name) {
			return f
		}
	}
	return nil
}

func fold(s string) string {
	var b []byte
	for _, c := range []byte(s) {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != '_' {
			b = append(b, c)
		}
	}
	return string(b)
}

func setField(r protoreflect.Message, f protoreflect.FieldDescriptor, v any) error {
	if f.IsMap() {
		table, ok := v.(map[string]any)
		if !ok {
			return fmt.Errorf("%v is not a table", v)
		}
		m := r.Mutable(f).Map()
		for k, e := range table {
			s, ok := e.(string)
			if !ok {
				return fmt.Errorf("%s: %v is not a string", k, e)
			}
			m.Set(protoreflect.ValueOfString(k).MapKey(), protoreflect.ValueOfString(s))
		}
		return nil
	}
	n, isInt := v.(int64)
	switch {
	case f.Kind() == protoreflect.BoolKind:
		if b, ok := v.(bool); ok {
			r.Set(f, protoreflect.ValueOfBool(b))
			return nil
		}
	case f.Kind() == protoreflect.StringKind:
		if s, ok := v.(string); ok {
			r.Set(f, protoreflect.ValueOfString(s))
			return nil
		}
	case f.Kind() == protoreflect.Int32Kind:
		if isInt && n == int64(int32(n)) {
			r.Set(f, protoreflect.ValueOfInt32(int32(n)))
			return nil
		}
	case f.Kind() == protoreflect.EnumKind:
		if isInt && f.Enum().Values().ByNumber(protoreflect.EnumNumber(n)) != nil {
			r.Set(f, protoreflect.ValueOfEnum(protoreflect.EnumNumber(n)))
			return nil
		}
	}
	return fmt.Errorf("%v is not a value of type %s", v, f.Kind())
}
