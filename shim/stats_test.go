package shim

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/stats"
	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	"github.com/containerd/typeurl/v2"
	"github.com/opencontainers/runtime-spec/specs-go"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/fault"
	"containerd-shim-hcs/hcs/sim"
	"containerd-shim-hcs/shim/statspb"
)

// stats asks for the statistics of the task, which must have every part that CRI and moby read.
func (n *node) stats() *stats.WindowsContainerStatistics {
	n.t.Helper()
	r, err := n.task.Stats(n.t.Context(), &taskapi.StatsRequest{ID: n.id})
	if err != nil {
		n.t.Fatalf("stats: %v", err)
	}
	v, err := typeurl.UnmarshalAny(r.Stats)
	if err != nil {
		n.t.Fatal(err)
	}
	w := v.(*stats.Statistics).GetWindows()
	if w == nil || w.Timestamp == nil || w.Processor == nil || w.Memory == nil || w.Storage == nil {
		n.t.Fatalf("statistics are incomplete: %v", v)
	}
	return w
}

func used(w *stats.WindowsContainerStatistics) string {
	return fmt.Sprintf("cpu %v commit %d peak %d private %d written %d", time.Duration(w.Processor.TotalRuntimeNS),
		w.Memory.MemoryUsageCommitBytes, w.Memory.MemoryUsageCommitPeakBytes, w.Memory.MemoryUsagePrivateWorkingSetBytes, w.Storage.WriteSizeBytes)
}

// TestStatsOfEveryState: zeros before the start, and the last values after the end.
func TestStatsOfEveryState(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		const none = "cpu 0s commit 0 peak 0 private 0 written 0"
		_, err := n.task.Stats(t.Context(), &taskapi.StatsRequest{ID: "web"})
		kind(t, "of no task", err, codes.NotFound)
		n.create(spec("print hello; alloc 5MiB; burn 2s; wait"))
		w := n.stats()
		if used(w) != none || w.UptimeNS != 0 || w.ContainerStartTime != nil || !w.Timestamp.AsTime().Equal(time.Now()) {
			t.Errorf("created: %v", w)
		}
		n.start("")
		began := time.Now()
		time.Sleep(5 * time.Second)
		w = n.stats()
		const some = "cpu 2s commit 5242880 peak 5242880 private 5242880 written 6"
		if used(w) != some || w.UptimeNS != 5e9 || !w.ContainerStartTime.AsTime().Equal(began) || !w.Timestamp.AsTime().Equal(time.Now()) {
			t.Errorf("running: %v", w)
		}
		_ = n.kill("", 9)
		n.wait("")
		at := time.Now()
		time.Sleep(time.Hour)
		w = n.stats()
		if used(w) != "cpu 2s commit 0 peak 5242880 private 0 written 6" || w.UptimeNS != 5e9 || !w.Timestamp.AsTime().Equal(at) {
			t.Errorf("stopped: %v", w)
		}
		if _, err := n.delete(""); err != nil {
			t.Error(err)
		}
		_, err = n.task.Stats(t.Context(), &taskapi.StatsRequest{ID: "web"})
		kind(t, "of a deleted task", err, codes.NotFound)

		n.create(spec("wait"))
		if err := n.kill("", 9); err != nil {
			t.Fatal(err)
		}
		if w := n.stats(); used(w) != none {
			t.Errorf("killed before its start: %v", w)
		}
		_, _ = n.delete("")
	})
}

