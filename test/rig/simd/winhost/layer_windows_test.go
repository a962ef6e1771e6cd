package winhost

import (
	"os"
	"testing"
)

// A scratch whose view is mounted cannot be taken away.
func TestMountedScratchStays(t *testing.T) {
	s := newStack(t)
	s.merge()
	if err := os.Rename(s.scratch, s.scratch+"-gone"); err == nil {
		t.Fatal("the directory of a mounted scratch was renamed")
	}
	s.unmerge()
	must(t, os.Rename(s.scratch, s.scratch+"-gone"))
}
