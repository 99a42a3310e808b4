package credential

import (
	"errors"
	"strings"
	"testing"

	"github.com/mycloudpbx/softphone/events"
)

const (
	firstKey  = "the-first-key-of-twenty-six-and-more"
	secondKey = "the-second-key-of-twenty-six-and-more"
)

func sealOf(t *testing.T, keys ...string) Seal {
	t.Helper()
	s, err := NewSeal(strings.Join(keys, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A credential opens what it was stored for, and nothing else: whatever is changed or moved
// bears no seal.
func TestSeal(t *testing.T) {
	t.Parallel()
	x := events.Extension{Tenant: "acme", Number: "1001"}
	c := Credential{Hash: "$argon2id$v=19$m=1,t=1,p=1$c2FsdA$aGFzaA", Epoch: "epoch"}
	s := sealOf(t, firstKey)
	value := s.write(x, "fact", c)
	if got, err := s.read(x, "fact", value); err != nil || got != c {
		t.Fatalf("%+v, %v", got, err)
	}
	if got, err := sealOf(t, secondKey, firstKey).read(x, "fact", value); err != nil || got != c {
		t.Errorf("by the key before the current one: %+v, %v", got, err)
	}
	for name, try := range map[string]struct {
		seal  Seal
		x     events.Extension
		fact  string
		value string
	}{
		"another extension":       {s, events.Extension{Tenant: "acme", Number: "1002"}, "fact", value},
		"another tenant":          {s, events.Extension{Tenant: "acme1", Number: "001"}, "fact", value},
		"a later fact":            {s, x, "later", value},
		"another key":             {sealOf(t, secondKey), x, "fact", value},
		"another hash":            {s, x, "fact", strings.Replace(value, "aGFzaA", "aGFzaB", 1)},
		"another epoch":           {s, x, "fact", strings.Replace(value, " epoch ", " epocH ", 1)},
		"a boundary moved":        {s, x, "fact", strings.Replace(value, " epoch ", " epoc h", 1)},
		"no seal":                 {s, x, "fact", "epoch " + c.Hash},
		"nothing":                 {s, x, "fact", ""},
		"an empty seal":           {s, x, "fact", " epoch " + c.Hash},
		"half of the seal":        {s, x, "fact", value[20:]},
		"the seal of another key": {s, x, "fact", sealOf(t, secondKey).write(x, "fact", c)},
	} {
		if got, err := try.seal.read(try.x, try.fact, try.value); !errors.Is(err, ErrSeal) || got != (Credential{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestKeysOfTheSeal(t *testing.T) {
	t.Parallel()
	for keys, want := range map[string]string{
		"":                           "has 0 keys",
		"a b c":                      "has 3 keys",
		"short":                      "has a key of 5 characters",
		long('a') + " short":         "has a key of 5 characters",
		long('a'):                    "",
		long('a') + "\n":             "",
		long('a') + "\t" + long('b'): "",
	} {
		_, err := NewSeal(keys)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), long('a'))) {
			t.Errorf("%q: %v", keys, err)
		}
	}
}

func long(c byte) string { return strings.Repeat(string(c), minKey) }
