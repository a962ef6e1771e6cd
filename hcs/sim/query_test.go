package sim_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/hcs/sim"
)

func networking(ns string) *schema.Networking { return &schema.Networking{Namespace: ns} }

func TestBasicProperties(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		p, err := n.running("web").Properties(n.ctx)
		n.must(err)
		if p.ID != "web" || p.SystemType != "Container" || p.RuntimeOSType != "Windows" || p.Owner != "test" || p.State != schema.StateRunning ||
			len(p.RuntimeID) != 36 || p.Stopped || p.ProcessList != nil || p.Statistics != nil {
			t.Errorf("%+v", p)
		}
	})
}

func TestEnumerate(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		list, err := n.m.Compute.List(n.ctx, schema.SystemQuery{})
		n.must(err)
		if list == nil || len(list) != 0 {
			t.Errorf("%#v, want an empty list", list)
		}
		n.running("web")
		for _, c := range []struct {
			q    schema.SystemQuery
			want int
		}{
			{schema.SystemQuery{}, 1}, {schema.SystemQuery{IDs: []string{"web"}}, 1}, {schema.SystemQuery{IDs: []string{"x"}}, 0},
			{schema.SystemQuery{Types: []string{"Container"}, Owners: []string{"a", "test"}}, 1}, {schema.SystemQuery{Types: []string{"VirtualMachine"}}, 0},
			{schema.SystemQuery{Names: []string{"web"}, Owners: []string{"a"}}, 0},
		} {
			if list, err := n.m.Compute.List(n.ctx, c.q); err != nil || len(list) != c.want {
				t.Errorf("%+v: %+v, %v", c.q, list, err)
			}
		}
		_, err = n.client.EnumerateComputeSystems(`{"ids":[]}`)
		n.is(err, hcs.ErrInvalidJSON)
	})
}

func TestStatistics(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		s, err := n.m.Compute.Create(n.ctx, "web", document(n.mount()))
		n.must(err)
		_, err = s.Properties(n.ctx, schema.PropertyStatistics)
		n.is(err, hcs.ErrInvalidState)
		n.must(s.Start(n.ctx))
		p := n.run(s, "alloc 5MiB; alloc 1MiB; burn 2s; print 100B; read; wait")
		_, err = p.Stdin().Write([]byte("12345"))
		n.must(err)
		n.must(p.Stdin().Close())
		time.Sleep(3 * time.Second)
		props, err := s.Properties(n.ctx, schema.PropertyStatistics, schema.PropertyProcessList, schema.PropertyTerminateOnLastHandleClosed)
		n.must(err)
		st := props.Statistics
		if st.Uptime100ns != 30_000_000 || st.Timestamp.Sub(st.ContainerStartTime) != 3*time.Second {
			t.Errorf("times %+v", st)
		}
		if p := st.Processor; p.TotalRuntime100ns != 20_000_000 || p.RuntimeUser100ns != 20_000_000 || p.RuntimeKernel100ns != 0 {
			t.Errorf("processor %+v", p)
		}
		if m := st.Memory; m.MemoryUsageCommitBytes != 6<<20 || m.MemoryUsageCommitPeakBytes != 6<<20 {
			t.Errorf("memory %+v", m)
		}
		if io := st.Storage; io.WriteSizeBytes != 100 || io.ReadSizeBytes != 5 {
			t.Errorf("storage %+v", io)
		}
		if l := props.ProcessList; len(l) != 1 || l[0].ProcessID != p.Pid() || l[0].UserTime100ns != 20_000_000 || l[0].MemoryCommitBytes != 6<<20 || l[0].ImageName != "alloc.exe" {
			t.Errorf("processes %+v", l)
		}
		if !props.TerminateOnLastHandleClosed {
			t.Error("does not terminate")
		}
		n.must(p.Terminate(n.ctx))
		<-p.Exited()
		props, err = s.Properties(n.ctx, schema.PropertyStatistics)
		n.must(err)
		if m := props.Statistics.Memory; m.MemoryUsageCommitBytes != 0 || m.MemoryUsageCommitPeakBytes != 6<<20 {
			t.Errorf("memory after the exit %+v", m)
		}
	})
}

