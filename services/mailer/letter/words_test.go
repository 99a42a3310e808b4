package letter

import (
	"strings"
	"testing"

	"golang.org/x/text/language"
)

func TestLanguages(t *testing.T) {
	t.Parallel()
	b := examples(t)
	for _, c := range []struct{ tenant, wanted, want string }{
		{"acme", "", "en"}, {"acme", "en-GB", "en"}, {"acme", "de", "de"}, {"acme", "de-AT", "de"}, {"acme", "de-Latn-CH-1996", "de"},
		{"acme", "fr-CA", "fr"}, {"acme", "es-419", "es"}, {"acme", "pt", "en"}, {"acme", "ar", "en"}, {"acme", "zh-Hant", "en"},
		{"acme", "nonsense!", "en"}, {"acme", "x-private", "en"},
		{"globex", "", "ar"}, {"globex", "pt", "ar"}, {"globex", "ar-EG", "ar"}, {"globex", "fr", "fr"}, {"globex", "en-AU", "en"},
		{"nobody", "pt-BR", "en"}, {"nobody", "es-MX", "es"},
		{"acme", "de-EN", "de"}, {"globex", "en-EN", "en"}, {"acme", "fr-foobar", "fr"}, {"acme", "qqq-ZZ", "en"},
	} {
		l := letter(Welcome)
		l.Tenant, l.Locale = c.tenant, c.wanted
		if got := render(t, b, l).Locale; got != c.want {
			t.Errorf("%s, who reads %q, gets %s, want %s", c.tenant, c.wanted, got, c.want)
		}
	}
}

// The built-in languages distinguish one device and several as theirs do, and an
// override in Arabic has all of its forms.
func TestPlurals(t *testing.T) {
	t.Parallel()
	b := examples(t)
	for _, c := range []struct {
		tenant, locale string
		limit          int
		want           string
	}{
		{"acme", "en", 1, "on one device."}, {"acme", "en", 2, "on up to 2 devices."}, {"acme", "en", 100, "on up to 100 devices."},
		{"acme", "de", 1, "auf einem Gerät"}, {"acme", "de", 3, "auf bis zu 3 Geräten"},
		{"acme", "fr", 1, "l’installer sur un"}, {"acme", "es", 4, "máximo de 4 dispositivos"},
	} {
		l := letter(Welcome)
		l.Tenant, l.Locale, l.DeviceLimit = c.tenant, c.locale, c.limit
		if p := read(t, render(t, b, l).Bytes); !strings.Contains(p.text(), c.want) || !strings.Contains(p.html(), c.want) {
			t.Errorf("%d devices in %s:\n%s", c.limit, c.locale, p.text())
		}
	}
	arabic := b.of("globex").pages[0]
	for limit, want := range map[int]string{1: "واحد", 2: "جهازين", 3: "3 أجهزة", 11: "11 جهازًا", 100: "100 جهازًا"} {
		if got, err := arabic.words.plain("welcome.get-text", &particulars{limit: limit}); err != nil || !strings.Contains(got, want) {
			t.Errorf("%d devices in Arabic: %q (%v), want %q", limit, got, err, want)
		}
	}
}

// A name that runs the other way is isolated from the text around it; one that
// runs the same way is left as it is.
func TestDirections(t *testing.T) {
	t.Parallel()
	b := examples(t)
	for _, c := range []struct{ tenant, name, plain, dir string }{
		{"acme", "Anna", "Hello Anna,", "ltr"},
		{"acme", "ליאת", "Hello \u2068ליאת\u2069,", "ltr"},
		{"acme", "ليلى (Sales)", "Hello \u2068ليلى (Sales)\u2069,", "ltr"},
		{"globex", "ليلى", "مرحبًا ليلى،", "rtl"},
		{"globex", "Anna", "مرحبًا \u2068Anna\u2069،", "rtl"},
	} {
		l := letter(Welcome)
		l.Tenant, l.Name = c.tenant, c.name
		p := read(t, render(t, b, l).Bytes)
		if first, _, _ := strings.Cut(p.text(), "\r\n"); first != c.plain {
			t.Errorf("%q, want %q", first, c.plain)
		}
		if !strings.Contains(p.html(), "<bdi>"+c.name+"</bdi>") || strings.Count(p.html(), ` dir="`+c.dir+`"`) < 2 {
			t.Errorf("%s is not isolated in a page that runs %s:\n%s", c.name, c.dir, p.html())
		}
	}
}

// The built-in languages have the same words, and each phrase fills in what it does
// in English.
func TestLanguagesAreComplete(t *testing.T) {
	t.Parallel()
	l, err := builtinLayer(settings{})
	if err != nil {
		t.Fatal(err)
	}
	english := l.words[language.English]
	for tag, w := range l.words {
		if missing := w.lacking(); len(missing) > 0 {
			t.Errorf("%s lacks %q", tag, missing)
		}
		for key, phrase := range w.phrases {
			for form, pieces := range phrase {
				if got, want := places(pieces), places(english.phrases[key][form]); got != want {
					t.Errorf("%s in %s fills in %q, in English %q", key, tag, got, want)
				}
			}
		}
	}
	if len(l.words) != 4 {
		t.Errorf("there are %d languages", len(l.words))
	}
}

func places(pieces []piece) string {
	var all strings.Builder
	for _, p := range pieces {
		all.WriteString(string(p.place))
	}
	return all.String()
}

// All words there are, are said.
func TestNoWordsAreIdle(t *testing.T) {
	t.Parallel()
	l, err := builtinLayer(settings{})
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, s := range l.sources {
		all.WriteString(s.text)
	}
	for _, key := range wordKeys() {
		section, name, _ := strings.Cut(key, ".")
		byCode := section == "platform" || name == "subject" || name == "preheader" || name == "title" || strings.HasPrefix(name, "greeting")
		if !byCode && !strings.Contains(all.String(), `.Say "`+key+`"`) {
			t.Errorf("nothing says %s", key)
		}
	}
}
