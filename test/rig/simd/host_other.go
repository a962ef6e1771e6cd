//go:build !windows

package main

import (
	"os"
	"path/filepath"
)

// defaultRoot keeps a service that is tried by hand out of the way.
func defaultRoot() string { return filepath.Join(os.TempDir(), "hcssim") }

// open gives the model's own parts: no layers on disk, no real processes.
func open(string) (platform, error) { return platform{}, nil }
