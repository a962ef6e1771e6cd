//go:build !windows

package host

import (
	"fmt"
	"os"
)

// SecureDir makes a directory, with its parents, that only its owner may open.
func SecureDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	st, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	if !st.IsDir() {
		return fmt.Errorf("directory %s: is a link", path)
	}
	if err := os.Chmod(path, 0o700); err != nil { // fails unless it is ours
		return fmt.Errorf("directory: %w", err)
	}
	return nil
}
