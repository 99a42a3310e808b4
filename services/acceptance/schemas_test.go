package acceptance

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mycloudpbx/softphone/events"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemas compiles all of them, with formats asserted.
func schemas(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	files, err := filepath.Glob(filepath.Join(contractDir, "schema", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no schemas: %v", err)
	}
	ids := map[string]string{}
	for _, file := range files {
		doc := jsonFile(t, file).(map[string]any)
		ids[strings.TrimSuffix(filepath.Base(file), ".json")] = doc["$id"].(string)
		if err := compiler.AddResource(doc["$id"].(string), doc); err != nil {
			t.Fatal(err)
		}
	}
	compiled := map[string]*jsonschema.Schema{}
	for name, id := range ids {
		if compiled[name], err = compiler.Compile(id); err != nil {
			t.Fatal(err)
		}
	}
	return compiled
}

func TestEveryEventHasItsSchema(t *testing.T) {
	t.Parallel()
	want := append(allEvents(), "envelope", "fields")
	got := slices.Collect(maps.Keys(schemas(t)))
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("schema/ has other files (-want +got):\n%s", diff)
	}
}

// TestSchemaPropertiesAreTheFields: no field without its description, no description without its field.
func TestSchemaPropertiesAreTheFields(t *testing.T) {
	t.Parallel()
	for _, event := range allEvents() {
		doc := jsonFile(t, filepath.Join(contractDir, "schema", event+".json"))
		described := keys(at(t, doc, "$defs", "data", "properties"))
		e, err := decodeGolden(t, event)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(jsonTags(reflect.TypeOf(e.Data)), described); diff != "" {
			t.Errorf("%s: the schema has other properties (-Go +schema):\n%s", event, diff)
		}
	}
	fields := jsonFile(t, filepath.Join(contractDir, "schema", "fields.json"))
	if diff := cmp.Diff(jsonTags(reflect.TypeFor[events.Seat]()), keys(at(t, fields, "$defs", "seat", "properties"))); diff != "" {
		t.Errorf("seat: the schema has other properties (-Go +schema):\n%s", diff)
	}
}

func decodeGolden(t *testing.T, event string) (events.Event, error) {
	t.Helper()
	message := goldenMessage(t, event)
	body, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return decodeMessage(event, message, body)
}

