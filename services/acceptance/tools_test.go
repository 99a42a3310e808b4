package acceptance

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A fresh Debian has what `make test` calls once scripts/deps.sh was there. This is what the tests call by name, with the
// package that has it, where it is one that not every Debian has.
func toolsOfTests() map[string]string {
	return map[string]string{
		"sh": "", "bash": "", "cp": "", "dd": "", "mount": "", "umount": "", // Debian's base
		"git": "", "go": "", "make": "", // what the README asks for
		"curl": "curl", "openssl": "openssl", "redis-server": "redis-server", "spamassassin": "spamassassin",
		"/usr/sbin/saslpasswd2": "sasl2-bin", "/usr/bin/chromium": "chromium", "/usr/sbin/postfix": "postfix",
		"/usr/bin/python3": "python3-dkim",
	}
}

func TestDependenciesAreInstalled(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile(filepath.Join(root, "scripts/deps.sh"))
	if err != nil {
		t.Fatal(err)
	}
	tools := toolsOfTests()
	for tool, is := range tools {
		if !strings.Contains(string(script), is) {
			t.Errorf("scripts/deps.sh does not install %s, which has %s", is, tool)
		}
	}
	found := 0
	err = filepath.WalkDir(filepath.Join(root, "services"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") && !(strings.Contains(path, "servertest") && strings.HasSuffix(path, ".go")) {
			return err
		}
		called, err := callsPrograms(path)
		found += len(called)
		for _, tool := range called {
			if _, known := tools[tool]; !known {
				t.Errorf("%s calls %s: see to it that scripts/deps.sh installs it, and name it here", path, tool)
			}
		}
		return err
	})
	if err != nil || found < 20 {
		t.Fatalf("%d calls were found, %v", found, err)
	}
}

// callsPrograms returns the programs that a file of Go calls by a name written in it.
func callsPrograms(path string) (called []string, err error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	at := map[string]int{"Command": 0, "LookPath": 0, "CommandContext": 1} // which argument the name is
	ast.Inspect(file, func(n ast.Node) bool {
		call, is := n.(*ast.CallExpr)
		if !is {
			return true
		}
		f, is := call.Fun.(*ast.SelectorExpr)
		if !is {
			return true
		}
		pkg, is := f.X.(*ast.Ident)
		if i, calls := at[f.Sel.Name]; is && calls && pkg.Name == "exec" && i < len(call.Args) {
			if text, is := call.Args[i].(*ast.BasicLit); is {
				tool, _ := strconv.Unquote(text.Value)
				called = append(called, tool)
			}
		}
		return true
	})
	return called, nil
}
