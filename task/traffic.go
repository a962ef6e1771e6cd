package task

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"containerd-shim-hcs/hcs"
)

const (
	trafficAge   = 5 * time.Second  // how old counters may be before the next look
	trafficBound = 10 * time.Second // one look
)

// Traffic is what passed through the endpoints of a container's namespace, when it was seen last.
type Traffic struct {
	Endpoints []hcs.Traffic
	At        time.Time // zero when it was not seen yet
}

// traffic keeps what was seen of each namespace: the containers of a pod share one. HNS answers slowly, and one request at a time for the
// whole machine, so nobody waits for it: who asks gets what was seen last, and the next look begins beside that.
type traffic struct {
	mu   sync.Mutex // never held over a call
	seen map[string]*look
}

type look struct {
	Traffic
	began time.Time
	busy  bool
}

// of is the last look at a namespace.
func (t *traffic) of(net hcs.Network, namespace string, log *slog.Logger) Traffic {
	if namespace == "" {
		return Traffic{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.seen[namespace]
	if l == nil {
		l = &look{}
		if t.seen == nil {
			t.seen = map[string]*look{}
		}
		t.seen[namespace] = l
	}
	if now := time.Now(); !l.busy && now.Sub(l.began) >= trafficAge {
		l.busy, l.began = true, now
		go t.look(net, namespace, l, log)
	}
	return l.Traffic
}

func (t *traffic) look(net hcs.Network, namespace string, l *look, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), trafficBound)
	defer cancel()
	list, err := net.Traffic(ctx, namespace)
	if err != nil {
		log.Debug("network counters", "namespace", namespace, "error", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	l.busy = false
	if err == nil {
		l.Traffic = Traffic{Endpoints: list, At: time.Now()}
	}
}

// forget drops a namespace that a container leaves. Another one in it begins anew.
func (t *traffic) forget(namespace string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.seen, namespace)
}
