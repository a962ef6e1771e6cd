//go:build linux

package main

import (
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"containerd-shim-hcs/test/conform/script"
)

var endCases = []Case{script.Short("end/nothing-left-behind", 4*time.Minute, nothingLeft)}

// nothingLeft: after one more life nothing is left of this run: no namespace, no pod, nothing at the machine, no ledger, no shim.
func nothingLeft(t *T) {
	t.works()
	t.Must(t.dropNamespace(t.Ctx, t.ns), "delete the namespace")
	var names []string
	var err error
	ok := t.Until(patience, func() bool {
		names, err = t.ownNamespaces()
		return err == nil && len(names) == 0
	})
	t.Want(ok, "namespaces are left: %q; %v", names, err)
	left := t.machine.Settle(t.before, patience)
	t.Want(left == "", "%s", left)
	exe := shimExe(t.o.class)
	var pids []int
	ok = t.Until(patience, func() bool {
		pids, err = t.rig.Programs(exe)
		return err == nil && len(pids) == 0
	})
	t.Want(ok, "%d processes %s are left; %v", len(pids), exe, err)
}

// ownNamespaces are those that this run has made.
func (t *T) ownNamespaces() ([]string, error) {
	list, err := t.api.CoreV1().Namespaces().List(t.Ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, n := range list.Items {
		if strings.Contains(n.Name, t.runID) {
			names = append(names, n.Name)
		}
	}
	return names, nil
}
