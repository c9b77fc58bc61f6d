package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"go.yaml.in/yaml/v4"
)

// siteJSON is a value of the site file that is JSON for everybody else: a default, arguments, a schema.
type siteJSON struct {
	value json.RawMessage // nil: not given
	err   error           // why it cannot be JSON
}

// UnmarshalYAML takes the value as it is written; what is wrong with it is said by the check, with its line.
func (j *siteJSON) UnmarshalYAML(node *yaml.Node) error {
	var b bytes.Buffer
	j.err = writeJSON(&b, node)
	j.value = b.Bytes()
	return nil
}

// writeJSON writes a YAML value as JSON. Dates stay text, as they are written.
func writeJSON(b *bytes.Buffer, node *yaml.Node) error {
	switch node.Kind {
	case yaml.MappingNode:
		return writeObject(b, node)
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, item := range node.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeJSON(b, item); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	case yaml.ScalarNode:
		return writeScalar(b, node)
	}
	return fmt.Errorf("line %d: aliases are not used in a site file: write it out", node.Line)
}

func writeObject(b *bytes.Buffer, node *yaml.Node) error {
	seen := map[string]bool{}
	b.WriteByte('{')
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if key.Kind != yaml.ScalarNode || seen[key.Value] {
			return fmt.Errorf("line %d: the key %q is there twice, or is no text", key.Line, key.Value)
		}
		seen[key.Value] = true
		if i > 0 {
			b.WriteByte(',')
		}
		writeText(b, key.Value)
		b.WriteByte(':')
		if err := writeJSON(b, node.Content[i+1]); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

func writeScalar(b *bytes.Buffer, node *yaml.Node) error {
	switch node.ShortTag() {
	case "!!null":
		b.WriteString("null")
		return nil
	case "!!bool", "!!int", "!!float":
		if json.Valid([]byte(node.Value)) {
			b.WriteString(node.Value) // as it is: no digit is lost
			return nil
		}
		var v any
		if err := node.Decode(&v); err != nil {
			return fmt.Errorf("line %d: %w", node.Line, err)
		}
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("line %d: %s cannot be JSON", node.Line, node.Value)
		}
		b.Write(text)
		return nil
	}
	writeText(b, node.Value)
	return nil
}

func writeText(b *bytes.Buffer, text string) {
	quoted, err := json.Marshal(text)
	if err != nil { // it never is: invalid UTF-8 is replaced, and the YAML reader has refused it
		quoted = []byte(strconv.Quote(text))
	}
	b.Write(quoted)
}

// text returns a value that is a text, such as the path of a schema.
func (j *siteJSON) text() (text string, ok bool) {
	return text, j != nil && j.err == nil && json.Unmarshal(j.value, &text) == nil
}

// raw returns the value, nil if it was not given.
func (j *siteJSON) raw() json.RawMessage {
	if j == nil {
		return nil
	}
	return j.value
}

func rawAll(values map[string]siteJSON) map[string]json.RawMessage {
	if len(values) == 0 {
		return nil
	}
	all := map[string]json.RawMessage{}
	for key, v := range values {
		all[key] = v.value
	}
	return all
}

// readSchema reads a file with a schema, in JSON or YAML; the path is relative to the site file.
func readSchema(dir, path string) (json.RawMessage, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	var b bytes.Buffer
	if json.Valid(data) {
		if err := json.Compact(&b, data); err != nil {
			return nil, fmt.Errorf("reading the schema %s: %w", path, err)
		}
		return b.Bytes(), nil
	}
	if filepath.Ext(path) == ".json" {
		var v any
		return nil, fmt.Errorf("reading the schema %s: %w", path, json.Unmarshal(data, &v))
	}
	var root yaml.Node
	if err := yaml.Load(data, &root); err != nil {
		return nil, fmt.Errorf("reading the schema %s: %w", path, err)
	}
	if err := writeJSON(&b, document(&root)); err != nil {
		return nil, fmt.Errorf("reading the schema %s: %w", path, err)
	}
	return b.Bytes(), nil
}
