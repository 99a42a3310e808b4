package events

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestRules(t *testing.T) {
	t.Parallel()
	long := strings.Repeat
	tests := map[string]struct {
		rule rule
		good []string
		bad  []string
	}{
		"label": {
			label,
			[]string{"a", " ", "Anna Müller", "имя", `"Doe, John" <x>`, long("😀", 128), "\ufffd"},
			[]string{long("a", 129), long("ü", 129), "a\rb", "a\nb", "a\x00", "\t", "\u0085", "\u2028", "\u2029", "\x7f", "\xff", "a\xc3"},
		},
		"name": {
			name,
			[]string{"a", "Anna Müller", "Zoe\u0308", "имя", "李", "👩\u200d🚀", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", long("😀", 128), "-", " a "},
			[]string{
				long("a", 129), "a\nb", " ", "\u00a0", "\u200b", "\u3000\u2003", "\ufeff", "\u00ad", "\u3164", "\u2800", "\u115f\u1160", "\uffa0", "\u0301", "\ufe0f",
				"\u202eevil", "a\u202a", "a\u2066b", "a\u2069", "a\u200e", "\u200fa", "a\u061c", "\xff", "a\xff",
			},
		},
		"version":   {version, []string{"8.4.1 (2026)", long("8", 64)}, []string{long("8", 65), "8\n"}},
		"messageID": {messageID, []string{"<a@b>", long("m", 400)}, []string{long("m", 401), "<a@b>\r\n"}},
		"address": {
			address,
			[]string{
				"anna@example.com", "a@b", "a.b+c@d-e.example", "!#$%&'*+/=?^_`{|}~-@x1.y2", long("l", 64) + "@example.com",
				"a@" + long("h", 63) + ".com", "a@xn--mller-kva.example", "a@1.2.3.4",
				"änne@müller.example", "ä@b", "a@ä", "用户@例子.广告", "उपयोगकर्ता@उदाहरण.भारत", "한국@한국.kr", long("ü", 64) + "@" + long("ü", 63) + ".com",
				long("l", 64) + "@" + long("h", 63) + "." + long("h", 63) + "." + long("h", 61),
			},
			[]string{
				"anna", "@", "a@", "@b", "a@@b", "a b@c", "a@b c", ".a@b", "a.@b", "a..b@c", "a@.b", "a@b.", "a@b..c", "a@-b", "a@b-",
				"a@b_c", `"a b"@c`, "a@[127.0.0.1]", "a\u0308@b", "a@u\u0308", "\u1112\u1161\u11ab@kr", "a\u200d@b", "a😀@b", "\xff@b", "a@\xc3", "a@ü-", "a\u00a0b@c", long("ü", 65) + "@c", "a@" + long("ü", 64) + ".com", "a,b@c", "a@b\r\n", "a\r\n@b", "Anna <a@b>", "a@b,c@d", "a\x00@b",
				long("l", 65) + "@example.com", "a@" + long("h", 64) + ".com",
				long("l", 64) + "@" + long("h", 63) + "." + long("h", 63) + "." + long("h", 62),
			},
		},
		"languageTag": {
			languageTag,
			[]string{"en", "de-AT", "zh-Hant-TW", "sl-rozaj-biske-1994", "es-419", "sr-Latn-RS-x-abcdefgh-abcdefgh-abc"},
			[]string{"e", "en_US", "en-", "-en", "en--US", "e1", "english-us-abcdefghi", "languages", "en-ü", "en\r\n", "C.UTF-8", "en" + long("-abc", 9)},
		},
		"deviceID":  {deviceID, []string{"a", "A-z_0.9:x", long("d", 128)}, []string{long("d", 129), "a b", "a/b", "ä", "a\n", "a*", "a>"}},
		"platform":  {platform, []string{"mac", "iphone", "windows", "android", "other"}, []string{"Mac", "ios", "mac "}},
		"emailKind": {emailKind, []string{"welcome", "password-changed", "device-limit-reached"}, []string{"Welcome", "spam"}},
		"action":    {action, []string{"failed", "delayed"}, []string{"Failed", "delivered", "relayed"}},
		"enhancedCode": {
			enhancedCode,
			[]string{"5.1.1", "4.7.999", "2.0.0", "5.100.0"},
			[]string{"5", "5.1", "5.1.", "5..1", "3.1.1", "5.1.1.1", "5.1.1000", "5.1.1 ", "55.1.1", "5.a.1", "5.1.-1"},
		},
		"uuid": {
			uuid,
			[]string{"019ccf1e-5b7a-7c3d-9a41-5f0c2b7e6d18", "00000000-0000-0000-0000-000000000000"},
			[]string{
				"019ccf1e5b7a7c3d9a415f0c2b7e6d18", "019CCF1E-5b7a-7c3d-9a41-5f0c2b7e6d18", "{019ccf1e-5b7a-7c3d-9a41-5f0c2b7e6d}",
				"019ccf1e-5b7a-7c3d-9a41-5f0c2b7e6d1", "019ccf1e-5b7a-7c3d-9a41-5f0c2b7e6d1g", "019ccf1e--5b7a7c3d-9a41-5f0c2b7e6d18",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, s := range test.good {
				if problem := textProblem(required, s, test.rule); problem != "" {
					t.Errorf("%q: %s", s, problem)
				}
			}
			for _, s := range test.bad {
				if textProblem(required, s, test.rule) == "" {
					t.Errorf("%q is accepted", s)
				}
			}
			if textProblem(required, "", test.rule) == "" {
				t.Error("nothing is accepted where something is required")
			}
			if problem := textProblem(optional, "", test.rule); problem != "" {
				t.Errorf("nothing, where nothing is required: %s", problem)
			}
		})
	}
}

// TestNoFieldTakesALineBreak puts CR, LF, NUL and what else breaks lines into every text of every event.
func TestNoFieldTakesALineBreak(t *testing.T) {
	t.Parallel()
	for _, e := range examples() {
		for _, breaker := range []string{"\r\nBcc: x@y", "\r", "\n", "\x00", "\u2028", "\u2029", "\u0085", "\x1b[2J", "\xff"} {
			original := reflect.ValueOf(e.Data)
			changed := reflect.New(original.Type()).Elem()
			changed.Set(original)
			eachText(changed, func(path string, s reflect.Value) {
				before := s.String()
				s.SetString(before + breaker)
				wantFault(t, changed.Interface().(Data).Validate(), "data."+path)
				s.SetString(before)
			})
			if err := changed.Interface().(Data).Validate(); err != nil {
				t.Error(err)
			}
		}
	}
}

// eachText calls f with every text in a struct and in the seats it has, and its path in JSON.
func eachText(v reflect.Value, f func(path string, s reflect.Value)) {
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		switch field := v.Field(i); {
		case field.Kind() == reflect.String:
			f(name, field)
		case field.Kind() == reflect.Slice:
			seats := reflect.MakeSlice(field.Type(), field.Len(), field.Len())
			reflect.Copy(seats, field)
			field.Set(seats)
			for j := range field.Len() {
				eachText(field.Index(j), func(path string, s reflect.Value) {
					f(name+"["+string(rune('0'+j))+"]."+path, s)
				})
			}
		}
	}
}

