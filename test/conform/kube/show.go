//go:build linux

package main

func showMain(options) int { return 2 }
