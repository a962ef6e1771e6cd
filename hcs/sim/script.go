package sim

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"containerd-shim-hcs/hcs"
	"containerd-shim-hcs/hcs/schema"
)

// statement is one parsed statement.
type statement struct {
	verb   string
	text   string
	number uint64
	wait   time.Duration
	signal schema.Signal
	block  []statement
}

// argument kinds of the verbs.
type argument int

const (
	none argument = iota
	someText
	duration
	size
	number
	signal      // ignore
	signalBlock // on
	block       // spawn
	count       // repeat
)

var verbs = map[string]argument{
	"print": someText, "eprint": someText, "echo-stdin": none, "read": none, "read-line": none, "env": someText, "cwd": none, "user": none,
	"size": none, "size-change": none, "sleep": duration, "burn": duration, "wait": none, "alloc": size, "commit": size, "try-alloc": size, "free": none, "exit": number,
	"repeat": count, "ignore": signal, "on": signalBlock, "spawn": block,
}

// parseScript reads a command line. The first word tells whether there is such a program; what follows is a script only then.
func parseScript(line string) ([]statement, error) {
	line = strings.TrimSpace(line)
	if len(line) > 1 && line[0] == '"' && strings.Index(line[1:], `"`) == len(line)-2 {
		line = strings.TrimSpace(line[1 : len(line)-1])
	}
	word, _ := cutWord(line)
	if _, ok := verbs[word]; !ok {
		return nil, refuse(hcs.ErrFileNotFound, "no program %q", word)
	}
	p := parser{rest: line}
	list, err := p.list()
	if err == nil && p.rest != "" {
		err = p.bad("a } too many")
	}
	return list, err
}

type parser struct{ rest string }

func (p *parser) bad(what string) error {
	return refuse(hcs.ErrBadExeFormat, "script at %q: %s", p.rest, what)
}

func cutWord(s string) (word, rest string) {
	i := strings.IndexAny(s, " \t;{}")
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimLeft(s[i:], " \t")
}

// list parses statements up to the end or a closing brace.
func (p *parser) list() ([]statement, error) {
	var list []statement
	for {
		p.rest = strings.TrimLeft(p.rest, " \t;")
		if p.rest == "" || p.rest[0] == '}' {
			return list, nil
		}
		st, err := p.statement()
		if err != nil {
			return nil, err
		}
		list = append(list, st)
		if st.verb == "on" && st.number == 1 { // open-ended
			list = append(list, statement{verb: "wait"})
		}
	}
}

// operand is the text up to the next ";" or "}".
func (p *parser) operand() string {
	i := strings.IndexAny(p.rest, ";}")
	if i < 0 {
		i = len(p.rest)
	}
	s := strings.TrimSpace(p.rest[:i])
	p.rest = p.rest[i:]
	if len(s) > 1 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	return s
}

func (p *parser) statement() (statement, error) {
	var st statement
	st.verb, p.rest = cutWord(p.rest)
	kind, ok := verbs[st.verb]
	if !ok {
		return st, p.bad("no verb " + st.verb)
	}
	switch kind {
	case signalBlock, block, count:
		return st, p.blockOf(&st, kind)
	case none, someText, duration, size, number, signal:
	}
	var err error
	st.text = p.operand()
	switch kind {
	case none:
		ok = st.text == ""
	case someText:
		ok = st.text != ""
	case duration:
		st.wait, err = time.ParseDuration(st.text)
	case size:
		st.number, ok = parseSize(st.text)
	case number:
		st.number, err = strconv.ParseUint(st.text, 0, 32)
	case signal:
		st.signal, ok = parseSignal(st.text)
	case signalBlock, block, count:
	}
	if err != nil || !ok {
		return st, p.bad(st.verb + " cannot take " + strconv.Quote(st.text))
	}
	return st, nil
}

// blockOf parses what follows on, spawn and repeat.
func (p *parser) blockOf(st *statement, kind argument) error {
	var word string
	var ok bool
	switch kind {
	case signalBlock:
		if word, p.rest = cutWord(p.rest); true {
			if st.signal, ok = parseSignal(word); !ok {
				return p.bad("no signal " + word)
			}
		}
	case count:
		word, p.rest = cutWord(p.rest)
		n, err := strconv.ParseUint(word, 10, 32)
		if err != nil {
			return p.bad("repeat needs a number")
		}
		st.number = n
	case block, none, someText, duration, size, number, signal:
	}
	var err error
	switch {
	case strings.HasPrefix(p.rest, "{"):
		p.rest = p.rest[1:]
		if st.block, err = p.list(); err != nil {
			return err
		}
		if p.rest == "" {
			return p.bad("no closing brace")
		}
		p.rest = p.rest[1:]
		return nil
	case kind == signalBlock:
		st.number = 1
		st.block, err = p.list()
		return err
	case kind == block:
		var child statement
		child, err = p.statement()
		st.block = []statement{child}
		return err
	}
	return p.bad("repeat needs a block")
}

var sizeForm = regexp.MustCompile(`^(\d+)(B|KiB|MiB)$`)

func parseSize(s string) (uint64, bool) {
	m := sizeForm.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	n, err := strconv.ParseUint(m[1], 10, 32)
	return n * map[string]uint64{"B": 1, "KiB": 1 << 10, "MiB": 1 << 20}[m[2]], err == nil
}

func parseSignal(s string) (schema.Signal, bool) {
	switch sig := schema.Signal(s); sig {
	case schema.CtrlC, schema.CtrlBreak, schema.CtrlClose, schema.CtrlLogOff, schema.CtrlShutdown:
		return sig, true
	}
	return "", false
}

// Pattern is the first n bytes of what "print <size>" writes: no two different offsets within 251 bytes look the same.
func Pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}
