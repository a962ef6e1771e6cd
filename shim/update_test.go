package shim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/fault"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/hcs/sim"
	"containerd-shim-hcs/shim/statspb"
	"containerd-shim-hcs/task/annotation"
)

func ptr[T any](v T) *T { return &v }

// resources are limits by short names.
func resources(fields ...any) *specs.WindowsResources {
	r := &specs.WindowsResources{}
	for i := 0; i < len(fields); i += 2 {
		n := fields[i+1].(int)
		if fields[i] == "memory" {
			r.Memory = &specs.WindowsMemoryResources{Limit: ptr(uint64(n) << 20)}
			continue
		}
		if r.CPU == nil {
			r.CPU = &specs.WindowsCPUResources{}
		}
		switch fields[i] {
		case "count":
			r.CPU.Count = ptr(uint64(n))
		case "maximum":
			r.CPU.Maximum = ptr(uint16(n))
		case "shares":
			r.CPU.Shares = ptr(uint16(n))
		}
	}
	return r
}

func limited(r *specs.WindowsResources) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Windows.Resources = r }
}

const windowsResourcesType = "types.containerd.io/opencontainers/runtime-spec/1/WindowsResources"

func (n *node) update(r *specs.WindowsResources, annotations ...string) error {
	req := &taskapi.UpdateTaskRequest{ID: n.id}
	if r != nil {
		b, err := json.Marshal(r)
		if err != nil {
			n.t.Fatal(err)
		}
		req.Resources = &anypb.Any{TypeUrl: windowsResourcesType, Value: b}
	}
	for i := 0; i < len(annotations); i += 2 {
		if req.Annotations == nil {
			req.Annotations = map[string]string{}
		}
		req.Annotations[annotations[i]] = annotations[i+1]
	}
	_, err := n.task.Update(n.t.Context(), req)
	return err
}

// affinity is processors of group 0.
func affinity(mask uint64) *specs.WindowsResources {
	return &specs.WindowsResources{CPU: &specs.WindowsCPUResources{Affinity: []specs.WindowsCPUGroupAffinity{{Mask: mask}}}}
}

// limits are those that the machine has for the container.
func (n *node) limits() string {
	for _, s := range n.svc.State().Systems {
		if s.ID != n.id {
			continue
		}
		m, p := s.Container.Memory, s.Container.Processor
		if m == nil {
			m = &schema.Memory{}
		}
		if p == nil {
			p = &schema.Processor{}
		}
		text := fmt.Sprintf("memory %d count %d maximum %d weight %d", m.SizeInMB, p.Count, p.Maximum, p.Weight)
		for _, a := range s.Affinity {
			text += fmt.Sprintf(" processors %#x of group %d", a.Mask, a.Group)
		}
		return text
	}
	return "gone"
}

func (n *node) modifies() int {
	count := 0
	for _, e := range n.svc.Journal() {
		if e.Op == "HcsModifyComputeSystem" || e.Op == "NtSetInformationJobObject" {
			count++
		}
	}
	return count
}

