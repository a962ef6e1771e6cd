//go:build linux

package main

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Pods' addresses are loopback's, so that what listens in a pod can be reached at the pod's address, and so they are the whole machine's:
// each instance has a part of 127.64.0.0/10 for itself. /20 makes 1024 parts of 4093 pods.
const (
	podBits    = 20
	podParts   = 1 << (podBits - 10)
	podNetwork = "127.64.0.0/10"
)

// partPrefix is one of the parts.
func partPrefix(n int) netip.Prefix {
	a := netip.MustParsePrefix(podNetwork).Addr().As4()
	at := (uint32(a[0])<<24 | uint32(a[1])<<16) + uint32(n)<<(32-podBits)
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(at >> 24), byte(at >> 16), byte(at >> 8), byte(at)}), podBits)
}

// claims is the directory where the instances of this machine write which part is whose: a file per part, named by its number, with
// the instance's directory in it. A claim holds as long as its instance says the same, so that nothing is left of one that was removed by
// hand. Each user has a directory; two users' instances start looking at different parts, but may meet.
func claims() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("hcssim-subnets-%d", os.Getuid()))
}

// subnet is the instance's part, which it keeps until it is wiped: the first free one from where its directory's hash points. The caller
// holds the instance's lock.
func (in *Instance) subnet(claims string) (netip.Prefix, error) {
	if err := os.MkdirAll(claims, 0o700); err != nil {
		return netip.Prefix{}, err
	}
	unlock, err := lockFile(filepath.Join(claims, "lock"))
	if err != nil {
		return netip.Prefix{}, err
	}
	defer unlock()
	n, known, err := in.part()
	if err != nil {
		return netip.Prefix{}, err
	}
	if known {
		// What was cleaned out of the temporary directory is claimed again, unless another has taken it.
		switch owner, err := owner(claims, n); {
		case err != nil:
			return netip.Prefix{}, err
		case owner == "" || owner == in.Dir:
			return partPrefix(n), claim(claims, n, in.Dir)
		}
	}
	h := fnv.New32a()
	fmt.Fprintf(h, "%d %s", os.Getuid(), in.Dir)
	for i := range uint32(podParts) {
		n := int((h.Sum32() + i) % podParts)
		owner, err := owner(claims, n)
		if err != nil {
			return netip.Prefix{}, err
		}
		if owner != "" && owner != in.Dir {
			continue
		}
		if err := claim(claims, n, in.Dir); err != nil {
			return netip.Prefix{}, err
		}
		return partPrefix(n), replaceFile(in.path("subnet"), []byte(strconv.Itoa(n)+"\n"))
	}
	return netip.Prefix{}, fmt.Errorf("all %d parts of %s are taken by instances, see %s", podParts, podNetwork, claims)
}

// part is the number of the instance's part, if it has one.
func (in *Instance) part() (n int, known bool, err error) {
	b, err := os.ReadFile(in.path("subnet"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	n, err = strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || n < 0 || n >= podParts {
		return 0, false, fmt.Errorf("%s holds %q, want a number below %d", in.path("subnet"), b, podParts)
	}
	return n, true, nil
}

// owner is the directory of the instance that has a part, empty when none has.
func owner(claims string, n int) (string, error) {
	b, err := os.ReadFile(filepath.Join(claims, strconv.Itoa(n)))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	dir := string(b)
	other := Instance{Dir: dir}
	if has, known, err := other.part(); err != nil || !known || has != n {
		return "", nil // it is gone, or has moved on
	}
	return dir, nil
}

func claim(claims string, n int, dir string) error {
	return replaceFile(filepath.Join(claims, strconv.Itoa(n)), []byte(dir))
}

// unclaim gives the part back, when the instance is removed.
func (in *Instance) unclaim(claims string) error {
	n, known, err := in.part()
	if err != nil || !known {
		return err
	}
	unlock, err := lockFile(filepath.Join(claims, "lock"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	if owner, err := owner(claims, n); err != nil || owner != in.Dir {
		return err
	}
	return os.Remove(filepath.Join(claims, strconv.Itoa(n)))
}
