package sim

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"slices"
	"strings"

	"containerd-shim-hcs/hcs"
)

// decode reads a document as HCS does: an unknown or misspelt field anywhere, a wrong type or trailing text is ErrInvalidJSON (§2.2).
// encoding/json alone would take names in any case. An empty text is an empty document.
func decode(text string, into any) error {
	if strings.TrimSpace(text) == "" {
		text = "{}"
	}
	if err := checkNames([]byte(text), reflect.TypeOf(into).Elem(), ""); err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return refuse(hcs.ErrInvalidJSON, "%v", err)
	}
	return nil
}

var rawType = reflect.TypeFor[json.RawMessage]()

// checkNames compares the names in a JSON text with those of the Go type it is for.
func checkNames(text []byte, t reflect.Type, at string) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == rawType || t.Kind() == reflect.Interface || t.Kind() == reflect.String && at != "" {
		return wellFormed(text, at)
	}
	switch t.Kind() {
	case reflect.Struct:
		if t.PkgPath() == "time" {
			return wellFormed(text, at)
		}
		fields, order, err := membersOf(text, at)
		if err != nil || fields == nil {
			return err
		}
		for _, name := range order {
			field, ok := fieldOf(t, name)
			if !ok {
				return refuse(hcs.ErrInvalidJSON, "unknown field %s", at+name)
			}
			if err := checkNames(fields[name], field, at+name+"."); err != nil {
				return err
			}
		}
		return nil
	case reflect.Map:
		fields, order, err := membersOf(text, at)
		if err != nil {
			return err
		}
		for _, name := range order {
			if err := checkNames(fields[name], t.Elem(), at+name+"."); err != nil {
				return err
			}
		}
		return nil
	case reflect.Slice:
		var list []json.RawMessage
		if err := json.Unmarshal(text, &list); err != nil {
			return refuse(hcs.ErrInvalidJSON, "%s: %v", strings.TrimSuffix(at, "."), err)
		}
		for _, element := range list {
			if err := checkNames(element, t.Elem(), at); err != nil {
				return err
			}
		}
		return nil
	}
	return wellFormed(text, at)
}

func wellFormed(text []byte, at string) error {
	if !json.Valid(text) {
		return refuse(hcs.ErrInvalidJSON, "%s is not JSON", strings.TrimSuffix(at, "."))
	}
	return nil
}

// membersOf splits a JSON object into its members; nil for null. A name given twice is refused.
func membersOf(text []byte, at string) (map[string]json.RawMessage, []string, error) {
	bad := func(format string, args ...any) error {
		if at != "" {
			format = strings.TrimSuffix(at, ".") + ": " + format
		}
		return refuse(hcs.ErrInvalidJSON, format, args...)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	first, err := d.Token()
	if err != nil {
		return nil, nil, bad("%v", err)
	}
	if first == nil {
		return nil, nil, nil
	}
	if first != json.Delim('{') {
		return nil, nil, bad("not an object")
	}
	members := map[string]json.RawMessage{}
	var order []string
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, nil, bad("%v", err)
		}
		name := token.(string) // the decoder takes nothing else for a name
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, nil, bad("%v", err)
		}
		if slices.Contains(order, name) {
			return nil, nil, bad("%s is given twice", name)
		}
		members[name] = value
		order = append(order, name)
	}
	if _, err := d.Token(); err != nil {
		return nil, nil, bad("%v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, nil, bad("text after the document")
	}
	return members, order, nil
}

// fieldOf is the type of the field with exactly this JSON name.
func fieldOf(t reflect.Type, name string) (reflect.Type, bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == "" {
			tag = f.Name
		}
		if tag == name {
			return f.Type, true
		}
	}
	return nil, false
}

// rawString is a member's string value, empty when it has none.
func rawString(m json.RawMessage) string {
	var s string
	if json.Unmarshal(m, &s) != nil {
		return ""
	}
	return s
}

// text is the JSON of a value that cannot fail to encode.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