// TestStatsInTransit: a task on its way somewhere has statistics, the last ones, at every moment.
func TestStatsInTransit(t *testing.T) {
	for name, c := range map[string]struct {
		rules []string
		then  func(n *node)
	}{
		"it is killed, and its end takes a while":   {[]string{"HcsShutDownComputeSystem delay 10s"}, func(n *node) { _ = n.kill("", 9) }},
		"its end is not told":                       {[]string{"ProcessExited drop-event", "SystemExited drop-event"}, func(n *node) { _ = n.kill("", 9) }},
		"it is being deleted, which hangs":          {[]string{"UnprepareLayer hang"}, func(n *node) { _ = n.kill("", 9); n.wait(""); go func() { _, _ = n.delete("") }() }},
		"its silo breaks":                           {nil, func(n *node) { n.svc.Break("web") }},
		"its compute system is gone":                {[]string{"HcsGetComputeSystemProperties fail 0x8037010E"}, func(*node) {}},
		"it ends this moment":                       {[]string{"HcsGetComputeSystemProperties fail 0x80370105"}, func(*node) {}},
		"its handle is closed":                      {[]string{"HcsGetComputeSystemProperties fail 0x80070006"}, func(*node) {}},
		"its last process ends this moment":         {[]string{"HcsGetComputeSystemProperties fail 0x80070005"}, func(*node) {}},
		"the service is lost":                       {[]string{"HcsGetComputeSystemProperties fail 0x8037011E"}, func(*node) {}},
		"the service does not answer":               {[]string{"HcsGetComputeSystemProperties hang"}, func(*node) {}},
		"the service restarts, and it is not there": {nil, func(n *node) { n.svc.Restart() }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				set := &fault.Set{}
				for _, rule := range c.rules {
					r, err := fault.Parse(rule)
					if err != nil {
						t.Fatal(err)
					}
					if r.Kind == fault.DropEvent {
						set.Add(r)
					}
				}
				n := newNode(t, sim.Config{}, func(m hcs.Machine) hcs.Machine { return fault.Wrap(m, set) })
				n.create(spec("alloc 5MiB; burn 2s; wait"))
				n.start("")
				time.Sleep(3 * time.Second)
				before := n.stats()
				for _, rule := range c.rules {
					if r, _ := fault.Parse(rule); r.Kind != fault.DropEvent {
						set.Add(r)
					}
				}
				c.then(n)
				for range 100 {
					if r, err := n.task.Pids(t.Context(), &taskapi.PidsRequest{ID: "web"}); err != nil || len(r.Processes) == 0 {
						t.Errorf("pids: %v, %v", r, err)
					}
					asked := time.Now()
					w := n.stats()
					if d := time.Since(asked); d >= 2*time.Second {
						t.Errorf("the answer took %v", d)
					}
					if w.Processor.TotalRuntimeNS != before.Processor.TotalRuntimeNS || w.Memory.MemoryUsageCommitPeakBytes != before.Memory.MemoryUsageCommitPeakBytes {
						t.Fatalf("%v after %v", w, before)
					}
					time.Sleep(100 * time.Millisecond)
				}
				set.Clear()
				_ = n.kill("", 9)
				_ = waitError(n, "") // a delete that hung may have gone on
				n.deleted()
				n.deleteCommand()
				n.gone()
			})
		})
	}
}

// TestStatsThatFail: what is no transit is told.
func TestStatsThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := &fault.Set{}
		n := newNode(t, sim.Config{}, func(m hcs.Machine) hcs.Machine { return fault.Wrap(m, set) })
		n.create(spec("wait"))
		n.start("")
		r, err := fault.Parse("HcsGetComputeSystemProperties fail 0x80004005 times=1")
		if err != nil {
			t.Fatal(err)
		}
		set.Add(r)
		if _, err := n.task.Stats(t.Context(), &taskapi.StatsRequest{ID: "web"}); err == nil {
			t.Error("statistics of a service that fails")
		}
		n.end()
		n.gone()
	})
}

