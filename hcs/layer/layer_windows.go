package layer

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/Microsoft/hcsshim"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/call"
)

// driver is the filter driver with an empty home directory: ids are full paths (hcs-api §6.1).
var driver = hcsshim.DriverInfo{Flavour: 1}

// New returns the layers of this host.
func New() hcs.Layers { return &layers{} }

type layers struct{ lanes call.Lanes }

// do runs one call of hcsshim on the scratch, after those that are under way on it.
func (l *layers) do(ctx context.Context, op, scratch string, f func() error) error {
	return name(op, scratch, l.lanes.Do(ctx, op, key(scratch), func() error { return wrap(op, scratch, f()) }))
}

// name puts the path as the caller wrote it into an error that the lanes made.
func name(op, path string, err error) error {
	var e *hcs.Error
	if errors.As(err, &e) {
		e.ID = path
	}
	return err
}

// key is the same for all spellings of a path that differ in case, slashes or the \\?\ prefix.
func key(path string) string {
	return strings.ToLower(strings.TrimPrefix(filepath.Clean(path), `\\?\`))
}

// wrap finds the Win32 code in hcsshim's error, which has it in a field and not in its chain.
func wrap(op, path string, err error) error {
	var inner *hcsshim.HcsError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	err = call.Wrap(op, path, err)
	var e *hcs.Error
	if errors.As(err, &e) && e.Code.Text() != "" {
		e.Message = "" // it is the system's text for the code, which Error prints anyway
	}
	return err
}

func (l *layers) CreateScratch(ctx context.Context, scratch string, parents []string) error {
	const op = "CreateSandboxLayer"
	return l.do(ctx, op, scratch, func() error {
		// Asked here, because whether the call fails or makes a new one over the old is not documented.
		switch has, err := l.HasScratch(scratch); {
		case err != nil:
			return err
		case has:
			return &hcs.Error{Op: op, ID: scratch, Code: hcs.ErrFileExists}
		}
		return hcsshim.CreateScratchLayer(driver, scratch, "", parents)
	})
}

func (l *layers) HasScratch(scratch string) (bool, error) {
	switch _, err := os.Stat(filepath.Join(scratch, "sandbox.vhdx")); {
	case err == nil:
		return true, nil
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	default:
		return false, call.Wrap("stat sandbox.vhdx", scratch, err)
	}
}

func (l *layers) Activate(ctx context.Context, scratch string) error {
	return l.do(ctx, "ActivateLayer", scratch, func() error { return hcsshim.ActivateLayer(driver, scratch) })
}

func (l *layers) Prepare(ctx context.Context, scratch string, parents []string) error {
	return l.do(ctx, "PrepareLayer", scratch, func() error { return hcsshim.PrepareLayer(driver, scratch, parents) })
}

func (l *layers) MountPath(ctx context.Context, scratch string) (string, error) {
	var path string
	err := l.do(ctx, "GetLayerMountPath", scratch, func() error {
		got, err := hcsshim.GetLayerMountPath(driver, scratch)
		path = got
		return err
	})
	if err != nil {
		return "", err // path may still be written to, by a call that goes on
	}
	return path, nil
}

func (l *layers) Unprepare(ctx context.Context, scratch string) error {
	return l.do(ctx, "UnprepareLayer", scratch, func() error { return hcsshim.UnprepareLayer(driver, scratch) })
}

func (l *layers) Deactivate(ctx context.Context, scratch string) error {
	return l.do(ctx, "DeactivateLayer", scratch, func() error { return hcsshim.DeactivateLayer(driver, scratch) })
}

// ID asks for the GUID of the directory's name, which is what identifies a layer to the other layer calls too.
func (l *layers) ID(ctx context.Context, path string) (string, error) {
	const op = "NameToGuid"
	return call.Bounded(ctx, op, path, func() (string, error) {
		g, err := hcsshim.NameToGuid(filepath.Base(path))
		if err != nil {
			return "", wrap(op, path, err)
		}
		return g.ToString(), nil
	}, nil)
}
