// Package compat holds the shim's messages against those of older clients: what the task API that containerd 1.6 generated with
// gogo/protobuf writes must read the same in the one the shim is built with, and back.
//
// The two cannot be linked into one program, so they meet in files: this module writes old.txt with the old API and reads now.txt;
// the shim's own test reads old.txt with the present API and writes now.txt. Both are written with -rewrite and compared without.
package compat

import (
	"encoding/base64"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	old "github.com/containerd/containerd/runtime/v2/task"
	gogo "github.com/gogo/protobuf/proto"
)

var rewrite = flag.Bool("rewrite", false, "write old.txt anew")

const seeds = 20 // messages of each type

// messages are the requests and answers of the task API.
var messages = []gogo.Message{
	&old.CreateTaskRequest{}, &old.CreateTaskResponse{}, &old.DeleteRequest{}, &old.DeleteResponse{}, &old.ExecProcessRequest{},
	&old.ExecProcessResponse{}, &old.ResizePtyRequest{}, &old.StateRequest{}, &old.StateResponse{}, &old.KillRequest{},
	&old.CloseIORequest{}, &old.PidsRequest{}, &old.PidsResponse{}, &old.CheckpointTaskRequest{}, &old.UpdateTaskRequest{},
	&old.StartRequest{}, &old.StartResponse{}, &old.WaitRequest{}, &old.WaitResponse{}, &old.StatsRequest{}, &old.StatsResponse{},
	&old.ConnectRequest{}, &old.ConnectResponse{}, &old.ShutdownRequest{}, &old.PauseRequest{}, &old.ResumeRequest{},
}

// each calls f with every message, filled in the same way every time.
func each(f func(name string, m gogo.Message)) {
	for _, m := range messages {
		typ := reflect.TypeOf(m).Elem()
		for seed := range uint64(seeds) {
			v := reflect.New(typ)
			fill(rand.New(rand.NewPCG(seed, 1)), v.Elem(), 3)
			f(typ.Name(), v.Interface().(gogo.Message))
		}
	}
}

func TestOldMessages(t *testing.T) {
	var b strings.Builder
	each(func(name string, m gogo.Message) {
		raw, err := gogo.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, name, base64.StdEncoding.EncodeToString(raw))
	})
	if *rewrite {
		if err := os.WriteFile("old.txt", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile("old.txt")
	if err != nil || string(want) != b.String() {
		t.Errorf("old.txt is not what containerd writes (-rewrite), %v", err)
	}
}

// TestNowMessagesReadAsTheyWere reads what the present API made of the old messages.
func TestNowMessagesReadAsTheyWere(t *testing.T) {
	b, err := os.ReadFile("now.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	i := 0
	each(func(name string, m gogo.Message) {
		if i >= len(lines) {
			t.Fatalf("now.txt ends before %s", name)
		}
		got, text, _ := strings.Cut(lines[i], " ")
		i++
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil || got != name {
			t.Fatalf("line %d: %s, %v, want %s", i, got, err, name)
		}
		back := reflect.New(reflect.TypeOf(m).Elem()).Interface().(gogo.Message)
		if err := gogo.Unmarshal(raw, back); err != nil {
			t.Fatalf("line %d: %v", i, err)
		}
		if !gogo.Equal(m, back) {
			t.Errorf("was  %v\nback %v", m, back)
		}
	})
	if i != len(lines) {
		t.Errorf("now.txt has %d lines, want %d", len(lines), i)
	}
}

// fill gives every field a value.
func fill(r *rand.Rand, v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Pointer:
		if depth > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(r, v.Elem(), depth-1)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(r.Int64N(1<<33), r.Int64N(1e9)).UTC()))
			return
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && !strings.HasPrefix(f.Name, "XXX_") {
				fill(r, v.Field(i), depth)
			}
		}
	case reflect.Slice:
		n := 1 + r.IntN(3)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fill(r, v.Index(i), depth)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(r, k, depth)
		fill(r, e, depth)
		v.SetMapIndex(k, e)
	case reflect.String:
		v.SetString(fmt.Sprintf("s%d", r.IntN(1000)))
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		v.SetUint(r.Uint64() >> (64 - v.Type().Bits()))
	case reflect.Int32, reflect.Int64:
		if strings.HasSuffix(v.Type().Name(), "Status") {
			v.SetInt(r.Int64N(6))
			return
		}
		v.SetInt(r.Int64() >> (64 - v.Type().Bits()))
	}
}
