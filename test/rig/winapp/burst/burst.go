// Package burst is the deterministic stream that `winapp burst` writes, so that whoever reads it can tell by length and hash that
// nothing was lost.
//
// The generator is SplitMix64 started at 0: state += 0x9E3779B97F4A7C15; z = state; z = (z ^ z>>30) * 0xBF58476D1CE4E5B9;
// z = (z ^ z>>27) * 0x94D049BB133111EB; the word is z ^ z>>31, written little endian. The stream is the first n bytes.
package burst

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
)

// block is how much is written at a time, a multiple of the word.
const block = 64 << 10

// Write writes the first n bytes of the stream.
func Write(w io.Writer, n int64) error {
	var state uint64
	buf := make([]byte, block)
	for n > 0 {
		for i := 0; i < block; i += 8 {
			state += 0x9E3779B97F4A7C15
			z := state
			z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
			z = (z ^ z>>27) * 0x94D049BB133111EB
			binary.LittleEndian.PutUint64(buf[i:], z^z>>31)
		}
		b := buf[:min(n, block)]
		if _, err := w.Write(b); err != nil {
			return err
		}
		n -= int64(len(b))
	}
	return nil
}

// Sum is the SHA-256 of the first n bytes, in hex.
func Sum(n int64) string {
	h := sha256.New()
	Write(h, n) // a hash does not fail
	return hex.EncodeToString(h.Sum(nil))
}