// TestUpdate: what the machine has after an update is what was asked for, and what a container created with that would have.
func TestUpdate(t *testing.T) {
	run(t, sim.Config{Facts: hcs.Facts{Processors: 4}}, func(t *testing.T, n *node) {
		n.create(spec("wait", limited(resources("memory", 256, "count", 2))))
		for _, started := range []bool{false, true} {
			all := ""
			if started {
				n.start("")
				all = " processors 0xf of group 0" // from before
			}
			for _, c := range []struct {
				ask         *specs.WindowsResources
				annotations []string
				want        string
				requests    int
			}{
				{resources("memory", 512), nil, "memory 512 count 2 maximum 0 weight 0", 1},
				{resources("memory", 512, "count", 2), nil, "memory 512 count 2 maximum 0 weight 0", 0},
				{resources("memory", 300, "maximum", 5000), nil, "memory 300 count 0 maximum 5000 weight 0", 2},
				{resources("shares", 700), nil, "memory 300 count 0 maximum 0 weight 700", 1},
				{resources("count", 64), nil, "memory 300 count 4 maximum 0 weight 0", 1},
				{nil, []string{annotation.MemoryMB, "640", annotation.CPUCount, "1"}, "memory 640 count 1 maximum 0 weight 0", 2},
				{affinity(2), nil, "memory 640 count 1 maximum 0 weight 0 processors 0x2 of group 0", 1},
				{resources("memory", 256, "count", 2), nil, "memory 256 count 2 maximum 0 weight 0 processors 0x2 of group 0", 2},
				{affinity(2), nil, "memory 256 count 2 maximum 0 weight 0 processors 0x2 of group 0", 0},
				{affinity(15), nil, "memory 256 count 2 maximum 0 weight 0 processors 0xf of group 0", 1},
			} {
				n.svc.ResetJournal()
				want := c.want
				if !strings.Contains(want, "group") {
					want += all
				}
				if err := n.update(c.ask, c.annotations...); err != nil || n.limits() != want || n.modifies() != c.requests {
					t.Errorf("started %t: %v: the machine has %s after %d requests, want %s after %d", started, err, n.limits(), n.modifies(), want, c.requests)
				}
			}
		}
		n.end()
	})
}

// TestUpdateThatIsRefused names the field, and touches nothing.
func TestUpdateThatIsRefused(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.create(spec("wait", limited(resources("memory", 256, "count", 1))))
		n.start("")
		n.svc.ResetJournal()
		before := n.limits()
		sandbox := 5
		for field, err := range map[string]error{
			"[windows.resources.cpu.count windows.resources.cpu.maximum]": n.update(resources("count", 1, "maximum", 5000)),
			"windows.resources.memory.limit: 5 bytes":                     n.update(&specs.WindowsResources{Memory: &specs.WindowsMemoryResources{Limit: ptr(uint64(5))}}),
			"windows.resources.memory.limit: a container's limit":         n.update(resources("memory", 0)),
			"windows.resources.cpu: a container's":                        n.update(resources("count", 0)),
			"windows.resources.cpu.maximum":                               n.update(resources("maximum", 10001)),
			"windows.resources.cpu.affinity[0]: the mask 0x4":             n.update(affinity(4)),
			"windows.resources.storage":                                   n.update(&specs.WindowsResources{Storage: &specs.WindowsStorageResources{Iops: ptr(uint64(5))}}),
			"windows.resources.storage.sandboxSize":                       n.update(&specs.WindowsResources{Storage: &specs.WindowsStorageResources{SandboxSize: ptr(uint64(sandbox))}}),
			annotation.MemoryMB + `="much"`:                               n.update(nil, annotation.MemoryMB, "much"),
			"annotation " + annotation.DumpLocation:                       n.update(nil, annotation.DumpLocation, `C:\dumps`),
			"neither resources nor annotations":                           n.update(nil),
		} {
			if err == nil || !strings.Contains(err.Error(), field) {
				t.Errorf("%v, want %q", err, field)
			}
		}
		for name, value := range map[string]string{
			"types.containerd.io/opencontainers/runtime-spec/1/LinuxResources": `{"memory":{"limit":5}}`,
			"types.containerd.io/opencontainers/runtime-spec/1/Process":        `{}`,
			"containerd.runhcs.v1.Options":                                     "",
			windowsResourcesType:                                               `{"memory":{"limit":"much"}}`,
		} {
			_, err := n.task.Update(t.Context(), &taskapi.UpdateTaskRequest{ID: "web", Resources: &anypb.Any{TypeUrl: name, Value: []byte(value)}})
			kind(t, name, err, codes.InvalidArgument)
			if !strings.Contains(fmt.Sprint(err), name) && name != windowsResourcesType {
				t.Errorf("%v does not name %s", err, name)
			}
		}
		if n.modifies() != 0 || n.limits() != before {
			t.Errorf("%d requests, the machine has %s", n.modifies(), n.limits())
		}
		n.end()
	})
}

