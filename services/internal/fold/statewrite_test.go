package fold

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOnlyWhatChangesIsWritten(t *testing.T) {
	t.Parallel()
	stored := func(pairs ...string) map[string]string {
		m := map[string]string{fieldSeq: "7", fieldRecent: "r"}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	for name, c := range map[string]struct {
		fields Fields
		stored map[string]string
		want   []any
	}{
		"never seen":          {Fields{"a", "1"}, nil, []any{6, "seq", "8", "recent", "r", "a", "1"}},
		"nothing but its seq": {Fields{"a", "1"}, stored("a", "1"), []any{-2, "seq", "8"}},
		"another value":       {Fields{"a", "2", "b", "1"}, stored("a", "1", "b", "1"), []any{-4, "seq", "8", "a", "2"}},
		"a new field":         {Fields{"a", "1", "b", ""}, stored("a", "1"), []any{-4, "seq", "8", "b", ""}},
		"a field is gone":     {Fields{"b", "1"}, stored("a", "1", "b", "1"), []any{6, "seq", "8", "recent", "r", "b", "1"}},
		"one gone, one new":   {Fields{"b", "1"}, stored("a", "1"), []any{6, "seq", "8", "recent", "r", "b", "1"}},
		"everything is gone":  {nil, stored("a", "1"), []any{4, "seq", "8", "recent", "r"}},
	} {
		got := stateWrite{seq: 8, recent: "r", fields: c.fields, stored: c.stored}.appendTo([]any{"before"})
		if diff := cmp.Diff(append([]any{"before"}, c.want...), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
