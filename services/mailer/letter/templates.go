package letter

import (
	"bytes"
	"embed"
	htmltemplate "html/template"
	"regexp"
	"strconv"
	"strings"
	texttemplate "text/template"
	"text/template/parse"
)

//go:embed builtin
var builtin embed.FS

// The parts of a mail that have a layout and a content for each kind.
const (
	asHTML = ".html"
	asText = ".txt"
	layout = "layout"
)

// source of a template, and the file that errors name.
type source struct{ file, text string }

// sources are templates by their names: "layout.html", "welcome.txt".
type sources map[string]source

// templateNames are the names of all templates.
func templateNames() []string {
	var names []string
	for _, extension := range []string{asHTML, asText} {
		names = append(names, layout+extension)
		for _, kind := range Kinds() {
			names = append(names, string(kind)+extension)
		}
	}
	return names
}

// bodyTemplates make the two bodies of a kind of mail.
type bodyTemplates struct {
	html *htmltemplate.Template
	text *texttemplate.Template
}

// parse parses the templates of a kind of mail.
func (s sources) parse(kind Kind) (*bodyTemplates, error) {
	var faults Faults
	var t bodyTemplates
	var err error
	if t.html, err = assemble(htmltemplate.New(""), s[layout+asHTML], s[string(kind)+asHTML]); err != nil {
		faults = append(faults, located(err))
	}
	if t.text, err = assemble(texttemplate.New(""), s[layout+asText], s[string(kind)+asText]); err != nil {
		faults = append(faults, located(err))
	}
	return &t, faults.err()
}

// template is what the two packages of templates have in common.
type template[T any] interface {
	AddParseTree(name string, tree *parse.Tree) (T, error)
}

// assemble parses a layout, and a content that the layout calls as "content" and that
// may redefine the layout's parts. Both keep the names of their files, for errors.
func assemble[T template[T]](t T, frame, inner source) (T, error) {
	trees := map[string]*parse.Tree{}
	inner.text = strings.TrimRight(inner.text, "\n") // the layout says how far apart its parts are
	for _, from := range []source{frame, inner} {
		parsed, err := texttemplate.New(from.file).Parse(from.text)
		if err != nil {
			return t, err
		}
		for _, part := range parsed.Templates() {
			trees[part.Name()] = part.Tree
		}
	}
	trees["content"] = trees[inner.file]
	delete(trees, inner.file)
	for name, tree := range trees {
		if _, err := t.AddParseTree(name, tree); err != nil {
			return t, err
		}
	}
	return t.AddParseTree(frame.file, trees[frame.file])
}

// bodies of a mail: the same words twice.
type bodies struct{ text, html []byte }

// bodies executes the templates of the page's kind of mail.
func (p *page) bodies() (bodies, error) {
	t, err := p.templates[p.kind]()
	if err != nil {
		return bodies{}, err
	}
	var text, html bytes.Buffer
	text.Grow(2 << 10)
	if err := t.text.Execute(&text, p); err != nil {
		return bodies{}, located(err)
	}
	marked := *p
	marked.markup = true
	html.Grow(8 << 10)
	if err := t.html.Execute(&html, &marked); err != nil {
		return bodies{}, located(err)
	}
	return bodies{text.Bytes(), html.Bytes()}, nil
}

// templateError is how text/template and html/template report a position.
var templateError = regexp.MustCompile(`^(?:html/)?template: ?(.+?):(\d+)(?::(\d+))?: (?:executing ".*?" at )?(.*)$`)

// located makes a fault of a template's error.
func located(err error) *Fault {
	m := templateError.FindStringSubmatch(err.Error())
	if m == nil {
		return &Fault{File: "a template", Problem: err.Error()}
	}
	line, _ := strconv.Atoi(m[2])
	column, _ := strconv.Atoi(m[3])
	return &Fault{File: m[1], Line: line, Column: column, Problem: m[4]}
}
