package namesync

import (
	"flag"
	"testing"

	"pgregory.net/rapid"

	"github.com/mycloudpbx/softphone/events"
	"github.com/mycloudpbx/softphone/services/internal/workertest"
)

var update = flag.Bool("update", false, "write testdata/histories anew")

func TestHistories(t *testing.T) {
	t.Parallel()
	workertest.Replay(t, Rules(), "testdata/histories", *update)
}

func TestStateIsKept(t *testing.T) {
	t.Parallel()
	for _, s := range []State{{}, {Name: "Ada", Sequence: 7}, {Name: "李 小龍", Sequence: 1 << 63}} {
		fields, saved := map[string]string{"seq": "9", "recent": "x"}, save(s)
		for i := 0; i < len(saved); i += 2 {
			fields[saved[i]] = saved[i+1]
		}
		if got, err := load(fields); err != nil || got != s {
			t.Errorf("saved %+v, loaded %+v, %v", s, got, err)
		}
	}
}

func TestDamagedStateIsNoticed(t *testing.T) {
	t.Parallel()
	if s, err := load(map[string]string{fieldName: "Ada", fieldNamed: "first"}); err == nil {
		t.Errorf("loaded %+v", s)
	}
}

func TestRulesAreDeterministic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var all []events.Recorded
		sequence := uint64(0)
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			sequence += rapid.Uint64Range(1, 3).Draw(t, "gap")
			all = append(all, fact(sequence, data(t)))
		}
		workertest.Check(t, Rules(), all)
	})
}

func data(t *rapid.T) events.Data {
	name := rapid.SampledFrom([]string{"Ada", "李小龍", `"quoted" <b>`, "x"}).Draw(t, "name")
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		return events.ExtensionDeleted{}
	case 1:
		return events.SoftphoneEnabled{Email: "a@acme.example", Username: "ada", DisplayName: name}
	}
	return events.ExtensionRenamed{Name: name}
}
