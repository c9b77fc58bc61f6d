package asyncapi

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"reflect"
	"regexp"
	"strings"

	"github.com/baton-hub/baton/hub/wire"
)

// comments are what package wire says about its types and their fields, by their names in Go.
type comments struct {
	types   map[string]string
	fields  map[string]string // "Join.Channel"
	closing []closing
}

// closing is a code with which a hub closes a connection.
type closing struct{ code, reason string }

// readComments reads the Go files of package wire.
func readComments(files fs.FS) (comments, error) {
	c := comments{types: map[string]string{}, fields: map[string]string{}}
	paths, err := fs.Glob(files, "*.go")
	if err != nil {
		return c, err
	}
	plain := plainer()
	for _, path := range paths {
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return c, err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return c, err
		}
		for _, d := range file.Decls {
			if d, ok := d.(*ast.GenDecl); ok {
				c.read(d, plain)
			}
		}
	}
	return c, nil
}

// read takes the comments of one declaration.
func (c *comments) read(d *ast.GenDecl, plain func(string) string) {
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			c.types[spec.Name.Name] = plain(d.Doc.Text())
			s, ok := spec.Type.(*ast.StructType)
			if !ok {
				continue
			}
			for _, f := range s.Fields.List {
				for _, name := range f.Names {
					c.fields[spec.Name.Name+"."+name.Name] = sentence(plain(f.Doc.Text() + " " + f.Comment.Text()))
				}
			}
		case *ast.ValueSpec:
			if code, ok := values(spec); ok && strings.HasPrefix(spec.Names[0].Name, "Close") {
				c.closing = append(c.closing, closing{code, plain(spec.Comment.Text())})
			}
		}
	}
}

// values returns the literal of a constant that is one.
func values(spec *ast.ValueSpec) (string, bool) {
	if len(spec.Values) != 1 {
		return "", false
	}
	literal, ok := spec.Values[0].(*ast.BasicLit)
	if !ok {
		return "", false
	}
	return literal.Value, true
}

// plainer returns a function that makes plain text of a Go comment: lines are joined, a link to a frame becomes the
// frame's type, and Go's nil becomes null. Which fields are required, the schema says.
func plainer() func(string) string {
	types := map[string]string{}
	requests, pushes := wire.EveryFrame()
	for _, r := range requests {
		pushes = append(pushes, r)
	}
	for _, f := range pushes {
		types[reflect.TypeOf(f).Elem().Name()] = f.FrameType()
	}
	link, null := regexp.MustCompile(`\[([A-Z]\w+)\]`), regexp.MustCompile(`\bnil\b`)
	return func(text string) string {
		text = strings.Join(strings.Fields(text), " ")
		text = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(text, "Required."), "Optional."))
		text = link.ReplaceAllStringFunc(text, func(found string) string {
			name := strings.Trim(found, "[]")
			if t, ok := types[name]; ok {
				return "`" + t + "`"
			}
			return name
		})
		return null.ReplaceAllString(text, "null")
	}
}

// sentence begins with a capital letter and ends with a full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

// summary is the first sentence about a type.
func (c comments) summary(name string) string {
	first, _, _ := strings.Cut(c.types[name], ". ")
	return sentence(first)
}

// readExamples returns the golden frames by direction and type: "client join".
func readExamples(files fs.FS) (map[string][]example, error) {
	paths, err := fs.Glob(files, "testdata/*.json")
	if err != nil {
		return nil, err
	}
	examples := make(map[string][]example)
	for _, path := range paths {
		var cases []struct {
			Name, Direction string
			Frame           json.RawMessage
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &cases); err != nil {
			return nil, err
		}
		frameType := strings.TrimSuffix(path[len("testdata/"):], ".json")
		for _, c := range cases {
			if c.Frame != nil { // rejected.json holds messages
				examples[c.Direction+" "+frameType] = append(examples[c.Direction+" "+frameType], example{c.Name, c.Frame})
			}
		}
	}
	return examples, nil
}
