package credential

import (
	"errors"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/events"
)

func TestPolicy(t *testing.T) {
	t.Parallel()
	p := NewPolicy()
	about := []string{"1001@acme-telecom", "1001", "acme-telecom"}
	for _, c := range []struct {
		password string
		problem  string // part of it; "" for accepted
	}{
		{"heather moss and granite", ""},
		{"k7fvm-3xq9a-pd2hs-tw8nz", ""},
		{"žluťoučký kůň pěl", ""},
		{"一二三四五六七八九十甲乙丙丁戊", ""},
		{"my cat eats purple socks", ""},
		{"Tr0ub4dor&3-and-more-of-it", ""},

		{"", "has 0 characters"},
		{"fourteen chars", "has 14 characters"},
		{strings.Repeat("wombat-", 20), "at most 128"},
		{"good length\x00 but zero", "control character"},
		{"not UTF-8 \xff here", "not valid UTF-8"},

		{"aaaaaaaaaaaaaaaa", "well-known"},
		{"abababababababab", "well-known"},
		{"xyzzyqxyzzyqxyzzyq", "well-known"},
		{"123456789012345", "well-known"},
		{"9876543210987654", "well-known"},
		{"abcdefghijklmnop", "well-known"},
		{"qwertyuiopasdfgh", "well-known"},
		{"Passwordpassword", "well-known"},
		{"password12345678", "well-known"},
		{"P@ssw0rd-P@ssw0rd", "well-known"},
		{"correct horse battery staple", "well-known"},
		{"CorrectHorseBatteryStaple!1", "well-known"},
		{"correct-horse-battery-staple", "well-known"},
		{"The Quick Brown Fox 2024", "well-known"},
		{"may the force be with you", "well-known"},
		{"Summer2024Summer2024", "well-known"},
		{"iloveyouiloveyou", "well-known"},
		{"1q2w3e4r5t6y7u8i", "well-known"},

		{"1001@acme-telecom", "username"},
		{"acmetelecom10011001", "username"},
		{"Acme-Telecom-2024!", "username"},
		{"telecomacme1001password", "username"},
	} {
		err := p.Check(c.password, about...)
		if (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%q: %v, want %q", c.password, err, c.problem)
		}
		if field, ok := errors.AsType[*events.FieldError](err); err != nil && (!ok || field.Field != "password") {
			t.Errorf("%q: not a fault of the field: %#v", c.password, err)
		}
		if err != nil && len(c.password) > 3 && strings.Contains(err.Error(), c.password) {
			t.Errorf("the error repeats %q", c.password)
		}
	}
}

func TestGenerated(t *testing.T) {
	t.Parallel()
	p, seen := NewPolicy(), map[string]bool{}
	var counts [256]int
	for range 2000 {
		password := Generate()
		if err := p.Check(password, "1001@acme", "1001", "acme"); err != nil || seen[password] {
			t.Fatalf("%q: %v, seen %t", password, err, seen[password])
		}
		seen[password] = true
		characters := strings.ReplaceAll(password, "-", "")
		if len(characters) != 20 || len(strings.Split(password, "-")) != 4 || strings.ContainsAny(password, "01iloILO") {
			t.Fatalf("%q", password)
		}
		for i := range len(characters) {
			counts[characters[i]]++
		}
	}
	for i := range len(unambiguous) { // 40,000 characters, 1,290 of each: six standard deviations are 212
		if n := counts[unambiguous[i]]; n < 1078 || n > 1502 {
			t.Errorf("%c comes %d times", unambiguous[i], n)
		}
	}
}

func TestHash(t *testing.T) {
	t.Parallel()
	h, ctx := NewHasher(2, 0), t.Context()
	hash, err := h.Hash(ctx, "žluťoučký kůň")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatal(hash, err)
	}
	again, err := h.Hash(ctx, "žluťoučký kůň")
	if err != nil || again == hash {
		t.Errorf("the same salt twice: %v", err)
	}
	for password, want := range map[string]bool{
		"žluťoučký kůň":                                     true,
		"z\u030Clut\u030Couc\u030Cky\u0301 ku\u030An\u030C": true, // decomposed
		"zlutoucky kun":                                     false, "": false,
	} {
		if got, err := h.Matches(ctx, Caller{}, hash, password); err != nil || got != want {
			t.Errorf("%q: %t, %v", password, got, err)
		}
	}
	if got, err := h.Matches(ctx, Caller{}, "", ""); err != nil || got {
		t.Errorf("nobody: %t, %v", got, err)
	}
	for _, bad := range []string{
		"x", "$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA", strings.Replace(hash, "m=19456", "m=4194304", 1), strings.Replace(hash, "argon2id", "argon2i", 1),
	} {
		if _, err := h.Matches(ctx, Caller{}, bad, "x"); !errors.Is(err, errHash) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
