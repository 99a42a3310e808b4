package process

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	s := NewSecret("hunter2")
	type exported struct{ Password Secret }
	type unexported struct{ password Secret }
	values := []any{s, &s, exported{s}, &exported{s}, unexported{s}, &unexported{s}, []Secret{s}, map[string]Secret{"k": s}, map[Secret]int{s: 1}}

	var out bytes.Buffer
	log := zerolog.New(&out)
	text := slog.New(slog.NewTextHandler(&out, nil))
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%T"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		fmt.Fprintln(&out, v)
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
		log.Info().Interface("v", v).Any("w", v).Msg("")
		text.Info("", "v", v)
	}
	log.Info().Stringer("v", s).Err(fmt.Errorf("error: %v", s)).Msgf("%s", s)
	for _, form := range []string{"hunter2", "68756e74657232", "68756E74657232", "104 117"} {
		if strings.Contains(out.String(), form) {
			t.Errorf("%s is printed:\n%s", form, out.String())
		}
	}
	if s.Reveal() != "hunter2" {
		t.Errorf("revealed as %q", s.Reveal())
	}
}

func TestSecretPrintsAsSecret(t *testing.T) {
	t.Parallel()
	for name, got := range map[string]string{
		"%v": fmt.Sprintf("%v", NewSecret("x")), "%#v": fmt.Sprintf("%#v", NewSecret("x")),
		"%q of nothing": fmt.Sprintf("%q", Secret{}), "String": NewSecret("x").String(),
	} {
		if got != "[secret]" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if b, err := json.Marshal(NewSecret("x")); string(b) != `"[secret]"` || err != nil {
		t.Errorf("JSON: %s, %v", b, err)
	}
}

func TestEmptySecret(t *testing.T) {
	t.Parallel()
	if s := (Secret{}); !s.Empty() || s.Reveal() != "" {
		t.Error("the zero Secret is not empty")
	}
	if NewSecret("x").Empty() {
		t.Error("a value is empty")
	}
}