// TestUpdateInItsTime: a container that is not there, or has ended, is not updated.
func TestUpdateInItsTime(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		kind(t, "of no task", n.update(resources("memory", 512)), codes.NotFound)
		n.create(spec("exit 3", limited(resources("memory", 256))))
		if err := n.update(resources("memory", 512)); err != nil || n.limits() != "memory 512 count 0 maximum 0 weight 0" {
			t.Errorf("of a created task: %v, the machine has %s", err, n.limits())
		}
		n.start("")
		n.wait("")
		kind(t, "of a stopped task", n.update(resources("memory", 640)), codes.FailedPrecondition)
		_, _ = n.delete("")
		kind(t, "of a deleted task", n.update(resources("memory", 512)), codes.NotFound)
	})
}

// TestUpdateIsAllOrNothing fails, delays, hangs and loses every request of an update. An update that succeeds has done all, one that
// fails nothing; a container that had no limit has one that is none.
func TestUpdateIsAllOrNothing(t *testing.T) {
	const had, none, now = "memory 256 count 2 maximum 0 weight 0", "memory 0 count 0 maximum 0 weight 0", "memory 512 count 0 maximum 5000 weight 0 processors 0x6 of group 0"
	change := resources("memory", 512, "maximum", 5000)
	change.CPU.Affinity = affinity(6).CPU.Affinity
	for _, from := range []string{had, none} {
		before := resources()
		if from == had {
			before = resources("memory", 256, "count", 2)
		}
		for _, action := range []string{"fail 0x80004005", "lose", "hang", "delay 3s", "fail 0x80370110", "fail 0x8037011E"} {
			for skip := range 3 {
				for times := 1; times <= 2; times++ {
					rule := fmt.Sprintf("%s %s skip=%d times=%d", []string{"HcsModifyComputeSystem", "NtSetInformationJobObject"}[skip/2], action, skip%2, times)
					t.Run(fmt.Sprintf("from %s: %s", from, rule), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							set := &fault.Set{}
							n := newNode(t, sim.Config{Facts: hcs.Facts{Processors: 4}}, func(m hcs.Machine) hcs.Machine { return fault.Wrap(m, set) })
							n.create(spec("wait", limited(before)))
							n.start("")
							r, err := fault.Parse(rule)
							if err != nil {
								t.Fatal(err)
							}
							set.Add(r)
							err = n.update(change)
							got, want := strings.TrimSuffix(n.limits(), " processors 0xf of group 0"), now
							if err != nil {
								want = from
							}
							if from == none && err != nil && got == "memory 0 count 0 maximum 10000 weight 0" {
								got = none
							}
							said := err != nil && strings.Contains(err.Error(), "may be the new or the old one")
							// Twice the false answer that the container has ended is believed.
							said = said || times == 2 && err != nil && strings.Contains(err.Error(), "the container has ended")
							if got != want && !said {
								t.Errorf("%v: the machine has %s", err, got)
							}
							if said && times == 1 {
								t.Errorf("one failure leaves the limits in doubt: %v", err)
							}
							set.Clear()
							// Whatever was left in doubt is set by the next.
							if err := n.update(change); err != nil || n.limits() != now {
								t.Errorf("afterwards: %v, %s", err, n.limits())
							}
							n.end()
							n.gone()
						})
					})
				}
			}
		}
	}
}

// TestKillDoesNotWaitForAnUpdate: the service does not answer the update; the container is killed and deleted meanwhile.
func TestKillDoesNotWaitForAnUpdate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := &fault.Set{}
		n := newNode(t, sim.Config{}, func(m hcs.Machine) hcs.Machine { return fault.Wrap(m, set) })
		other := n.as("other") // keeps the shim
		other.create(spec("wait"))
		n.create(spec("wait", limited(resources("memory", 256))))
		n.start("")
		r, err := fault.Parse("HcsModifyComputeSystem hang")
		if err != nil {
			t.Fatal(err)
		}
		set.Add(r)
		answers := make(chan error, 2)
		for _, mb := range []int{512, 640} { // the second waits for the first
			go func() { answers <- n.update(resources("memory", mb)) }()
			synctest.Wait()
		}
		begin := time.Now()
		if err := n.kill("", 9); err != nil {
			t.Error(err)
		}
		n.wait("")
		if _, err := n.delete(""); err != nil {
			t.Error(err)
		}
		if d := time.Since(begin); d > time.Second {
			t.Errorf("the end took %v", d)
		}
		for range 2 {
			if err := <-answers; err == nil {
				t.Error("an update of a killed container succeeded")
			}
		}
		set.Clear()
		other.end()
		n.gone()
	})
}

