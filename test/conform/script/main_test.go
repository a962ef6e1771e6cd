package script

import (
	"strings"
	"testing"
	"time"
)

func TestChoose(t *testing.T) {
	none := func(int) {}
	cases := []Case[int]{Short("a/quick", 0, none), Long("a/slow", 90*time.Second, none), Short("b/long", 5*time.Minute, none)}
	for _, c := range []struct {
		f    Flags
		want string
	}{
		{Flags{}, "a/quick 0s, a/slow 1m30s, b/long 5m0s"},
		{Flags{short: true}, "a/quick 0s, b/long 5m0s"},
		{Flags{run: "^a/", limit: 80 * time.Second}, "a/quick 1m0s, a/slow 1m20s"},
		{Flags{run: "c/"}, `no case matches "c/"`},
		{Flags{run: "("}, "error parsing regexp"},
	} {
		chosen, err := choose(c.f, cases)
		var got []string
		for _, x := range chosen {
			got = append(got, x.Name+" "+x.Limit.String())
		}
		if err != nil {
			got = []string{err.Error()}
		}
		if s := strings.Join(got, ", "); !strings.HasPrefix(s, c.want) {
			t.Errorf("%+v: got %q, want %q", c.f, s, c.want)
		}
	}
}
