//go:build !windows

package node

import "errors"

var errNoRig = errors.New("the programs of a rig are Windows programs")

func programs() ([]Program, error) { return nil, errNoRig }

func (Program) Kill() error { return errNoRig }

func (Program) CommandLine() (string, error) { return "", errNoRig }

func (Program) Gauges() ([]Gauge, error) { return nil, errNoRig }
