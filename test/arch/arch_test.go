// Package arch holds the project's lints: rules of the design that a test can check.
package arch

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

const module = "containerd-shim-hcs"

// root is where the tests' paths start: the top of the tree.
const root = "../.."

// leaves are the packages that speak to Windows.
var leaves = []string{"hcs/computecore", "hcs/layer", "hcs/hcn", "hcs/host"}

// pkg is what `go list -json` tells of a package.
type pkg struct {
	ImportPath string
	Dir        string
	Imports    []string
}

// list runs go list with files chosen as on the given system.
func list(t *testing.T, goos string, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Imports"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, &stderr)
	}
	var pkgs []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// What decides what a container is must run, and be tested, anywhere: no package of ours that task and shim reach speaks to Windows or
// starts processes. (Libraries of the field do inside, logrus for one to look at a terminal; that is theirs.)
func TestTaskAndShimStayPortable(t *testing.T) {
	forbidden := map[string]string{
		"golang.org/x/sys/windows":      "what it is for goes behind hcs",
		"syscall":                       "what it is for goes behind hcs",
		"os/exec":                       "starting a process is for cmd and hcs",
		"github.com/Microsoft/go-winio": "pipes come from hcs.Host",
	}
	for _, l := range leaves {
		forbidden[module+"/"+l] = "main hands it in as an hcs.Machine"
	}
	seen := 0
	for _, p := range list(t, "windows", "-deps", "./task/...", "./shim/...") {
		if !strings.HasPrefix(p.ImportPath, module+"/") {
			continue
		}
		seen++
		for _, i := range p.Imports {
			if i == "github.com/Microsoft/go-winio/pkg/guid" {
				continue // a value, the same on every system
			}
			for dir, why := range forbidden {
				if i == dir || strings.HasPrefix(i, dir+"/") {
					t.Errorf("task or shim reach %s in %s: %s", i, p.ImportPath, why)
				}
			}
		}
	}
	if seen < 2 {
		t.Fatalf("%d packages of ours under task and shim", seen)
	}
}

// Every package says what it is for, on either system.
func TestEveryPackageHasAComment(t *testing.T) {
	dirs := map[string]bool{}
	for _, goos := range []string{"linux", "windows"} {
		for _, p := range list(t, goos, "./...") {
			dirs[p.Dir] = true
		}
	}
	for dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, f := range files {
			file, err := parser.ParseFile(token.NewFileSet(), f, nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if doc := strings.TrimSpace(file.Doc.Text()); doc != "" {
				found = true
				if first, ok := strings.CutPrefix(doc, docStart(file.Name.Name, dir)); !ok || first == "" {
					t.Errorf("%s: the package comment does not begin with %q", f, docStart(file.Name.Name, dir))
				}
			}
		}
		if !found {
			t.Errorf("%s: no package comment", dir)
		}
	}
}

func docStart(name, dir string) string {
	if name == "main" {
		return "Command " + filepath.Base(dir) + " "
	}
	return "Package " + strings.TrimSuffix(name, "_test") + " "
}

// goFiles calls f with every Go file of the tree, nested modules too, by its slashed path from the top.
func goFiles(t *testing.T, f func(path string, src []byte)) {
	t.Helper()
	n := 0
	err := filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if d.IsDir() && (rel == "build" || rel == ".git") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		n++
		f(filepath.ToSlash(rel), src)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		t.Fatal("no Go files")
	}
}

// A file over 500 lines is two files, unless a generator wrote it.
func TestFilesAreSmall(t *testing.T) {
	const most = 500
	goFiles(t, func(name string, src []byte) {
		if lines := bytes.Count(src, []byte("\n")); lines > most && !generated(src) {
			t.Errorf("%s has %d lines, over %d", name, lines, most)
		}
	})
}

// generated looks for the line that marks generated files (https://go.dev/s/generatedcode), which comes before the package clause.
func generated(src []byte) bool {
	s := bufio.NewScanner(bytes.NewReader(src))
	for s.Scan() {
		line := s.Text()
		if strings.HasPrefix(line, "// Code generated ") && strings.HasSuffix(line, " DO NOT EDIT.") {
			return true
		}
		if strings.HasPrefix(line, "package ") {
			break
		}
	}
	return false
}

// What is for one system only sits in the leaves, in main, and in the rig with its conformance script.
func TestSystemFilesSitInLeaves(t *testing.T) {
	allowed := append([]string{"cmd", "test/rig", "test/conform"}, leaves...)
	goFiles(t, func(name string, src []byte) {
		for _, dir := range allowed {
			if strings.HasPrefix(name, dir+"/") {
				return
			}
		}
		base := strings.TrimSuffix(strings.TrimSuffix(path.Base(name), ".go"), "_test")
		for _, goos := range []string{"windows", "linux", "unix"} {
			if strings.HasSuffix(base, "_"+goos) {
				t.Errorf("%s is built for %s only: that is for the leaves under hcs (%s)", name, goos, strings.Join(leaves, ", "))
			}
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Error(err)
			return
		}
		for _, group := range file.Comments {
			for _, c := range group.List {
				if strings.HasPrefix(c.Text, "//go:build") {
					t.Errorf("%s has a build constraint: %s", name, c.Text)
				}
			}
		}
	})
}

// The state has one author, so nothing there is to be locked: the machine is pure, the loop is one goroutine.
func TestStateHasNoLocks(t *testing.T) {
	files := map[string]bool{"task/machine.go": true, "task/pod.go": true, "task/loop.go": true}
	goFiles(t, func(name string, src []byte) {
		if !files[name] {
			return
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, src, parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "sync" && strings.HasSuffix(s.Sel.Name, "Mutex") {
					t.Errorf("%s: sync.%s", set.Position(s.Pos()), s.Sel.Name)
				}
			}
			return true
		})
	})
}
