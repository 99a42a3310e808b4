package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"strings"
)

// module is what the import paths of the repository start with.
const module = "github.com/mycloudpbx/softphone/"

// place names a field: import path, type and field.
type place struct{ folder, typ, field string }

func placeOf(t reflect.Type, field string) place {
	return place{strings.TrimPrefix(t.PkgPath(), module), t.Name(), field}
}

// meanings are the comments of fields that have an env tag.
type meanings map[place]string

// readMeanings parses the services' sources under root.
func readMeanings(root string) (meanings, error) {
	m := meanings{}
	err := filepath.WalkDir(filepath.Join(root, "services"), func(path string, entry fs.DirEntry, err error) error { //nolint:gosec // root is whose page is made
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		m.add(filepath.ToSlash(folder), file)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the sources: %w", err)
	}
	return m, nil
}

func (m meanings) add(folder string, file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		declared, is := n.(*ast.TypeSpec)
		if !is {
			return true
		}
		fields, is := declared.Type.(*ast.StructType)
		if !is {
			return false
		}
		for _, f := range fields.Fields.List {
			for _, name := range f.Names {
				if f.Tag != nil && strings.Contains(f.Tag.Value, `env:"`) {
					m[place{folder, declared.Name.Name, name.Name}] = comment(f)
				}
			}
		}
		return false
	})
}

// comment is the text above a field or behind it, on one line.
func comment(f *ast.Field) string {
	text := f.Doc.Text()
	if text == "" {
		text = f.Comment.Text()
	}
	return strings.Join(strings.Fields(text), " ")
}
