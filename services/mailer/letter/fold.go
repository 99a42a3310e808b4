package letter

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"text/template/parse"

	"golang.org/x/text/feature/plural"
)

// fold fills in what is the same for all mails made with the mold: the language,
// the brand, links, pictures, and words without anything particular. Evaluating them
// with each mail took most of the time of rendering it. A folded mold makes the same
// bytes, which a test holds.
//
// It is done with what html/template makes of a template, which it escapes when it
// is first executed.
func (m *mold) fold(blank page, kind Kind) error {
	p, err := blank.write(&Letter{Kind: kind})
	if err != nil {
		return err
	}
	folding{&p, m.text.Root, m.text.Execute}.fold(m.text.Root)
	marked := p
	marked.markup = true
	root := m.html.Tree.Root
	_ = m.html.Execute(io.Discard, &marked) // what fails is told when it is used
	if m.html.Tree != nil {                 // else it cannot be escaped
		folding{&marked, root, m.html.Execute}.fold(root)
	}
	return nil
}

// folding of a template. What it calls with the page as dot stands in place of the
// call (see inlined), so dot is the page everywhere but within with and range.
type folding struct {
	page    *page // of the kind of mail, with nothing particular on it
	root    *parse.ListNode
	execute func(io.Writer, any) error
}

// fold goes through a list where dot is the page, and puts text where a node's
// result is known. What fails is left as it is, to fail with a mail.
func (f folding) fold(list *parse.ListNode) {
	if list == nil || renames(list) {
		return
	}
	for i, node := range list.Nodes {
		if branch, is := node.(*parse.IfNode); is {
			f.fold(branch.List)
			f.fold(branch.ElseList)
		}
		if !(names{f.page, nil}).known(node, true) {
			continue
		}
		if text, err := f.result(node); err == nil {
			list.Nodes[i] = &parse.TextNode{NodeType: parse.NodeText, Pos: node.Position(), Text: text}
		}
	}
	list.Nodes = joined(list.Nodes)
}

// result executes a node alone.
func (f folding) result(node parse.Node) ([]byte, error) {
	whole := f.root.Nodes
	f.root.Nodes = []parse.Node{node}
	defer func() { f.root.Nodes = whole }()
	var text bytes.Buffer
	err := f.execute(&text, f.page)
	return text.Bytes(), err
}

// joined makes one text of those that stand together.
func joined(nodes []parse.Node) []parse.Node {
	var result []parse.Node
	for _, node := range nodes {
		text, is := node.(*parse.TextNode)
		if is && len(result) > 0 {
			if before, is := result[len(result)-1].(*parse.TextNode); is {
				before.Text = append(before.Text, text.Text...)
				continue
			}
		}
		result = append(result, node)
	}
	return result
}

// names tell whether a node's result is the same for all mails: that is so when all
// it names of the page is. Within with and range of such a thing, dot is one.
type names struct {
	page     *page
	declared []string // variables that stand for something known
}

// known looks at a node where dot is the page, or something known of it.
func (n names) known(node parse.Node, page bool) bool {
	switch node := node.(type) {
	case *parse.TextNode, *parse.CommentNode, *parse.StringNode, *parse.NumberNode, *parse.BoolNode, *parse.NilNode, *parse.IdentifierNode:
		return true
	case *parse.ActionNode:
		return n.known(node.Pipe, page)
	case *parse.PipeNode: // what it declares is seen after it
		return len(node.Decl) == 0 && n.pipe(node, page)
	case *parse.IfNode:
		return n.branch(&node.BranchNode, page, page)
	case *parse.WithNode:
		return n.branch(&node.BranchNode, page, false)
	case *parse.RangeNode:
		return n.branch(&node.BranchNode, page, false)
	case *parse.DotNode:
		return !page
	case *parse.FieldNode:
		return !page || n.page.constant(node.Ident, nil)
	case *parse.VariableNode:
		return slices.Contains(n.declared, node.Ident[0]) || node.Ident[0] == "$" && n.page.constant(node.Ident[1:], nil)
	default: // among them templates, which are called with what is not the page
		return false
	}
}

func (n names) branch(b *parse.BranchNode, page, inside bool) bool {
	if !n.pipe(b.Pipe, page) || !n.list(b.ElseList, page) {
		return false
	}
	n.declared = slices.Clone(n.declared)
	for _, variable := range b.Pipe.Decl {
		n.declared = append(n.declared, variable.Ident[0])
	}
	return n.list(b.List, inside)
}

func (n names) list(list *parse.ListNode, page bool) bool {
	if list == nil {
		return true
	}
	for _, node := range list.Nodes {
		if !n.known(node, page) {
			return false
		}
	}
	return true
}

func (n names) pipe(p *parse.PipeNode, page bool) bool {
	for _, command := range p.Cmds {
		if !n.command(command, page) {
			return false
		}
	}
	return true
}

// command is known when all its words are, or when it says a known phrase.
func (n names) command(c *parse.CommandNode, page bool) bool {
	var member []string
	switch first := c.Args[0].(type) {
	case *parse.FieldNode:
		if page {
			member = first.Ident
		}
	case *parse.VariableNode:
		if first.Ident[0] == "$" {
			member = first.Ident[1:]
		}
	default:
	}
	if member != nil {
		return n.page.constant(member, c.Args[1:])
	}
	for _, word := range c.Args {
		if !n.known(word, page) {
			return false
		}
	}
	return true
}

// constant says whether a member of the page is the same for all mails of a brand
// and kind in one language.
func (p *page) constant(member []string, args []parse.Node) bool {
	if len(member) == 0 {
		return false
	}
	switch member[0] {
	case "Lang", "Dir", "Brand", "Page", "Links", "SupportEmail", "SupportPhone", "SupportPhoneLink", "Logo", "QR":
		return true
	case "Subject", "Title", "Preheader":
		return p.saysTheSame(string(p.kind) + "." + strings.ToLower(member[0]))
	case "Say":
		if len(args) != 1 {
			return false
		}
		key, literal := args[0].(*parse.StringNode)
		return literal && p.saysTheSame(key.Text)
	default:
		return false
	}
}

// saysTheSame tells whether a phrase has nothing particular to a mail.
func (p *page) saysTheSame(key string) bool {
	forms := p.words.phrases[key]
	if len(forms) != 1 {
		return false
	}
	for _, piece := range forms[plural.Other] {
		if piece.place != noPlace && piece.place != placeBrand {
			return false
		}
	}
	return true
}