// TestUpdatesFollowEachOther: the last one asked for is the one that holds.
func TestUpdatesFollowEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := &fault.Set{}
		n := newNode(t, sim.Config{}, func(m hcs.Machine) hcs.Machine { return fault.Wrap(m, set) })
		n.create(spec("wait", limited(resources("memory", 256))))
		n.start("")
		r, err := fault.Parse("HcsModifyComputeSystem delay 5s")
		if err != nil {
			t.Fatal(err)
		}
		set.Add(r)
		var done []int
		answers := make(chan int, 3)
		for i, mb := range []int{512, 640, 768} {
			go func() {
				if err := n.update(resources("memory", mb)); err != nil {
					t.Error(err)
				}
				answers <- i
			}()
			synctest.Wait()
		}
		for range 3 {
			done = append(done, <-answers)
			synctest.Wait()
		}
		if !slices.Equal(done, []int{0, 1, 2}) || n.limits() != "memory 768 count 0 maximum 0 weight 0" {
			t.Errorf("answered in the order %v, the machine has %s", done, n.limits())
		}
		n.end()
		n.gone()
	})
}

// TestRecordHasNoLimits: the sandbox of a pod is nothing at the service; its statistics are zeros.
func TestRecordHasNoLimits(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.pod()
		kind(t, "update of a sandbox", n.update(resources("memory", 512)), codes.Unimplemented)
		time.Sleep(time.Minute)
		if w := n.stats(); used(w) != "cpu 0s commit 0 peak 0 private 0 written 0" || w.UptimeNS != uint64(time.Minute) {
			t.Errorf("statistics: %v", w)
		}
		app := n.member("app", "alloc 5MiB; burn 1s; exit 3")
		if err := app.update(resources("memory", 512)); err != nil || app.limits() != "memory 512 count 0 maximum 0 weight 0" {
			t.Errorf("update of a member: %v, %s", err, app.limits())
		}
		app.wait("")
		if w := app.stats(); used(w) != "cpu 1s commit 0 peak 5242880 private 0 written 0" {
			t.Errorf("statistics of a member that has ended: %v", w)
		}
		if _, err := app.delete(""); err != nil {
			t.Error(err)
		}
		n.end()
	})
}

// TestAffinity: a container has its processors from its create on, and a create that cannot have them leaves nothing.
func TestAffinity(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := &fault.Set{}
		n := newNode(t, sim.Config{Facts: hcs.Facts{Processors: 4}}, func(m hcs.Machine) hcs.Machine { return fault.Wrap(m, set) })
		r, err := fault.Parse("NtSetInformationJobObject fail 0x80070005 times=1")
		if err != nil {
			t.Fatal(err)
		}
		set.Add(r)
		_, err = n.task.Create(t.Context(), n.request(spec("wait", limited(affinity(6)))))
		kind(t, "without the right to", err, codes.PermissionDenied)
		if held := n.svc.Held(); len(held) > 0 {
			t.Errorf("left: %v", held)
		}
		n.create(spec("wait", limited(affinity(6))))
		if got := n.limits(); got != "memory 0 count 0 maximum 0 weight 0 processors 0x6 of group 0" {
			t.Errorf("the machine has %s", got)
		}
		n.start("")
		got, err := n.task.Stats(t.Context(), &taskapi.StatsRequest{ID: n.id})
		var s statspb.Statistics
		if err == nil {
			err = proto.Unmarshal(got.Stats.Value, &s)
		}
		if want := (&statspb.Limits{Affinity: []*statspb.Affinity{{Mask: 6}}}); err != nil || !proto.Equal(s.More.GetLimits(), want) {
			t.Errorf("the statistics have %v, %v", s.More.GetLimits(), err)
		}
		n.end()
		n.gone()
	})
}
