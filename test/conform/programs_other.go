//go:build !windows

package main

import "errors"

var errNoRig = errors.New("the programs of a rig are Windows programs")

func programs() ([]program, error) { return nil, errNoRig }

func (program) kill() error { return errNoRig }

func (program) commandLine() (string, error) { return "", errNoRig }

func (program) gauges() ([]gauge, error) { return nil, errNoRig }
