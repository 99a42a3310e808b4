package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

const signInSubject = "softphone.pbx.acme.1001.DeviceSignedIn"

// signIn is a message with parts replaced, pairs of old and new.
func signIn(tb testing.TB, replace ...string) string {
	tb.Helper()
	body := string(encode(tb, example(tb, "DeviceSignedIn")))
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(body, replace[i]) {
			tb.Fatalf("%s is not in %s", replace[i], body)
		}
		body = strings.Replace(body, replace[i], replace[i+1], 1)
	}
	return body
}

// wantFault requires a *FieldError on the field whose text has all of the words.
func wantFault(t *testing.T, err error, field string, words ...string) {
	t.Helper()
	var fault *FieldError
	if !errors.As(err, &fault) {
		t.Fatalf("error is %v, want a *FieldError on %q", err, field)
	}
	if fault.Field != field {
		t.Errorf("fault is on %q (%v), want %q", fault.Field, err, field)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error is %q, want it to say %q", err, word)
		}
	}
	if len(err.Error()) > 400 {
		t.Errorf("error has %d bytes", len(err.Error()))
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	device := `"deviceId":"iphone-6E7D3C52"`
	stamp := `"time":"2026-03-09T08:15:00.25Z"`
	tests := map[string]struct {
		body  string
		field string
		says  string
	}{
		"nothing":            {"", "", "a value expected at its end"},
		"not JSON":           {"hello", "", "a value expected at byte 1"},
		"cut":                {signIn(t)[:100], "", "is not valid JSON"},
		"trailing":           {signIn(t) + "{}", "", "nothing more expected"},
		"trailing comma":     {`{"a":1,}`, "", "a key in quotes expected at byte 8"},
		"no object":          {`["a"]`, "", "must be an object, not an array"},
		"deep":               {strings.Repeat("[", 65), "", "deeper than 64"},
		"64 KiB and a byte":  {signIn(t, device, `"x":"`+strings.Repeat("a", MaxSize-len(signIn(t))-7+1)+`",`+device), "", "has 65537 bytes"},
		"invalid UTF-8":      {signIn(t, "iphone-6", "iphone-\xff6"), "", "UTF-8"},
		"lone surrogate":     {signIn(t, "8.4.1", `\ud83d`), "", "no partner"},
		"swapped surrogates": {signIn(t, "8.4.1", `\ude00\ud83d`), "", "no partner"},
		"raw line feed":      {signIn(t, "8.4.1", "8.4\n1"), "", "no control character expected"},
		"bad escape":         {signIn(t, "8.4.1", `\x41`), "", "an escape sequence expected"},

		"key twice":               {signIn(t, device, device+","+device), "data.deviceId", "given twice"},
		"key twice, escaped":      {signIn(t, device, device+`,"d\u0065viceId":"x"`), "data.deviceId", "given twice"},
		"unknown key twice":       {signIn(t, device, `"x":{"y":[{"z":1,"z":2}]},`+device), "data.x.y.z", "given twice"},
		"deep key twice":          {signIn(t, device, strings.Repeat(`"k":{`, 50)+`"z":1,"z":2`+strings.Repeat("}", 50)+","+device), "data.k.k.k.….z", "given twice"},
		"attribute twice":         {signIn(t, stamp, stamp+","+stamp), "time", "given twice"},
		"key twice among many":    {signIn(t, device, `"m":{`+manyKeys(300)+`,"k7":1},`+device), "data.m.k7", "given twice"},
		"key in another case":     {signIn(t, `"deviceId"`, `"deviceID"`), "data.deviceId", `"deviceID" is not it`},
		"attribute in other case": {signIn(t, `"time"`, `"Time"`), "time", `"Time" is not it`},

		"other specversion":  {signIn(t, `"1.0"`, `"0.3"`), "specversion", `must be "1.0"`},
		"no specversion":     {signIn(t, `"specversion":"1.0",`, ""), "specversion", "is required"},
		"id not a UUID":      {signIn(t, `"019ccf20-`, `"019CCF20-`), "id", "canonical"},
		"id of version 4":    {signIn(t, "-7a55-", "-4a55-"), "id", "version 7"},
		"id of no variant":   {signIn(t, "-8b1c-", "-cb1c-"), "id", "version 7"},
		"id a number":        {signIn(t, `"id":"`, `"id":1,"x":"`), "id", "must be a string, not a number"},
		"no source":          {signIn(t, `"source":"pbx",`, ""), "source", "is required"},
		"empty source":       {signIn(t, `"source":"pbx"`, `"source":""`), "source", "must not be empty"},
		"other type":         {signIn(t, ".DeviceSignedIn", ".DeviceRemoved"), "type", "must be \"com.mycloudpbx.DeviceSignedIn\""},
		"other tenant":       {signIn(t, "acme/1001", "evil/1001"), "subject", `must be "acme/1001", not "evil/1001"`},
		"other extension":    {signIn(t, "acme/1001", "acme/1002"), "subject", `must be "acme/1001"`},
		"subject shifted":    {signIn(t, "acme/1001", "acme1/001"), "subject", `must be "acme/1001"`},
		"dot device":         {signIn(t, device, `"deviceId":".."`), "data.deviceId", "URL"},
		"other content type": {signIn(t, "application/json", "text/json"), "datacontenttype", "application/json"},

		"no time":         {signIn(t, stamp+",", ""), "time", "is required"},
		"year 9999":       {signIn(t, "2026-", "9999-"), "time", "in the year 9999"},
		"year 1999":       {signIn(t, "2026-", "1999-"), "time", "in the year 1999"},
		"year 2100":       {signIn(t, "2026-", "2100-"), "time", "in the year 2100"},
		"1999 in UTC":     {signIn(t, stamp, `"time":"2000-01-01T00:30:00+01:00"`), "time", "in the year 1999"},
		"2100 as written": {signIn(t, stamp, `"time":"2100-01-01T00:30:00+01:00"`), "time", "in the year 2100"},
		"time with space": {signIn(t, "09T08", "09 08"), "time", "RFC 3339"},
		"time with comma": {signIn(t, "00.25", "00,25"), "time", "RFC 3339"},
		"short hour":      {signIn(t, "T08", "T8"), "time", "RFC 3339"},
		"offset of a day": {signIn(t, "25Z", "25+24:00"), "time", "RFC 3339"},
		"offset of 60":    {signIn(t, "25Z", "25+01:60"), "time", "RFC 3339"},
		"30 February":     {signIn(t, "03-09", "02-30"), "time", "RFC 3339"},
		"no fraction":     {signIn(t, "00.25Z", "00.Z"), "time", "RFC 3339"},
		"no zone":         {signIn(t, "25Z", "25"), "time", "RFC 3339"},
		"long time":       {signIn(t, "25Z", strings.Repeat("0", 99)+"Z"), "time", "RFC 3339"},

		"no data":             {signIn(t, `,"data":`, `,"dada":`), "data.deviceId", "is required"},
		"data null":           {signIn(t, `"data":{`, `"data":null,"x":{`), "data", "must be an object, not null"},
		"data a string":       {signIn(t, `"data":{`, `"data":"{}","x":{`), "data", "must be an object, not a string"},
		"device id a number":  {signIn(t, device, `"deviceId":7`), "data.deviceId", "must be a string, not a number"},
		"device id null":      {signIn(t, device, `"deviceId":null`), "data.deviceId", "must be a string, not null"},
		"empty device id":     {signIn(t, device, `"deviceId":""`), "data.deviceId", "is required"},
		"129 of device id":    {signIn(t, device, `"deviceId":"`+strings.Repeat("a", 129)+`"`), "data.deviceId", "(129 characters) is not a device id"},
		"slash in device id":  {signIn(t, "iphone-6E", "iphone/6E"), "data.deviceId", "is not a device id"},
		"other platform":      {signIn(t, `"platform":"iphone"`, `"platform":"iPhone"`), "data.platform", "mac, iphone, windows, android or other"},
		"129 of device name":  {signIn(t, "Anna's iPhone", strings.Repeat("ü", 129)), "data.deviceName", "has 129 characters"},
		"65 of version":       {signIn(t, "8.4.1", strings.Repeat("8", 65)), "data.appVersion", "has 65 characters"},
		"escaped line feed":   {signIn(t, "8.4.1", `8.4\n1`), "data.appVersion", `control character '\n'`},
		"escaped NUL":         {signIn(t, "8.4.1", `8.4\u00001`), "data.appVersion", "control character"},
		"line separator":      {signIn(t, "8.4.1", "8.4\u20281"), "data.appVersion", `control character '\u2028'`},
		"paragraph separator": {signIn(t, "8.4.1", `8.4\u20291`), "data.appVersion", "control character"},
		"C1 control":          {signIn(t, "8.4.1", "8.4\u0085"), "data.appVersion", "control character"},
		"delete":              {signIn(t, "8.4.1", "8.4\u007f"), "data.appVersion", "control character"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Decode(signInSubject, []byte(test.body))
			wantFault(t, err, test.field, test.says)
		})
	}
}