func TestPropertyQueries(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		n.running("web")
		n.must(n.client.OpenComputeSystem(100, "web"))
		for q, want := range map[string]hcs.Code{
			``: 0, `{}`: 0, `{"PropertyTypes":["Statistics"]}`: 0, `{"PropertyTypes":["Memory"]}`: hcs.ErrNotSupported,
			`{"PropertyTypes":["GuestConnection"]}`: hcs.ErrNotSupported, `{"PropertyTypes":["Weather"]}`: hcs.ErrInvalidData,
			`{"Types":[]}`: hcs.ErrInvalidJSON, `[]`: hcs.ErrInvalidJSON,
		} {
			if _, err := n.client.ComputeSystemProperties(100, q); hcs.CodeOf(err) != want {
				t.Errorf("%s: %v, want %v", q, err, want)
			}
		}
		doc, err := n.client.ComputeSystemProperties(100, `{"Queries":{"Statistics":{},"TerminateOnLastHandleClosed":{},"ProcessList":{},"Weather":{}}}`)
		n.must(err)
		var a struct {
			Statistics        *schema.Statistics
			PropertyResponses map[string]struct {
				Response json.RawMessage
				Error    *schema.ResultError
			}
		}
		n.must(json.Unmarshal([]byte(doc), &a))
		r := a.PropertyResponses
		if a.Statistics != nil || len(r) != 4 || !strings.Contains(string(r["Statistics"].Response), "ContainerStartTime") ||
			string(r["TerminateOnLastHandleClosed"].Response) != "true" || string(r["ProcessList"].Response) != "[]" ||
			r["Weather"].Response != nil || r["Weather"].Error == nil || uint32(r["Weather"].Error.Error) != uint32(hcs.ErrInvalidData) { //nolint:gosec // bits
			t.Errorf("%s", doc)
		}
	})
}

func TestModify(t *testing.T) {
	inNode(t, sim.Config{}, func(n *node) {
		n.svc.Store().(*sim.Memory).AddDir(`C:\data`)
		n.running("web")
		n.must(n.client.OpenComputeSystem(100, "web"))
		dir := `"ResourcePath":"Container/MappedDirectories","Settings":{"HostPath":"C:\\data","ContainerPath":"C:\\d"}`
		pipe := `"ResourcePath":"Container/MappedPipes","Settings":{"HostPath":"\\\\.\\pipe\\h","ContainerPipeName":"p"}`
		for _, c := range []struct {
			doc  string
			want hcs.Code
		}{
			{`{"ResourcePath":"Container/Memory/SizeInMB","RequestType":"Update","Settings":512}`, 0},
			{`{"ResourcePath":"Container/Memory/SizeInMB","RequestType":"Update","Settings":0}`, hcs.ErrInvalidArgument},
			{`{"ResourcePath":"Container/Memory/SizeInMB","RequestType":"Update","Settings":"512"}`, hcs.ErrInvalidJSON},
			{`{"ResourcePath":"Container/Memory/SizeInMB","RequestType":"Update"}`, hcs.ErrInvalidJSON},
			{`{"ResourcePath":"Container/Memory/SizeInMB","RequestType":"Add","Settings":512}`, hcs.ErrInvalidArgument},
			{`{"ResourcePath":"Container/Processor","RequestType":"Update","Settings":{"Maximum":5000}}`, 0},
			{`{"ResourcePath":"Container/Processor","RequestType":"Update","Settings":{"Maximum":50000}}`, hcs.ErrInvalidArgument},
			{`{"ResourcePath":"Container/Processor","RequestType":"Update","Settings":{"Maximum":5000,"Weight":1}}`, hcs.ErrInvalidArgument},
			{`{"ResourcePath":"Container/Processor","RequestType":"Update","Settings":{}}`, hcs.ErrInvalidArgument},
			{`{"ResourcePath":"Container/Processor","RequestType":"Update","Settings":{"Max":5}}`, hcs.ErrInvalidJSON},
			{`{"RequestType":"Add",` + dir + `}`, 0},
			{`{"RequestType":"Add",` + dir + `}`, hcs.ErrAlreadyExists},
			{`{"RequestType":"Update",` + dir + `}`, hcs.ErrInvalidArgument},
			{`{"RequestType":"Remove",` + dir + `}`, 0},
			{`{"RequestType":"Remove",` + dir + `}`, hcs.ErrElementNotFound},
			{`{"RequestType":"Add",` + dir + `}`, 0},
			{`{"RequestType":"Add",` + strings.Replace(dir, "data", "none", 1) + `}`, hcs.ErrPathNotFound},
			{`{"RequestType":"Add",` + pipe + `}`, 0},
			{`{"RequestType":"Add",` + strings.Replace(pipe, `\\\\.`, "", 1) + `}`, hcs.ErrInvalidArgument},
			{`{"ResourcePath":"Container/Devices/Generic","RequestType":"Add","Settings":{}}`, hcs.ErrNotSupported},
			{`{"ResourcePath":"Container/Colour","RequestType":"Update","Settings":1}`, hcs.ErrNotSupported},
			{`{"ResourcePath":"VirtualMachine/ComputeTopology/Memory/SizeInMB","RequestType":"Update","Settings":1}`, hcs.ErrNotSupported},
			{`{"ResourcePath":"Container/Memory/SizeInMB","RequestType":"Polish","Settings":512}`, hcs.ErrInvalidArgument},
			{`{"ResourcePath":"Container/Memory/SizeInMB","RequestType":"Update","Settings":512,"GuestRequest":{}}`, hcs.ErrInvalidArgument},
			{`{"Resource":""}`, hcs.ErrInvalidJSON},
		} {
			if err := n.client.ModifyComputeSystem(100, c.doc); hcs.CodeOf(err) != c.want {
				t.Errorf("%s: %v, want %v", c.doc, err, c.want)
			}
		}
		got := n.svc.State().Systems[0].Container
		if got.Memory.SizeInMB != 512 || *got.Processor != (schema.Processor{Maximum: 5000}) || len(got.MappedDirectories) != 1 || len(got.MappedPipes) != 1 {
			t.Errorf("the model has %+v", got)
		}
	})
}

