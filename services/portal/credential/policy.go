package credential

import (
	"cmp"
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/mycloudpbx/softphone/events"
)

// NIST SP 800-63B-4, section 3.1.1.2: 15 characters where the password is the only
// factor, no rules of composition, a list of what is commonly used, and words of the
// context. The longest is bounded only so that a request is.
const (
	MinLength = 15
	MaxLength = 128

	// leastOwn is how many characters must be left when everything is taken out that
	// anybody would try: words of the context, well-known ones, runs.
	leastOwn = 7
)

//go:embed known.txt
var known string

// Policy says what may be a password.
type Policy struct {
	known []string // the longest first, folded
}

// NewPolicy reads the list of well-known passwords that comes with this package.
func NewPolicy() *Policy {
	var words []string
	for line := range strings.Lines(known) {
		if word := fold(line); word != "" && !strings.HasPrefix(line, "#") {
			words = append(words, word)
		}
	}
	slices.SortFunc(words, func(a, b string) int { return cmp.Or(len(b)-len(a), cmp.Compare(a, b)) })
	return &Policy{known: slices.Compact(words)}
}

// Check returns a *events.FieldError on "password" for one that may not be one, or
// nil. About are words it must not be made of: username, extension, tenant. The
// error never repeats the password, nor a part of it.
func (p *Policy) Check(password string, about ...string) error {
	problem := func() string {
		switch n := utf8.RuneCountInString(norm.NFC.String(password)); {
		case !utf8.ValidString(password):
			return "is not valid UTF-8"
		case n < MinLength:
			return "has " + strconv.Itoa(n) + " characters; at least " + strconv.Itoa(MinLength) + " are needed, of any kind"
		case n > MaxLength:
			return "has " + strconv.Itoa(n) + " characters; at most " + strconv.Itoa(MaxLength) + " are allowed"
		case strings.ContainsFunc(password, unicode.IsControl):
			return "has a control character; take it out"
		}
		return p.guessable(password, about)
	}()
	if problem == "" {
		return nil
	}
	return &events.FieldError{Field: "password", Problem: problem}
}

// guessable says why a password would soon be tried.
func (p *Policy) guessable(password string, about []string) string {
	folded := fold(password)
	if utf8.RuneCountInString(folded) == 0 {
		folded = strings.ToLower(password) // no letter and no digit in it
	}
	if own(p.without(folded, nil)) < leastOwn {
		return "is, or is made of, a well-known one; take another, or leave it empty and one is made up"
	}
	if own(p.without(folded, words(about))) < leastOwn {
		return "is made of the username, the extension or the tenant; take another, or leave it empty and one is made up"
	}
	return ""
}

// without takes well-known passwords and the words of the context out.
func (p *Policy) without(folded string, about []string) string {
	for _, list := range [][]string{about, p.known} {
		for _, word := range list {
			folded = strings.ReplaceAll(folded, word, "\x00")
		}
	}
	return folded
}

// words are what a context is made of, the longest first.
func words(about []string) []string {
	var all []string
	for _, text := range about {
		all = append(all, fold(text))
		for _, part := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			all = append(all, fold(part))
		}
	}
	all = slices.DeleteFunc(all, func(w string) bool { return len(w) < 3 })
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(len(b)-len(a), cmp.Compare(a, b)) })
	return slices.Compact(all)
}

// fold makes equal what people take for variations: case, spaces, punctuation.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKC.String(strings.TrimSpace(s)))
}

// own counts the characters that are worth guessing: what is repeated counts once,
// and so does each run along the alphabet, the digits or a row of keys.
func own(text string) int {
	runes := []rune(strings.ReplaceAll(text, "\x00", ""))
	runes = runes[:period(runes)]
	count := 0
	for i := range runes {
		if i < 2 || !run(runes[i-2], runes[i-1], runes[i]) {
			count++
		}
	}
	different := slices.Clone(runes)
	slices.Sort(different)
	return min(count, 2*len(slices.Compact(different)))
}

// period is the length of the shortest piece that, repeated, makes the whole text.
func period(text []rune) int {
	for n := 1; n <= len(text)/2; n++ {
		if slices.Equal(text[n:], text[:len(text)-n]) {
			return n
		}
	}
	return len(text)
}

// rows are the keys of common keyboards, as they lie.
const rows = "qwertyuiop asdfghjkl zxcvbnm qwertzuiopü asdfghjklöä yxcvbnm azertyuiop qsdfghjklm wxcvbn 1qaz2wsx3edc4rfv5tgb6yhn7ujm 1234567890 abcdefghijklmnopqrstuvwxyz"

// run tells three characters that follow each other, forwards or backwards, or are
// the same.
func run(a, b, c rune) bool {
	return a == b && b == c ||
		strings.Contains(rows, string([]rune{a, b, c})) || strings.Contains(rows, string([]rune{c, b, a}))
}