func manyKeys(n int) string {
	var keys []string
	for i := range n {
		keys = append(keys, fmt.Sprintf(`"k%d":%d`, i, i))
	}
	return strings.Join(keys, ",")
}

func TestDecodeAccepts(t *testing.T) {
	t.Parallel()
	want := example(t, "DeviceSignedIn")
	tests := map[string]string{
		"as it is":                     signIn(t),
		"white space":                  " \r\n\t" + strings.ReplaceAll(signIn(t), ",", " ,\n\t") + "\n",
		"64 KiB":                       signIn(t, `"data":{`, `"data":{"x":"`+strings.Repeat("a", MaxSize-len(signIn(t))-7)+`",`),
		"unknown fields":               signIn(t, `"data":{`, `"traceparent":"00-1","x":[1.5e-3,true,false,null,{}],"data":{"password":"hunter2","y":{"y":[]},`),
		"many unknown fields":          signIn(t, `"data":{`, `"data":{`+manyKeys(2000)+","),
		"fields in other case":         signIn(t, `"data":{`, `"Time":"x","data":{"DeviceId":"evil","PLATFORM":7,`),
		"escapes":                      signIn(t, "iphone-6", `\u0069\u0050hone-6`, `iPhone","app`, `\u0069Phone","app`),
		"deepest":                      signIn(t, `"data":{`, `"x":`+strings.Repeat("[", 63)+strings.Repeat("]", 63)+`,"data":{`),
		"a URL as source":              signIn(t, `"pbx"`, `"https://pbx.example.com/core"`),
		"content type without a blank": signIn(t, "application/json", "application/json;charset=UTF-8"),
		"no content type":              signIn(t, `"datacontenttype":"application/json",`, ""),
		"charset":                      signIn(t, "application/json", "application/json; charset=utf-8"),
		"another zone":                 signIn(t, "08:15:00.25Z", "09:15:00.250+01:00"),
	}
	tests["escapes"] = signIn(t, "iphone-6", `\u0069phone-6`, "Anna's", `Anna\u0027s`, `"data"`, `"d\u0061ta"`)
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := Decode(signInSubject, []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("read %+v, want %+v", got, want)
			}
		})
	}
}

