package letter

import (
	"strings"
	"text/template/parse"

	"golang.org/x/text/feature/plural"
)

// folding fills into templates what is the same for all mails made with them:
// words without anything particular, and the language. Evaluating them with each
// mail takes most of the time of rendering it. A folded template renders the same
// bytes, which a test holds.
type folding struct {
	page   *page // nothing is written on it yet
	kind   Kind
	markup bool
	off    bool // for that test
}

// fold goes through a tree and puts text where an action's result is known.
func (f folding) fold(list *parse.ListNode) {
	if list == nil || f.off {
		return
	}
	for i, node := range list.Nodes {
		switch n := node.(type) {
		case *parse.ActionNode:
			if text, known := f.result(n.Pipe); known {
				list.Nodes[i] = &parse.TextNode{NodeType: parse.NodeText, Pos: n.Pos, Text: []byte(text)}
			}
		case *parse.IfNode:
			f.fold(n.List)
			f.fold(n.ElseList)
		case *parse.WithNode:
			f.fold(n.List)
			f.fold(n.ElseList)
		case *parse.RangeNode:
			f.fold(n.List)
			f.fold(n.ElseList)
		default:
		}
	}
}

// result of a pipeline, if it is one of those that are the same for all mails. Dot
// may be something else than the page where the pipeline stands, but nothing else
// has members of these names.
func (f folding) result(p *parse.PipeNode) (string, bool) {
	if len(p.Decl) > 0 || len(p.Cmds) != 1 {
		return "", false
	}
	args := p.Cmds[0].Args
	switch name := member(args[0]); {
	case name == "Say" && len(args) == 2:
		key, literal := args[1].(*parse.StringNode)
		if !literal {
			return "", false
		}
		return f.words(key.Text)
	case len(args) != 1:
		return "", false
	case name == "Title":
		return f.words(string(f.kind) + ".title")
	case name == "Subject":
		subject, known := f.plain(string(f.kind) + ".subject")
		return subject, known && !strings.ContainsAny(subject, `<>&'"+`) // which are escaped as the place wants it
	case name == "Lang":
		return f.page.Lang, true
	case name == "Dir":
		return f.page.Dir, true
	default:
		return "", false
	}
}

// member is what of the page a node names: .Name or $.Name.
func member(n parse.Node) string {
	switch n := n.(type) {
	case *parse.FieldNode:
		if len(n.Ident) == 1 {
			return n.Ident[0]
		}
	case *parse.VariableNode:
		if len(n.Ident) == 2 && n.Ident[0] == "$" {
			return n.Ident[1]
		}
	default:
	}
	return ""
}

// words are a phrase's, if it is the same for all mails.
func (f folding) words(key string) (string, bool) {
	if p, known := f.piece(key); known && f.markup {
		return p.html, true
	}
	return f.plain(key)
}

func (f folding) plain(key string) (string, bool) {
	p, known := f.piece(key)
	return p.plain, known
}

// piece is the only one of a phrase that is always said the same.
func (f folding) piece(key string) (piece, bool) {
	pieces := f.page.words.phrases[key][plural.Other]
	if len(f.page.words.phrases[key]) != 1 || len(pieces) != 1 || pieces[0].place != noPlace {
		return piece{}, false
	}
	return pieces[0], true
}