func TestValidateNumbersAndSeats(t *testing.T) {
	t.Parallel()
	seat := Seat{DeviceID: "a", Platform: PlatformMac, ActivatedAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	reached := func(edit func(*DeviceActivationLimitReached)) Data {
		d := example(t, "DeviceActivationLimitReached").Data.(DeviceActivationLimitReached)
		d.Devices = nil
		edit(&d)
		return d
	}
	deferred := func(edit func(*EmailDeferred)) Data {
		d := example(t, "EmailDeferred").Data.(EmailDeferred)
		edit(&d)
		return d
	}
	enabled := example(t, "SoftphoneEnabled").Data.(SoftphoneEnabled)
	limit := func(n int) Data { enabled.DeviceLimit = n; return enabled }
	tests := []struct {
		data  Data
		field string // "" is fine
	}{
		{limit(0), ""}, {limit(1), ""}, {limit(100), ""}, {limit(101), "data.deviceLimit"}, {limit(-1), "data.deviceLimit"},
		{reached(func(d *DeviceActivationLimitReached) { d.Devices = make([]Seat, 11) }), "data.devices"},
		{reached(func(d *DeviceActivationLimitReached) { d.Devices = []Seat{seat, {}} }), "data.devices[1].deviceId"},
		{reached(func(d *DeviceActivationLimitReached) { d.Devices = []Seat{{DeviceID: "a", Platform: "mac"}} }), "data.devices[0].activatedAt"},
		{reached(func(d *DeviceActivationLimitReached) { d.Used = 0 }), "data.used"},
		{reached(func(d *DeviceActivationLimitReached) { d.Limit = 101 }), "data.limit"},
		{reached(func(*DeviceActivationLimitReached) {}), ""},
		{LicenseRevoked{LicenseID: "019ccf1e-5b7a-7c3d-9a41-5f0c2b7e6d18"}, "data.generation"},
		{DeviceDeactivated{LicenseID: "019ccf1e-5b7a-7c3d-9a41-5f0c2b7e6d18", DeviceID: "a", Limit: 4}, ""},
		{EmailSkipped{Kind: KindWelcome, Reason: "no license"}, ""},
		{EmailSkipped{Kind: KindWelcome, Reason: "no license", SMTPCode: 199}, "data.smtpCode"},
		{deferred(func(*EmailDeferred) {}), ""},
		{deferred(func(d *EmailDeferred) { d.SMTPCode, d.EnhancedCode = 0, "" }), ""},
		{deferred(func(d *EmailDeferred) { d.Attempts = 0 }), "data.attempts"},
		{deferred(func(d *EmailDeferred) { d.NextAttempt = time.Time{} }), "data.nextAttempt"},
		{EmailBounced{To: "a@b", MessageID: "<m@x>", Reason: "no", Action: ActionDelayed}, ""},
		{EmailBounced{To: "a@b", MessageID: "<m@x>", Reason: "no"}, "data.action"},
	}
	for _, test := range tests {
		err := test.data.Validate()
		if test.field != "" {
			wantFault(t, err, test.field)
		} else if err != nil {
			t.Errorf("%+v: %v", test.data, err)
		}
	}
}

// TestFaultsKeepSecrets: a text that anyone may fill in is never shown, the others only in part.
func TestFaultsKeepSecrets(t *testing.T) {
	t.Parallel()
	const secret = "correct horse battery staple"
	for _, d := range []Data{
		SoftphoneEnabled{Email: secret, Username: "u", DisplayName: "n"},
		SoftphoneEnabled{Email: "a@b", Username: secret + "\n", DisplayName: "n"},
		SoftphoneEnabled{Email: "a@b", Username: "u", DisplayName: strings.Repeat(secret, 9)},
		SoftphoneDisabled{Reason: secret + "\x00"},
		ExtensionRenamed{Name: secret + "\xff"},
		DeviceSignedIn{DeviceID: "a", Platform: "mac", AppVersion: secret + "\r"},
	} {
		if err := d.Validate(); err == nil || strings.Contains(err.Error(), "horse") {
			t.Errorf("%T: %v", d, err)
		}
	}
	wantFault(t, DeviceRemoved{DeviceID: strings.Repeat("x ", 30000)}.Validate(), "data.deviceId", "(60000 characters)")
}