func TestDecodeEscapes(t *testing.T) {
	t.Parallel()
	body := signIn(t, "Anna's iPhone", `\"\\\/ \u00fc \uD83D\uDe00 \\u0041`)
	e, err := Decode(signInSubject, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := e.Data.(DeviceSignedIn).DeviceName, `"\/ ü 😀 \u0041`; got != want {
		t.Errorf("read %q, want %q", got, want)
	}
}

func TestDecodeKeepsNoUnknownField(t *testing.T) {
	t.Parallel()
	body := signIn(t, `"specversion"`, `"password":"hunter2","specversion"`, `"data":{`, `"data":{"password":"hunter2",`)
	e, err := Decode(signInSubject, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if again := string(encode(t, e)); strings.Contains(again, "hunter2") || strings.Contains(again, "password") {
		t.Errorf("the unknown field survived: %s", again)
	}
	_, err = DecodeStrict(signInSubject, []byte(body))
	wantFault(t, err, "password", "unknown field")
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error shows the value: %v", err)
	}
}

func TestDecodeDataStrict(t *testing.T) {
	t.Parallel()
	seat := `{"deviceId":"a","platform":"mac","activatedAt":"2026-03-09T08:15:00Z","password":"hunter2"}`
	reached := `{"licenseId":"019ccf1e-5b7a-7c3d-9a41-5f0c2b7e6d18","deviceId":"b","platform":"mac","used":1,"limit":1,"devices":[` + seat + `]}`
	tests := []struct{ event, data, field, says string }{
		{"SoftphoneEnabled", `{"email":"a@b","username":"u","displayName":"n","password":"hunter2"}`, "data.password", "email, username, displayName, locale, deviceLimit"},
		{"SoftphoneEnabled", `{"email":"a@b","username":"u","displayName":"n","Locale":"en"}`, "data.Locale", "unknown field"},
		{"ExtensionDeleted", `{"password":"hunter2"}`, "data.password", "the fields are: none"},
		{"SoftphonePasswordReset", `{"new\npassword":"hunter2"}`, `data."new\npassword"`, "unknown field"},
		{"DeviceActivationLimitReached", reached, "data.devices[0].password", "unknown field"},
	}
	for _, test := range tests {
		_, err := DecodeDataStrict(test.event, []byte(test.data))
		wantFault(t, err, test.field, test.says)
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows the value: %v", err)
		}
		if _, err := DecodeData(test.event, []byte(test.data)); err != nil {
			t.Errorf("DecodeData is not lenient: %v", err)
		}
	}
	if _, err := DecodeDataStrict("SoftphoneExploded", []byte(`{}`)); !errors.Is(err, ErrUnknownEvent) {
		t.Errorf("an unknown event: %v", err)
	}
	_, err := DecodeDataStrict("ExtensionDeleted", []byte(`[]`))
	wantFault(t, err, "data", "must be an object, not an array")
	_, err = DecodeDataStrict("ExtensionDeleted", []byte(`{`))
	wantFault(t, err, "data", "is not valid JSON")
	_, err = DecodeDataStrict("ExtensionRenamed", []byte(`{"name":"a","name":"b"}`))
	wantFault(t, err, "data.name", "given twice")
}

