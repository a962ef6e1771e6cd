package winhost

import (
	"path/filepath"
	"strconv"
	"strings"

	"containerd-shim-hcs/hcs"
)

// volumePrefix begins the name of a volume; a GUID in braces and an optional path follow.
const volumePrefix = `\\?\Volume`

// splitVolume takes \\?\Volume{guid}\rest apart. The GUID is with its braces, rest without leading backslash.
func splitVolume(p string) (guid, rest string, ok bool) {
	if len(p) < len(volumePrefix) || !strings.EqualFold(p[:len(volumePrefix)], volumePrefix) {
		return "", "", false
	}
	guid, rest, _ = strings.Cut(p[len(volumePrefix):], `\`)
	if len(guid) != 38 || guid[0] != '{' || guid[37] != '}' || strings.ContainsAny(guid, `/:*?"<>|`) {
		return "", "", false
	}
	return guid, rest, true
}

// volumeDir is the directory that stands for a volume.
func (s *Store) volumeDir(volume string) (string, error) {
	guid, rest, ok := splitVolume(volume)
	if !ok || rest != "" {
		return "", &hcs.Error{Op: "open volume", ID: volume, Code: hcs.ErrInvalidArgument, Message: "not a volume name"}
	}
	return filepath.Join(s.root, "volumes", guid), nil
}

// hostPath is a path of a document as Wine can open it. Wine names the volumes of its drives by the letter's ASCII code, in hex at
// the end of a GUID that is otherwise zero, but opens no such name (hcs-api §8.3); the other volumes are merged layers.
func hostPath(root, p string) string {
	p = strings.ReplaceAll(p, "/", `\`)
	guid, rest, ok := splitVolume(p)
	if !ok {
		return strings.TrimPrefix(p, `\\?\`)
	}
	const drive = "{00000000-0000-0000-0000-0000000000"
	if n, err := strconv.ParseUint(guid[len(drive):37], 16, 8); err == nil && strings.HasPrefix(guid, drive) {
		return strings.ToUpper(string(rune(n))) + `:\` + rest
	}
	return strings.TrimSuffix(root+`\volumes\`+guid+`\`+rest, `\`)
}
