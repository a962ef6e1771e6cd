//go:build linux

package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestPartsOfThePodNetwork(t *testing.T) {
	all := netip.MustParsePrefix(podNetwork)
	seen := map[netip.Prefix]bool{}
	for n := range podParts {
		p := partPrefix(n)
		if p != p.Masked() || !all.Contains(p.Addr()) || seen[p] {
			t.Fatalf("part %d is %s", n, p)
		}
		seen[p] = true
	}
	if first, last := partPrefix(0).String(), partPrefix(podParts-1).String(); first != "127.64.0.0/20" || last != "127.127.240.0/20" {
		t.Errorf("from %s to %s", first, last)
	}
}

// Each instance has its own part, the same one each time, until it is removed.
func TestInstancesShareNoSubnet(t *testing.T) {
	claims := filepath.Join(t.TempDir(), "claims")
	part := func(in *Instance) netip.Prefix {
		t.Helper()
		p, err := in.subnet(claims)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	seen := map[netip.Prefix]*Instance{}
	var all []*Instance
	for range 60 { // of 1024: some would meet by their hashes
		in := &Instance{Dir: t.TempDir()}
		p := part(in)
		if seen[p] != nil {
			t.Fatalf("%s is given twice", p)
		}
		seen[p], all = in, append(all, in)
	}
	for p, in := range seen {
		if again := part(in); again != p {
			t.Errorf("%s was %s", again, p)
		}
	}
	// One that is removed by hand leaves a claim that does not hold.
	n, known, err := all[0].part()
	if err != nil || !known {
		t.Fatal(known, err)
	}
	if o, err := owner(claims, n); err != nil || o != all[0].Dir {
		t.Errorf("owner %q, %v", o, err)
	}
	if err := os.Remove(all[0].path("subnet")); err != nil {
		t.Fatal(err)
	}
	if o, err := owner(claims, n); err != nil || o != "" {
		t.Errorf("owner after removal %q, %v", o, err)
	}
	// What another took meanwhile is not claimed back.
	two := part(all[1])
	n, _, _ = all[1].part()
	thief := &Instance{Dir: t.TempDir()}
	if err := os.WriteFile(thief.path("subnet"), []byte(strconv.Itoa(n)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := claim(claims, n, thief.Dir); err != nil {
		t.Fatal(err)
	}
	if now := part(all[1]); now == two {
		t.Errorf("%s belongs to two", now)
	}
	if err := all[2].unclaim(claims); err != nil {
		t.Fatal(err)
	}
	n, _, _ = all[2].part()
	if _, err := os.Stat(filepath.Join(claims, strconv.Itoa(n))); err == nil {
		t.Error("a claim is left of an instance that was removed")
	}
	if err := os.WriteFile(all[3].path("subnet"), []byte("1024"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := all[3].subnet(claims); err == nil || !strings.Contains(err.Error(), "1024") {
		t.Errorf("a part that is none: %v", err)
	}
}