func TestDecodeUnknownEvent(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{
		"softphone.pbx.acme.1001.SoftphoneExploded", // not in the contract
		"softphone.pbx.acme.1001.LicenseGranted",    // not the PBX core's
		"softphone.billing.acme.1001.InvoiceSent",   // a worker of a later version
		"log.3.license.acme.1001.DeviceActivated",
	} {
		if _, err := Decode(subject, []byte("not even JSON")); !errors.Is(err, ErrUnknownEvent) {
			t.Errorf("%s: %v, want ErrUnknownEvent", subject, err)
		}
	}
}

func TestDecodeWithoutData(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ExtensionDeleted", "SoftphonePasswordReset", "WelcomeEmailRequested"} {
		e := example(t, name)
		body := strings.Replace(string(encode(t, e)), `,"data":{}`, "", 1)
		got, err := Decode(e.Subject(), []byte(body))
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("%s: read %+v, %v, want %+v", name, got, err, e)
		}
	}
	e := example(t, "SoftphoneDisabled")
	e.Data = SoftphoneDisabled{}
	body := strings.Replace(string(encode(t, e)), `,"data":{}`, "", 1)
	if got, err := Decode(e.Subject(), []byte(body)); err != nil || !reflect.DeepEqual(got, e) {
		t.Errorf("read %+v, %v, want %+v", got, err, e)
	}
}

