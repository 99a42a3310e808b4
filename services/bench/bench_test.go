package main

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	if asChild() {
		return
	}
	os.Exit(m.Run())
}

// A quick run measures every figure. What it finds says nothing about speed; the
// memory of a license is the same as in a full one.
func TestQuick(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-quick"}, &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var report Report
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &report); err != nil {
		t.Fatalf("the last line is not JSON: %v", err)
	}
	everyFigure(t, "report", reflect.ValueOf(report))
	if !report.Memory.License.Met {
		t.Errorf("a license takes %.0f bytes of Redis, at most %.0f are allowed", report.Memory.License.Value, report.Memory.License.AtMost)
	}
}

// What is not measured is not there, rather than nothing.
func TestOnly(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-quick", "-only", "^(memory of Redis|refold)$"}, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Memory\n", "a license with 4 devices", "(its default)\n", "fold again against raw", `"redisBytesPerLicense":`, `"refold":{`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	for _, not := range []string{"0 events of 0", "Sync always", "watermill", "Replay", "not measured", "p50 0.000", `"throughput":`, `"replays":`, `"syncAlways":`, `"portal":{`, `"workerSmall":`} {
		if strings.Contains(out.String(), not) {
			t.Errorf("%q was not measured, and is in\n%s", not, out.String())
		}
	}
}

// Who is not root has no Postfix to measure, and misses no target by that.
func TestMailsWithoutPostfix(t *testing.T) {
	t.Parallel()
	r := Report{Mails: Mails{Mails: 1, VersusElsewhere: atLeast(1, 0.8), FlatRatio: atMost(1, 1.2)}}
	r.Mails.Elsewhere.Ratio.add(1)
	var out bytes.Buffer
	if err := r.print(&out); err != nil || strings.Contains(out.String(), "Postfix") || !r.allMet() {
		t.Errorf("%v, all met: %t\n%s", err, r.allMet(), out.String())
	}
}

// everyFigure fails for a figure that was not measured. Processor time is counted in
// units that a quick run does not fill; Postfix starts as root only.
func everyFigure(t *testing.T, path string, v reflect.Value) {
	t.Helper()
	if os.Geteuid() != 0 && (path == "report.Mails.Postfix" || path == "report.Mails.VersusPostfix") {
		return
	}
	if judged, is := reflect.TypeAssert[Judged](v); is {
		if judged.Value <= 0 || judged.AtLeast == 0 && judged.AtMost == 0 {
			t.Errorf("%s: %+v", path, judged)
		}
		return
	}
	if v.Type() == reflect.TypeFor[CPU]() {
		return
	}
	for i := range v.NumField() {
		field, name := v.Field(i), path+"."+v.Type().Field(i).Name
		switch {
		case !v.Type().Field(i).IsExported(), name == "report.Sizes":
		case field.Kind() == reflect.Struct:
			everyFigure(t, name, field)
		case field.IsZero() && field.Kind() != reflect.Bool && !strings.HasSuffix(name, ".Failed") && !strings.HasSuffix(name, ".Busy"):
			t.Errorf("%s is missing", name)
		}
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-rounds", "many"}, {"-only", "("}, {"-unknown"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v: accepted", args)
		}
	}
	o, err := parse([]string{"-quick", "-rounds", "2"})
	if err != nil {
		t.Fatal(err)
	}
	if want := quickSizes(); o.sizes.Rounds != 2 || o.sizes.SignIns != want.SignIns {
		t.Errorf("sizes %+v", o.sizes)
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	var s Spread
	for _, v := range []float64{4, 1, 3, 2} {
		s.add(v)
	}
	if s.Median != 2.5 || s.Min != 1 || s.Max != 4 {
		t.Errorf("got %+v", s)
	}
}