// TestStatsAskForOneContainer: a request for statistics is one request to the service, about this container only.
func TestStatsAskForOneContainer(t *testing.T) {
	run(t, sim.Config{}, func(t *testing.T, n *node) {
		n.create(spec("wait"))
		n.start("")
		for i := range 3 { // the network is looked at beside the first
			n.svc.ResetJournal()
			n.stats()
			synctest.Wait()
			var calls []string
			for _, e := range n.svc.Journal() {
				calls = append(calls, e.Op)
				if e.Op == "HcsGetComputeSystemProperties" && e.ID != "web" {
					t.Errorf("%s is asked for", e.ID)
				}
			}
			want := []string{"HcsGetComputeSystemProperties"}
			if i == 0 {
				want = append(want, "HNSCall")
			}
			slices.Sort(calls)
			slices.Sort(want)
			if !slices.Equal(calls, want) {
				t.Errorf("calls: %v, want %v", calls, want)
			}
		}
		n.end()
	})
}

// TestMoreStatistics: what Microsoft's message has no field for is in one that its readers pass over.
func TestMoreStatistics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := &fault.Set{}
		n := newNode(t, sim.Config{Facts: hcs.Facts{Processors: 4}}, func(m hcs.Machine) hcs.Machine { return fault.Wrap(m, set) })
		more := func() *statspb.More {
			t.Helper()
			r, err := n.task.Stats(t.Context(), &taskapi.StatsRequest{ID: "web"})
			if err != nil {
				t.Fatal(err)
			}
			var s statspb.Statistics
			if err := proto.Unmarshal(r.Stats.Value, &s); err != nil || s.More == nil {
				t.Fatalf("%v, %v", &s, err)
			}
			return s.More
		}
		space := n.svc.AddNamespace(podNamespace)
		endpoint := n.svc.AddEndpoint(n.svc.AddNetwork("nat"), "ep")
		if err := n.machine.Network.AddEndpoint(t.Context(), space, endpoint); err != nil {
			t.Fatal(err)
		}
		traffic := hcs.Traffic{Endpoint: endpoint, BytesReceived: 1, BytesSent: 2, PacketsReceived: 3, PacketsSent: 4, DroppedIncoming: 5, DroppedOutgoing: 6}
		n.svc.AddTraffic(traffic)
		n.create(spec("spawn { wait }; try-alloc 100MiB; wait", limited(resources("memory", 64, "count", 2)), func(s *specs.Spec) { s.Windows.Network.NetworkNamespace = space }))
		want := &statspb.More{Limits: &statspb.Limits{MemoryBytes: 64 << 20, ProcessorCount: 2}}
		is := func(when string) {
			t.Helper()
			if got := more(); !proto.Equal(got, want) {
				t.Errorf("%s: %v, want %v", when, got, want)
			}
		}
		is("created")
		n.start("")
		synctest.Wait()
		n.stats()
		synctest.Wait()
		want.Processes, want.HitMemoryLimit = 2, true
		want.Network = &statspb.Network{Timestamp: timestamppb.Now(), Endpoints: []*statspb.Endpoint{{
			Id: endpoint, BytesReceived: 1, BytesSent: 2, PacketsReceived: 3, PacketsSent: 4, DroppedIncoming: 5, DroppedOutgoing: 6,
		}}}
		is("running")
		if err := n.update(resources("memory", 512, "maximum", 5000)); err != nil {
			t.Fatal(err)
		}
		want.Limits = &statspb.Limits{MemoryBytes: 512 << 20, ProcessorMaximum: 5000}
		is("updated")

		// HNS does not answer: nobody waits for it, and what was seen stays.
		r, err := fault.Parse("HNSCall hang")
		if err != nil {
			t.Fatal(err)
		}
		set.Add(r)
		for range 4 {
			time.Sleep(trafficPause)
			asked := time.Now()
			is("without HNS")
			if d := time.Since(asked); d > 0 {
				t.Errorf("the answer took %v", d)
			}
		}
		set.Clear()
		_ = n.kill("", 9)
		n.wait("")
		want.Processes, want.Network = 0, nil
		is("stopped")
		if err := n.machine.Network.RemoveEndpoint(t.Context(), space, endpoint); err != nil {
			t.Fatal(err)
		}
		_, _ = n.delete("")
		n.gone()
	})
}

const trafficPause = 6 * time.Second // longer than counters are taken for new
