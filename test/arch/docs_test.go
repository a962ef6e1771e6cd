package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentedTestsExist: docs/what-happens-when.md names the test that shows each of its rows.
func TestDocumentedTestsExist(t *testing.T) {
	page, err := os.ReadFile("../../docs/what-happens-when.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(b, -1) {
			tests[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(Test\\w+|test/story/[\\w-]+\\.txt)`").FindAllSubmatch(page, -1)
	if len(named) < 20 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, m := range named {
		name := string(m[1])
		if strings.HasPrefix(name, "Test") {
			if !tests[name] {
				t.Errorf("there is no %s", name)
			}
		} else if _, err := os.Stat("../../" + name); err != nil {
			t.Error(err)
		}
	}
	for row := range strings.Lines(string(page)) {
		if strings.HasPrefix(row, "| ") && !strings.HasPrefix(row, "| when") && !strings.Contains(row, "`Test") && !strings.Contains(row, "test/story") {
			t.Errorf("no test shows: %s", row)
		}
	}
}