func TestDecodeNumbers(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]int{
		"1": 1, "100": 100, "4.0": 4, "4e0": 4, "0.4E1": 4, "100.000": 100,
		"0": -1, "101": -1, "-1": -1, "-0": -1, "4.5": -1, "1e400": -1, "99999999999999999999": -1, `"4"`: -1, "true": -1, "null": -1,
	} {
		d, err := DecodeData("SoftphoneEnabled", []byte(`{"email":"a@b","username":"u","displayName":"n","deviceLimit":`+written+`}`))
		if want < 0 {
			wantFault(t, err, "data.deviceLimit")
		} else if err != nil || d.(SoftphoneEnabled).DeviceLimit != want {
			t.Errorf("%s: read %+v, %v, want %d", written, d, err, want)
		}
	}
	for _, written := range []string{"01", "+1", ".5", "1.", "1e", "1e+", "0x1", "-", "NaN", "tru", "nul"} {
		_, err := DecodeData("SoftphoneEnabled", []byte(`{"deviceLimit":`+written+`}`))
		wantFault(t, err, "data", "is not valid JSON")
	}
}

func TestDecodeSeats(t *testing.T) {
	t.Parallel()
	seats := func(list string) error {
		data := `{"licenseId":"019ccf1e-5b7a-7c3d-9a41-5f0c2b7e6d18","deviceId":"b","platform":"mac","used":1,"limit":1,"devices":` + list + `}`
		_, err := DecodeData("DeviceActivationLimitReached", []byte(data))
		return err
	}
	seat := `{"deviceId":"a","platform":"mac","activatedAt":"2026-03-09T08:15:00Z"}`
	for _, list := range []string{`[]`, `[` + seat + `]`, `[` + strings.Repeat(seat+",", 9) + seat + `]`} {
		if err := seats(list); err != nil {
			t.Errorf("%s: %v", list, err)
		}
	}
	wantFault(t, seats(`[`+strings.Repeat(seat+",", 10)+seat+`]`), "data.devices", "has 11 entries")
	wantFault(t, seats(`{}`), "data.devices", "must be an array, not an object")
	wantFault(t, seats(`null`), "data.devices", "must be an array, not null")
	wantFault(t, seats(`[`+seat+`,7]`), "data.devices[1]", "must be an object, not a number")
	wantFault(t, seats(`[`+seat+`,{"deviceId":"a"}]`), "data.devices[1].platform", "is required")
	wantFault(t, seats(`[{"deviceId":"a","platform":"mac","activatedAt":"9999-01-01T00:00:00Z"}]`), "data.devices[0].activatedAt", "9999")
}

// TestLargestEvent holds Encode to its promise never to exceed MaxSize: four bytes a character, everything full.
func TestLargestEvent(t *testing.T) {
	t.Parallel()
	wide := strings.Repeat("😀", maxLabel)
	e := example(t, "DeviceActivationLimitReached")
	d := e.Data.(DeviceActivationLimitReached)
	d.DeviceID, d.DeviceName, d.Devices = strings.Repeat("d", maxDeviceID), wide, nil
	for range MaxSeats {
		d.Devices = append(d.Devices, Seat{DeviceID: d.DeviceID, Platform: PlatformWindows, DeviceName: wide, ActivatedAt: e.Time.Add(time.Nanosecond)})
	}
	e.Data = d
	body := encode(t, e)
	if len(body) > MaxSize/4 {
		t.Errorf("the largest event has %d bytes", len(body))
	}
	if got, err := Decode(e.Subject(), body); err != nil || !reflect.DeepEqual(got, e) {
		t.Errorf("read %+v, %v", got, err)
	}
	if !json.Valid(body) {
		t.Error("encoding/json does not read it")
	}
}
