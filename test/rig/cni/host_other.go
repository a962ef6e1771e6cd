//go:build !windows

package main

import "errors"

// host refuses: there is no HCN here.
func host() network { return nowhere{} }

type nowhere struct{}

var errNoHCN = errors.New("HCN is on Windows only")

func (nowhere) add(string, string, string) (endpoint, error) { return endpoint{}, errNoHCN }
func (nowhere) remove(string) error                          { return errNoHCN }
func (nowhere) check(string, string) error                   { return errNoHCN }
