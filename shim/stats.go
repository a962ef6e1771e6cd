package shim

import (
	"context"
	"os"

	runhcs "github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/options"
	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/stats"
	taskapi "github.com/containerd/containerd/api/runtime/task/v2"
	tasktypes "github.com/containerd/containerd/api/types/task"
	"github.com/containerd/typeurl/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/shim/statspb"
	"containerd-shim-hcs/task"
)

// Pids lists the processes of a container, with ProcessDetails that say which of them are execs.
func (s *service) Pids(ctx context.Context, r *taskapi.PidsRequest) (*taskapi.PidsResponse, error) {
	init, err := s.pod.Snapshot().Find(key(r.ID, ""))
	if err != nil {
		return nil, err
	}
	list, err := s.pod.Processes(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	resp := &taskapi.PidsResponse{}
	execs := map[uint32]string{}
	if t := s.pod.Snapshot()[r.ID]; t != nil {
		execs = t.ByPid()
	}
	for _, p := range list {
		info, err := anyOf(&runhcs.ProcessDetails{
			ImageName:                    p.ImageName,
			CreatedAt:                    timestamppb.New(p.CreateTimestamp),
			KernelTime_100Ns:             p.KernelTime100ns,
			UserTime_100Ns:               p.UserTime100ns,
			MemoryCommitBytes:            p.MemoryCommitBytes,
			MemoryWorkingSetPrivateBytes: p.MemoryWorkingSetPrivateBytes,
			MemoryWorkingSetSharedBytes:  p.MemoryWorkingSetSharedBytes,
			ProcessID:                    p.ProcessID,
			ExecID:                       execs[p.ProcessID],
		})
		if err != nil {
			return nil, err
		}
		resp.Processes = append(resp.Processes, &tasktypes.ProcessInfo{Pid: p.ProcessID, Info: info})
	}
	if len(resp.Processes) == 0 {
		// A restarted containerd takes a task without processes for a leftover and removes it. Before init runs and after it has
		// ended, the task is shown by init's pid, or by the shim's when there never was one.
		pid := init.Pid
		if pid == 0 {
			pid = uint32(os.Getpid())
		}
		resp.Processes = []*tasktypes.ProcessInfo{{Pid: pid}}
	}
	return resp, nil
}

// Stats answers with the type that containerd's CRI plugin and moby expect; another one crashes the former.
func (s *service) Stats(ctx context.Context, r *taskapi.StatsRequest) (*taskapi.StatsResponse, error) {
	use, err := s.pod.Statistics(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	a, err := anyOf(&stats.Statistics{Container: &stats.Statistics_Windows{Windows: windowsStatistics(&use.Statistics)}})
	if err != nil {
		return nil, err
	}
	// Encoded messages that follow each other are one message with the fields of all.
	if a.Value, err = (proto.MarshalOptions{}).MarshalAppend(a.Value, &statspb.Statistics{More: moreStatistics(use)}); err != nil {
		return nil, err
	}
	return &taskapi.StatsResponse{Stats: a}, nil
}

// moreStatistics is what Microsoft's message has no field for.
func moreStatistics(use task.Usage) *statspb.More {
	p := use.Limits.Processor
	m := &statspb.More{
		Processes: uint32(use.Processes),
		Limits: &statspb.Limits{
			MemoryBytes: use.Limits.MemoryMB << 20, ProcessorCount: uint32(p.Count), ProcessorMaximum: uint32(p.Maximum), ProcessorWeight: uint32(p.Weight),
		},
		HitMemoryLimit: use.HitMemoryLimit,
	}
	for _, a := range use.Limits.Affinity {
		m.Limits.Affinity = append(m.Limits.Affinity, &statspb.Affinity{Group: uint32(a.Group), Mask: a.Mask})
	}
	if use.Traffic.At.IsZero() {
		return m
	}
	m.Network = &statspb.Network{Timestamp: timestamppb.New(use.Traffic.At)}
	for _, e := range use.Traffic.Endpoints {
		m.Network.Endpoints = append(m.Network.Endpoints, &statspb.Endpoint{
			Id: e.Endpoint, BytesReceived: e.BytesReceived, BytesSent: e.BytesSent, PacketsReceived: e.PacketsReceived, PacketsSent: e.PacketsSent,
			DroppedIncoming: e.DroppedIncoming, DroppedOutgoing: e.DroppedOutgoing,
		})
	}
	return m
}

func windowsStatistics(st *schema.Statistics) *stats.WindowsContainerStatistics {
	out := &stats.WindowsContainerStatistics{
		Timestamp:          timestamppb.New(st.Timestamp),
		ContainerStartTime: stamp(st.ContainerStartTime),
		UptimeNS:           st.Uptime100ns * 100,
	}
	if p := st.Processor; p != nil {
		out.Processor = &stats.WindowsContainerProcessorStatistics{
			TotalRuntimeNS:  p.TotalRuntime100ns * 100,
			RuntimeUserNS:   p.RuntimeUser100ns * 100,
			RuntimeKernelNS: p.RuntimeKernel100ns * 100,
		}
	}
	if m := st.Memory; m != nil {
		out.Memory = &stats.WindowsContainerMemoryStatistics{
			MemoryUsageCommitBytes:            m.MemoryUsageCommitBytes,
			MemoryUsageCommitPeakBytes:        m.MemoryUsageCommitPeakBytes,
			MemoryUsagePrivateWorkingSetBytes: m.MemoryUsagePrivateWorkingSetBytes,
		}
	}
	if d := st.Storage; d != nil {
		out.Storage = &stats.WindowsContainerStorageStatistics{
			ReadCountNormalized:  d.ReadCountNormalized,
			ReadSizeBytes:        d.ReadSizeBytes,
			WriteCountNormalized: d.WriteCountNormalized,
			WriteSizeBytes:       d.WriteSizeBytes,
		}
	}
	return out
}

// anyOf packs a message under its bare type name, as containerd's typeurl does.
func anyOf(m any) (*anypb.Any, error) {
	a, err := typeurl.MarshalAny(m)
	if err != nil {
		return nil, err
	}
	return &anypb.Any{TypeUrl: a.GetTypeUrl(), Value: a.GetValue()}, nil
}
