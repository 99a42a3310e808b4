package events

import "testing"

func TestErasureCovers(t *testing.T) {
	t.Parallel()
	d := ExtensionErased{Sequences: "5 9-11 18446744073709551615"}
	for sequence, want := range map[uint64]bool{0: false, 4: false, 5: true, 6: false, 8: false, 9: true, 10: true, 11: true, 12: false, 18446744073709551615: true} {
		if got := d.Covers(sequence); got != want {
			t.Errorf("covers %d: %t", sequence, got)
		}
	}
	if got := (ExtensionErased{Sequences: "5 9-11 3"}).Last(); got != 11 {
		t.Errorf("the last is %d", got)
	}
	if (ExtensionErased{Sequences: "x 3- -4 18446744073709551616"}).Covers(3) {
		t.Error("what is no place covers one")
	}
}
