package main

import (
	"encoding/binary"
	"unicode/utf16"
)

// hive returns a registry file with nothing but a root key: a base block and one bin of 4 KiB each. Offsets in a hive count from the
// first bin. (Format: "Windows registry file format specification", github.com/msuhanov/regf.)
func hive(name string) []byte {
	const block, root, security = 4096, 0x20, 0x80
	le := binary.LittleEndian
	b := make([]byte, 2*block)
	filetime := uint64(epoch.Unix()+11644473600) * 10_000_000

	copy(b, "regf")
	le.PutUint32(b[4:], 1) // both sequence numbers are the same: nothing was being written
	le.PutUint32(b[8:], 1)
	le.PutUint64(b[12:], filetime)
	le.PutUint32(b[20:], 1) // version 1.5
	le.PutUint32(b[24:], 5)
	le.PutUint32(b[32:], 1) // loaded directly
	le.PutUint32(b[36:], root)
	le.PutUint32(b[40:], block) // length of all bins
	le.PutUint32(b[44:], 1)
	for i, c := range utf16.Encode([]rune(name)) {
		le.PutUint16(b[48+2*i:], c)
	}
	var sum uint32
	for i := 0; i < 508; i += 4 {
		sum ^= le.Uint32(b[i:])
	}
	le.PutUint32(b[508:], sum)

	bin := b[block:]
	copy(bin, "hbin")
	le.PutUint32(bin[8:], block)
	le.PutUint64(bin[20:], filetime)

	cell(bin, root, security-root)
	key := bin[root+4:]
	copy(key, "nk")
	le.PutUint16(key[2:], 0x2c) // root of a hive, not to be deleted, name in Latin 1
	le.PutUint64(key[4:], filetime)
	for _, none := range []int{28, 32, 40, 48} { // lists of subkeys, volatile subkeys, values; class name
		le.PutUint32(key[none:], 0xffffffff)
	}
	le.PutUint32(key[44:], security)
	le.PutUint16(key[72:], 4)
	copy(key[76:], "ROOT")

	// One security descriptor, self-relative, owner and group Administrators, without lists.
	administrators := []byte{1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0}
	sk := bin[security+4:]
	copy(sk, "sk")
	le.PutUint32(sk[4:], security) // a ring of one
	le.PutUint32(sk[8:], security)
	le.PutUint32(sk[12:], 1)
	le.PutUint32(sk[16:], 52)
	sd := sk[20:]
	sd[0] = 1
	le.PutUint16(sd[2:], 0x8000)
	le.PutUint32(sd[4:], 20)
	le.PutUint32(sd[8:], 36)
	copy(sd[20:], administrators)
	copy(sd[36:], administrators)
	const free = security + 0x50
	cell(bin, security, free-security)
	le.PutUint32(bin[free:], block-free) // a positive size marks the free rest
	return b
}

// cell marks bytes of a bin as used.
func cell(bin []byte, offset, size int) {
	binary.LittleEndian.PutUint32(bin[offset:], uint32(-int32(size)))
}