func TestServiceProperties(t *testing.T) {
	inNode(t, sim.Config{Facts: hcs.Facts{Processors: 3}}, func(n *node) {
		c := n.client
		for q, want := range map[string]string{
			`{"PropertyTypes":["Basic"]}`:                    `{"Properties":[{"SupportedSchemaVersions":[{"Major":1,"Minor":0},{"Major":2,"Minor":5}]}]}`,
			`{"PropertyTypes":["CpuGroup"]}`:                 `{"Properties":[{"CpuGroups":[]}]}`,
			`{"PropertyTypes":["ContainerCredentialGuard"]}`: `{"Properties":[{"Instances":[]}]}`,
			`{}`: `{"Properties":[]}`,
		} {
			if got, err := c.ServiceProperties(q); err != nil || got != want {
				t.Errorf("%s: %s, %v", q, got, err)
			}
		}
		doc, err := c.ServiceProperties(`{"PropertyTypes":["ProcessorTopology"]}`)
		n.must(err)
		if strings.Count(doc, `"LpIndex"`) != 3 || !strings.Contains(doc, `"LogicalProcessorCount":3`) {
			t.Errorf("topology %s", doc)
		}
		for q, want := range map[string]hcs.Code{
			`{"PropertyTypes":["Memory"]}`: hcs.ErrNotSupported, `{"PropertyTypes":["QoSCapabilities"]}`: hcs.ErrNotSupported,
			`{"PropertyTypes":["Weather"]}`: hcs.ErrInvalidData, `{"Queries":{"Basic":{}}}`: hcs.ErrNotSupported, `{"x":1}`: hcs.ErrInvalidJSON,
		} {
			if _, err := c.ServiceProperties(q); hcs.CodeOf(err) != want {
				t.Errorf("%s: %v, want %v", q, err, want)
			}
		}
		group := `{"PropertyType":"CpuGroup","Settings":{"Operation":"%s","OperationDetails":{"GroupId":"` + space + `"%s}}}`
		ccg := `{"PropertyType":"ContainerCredentialGuard","Settings":{"Operation":"%s","OperationDetails":{"Id":"web"%s}}}`
		for _, s := range []struct {
			form, op, more string
			want           hcs.Code
		}{
			{group, "DeleteGroup", "", hcs.ErrElementNotFound},
			{group, "CreateGroup", `,"LogicalProcessorCount":1,"LogicalProcessors":[0]`, 0},
			{group, "CreateGroup", "", hcs.ErrAlreadyExists},
			{group, "SetProperty", `,"PropertyCode":65536,"PropertyValue":5000`, 0},
			{group, "Paint", "", hcs.ErrInvalidArgument},
			{group, "SetProperty", `,"Colour":1`, hcs.ErrInvalidJSON},
			{ccg, "RemoveInstance", "", hcs.ErrElementNotFound},
			{ccg, "AddInstance", `,"CredentialSpec":"nonsense","Transport":"LRPC"`, hcs.ErrInvalidArgument},
			{ccg, "AddInstance", `,"CredentialSpec":"{}","Transport":"LRPC"`, 0},
			{ccg, "AddInstance", `,"CredentialSpec":"{}","Transport":"LRPC"`, hcs.ErrAlreadyExists},
			{ccg, "Paint", "", hcs.ErrInvalidArgument},
			{`{"PropertyType":"Weather"}%.0s%.0s`, "", "", hcs.ErrNotSupported},
		} {
			doc := strings.Replace(strings.Replace(s.form, "%s", s.op, 1), "%s", s.more, 1)
			doc = strings.ReplaceAll(doc, "%.0s", "")
			if _, err := c.ModifyServiceSettings(doc); hcs.CodeOf(err) != s.want {
				t.Errorf("%s: %v, want %v", doc, err, s.want)
			}
		}
		doc, err = c.ServiceProperties(`{"PropertyTypes":["CpuGroup","ContainerCredentialGuard"]}`)
		n.must(err)
		for _, want := range []string{`"GroupId":"` + space, `"PropertyCode":65536,"PropertyValue":5000`, `"Id":"web"`, `"Cookie":"`, `"Transport":"LRPC"`} {
			if !strings.Contains(doc, want) {
				t.Errorf("%s lacks %s", doc, want)
			}
		}
		if held := strings.Join(n.svc.Held(), "; "); held != "credential guard web; CPU group "+space {
			t.Errorf("held: %s", held)
		}
	})
}
