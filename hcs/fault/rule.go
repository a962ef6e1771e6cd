package fault

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"containerd-shim-hcs/hcs"
)

// Kind is what a rule does beside a delay.
type Kind int

// The kinds.
const (
	Pass Kind = iota // nothing: a rule with a delay only
	Fail
	Lose
	Hang
	DropEvent
)

var kindNames = map[Kind]string{Fail: "fail", Lose: "lose", Hang: "hang", DropEvent: "drop-event"}

// Rule is one parsed rule.
type Rule struct {
	Call  Call   // "*" for any call
	ID    string // glob, empty for any id
	Delay time.Duration
	Kind  Kind
	Code  hcs.Code // of Fail and Lose
	Skip  int
	Times int // 0: for ever
}

// Parse reads one rule.
func Parse(line string) (Rule, error) {
	words := strings.Fields(line)
	bad := func(format string, args ...any) (Rule, error) {
		return Rule{}, fmt.Errorf("fault rule %q: %s", line, fmt.Sprintf(format, args...))
	}
	if len(words) == 0 {
		return bad("no call")
	}
	r := Rule{Call: Call(words[0])}
	if r.Call != "*" && !slices.Contains(calls, r.Call) {
		return bad("no call %s", words[0])
	}
	seen := map[string]bool{}
	once := func(what string) bool {
		twice := seen[what]
		seen[what] = true
		return !twice
	}
	words = words[1:]
	next := func() (string, bool) {
		if len(words) == 0 || strings.Contains(words[0], "=") {
			return "", false
		}
		w := words[0]
		words = words[1:]
		return w, true
	}
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		name, value, given := strings.Cut(word, "=")
		kind := name
		if slices.Contains([]string{"fail", "lose", "hang", "drop-event"}, name) {
			kind = "action"
		}
		if !once(kind) {
			return bad("%s is a second %s", word, kind)
		}
		var err error
		switch {
		case name == "id" && given && value != "":
			r.ID = value
		case name == "skip" && given:
			r.Skip, err = count(value, 0)
		case name == "times" && given:
			r.Times, err = count(value, 1)
		case word == "delay":
			d, _ := next()
			if r.Delay, err = time.ParseDuration(d); err == nil && r.Delay <= 0 {
				err = fmt.Errorf("delay %s is not positive", d)
			}
		case word == "fail":
			c, _ := next()
			r.Kind = Fail
			r.Code, err = code(c)
		case word == "lose":
			r.Kind, r.Code = Lose, hcs.ErrOperationTimeout
			if len(words) > 0 && strings.HasPrefix(words[0], "0x") {
				c, _ := next()
				r.Code, err = code(c)
			}
		case word == "hang":
			r.Kind = Hang
		case word == "drop-event":
			r.Kind = DropEvent
		default:
			err = fmt.Errorf("%s is not understood", word)
		}
		if err != nil {
			return bad("%v", err)
		}
	}
	event := r.Call == SystemExited || r.Call == ProcessExited
	switch {
	case r.Kind == Pass && r.Delay == 0:
		return bad("no action")
	case event != (r.Kind == DropEvent):
		return bad("drop-event goes with %s and %s only, and they with nothing else", SystemExited, ProcessExited)
	case event && r.Delay != 0:
		return bad("an event cannot be delayed")
	}
	return r, nil
}

func count(s string, least int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < least {
		return 0, fmt.Errorf("%q is not a number of at least %d", s, least)
	}
	return n, nil
}

// code reads an HRESULT that says failure, of either DLL's family; it is kept in computecore's.
func code(s string) (hcs.Code, error) {
	n, err := strconv.ParseUint(s, 0, 32)
	if err != nil || n < 0x80000000 {
		return 0, fmt.Errorf("%q is not the HRESULT of a failure", s)
	}
	return hcs.Code(n).Family(), nil
}

// ParseAll reads rules, one a line. Empty lines and those that begin with # are comments.
func ParseAll(text string) ([]Rule, error) {
	var rules []Rule
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		r, err := Parse(line)
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// String is a line that Parse reads as the same rule.
func (r Rule) String() string {
	parts := []string{string(r.Call)}
	if r.ID != "" {
		parts = append(parts, "id="+r.ID)
	}
	if r.Delay != 0 {
		parts = append(parts, "delay", r.Delay.String())
	}
	if r.Kind != Pass {
		parts = append(parts, kindNames[r.Kind])
	}
	if r.Kind == Fail || r.Kind == Lose {
		parts = append(parts, fmt.Sprintf("0x%08x", uint32(r.Code)))
	}
	if r.Skip > 0 {
		parts = append(parts, fmt.Sprintf("skip=%d", r.Skip))
	}
	if r.Times > 0 {
		parts = append(parts, fmt.Sprintf("times=%d", r.Times))
	}
	return strings.Join(parts, " ")
}

// applies reports whether the rule is about the call, whatever it has counted.
func (r *Rule) applies(call Call, id string) bool {
	if r.Call != call && (r.Call != "*" || call == SystemExited || call == ProcessExited) {
		return false
	}
	return r.ID == "" || glob(strings.ToLower(r.ID), strings.ToLower(id))
}

// glob matches a text with * and ?. path.Match would make * stop at a slash and take the backslashes of Windows paths for escapes.
func glob(pattern, text string) bool {
	p, t := []rune(pattern), []rune(text)
	star, mark := -1, 0 // the last *, and where the text it stands for ends
	i, j := 0, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == t[j]):
			i, j = i+1, j+1
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}
