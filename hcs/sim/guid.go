package sim

import (
	"crypto/sha1" // version-5 GUIDs are SHA-1 by definition
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"unicode/utf16"
)

// zeroGUID asks the service for an id of its own (§1.4).
const zeroGUID = "00000000-0000-0000-0000-000000000000"

// guid5 is a version-5 GUID of a name in a space of this model.
func guid5(space, name string) string {
	h := sha1.New()
	h.Write([]byte(space))
	for _, u := range utf16.Encode([]rune(name)) {
		h.Write([]byte{byte(u), byte(u >> 8)})
	}
	b := h.Sum(nil)[:16]
	b[6] = b[6]&0x0f | 0x50
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// NameToGUID is the GUID of a layer's name: deterministic and of version 5 as the real one. The real namespace is not known, so the
// values differ from Windows' (§6.1, clients never check them).
func NameToGUID(name string) string { return guid5("layer", name) }

// newGUID makes an id for a new object: the same sequence of calls gives the same ids. The caller holds mu.
func (s *Service) newGUID(kind string) string {
	s.serial++
	return guid5(kind, fmt.Sprint(s.serial))
}

// parseGUID gives the upper-case form of a GUID with or without braces.
func parseGUID(s string) (string, bool) {
	s = strings.TrimSuffix(strings.TrimPrefix(s, "{"), "}")
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return "", false
	}
	if _, err := hex.DecodeString(strings.ReplaceAll(s, "-", "")); err != nil {
		return "", false
	}
	return strings.ToUpper(s), true
}

// hostPath is a Windows path as the Store wants it: absolute, without \\?\, with backslashes, and with Wine's name of a drive's
// volume, \\?\Volume{00000000-0000-0000-0000-0000000000XX}\ where XX is the ASCII code of the letter, as the drive (§8.3).
func hostPath(p string) string {
	p = strings.ReplaceAll(p, "/", `\`)
	const wine = `\\?\volume{00000000-0000-0000-0000-0000000000`
	if len(p) >= len(wine)+3 && strings.EqualFold(p[:len(wine)], wine) {
		if letter, err := hex.DecodeString(p[len(wine) : len(wine)+2]); err == nil && p[len(wine)+2] == '}' {
			p = string(letter) + ":" + p[len(wine)+3:]
		}
	}
	if !strings.HasPrefix(strings.ToLower(p), `\\?\volume{`) {
		p = strings.TrimPrefix(p, `\\?\`)
	}
	if len(p) > 3 {
		p = strings.TrimRight(p, `\`)
	}
	return p
}

// pathKey makes paths that name the same directory equal.
func pathKey(p string) string { return strings.ToLower(hostPath(p)) }

// baseName is the last element of a Windows path.
func baseName(p string) string { return path.Base(strings.ReplaceAll(hostPath(p), `\`, "/")) }
