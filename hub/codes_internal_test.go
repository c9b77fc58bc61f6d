package hub

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/baton-hub/baton/channels"
)

// sentCodes reads the words that can be the code of a problem or an error frame from the source: constants whose names
// begin with Code, and what is written into a problem, a connectionError or a Refusal as it is.
func sentCodes(t *testing.T, folder string) (codes map[string]string) {
	t.Helper()
	codes = map[string]string{}
	word := func(files *token.FileSet, e ast.Expr) {
		if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
			text, err := strconv.Unquote(l.Value)
			if err != nil {
				t.Fatal(err)
			}
			codes[text] = files.Position(l.Pos()).String()
		}
	}
	files := token.NewFileSet()
	sources, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		p, err := parser.ParseFile(files, source, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(p, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, name := range n.Names {
					if strings.HasPrefix(name.Name, "Code") && i < len(n.Values) {
						word(files, n.Values[i])
					}
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && (key.Name == "code" || key.Name == "Code") {
					word(files, n.Value)
				}
			case *ast.CompositeLit:
				if name, ok := n.Type.(*ast.Ident); ok && name.Name == "connectionError" && len(n.Elts) > 0 {
					word(files, n.Elts[0])
				}
			case *ast.CallExpr:
				name := ""
				switch f := n.Fun.(type) {
				case *ast.Ident:
					name = f.Name
				case *ast.SelectorExpr:
					name = f.Sel.Name
				}
				if (name == "Refuse" || name == "coded") && len(n.Args) > 0 {
					word(files, n.Args[0])
				}
			}
			return true
		})
	}
	return codes
}

func TestEveryCodeThatIsSentIsDocumented(t *testing.T) {
	sent := map[string]bool{}
	for _, folder := range []string{".", "wire", "../channels", "../session"} {
		for code, where := range sentCodes(t, folder) {
			sent[code] = true
			if !slices.ContainsFunc(codings, func(c coding) bool { return string(c.code) == code }) {
				t.Errorf("%s sends the code %q, which codings does not explain", where, code)
			}
		}
	}
	if len(sent) < 25 {
		t.Errorf("only %d codes were found", len(sent))
	}
	seen := map[channels.Code]bool{}
	for _, c := range codings {
		if !sent[string(c.code)] {
			t.Errorf("nothing sends the code %q", c.code)
		}
		if seen[c.code] || c.means == "" {
			t.Errorf("%q is there twice, or not explained", c.code)
		}
		seen[c.code] = true
	}
	document, err := OpenAPI("test")
	if err != nil {
		t.Fatal(err)
	}
	for code := range seen {
		if !strings.Contains(string(document), "| `"+string(code)+"` |") {
			t.Errorf("the OpenAPI document does not explain %s", code)
		}
	}
}
