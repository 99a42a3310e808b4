package letter

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// document is a YAML file of mappings and texts, nothing else, while it is read. Reading
// goes on after a fault, so that all are found at once, each with its position.
type document struct {
	file   string
	faults *Faults
}

// keys are what a mapping may hold, and how each value is read.
type keys map[string]func(ast.Node)

// read reads a file. An empty one is an empty mapping.
func (d document) read(content []byte, known keys) {
	file, err := parser.ParseBytes(content, 0)
	if err != nil {
		d.faults.add(d.file, d.syntax(err))
		return
	}
	if len(file.Docs) > 1 {
		d.fault(file.Docs[1].Body, "holds a second document; keep one")
	}
	if len(file.Docs) > 0 && file.Docs[0].Body != nil {
		d.mapping(file.Docs[0].Body, known)
	}
}

// syntax is the parser's message, without its excerpt of the file.
func (d document) syntax(err error) error {
	var bad *yaml.SyntaxError
	if !errors.As(err, &bad) || bad.Token == nil {
		return err
	}
	return d.at(bad.Token, bad.Message)
}

func (d document) at(t *token.Token, problem string) *Fault {
	return &Fault{File: d.file, Line: t.Position.Line, Column: t.Position.Column, Problem: problem}
}

// fault names the key, "support.email", and says what is wrong with its value.
func (d document) fault(n ast.Node, format string, args ...any) {
	problem := fmt.Sprintf(format, args...)
	if key := strings.TrimPrefix(n.GetPath(), "$."); key != "$" {
		problem = key + ": " + problem
	}
	*d.faults = append(*d.faults, d.at(n.GetToken(), problem))
}

// mapping reads the values of known keys and faults all others.
func (d document) mapping(n ast.Node, known keys) {
	if _, empty := n.(*ast.NullNode); empty {
		return
	}
	m, is := n.(ast.MapNode)
	if !is {
		d.fault(n, "must be a mapping with the keys %s", list(known))
		return
	}
	for entries := m.MapRange(); entries.Next(); {
		key := entries.Key()
		read, is := known[key.GetToken().Value]
		if !is {
			*d.faults = append(*d.faults, d.at(key.GetToken(), key.GetToken().Value+": is not a key here; there are "+list(known)))
			continue
		}
		read(entries.Value())
	}
}

func list[V any](known map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(known)), ", ")
}

// text reads one or more lines of text. Numbers are texts too, because a phone number may
// look like one.
func (d document) text(n ast.Node) (string, bool) {
	var text string
	switch n := n.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = strings.TrimSuffix(n.Value.Value, "\n")
	case *ast.IntegerNode, *ast.FloatNode:
		text = n.GetToken().Value
	case *ast.NullNode:
		d.fault(n, "has no value; write one, in quotes if there is a # in it")
		return "", false
	default:
		d.fault(n, "must be a text")
		return "", false
	}
	if err := checkField("text", text); err != nil {
		d.fault(n, "must be one line, without control characters")
		return "", false
	}
	if text == "" {
		d.fault(n, "is empty; write something, or leave the key out")
		return "", false
	}
	return text, true
}

// check reads a text that must pass a check.
func (d document) check(into *string, check func(string) error) func(ast.Node) {
	return func(n ast.Node) {
		text, ok := d.text(n)
		if !ok {
			return
		}
		if err := check(text); err != nil {
			d.fault(n, "%v", err)
			return
		}
		*into = text
	}
}

func (d document) flag(n ast.Node) (value, ok bool) {
	b, is := n.(*ast.BoolNode)
	if !is {
		d.fault(n, "must be true or false")
		return false, false
	}
	return b.Value, true
}
