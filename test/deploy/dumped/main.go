// Command dumped checks that containerd has understood a configuration: all that FILE sets is in what `containerd config dump` printed,
// with the same value.
//
//	dumped FILE DUMP
package main

import (
	"fmt"
	"os"
	"reflect"

	"github.com/pelletier/go-toml/v2"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: dumped FILE DUMP")
		os.Exit(2)
	}
	var set, dump map[string]any
	for file, into := range map[string]*map[string]any{os.Args[1]: &set, os.Args[2]: &dump} {
		b, err := os.ReadFile(file)
		if err == nil {
			err = toml.Unmarshal(b, into)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", file, err)
			os.Exit(1)
		}
	}
	delete(set, "version") // an older one is read, and the dump is in containerd's own
	bad := missing("", set, dump)
	for _, m := range bad {
		fmt.Fprintf(os.Stderr, "%s: %s\n", os.Args[1], m)
	}
	if len(set) == 0 || len(bad) > 0 {
		os.Exit(1)
	}
}

// missing lists what set has and dump has not.
func missing(path string, set, dump map[string]any) (bad []string) {
	for key, want := range set {
		name := path + "/" + key
		got, ok := dump[key]
		table, isTable := want.(map[string]any)
		switch {
		case !ok:
			bad = append(bad, name+": containerd does not know it")
		case isTable:
			inner, _ := got.(map[string]any)
			bad = append(bad, missing(name, table, inner)...)
		case !reflect.DeepEqual(want, got):
			bad = append(bad, fmt.Sprintf("%s: containerd has %v, not %v", name, got, want))
		}
	}
	return bad
}
