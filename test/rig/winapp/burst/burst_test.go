package burst

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// The first words of SplitMix64 from seed 0, as published with the generator.
func TestStream(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, 20); err != nil {
		t.Fatal(err)
	}
	want := binary.LittleEndian.AppendUint64(nil, 0xE220A8397B1DCDAF)
	want = binary.LittleEndian.AppendUint64(want, 0x6E789E6AA1B965F4)
	want = binary.LittleEndian.AppendUint64(want, 0x06C45D188009454F)
	if !bytes.Equal(b.Bytes(), want[:20]) {
		t.Errorf("stream begins with %x, want %x", b.Bytes(), want[:20])
	}
}

func TestPrefix(t *testing.T) {
	var long, short bytes.Buffer
	Write(&long, 3*block+5)
	Write(&short, block+3)
	if long.Len() != 3*block+5 || !bytes.HasPrefix(long.Bytes(), short.Bytes()) {
		t.Error("a shorter stream is not the beginning of a longer one")
	}
	if Sum(5) == Sum(6) {
		t.Error("different lengths have one sum")
	}
}
