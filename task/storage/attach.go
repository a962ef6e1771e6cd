package storage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
	"containerd-shim-hcs/task/ledger"
)

// Attach mounts the layers, unless the client has, and resolves the mounts. On error what it acquired stays in the ledger, for the caller
// to release.
func Attach(ctx context.Context, m hcs.Machine, p Plan, l *ledger.Ledger) (h Held, err error) {
	if h.Volume = p.Volume; h.Volume == "" {
		if h.Volume, err = mount(ctx, m.Layers, p, l); err != nil {
			return h, err
		}
	}
	for _, parent := range p.Parents {
		id, err := m.Layers.ID(ctx, parent)
		if err != nil {
			return h, fmt.Errorf("storage: layer id of %s: %w", parent, err)
		}
		h.Layers = append(h.Layers, schema.Layer{ID: id, Path: parent})
	}
	h.Directories, err = p.resolveMounts(ctx, m.Host.ResolvePath)
	return h, err
}

// mount merges the scratch with its parents, and returns its volume.
func mount(ctx context.Context, layers hcs.Layers, p Plan, l *ledger.Ledger) (string, error) {
	ok, err := layers.HasScratch(p.Scratch)
	if err != nil {
		return "", fmt.Errorf("storage: look for scratch: %w", err)
	}
	if !ok { // clients older than containerd's own preparing of the scratch
		if err := layers.CreateScratch(ctx, p.Scratch, p.Parents); err != nil {
			return "", fmt.Errorf("storage: create scratch: %w", err)
		}
	}
	if err := l.Claim(ledger.Entry{Kind: ledger.Active, ID: p.Scratch}); err != nil {
		return "", err
	}
	if err := retry(ctx, func() error { return layers.Activate(ctx, p.Scratch) }); err != nil {
		return "", fmt.Errorf("storage: activate scratch: %w", err)
	}
	if err := l.Claim(ledger.Entry{Kind: ledger.Prepared, ID: p.Scratch}); err != nil {
		return "", err
	}
	if err := retry(ctx, func() error { return layers.Prepare(ctx, p.Scratch, p.Parents) }); err != nil {
		return "", fmt.Errorf("storage: prepare scratch: %w", err)
	}
	volume, err := layers.MountPath(ctx, p.Scratch)
	if err != nil {
		return "", fmt.Errorf("storage: mount path: %w", err)
	}
	return strings.TrimSuffix(volume, `\`) + `\`, nil // HCS wants it with, GetLayerMountPath gives it without
}

// Release undoes one entry; what is undone already is fine.
func Release(ctx context.Context, layers hcs.Layers, e ledger.Entry) error {
	undo := layers.Unprepare
	if e.Kind == ledger.Active {
		undo = layers.Deactivate
	}
	err := retry(ctx, func() error { return undo(ctx, e.ID) })
	if err == nil || gone(err) {
		return nil
	}
	return fmt.Errorf("storage: release %s layer: %w", e.Kind, err)
}

// gone reports that the layer was not mounted any more, or that its directory does not exist.
func gone(err error) bool { return errdefs.IsNotFound(err) || errors.Is(err, hcs.ErrInvalidState) }

const (
	tries = 5
	pause = 100 * time.Millisecond
)

// retry repeats a layer call on the codes that are known to pass: the device of a scratch that was just attached is not ready, or
// not connected yet (ERROR_NOT_READY, ERROR_DEVICE_NOT_CONNECTED; races of the disk on build 17763).
func retry(ctx context.Context, call func() error) error {
	for i := 1; ; i++ {
		err := call()
		if err == nil || i == tries || !errors.Is(err, hcs.ErrNotReady) && !errors.Is(err, hcs.ErrDeviceNotConnected) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause + rand.N(pause)):
		}
	}
}