func jsonTags(structure reflect.Type) []string {
	tags := []string{}
	for field := range structure.Fields() {
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	return tags
}

// TestSchemasAgreeWithDecode leaves out every field of every event, and gives every field every value of values: a
// schema accepts the message if and only if Decode does.
func TestSchemasAgreeWithDecode(t *testing.T) {
	t.Parallel()
	compiled := schemas(t)
	for _, event := range allEvents() {
		t.Run(event, func(t *testing.T) {
			t.Parallel()
			accepted, refused := 0, 0
			try := func(what string, message map[string]any) {
				body, err := json.Marshal(message)
				if err != nil {
					t.Fatal(err)
				}
				bySchema := compiled[event].Validate(message)
				_, byDecode := decodeMessage(event, message, body)
				if (bySchema == nil) != (byDecode == nil) {
					t.Errorf("%s: the schema says %v\nDecode says %v\n%.600s", what, bySchema, byDecode, body)
				}
				if byDecode == nil {
					accepted++
				} else {
					refused++
				}
			}
			message := withEveryField(t, event)
			try("as recorded", message)
			eachObject(message, "", func(path string, object map[string]any) {
				for _, field := range slices.Sorted(maps.Keys(object)) {
					original := object[field]
					delete(object, field)
					try(path+field+" left out", message)
					for _, value := range values() {
						object[field] = value
						try(path+field+" replaced", message)
					}
					object[field] = original
				}
			})
			if accepted < 20 || refused < 500 {
				t.Errorf("only %d accepted and %d refused: the values test nothing", accepted, refused)
			}
		})
	}
}

// withEveryField is the golden message, with the optional fields it lacks.
func withEveryField(t *testing.T, event string) map[string]any {
	t.Helper()
	message := goldenMessage(t, event)
	if events.IsFact(event) {
		message["actorkind"], message["actorid"], message["actorname"] = events.ActorAdministrator, "4711", "Ann"
	}
	data := message["data"].(map[string]any)
	for _, field := range events.KnownFields(event) {
		if _, found := data[field]; !found {
			data[field] = "" // what an absent text may also be; a number is refused by both, and then replaced
			if field == "smtpCode" || field == "deviceLimit" {
				data[field] = json.Number("250")
			}
		}
	}
	return message
}

// eachObject calls f with an object and all objects in it.
func eachObject(value any, path string, f func(path string, object map[string]any)) {
	switch value := value.(type) {
	case map[string]any:
		f(path, value)
		for _, key := range slices.Sorted(maps.Keys(value)) {
			eachObject(value[key], path+key+".", f)
		}
	case []any:
		for i := range value {
			eachObject(value[i], path+strconv.Itoa(i)+".", f)
		}
	}
}

// values is what every field is given: every kind of value, and both sides of every bound.
func values() []any {
	list := []any{nil, true, map[string]any{}, []any{}, []any{""}}
	for n := range strings.FieldsSeq("-1 0 0.5 1 1.0 4e0 4 99 100 101 199 200 599 600 9007199254740991 9007199254740992 1e400") {
		list = append(list, json.Number(n))
	}
	for _, n := range []int{1, 2, 8, 9, 31, 32, 33, 35, 36, 63, 64, 65, 127, 128, 129, 254, 255, 400, 401} {
		for _, letter := range []string{"a", "7", "ü", "😀", "@", "-"} {
			list = append(list, strings.Repeat(letter, n))
		}
		list = append(list, "en"+strings.Repeat("-abcdefg", n)[:n], strings.Repeat("l", n)+"@example.com", "l@"+strings.Repeat("h", n),
			strings.Repeat("l", 64)+"@"+strings.Repeat("h", 63)+"."+strings.Repeat("h", 63)+"."+strings.Repeat("h", min(n, 62)),
			strings.Repeat("ü", n)+"@例子.example", "l@"+strings.Repeat("ü", n)+".com", strings.Repeat("a", n)+"/1", "a/"+strings.Repeat("1", n))
	}
	for _, text := range texts {
		list = append(list, text)
	}
	for r := range rune(0xa1) { // every control character, and the printable ones around them
		list = append(list, "a"+string(r)+"b", string(r))
	}
	seat := map[string]any{"deviceId": "a", "platform": "mac", "activatedAt": "2026-03-09T08:15:00Z"}
	return append(list, slices.Repeat([]any{seat}, 1), slices.Repeat([]any{seat}, 10), slices.Repeat([]any{seat}, 11))
}

var texts = []string{
	"", " ", "änne@müller.example", "用户@例子.广告", "उपयोगकर्ता@उदाहरण.भारत", "a\u0308@b", "a@u\u0308", "\u1112\u1161\u11ab@kr", "a😀@b", "a@b。c", "a²@b",
	"a@ü-", "a@-ü", "a\u00a0b@c", "a\u200d@b", "a\u2028b", "a\u2029b", "a\u2027b", "a\ufeffb", "\ufffd", "a\r\nBcc: x@y", "a\n",
	"\u00a0", "\u200b", "\u3000", "\u00ad", "\u3164", "\u2800", "\u115f", "\u1160", "\uffa0", "\u0301", "Zoe\u0301", "\ufe0f", "\u200d", "👩\u200d🚀", "李", "\u2066", "a\u061cb",
	"a\u200eb", "a\u200fb", "a\u2010b", "a\u202ab", "a\u202eb", "a\u202fb", "a\u2065b", "a\u2066b", "a\u2069b", "a\u206ab", "a\u200b@b", "a@b\u2060",
	"1.0", "1.1", "pbx", "application/json", "application/json; charset=utf-8", "application/xml", "Application/JSON",
	"administrator", "Administrator", "api-token", "device", "pbx-core", "mac", "Mac", "iphone", "windows", "android", "other", "welcome", "password-changed", "device-limit-reached", "not_licensed",
	"failed", "delayed", "relayed", "5.1.1", "4.7.999", "2.0.0", "3.1.1", "5.1", "5.1.1000", "5.1.1.1", "5..1", "5.1.1\n",
	"acme/1001", "acme", "Acme/1", "-a/1", "a-/1", "a/b/c", "a/_-Z", "a/ü", "acme/1001\n",
	"en", "de-AT", "de_AT", "zh-Hant-TW", "en-", "-en", "e-US", "e1", "x-private", "en--us", "en\n",
	"anna@example.com", "a@b", "a.b@c.d", ".a@b", "a.@b", "a..b@c", "a@.b", "a@b.", "a@-b", "a@b-", "a@b_c", "a@b@c", "a b@c",
	`"a"@b`, "a@[::1]", "ä@b", "a@ä", "a,b@c", "<a@b>", "a@b\n", "!#$%&'*+/=?^_`{|}~-@b", "a@b..c", "a@1", "(a)@b", "a;b@c", `a\@b`,
	"019ccf20-93e1-7a55-8b1c-0d9e8f7a6b5c", "019ccf20-93e1-7a55-cb1c-0d9e8f7a6b5c", "019ccf20-93e1-4a55-8b1c-0d9e8f7a6b5c",
	"019CCF20-93E1-7A55-8B1C-0D9E8F7A6B5C", "019ccf20-93e1-7a55-8b1c-0d9e8f7a6b5", "019ccf2093e17a558b1c0d9e8f7a6b5c",
	"2026-03-09T08:15:00Z", "2026-03-09T08:15:00.123456789Z", "2026-03-09T08:15:00.1234567890123456789Z", "2026-03-09T08:15:00.12345678901234567890Z",
	"2026-03-09T08:15:00+01:00", "2026-03-09T08:15:00-23:59", "2026-03-09T08:15:00+24:00", "2026-03-09T08:15:00+01:60", "2026-03-09T08:15:00",
	"2026-03-09 08:15:00Z", "2026-03-09t08:15:00z", "2026-03-09T8:15:00Z", "2026-03-09T08:15Z", "2026-03-09T08:15:60Z", "2016-12-31T23:59:60Z",
	"2026-03-09T24:00:00Z", "2026-02-29T00:00:00Z", "2028-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-32T00:00:00Z",
	"2026-03-09T08:15:00,5Z", "2026-03-09T08:15:00.Z", "1999-12-31T23:59:59Z", "2000-01-01T00:00:00Z", "2099-12-31T23:59:59Z", "2100-01-01T00:00:00Z",
	"9999-01-01T00:00:00Z", "2026-03-09", "2026-03-09T08:15:00Z\n",
}
