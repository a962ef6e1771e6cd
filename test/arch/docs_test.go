package arch

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// Test functions, and the cases of test/conform.
	testNames  = regexp.MustCompile(`(?m)^func (Test\w+)\(|Name: "([\w-]+/[\w-]+)"`)
	caseOrTest = regexp.MustCompile("`Test|test/story|`[\\w-]+/[\\w-]+`")
)

// TestDocumentedTestsExist: docs/what-happens-when.md names the test that shows each of its rows.
func TestDocumentedTestsExist(t *testing.T) {
	page, err := os.ReadFile("../../docs/what-happens-when.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	err = filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range testNames.FindAllSubmatch(b, -1) {
			tests[string(m[1])+string(m[2])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`(Test\\w+|[\\w/-]+/[\\w.-]+)`").FindAllSubmatch(page, -1)
	if len(named) < 20 {
		t.Errorf("only %d tests are named", len(named))
	}
	for _, m := range named {
		name := string(m[1])
		if _, err := os.Stat("../../" + name); err != nil && !tests[name] {
			t.Errorf("there is no %s", name)
		}
	}
	for row := range strings.Lines(string(page)) {
		if strings.HasPrefix(row, "| ") && !strings.HasPrefix(row, "| when") && !caseOrTest.MatchString(row) {
			t.Errorf("no test shows: %s", row)
		}
	}
}
