package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/Microsoft/hcsshim/hcn"
)

// host is the machine's HCN.
func host() network { return machine{} }

type machine struct{}

func (machine) add(network, name, namespace string) (endpoint, error) {
	n, err := hcn.GetNetworkByName(network)
	if err != nil {
		return endpoint{}, fmt.Errorf("network %s: %w", network, err)
	}
	if _, err := hcn.GetEndpointByName(name); !gone(err) {
		if err == nil {
			err = errors.New("there is one of this name")
		}
		return endpoint{}, err
	}
	e, err := n.CreateEndpoint(&hcn.HostComputeEndpoint{Name: name, SchemaVersion: hcn.SchemaVersion{Major: 2}})
	if err != nil {
		return endpoint{}, fmt.Errorf("create in network %s: %w", network, err)
	}
	if err = hcn.AddNamespaceEndpoint(namespace, e.Id); err == nil && len(e.IpConfigurations) == 0 {
		err = errors.New("the network gave it no address")
	}
	if err != nil {
		return endpoint{}, errors.Join(fmt.Errorf("add to namespace %s: %w", namespace, err), e.Delete())
	}
	out := endpoint{mac: e.MacAddress}
	for _, c := range e.IpConfigurations {
		out.addresses = append(out.addresses, fmt.Sprintf("%s/%d", c.IpAddress, c.PrefixLength))
	}
	for _, i := range n.Ipams {
		for _, s := range i.Subnets {
			for _, r := range s.Routes {
				out.gateway = r.NextHop
			}
		}
	}
	return out, nil
}

func (machine) remove(name string) error {
	e, err := hcn.GetEndpointByName(name)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if e.HostComputeNamespace != "" {
		// The namespace may be gone, or another DEL have been quicker.
		if err := hcn.RemoveNamespaceEndpoint(e.HostComputeNamespace, e.Id); err != nil && !gone(err) {
			return fmt.Errorf("out of namespace %s: %w", e.HostComputeNamespace, err)
		}
	}
	if err := e.Delete(); err != nil && !gone(err) {
		return fmt.Errorf("delete: %w", err)
	}
	return nil
}

func (machine) check(name, namespace string) error {
	e, err := hcn.GetEndpointByName(name)
	if err != nil {
		return err
	}
	if !strings.EqualFold(e.HostComputeNamespace, namespace) {
		return fmt.Errorf("it is in namespace %q, not in %s", e.HostComputeNamespace, namespace)
	}
	return nil
}

// HCN_E_ENDPOINT_NOT_FOUND, which the package does not take for "not found".
const endpointNotFound = hcn.ErrorCode(0x803B0002)

func gone(err error) bool {
	return hcn.IsNotFoundError(err) || hcn.IsElementNotFoundError(err) || hcn.CheckErrorWithCode(err, endpointNotFound)
}
