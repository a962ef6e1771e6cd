//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"

	"containerd-shim-hcs/test/conform/rig"
)

// kubelet is the node's own port. The API server's proxy to a node refuses loopback addresses, so it is asked with the administrator's
// certificate.
type kubelet struct {
	url    string
	client *http.Client
}

func newKubelet(dir string, admin *rest.Config) (*kubelet, error) {
	file := filepath.Join(dir, "kube", "ports.json")
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var ports map[string]int
	if err := json.Unmarshal(b, &ports); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if ports["kubelet"] == 0 {
		return nil, fmt.Errorf("%s does not tell the kubelet's port", file)
	}
	client, err := rest.HTTPClientFor(admin)
	if err != nil {
		return nil, err
	}
	client.Timeout = 30 * time.Second
	return &kubelet{url: fmt.Sprintf("https://localhost:%d", ports["kubelet"]), client: client}, nil
}

func (k *kubelet) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url+path, nil)
	if err != nil {
		return nil, err
	}
	r, err := k.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, r.Status, rig.Tail(string(b)))
	}
	return b, err
}

// summary is what is used of the kubelet's stats/summary (k8s.io/kubelet/pkg/apis/stats/v1alpha1). What it does not tell is nil.
type summary struct {
	Node struct {
		NodeName string    `json:"nodeName"`
		CPU      *cpuStats `json:"cpu"`
		Memory   *memStats `json:"memory"`
		Fs       *fsStats  `json:"fs"`
	} `json:"node"`
	Pods []podStats `json:"pods"`
}

type podStats struct {
	PodRef struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"podRef"`
	Containers []containerStats `json:"containers"`
	CPU        *cpuStats        `json:"cpu"`
	Memory     *memStats        `json:"memory"`
	Network    *struct {
		Interfaces []struct {
			Name    string  `json:"name"`
			RxBytes *uint64 `json:"rxBytes"`
			TxBytes *uint64 `json:"txBytes"`
		} `json:"interfaces"`
	} `json:"network"`
}

type containerStats struct {
	Name   string    `json:"name"`
	CPU    *cpuStats `json:"cpu"`
	Memory *memStats `json:"memory"`
}

type cpuStats struct {
	UsageCoreNanoSeconds *uint64 `json:"usageCoreNanoSeconds"`
}

type memStats struct {
	WorkingSetBytes *uint64 `json:"workingSetBytes"`
	AvailableBytes  *uint64 `json:"availableBytes"`
}

type fsStats struct {
	CapacityBytes *uint64 `json:"capacityBytes"`
}

func (k *kubelet) summary(ctx context.Context) (s summary, err error) {
	b, err := k.get(ctx, "/stats/summary")
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	return s, err
}

// pod finds one of the summary.
func (s summary) pod(namespace, name string) *podStats {
	for i, p := range s.Pods {
		if p.PodRef.Namespace == namespace && p.PodRef.Name == name {
			return &s.Pods[i]
		}
	}
	return nil
}

// container finds one of a pod.
func (p *podStats) container(name string) *containerStats {
	for i, c := range p.Containers {
		if c.Name == name {
			return &p.Containers[i]
		}
	}
	return nil
}
