// Command simd is the simulator's service: the model of package sim behind the protocol of package wire. On the rig it runs under
// Wine, with real processes and layers on disk (package winhost); elsewhere it has the model's own launcher and store, which hold
// nothing that another process could use, and serves its tests.
package main

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/sim"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "simd:", err)
		os.Exit(1)
	}
}

// platform is what a service needs of the system it runs on.
type platform struct {
	facts    hcs.Facts
	launcher sim.Launcher
	store    sim.Store
	open     pipeOpener // nil: the model's pipes in memory
	outlives outliver   // nil: the end of a connection is that of its process
}

func run(args []string) error {
	flags := flag.NewFlagSet("simd", flag.ContinueOnError)
	address := flags.String("address-file", filepath.Join(defaultRoot(), "address"), "file that gets the address of the service")
	journal := flags.String("journal-file", "", "file to which each completed call is appended")
	root := flags.String("root", defaultRoot(), "directory for what the service keeps on disk")
	// The network "nat" is there as it is on a node: the CNI plugin makes endpoints in it. Its addresses are loopback's, so that what listens
	// in a pod can be reached at the pod's address; two services on one machine need two subnets.
	pods := prefix{netip.MustParsePrefix("127.64.0.0/20")}
	flags.Var(&pods, "pod-subnet", "half of it is the network nat's, from which pods get their addresses; the rest is for networks that are made")
	serverCore := flags.Bool("servercore", false, "a signal returns only when the process is gone")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("argument %q: there are options only", flags.Arg(0))
	}
	p, err := open(*root)
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	svc := sim.New(sim.Config{Facts: p.facts, Launcher: p.launcher, Store: p.store, ServerCore: *serverCore, Forwarder: forwarder{}, NAT: pods.second()})
	svc.AddNetwork("nat", pods.first())
	if *journal != "" {
		f, err := os.OpenFile(*journal, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		defer f.Close()
		svc.OnEntry(func(e sim.Entry) { fmt.Fprintln(f, e) })
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	srv := newServer(svc, l, p.open)
	srv.outlives = p.outlives
	if err := publish(*address, l.Addr().String()); err != nil {
		return errors.Join(fmt.Errorf("address: %w", err), l.Close())
	}
	err = srv.serve()
	return errors.Join(err, os.Remove(*address))
}

// prefix is an option whose value is a subnet of IPv4, with room for a network and for those that are made.
type prefix struct{ netip.Prefix }

// first and second are its halves.
func (p prefix) first() netip.Prefix { return netip.PrefixFrom(p.Addr(), p.Bits()+1) }

func (p prefix) second() netip.Prefix {
	a := p.Addr().As4()
	binary.BigEndian.PutUint32(a[:], binary.BigEndian.Uint32(a[:])|1<<(31-p.Bits()))
	return netip.PrefixFrom(netip.AddrFrom4(a), p.Bits()+1)
}

func (p *prefix) Set(s string) error {
	v, err := netip.ParsePrefix(s)
	if err != nil {
		return err
	}
	if !v.Addr().Is4() || v != v.Masked() || v.Bits() > 23 {
		return fmt.Errorf("%s is no subnet of IPv4 addresses, /23 at most", s)
	}
	p.Prefix = v
	return nil
}

// publish writes the address in one step: a reader sees all of it or no file.
func publish(path, address string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", []byte(address), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
