package license

import (
	"flag"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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
	for name, s := range map[string]State{
		"active":         granted(1, 1, 4, ada),
		"revoked":        granted(1, 1, 4, ada).revoked(),
		"without locale": granted(3, 2, 100, bob),
		"before 1970":    {LicenseID: "x", Generation: 1, GrantedAt: time.Unix(-1, 0).UTC()},
	} {
		fields := map[string]string{"seq": "1", "recent": "x"}
		saved := save(s)
		for i := 0; i < len(saved); i += 2 {
			fields[saved[i]] = saved[i+1]
		}
		got, err := load(fields)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(s, got); diff != "" {
			t.Errorf("%s (-saved +loaded):\n%s", name, diff)
		}
	}
}

func TestNothingIsKeptOfAnExtensionWithoutLicense(t *testing.T) {
	t.Parallel()
	if fields := save(State{}); len(fields) != 0 {
		t.Errorf("keeps %v", fields)
	}
	s, err := load(map[string]string{"seq": "7", "recent": "x"})
	if err != nil || s != (State{}) {
		t.Errorf("loaded %+v, %v", s, err)
	}
}

func TestDamagedStateIsNoticed(t *testing.T) {
	t.Parallel()
	for _, field := range []string{fieldGeneration, fieldLimit, fieldGrantedAt} {
		saved, fields := save(granted(1, 1, 4, ada)), map[string]string{}
		for i := 0; i < len(saved); i += 2 {
			fields[saved[i]] = saved[i+1]
		}
		fields[field] = "many"
		if s, err := load(fields); err == nil {
			t.Errorf("%s: loaded %+v", field, s)
		}
	}
}

func TestRulesAreDeterministic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		workertest.Check(t, Rules(), history(t))
	})
}

// history is a random one of an extension, in which facts also come twice.
func history(t *rapid.T) []events.Recorded {
	var all []events.Recorded
	sequence := uint64(0)
	for range rapid.IntRange(1, 40).Draw(t, "events") {
		sequence += rapid.Uint64Range(1, 3).Draw(t, "gap")
		e := fact(sequence, data(t))
		e.Time = e.Time.Add(time.Duration(rapid.IntRange(0, 1_999_999).Draw(t, "ns")))
		if len(all) > 0 && rapid.IntRange(0, 9).Draw(t, "repeated") == 0 {
			e = all[rapid.IntRange(0, len(all)-1).Draw(t, "which")]
			e.Sequence = sequence
		}
		all = append(all, e)
	}
	return all
}

func data(t *rapid.T) events.Data {
	switch rapid.IntRange(0, 6).Draw(t, "kind") {
	case 0:
		return events.SoftphoneDisabled{Reason: rapid.SampledFrom([]string{"", "left", "Lärm"}).Draw(t, "reason")}
	case 1:
		return events.ExtensionDeleted{}
	case 2:
		return events.SoftphoneEmailChanged{Email: rapid.SampledFrom([]string{"ada@acme.example", "ada@new.example"}).Draw(t, "address")}
	}
	return events.SoftphoneEnabled{
		Email:       rapid.SampledFrom([]string{"ada@acme.example", "b.o-b+1@x.example"}).Draw(t, "email"),
		Username:    rapid.SampledFrom([]string{"ada", "bob 2"}).Draw(t, "username"),
		DisplayName: rapid.SampledFrom([]string{"Ada Lovelace", "李小龍", `"quoted" <b>`}).Draw(t, "name"),
		Locale:      rapid.SampledFrom([]string{"", "de-AT", "zh-Hant-TW"}).Draw(t, "locale"),
		DeviceLimit: rapid.SampledFrom([]int{0, 1, 4, 99, 100}).Draw(t, "limit"),
	}
}
