package letter

import (
	"bytes"
	"embed"
	htmltemplate "html/template"
	"regexp"
	"slices"
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

// source of a template, and the file it is told by.
type source struct{ file, text string }

// sources are templates by their names: "layout.html", "welcome.txt".
type sources map[string]source

// templateNames are those there are.
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

// mold is what a kind of mail is made with, in one language of one brand.
type mold struct {
	html *htmltemplate.Template
	text *texttemplate.Template
}

// mold parses the templates of a kind of mail.
func (s sources) mold(kind Kind) (*mold, error) {
	var faults Faults
	var m mold
	var err error
	if m.html, err = assemble(htmltemplate.New(""), s[layout+asHTML], s[string(kind)+asHTML]); err != nil {
		faults = append(faults, located(err))
	}
	if m.text, err = assemble(texttemplate.New(""), s[layout+asText], s[string(kind)+asText]); err != nil {
		faults = append(faults, located(err))
	}
	return &m, faults.err()
}

// template is what the two packages of templates have in common.
type template[T any] interface {
	AddParseTree(name string, tree *parse.Tree) (T, error)
}

// assemble parses a layout, and a content that the layout knows as "content" and
// that may define the layout's parts anew. Both keep the names of their files, for
// errors to tell.
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
	whole := trees[frame.file]
	whole.Root = parts(trees).inlined(whole.Root, nil)
	return t.AddParseTree(frame.file, whole)
}

// parts are what templates may call, by their names.
type parts map[string]*parse.Tree

// inlined is a list, where dot is the page, with the parts that it calls with the
// page in place of the calls.
func (p parts) inlined(list *parse.ListNode, within []string) *parse.ListNode {
	if list == nil {
		return nil
	}
	whole := &parse.ListNode{NodeType: parse.NodeList, Pos: list.Pos}
	for _, node := range list.CopyList().Nodes {
		switch node := node.(type) {
		case *parse.IfNode:
			node.List, node.ElseList = p.inlined(node.List, within), p.inlined(node.ElseList, within)
		case *parse.TemplateNode:
			if part := p[node.Name]; part != nil && !slices.Contains(within, node.Name) && withDot(node) && !declares(part.Root) {
				whole.Nodes = append(whole.Nodes, p.inlined(part.Root, append(slices.Clone(within), node.Name)).Nodes...)
				continue
			}
		default:
		}
		whole.Nodes = append(whole.Nodes, node)
	}
	return whole
}

// withDot tells whether a template is called with what its caller is about.
func withDot(call *parse.TemplateNode) bool { return call.Pipe != nil && call.Pipe.String() == "." }

// declares tells whether variables of a list would be seen after it.
func declares(list *parse.ListNode) bool {
	return renames(list) || slices.ContainsFunc(list.Nodes, func(node parse.Node) bool {
		_, action := node.(*parse.ActionNode)
		return action && strings.Contains(node.String(), "=") // at its beginning, or in brackets
	})
}

// renames tells whether $ comes to mean something else anywhere in a list. A text with
// the same signs is taken for it, which costs time and no more.
func renames(list *parse.ListNode) bool {
	text := list.String()
	return strings.Contains(text, "$ = ") || strings.Contains(text, "$ := ")
}

// bodies of a mail: the same words twice.
type bodies struct{ text, html []byte }

func (m *mold) bodies(p *page) (bodies, error) {
	var text, html bytes.Buffer
	text.Grow(2 << 10)
	if err := m.text.Execute(&text, p); err != nil {
		return bodies{}, err
	}
	marked := *p
	marked.markup = true
	html.Grow(8 << 10)
	if err := m.html.Execute(&html, &marked); err != nil {
		return bodies{}, err
	}
	return bodies{text.Bytes(), html.Bytes()}, nil
}

// templateError is how the packages text/template and html/template say where.
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
