package main

import (
	"context"
	"os"
	"time"

	"github.com/Microsoft/go-winio"
	"github.com/Microsoft/hcsshim/cmd/containerd-shim-runhcs-v1/stats"
	task "github.com/containerd/containerd/api/runtime/task/v2"
	events "github.com/containerd/containerd/api/services/ttrpc/events/v1"
	"github.com/containerd/containerd/api/types"
	"github.com/containerd/ttrpc"
	"github.com/containerd/typeurl/v2"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// publisher returns what sends events to containerd, in order. An event that cannot be sent is dropped: the control promises nothing.
func publisher() func(topic string, event any) {
	queue := make(chan *events.ForwardRequest, 100)
	go func() {
		var client *ttrpc.Client
		for r := range queue {
			if client == nil {
				d := 5 * time.Second
				conn, err := winio.DialPipe(os.Getenv("TTRPC_ADDRESS"), &d)
				if err != nil {
					continue
				}
				client = ttrpc.NewClient(conn)
			}
			if _, err := events.NewTTRPCEventsClient(client).Forward(context.Background(), r); err != nil {
				client.Close()
				client = nil
			}
		}
	}()
	return func(topic string, event any) {
		a, err := typeurl.MarshalAnyToProto(event)
		if err != nil {
			return
		}
		r := &events.ForwardRequest{Envelope: &types.Envelope{Timestamp: timestamppb.Now(), Namespace: *namespace, Topic: topic, Event: a}}
		select {
		case queue <- r:
		default:
		}
	}
}

// statistics has the right type and nothing in it.
func statistics() (*task.StatsResponse, error) {
	a, err := typeurl.MarshalAnyToProto(&stats.Statistics{Container: &stats.Statistics_Windows{Windows: &stats.WindowsContainerStatistics{
		Timestamp: timestamppb.Now(), Processor: &stats.WindowsContainerProcessorStatistics{}, Memory: &stats.WindowsContainerMemoryStatistics{},
	}}})
	if err != nil {
		return nil, err
	}
	return &task.StatsResponse{Stats: a}, nil
}
