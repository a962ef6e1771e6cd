package ledger

import (
	"os"
	"testing"
)

// FuzzLedger opens files of any content: nothing panics, what could be read is held, and the file can be written to afterwards.
func FuzzLedger(f *testing.F) {
	f.Add([]byte(`{"claim":{"kind":"system","id":"web"}}` + "\n" + `{"exit":{"pid":1,"code":2,"at":"2020-01-01T00:00:00Z"}}` + "\n" + `{"rel`))
	f.Add([]byte("\x00\n{}\n[]\nnull\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := t.TempDir() + "/x.ledger"
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := OpenPath(path)
		if err != nil {
			t.Fatal(err)
		}
		before := len(l.Held())
		e := Entry{Kind: System, ID: "an id that is not there"}
		if err := l.Claim(e); err != nil {
			t.Fatal(err)
		}
		again, err := OpenPath(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(again.Held()); n != before+1 && (n != before || before == 0) {
			t.Errorf("held %d, after a claim %d", before, n)
		}
	})
}
