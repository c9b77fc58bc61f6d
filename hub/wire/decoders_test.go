package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Decoders that could read requests, on the same messages. BENCHMARKS.md says what came of it, and why DecodeRequests has
// one of its own. Those of encoding/json/v2 are in decoders_v2_test.go:
//
//	go test -run '^$' -bench Decoders ./hub/wire
//	GOEXPERIMENT=jsonv2 go test -run '^$' -bench Decoders ./hub/wire

// decoderMessages are what clients send: a small write, a large one, and a page that joins all it shows.
func decoderMessages() map[string][]byte {
	write := func(value string) []byte {
		return []byte(`[{"type":"write","id":5,"channel":"queue","set":{"q1":` + value + `},"if":{"q1":12},"term":4,"op":"c1ab.12"}]`)
	}
	var joins []string
	for i := range 20 {
		joins = append(joins, fmt.Sprintf(`{"type":"join","id":%d,"channel":"channel-%d","cursor":"EPOCH12345-7q"}`, i+1, i))
	}
	many := strings.Repeat(`{"sample":"1:03","task":"collection","order":1.5,"params":{"images":1800,"range_deg":0.1}},`, 700)
	return map[string][]byte{
		"write":      write(`{"sample":"1:03","task":"collection","order":1.5,"params":{"images":1800,"range_deg":0.1}}`),
		"write-60KB": write("[" + strings.TrimSuffix(many, ",") + "]"),
		"20-joins":   []byte("[" + strings.Join(joins, ",") + "]"),
	}
}

// decoders return how many frames they have read.
var decoders = map[string]func([]byte) (int, error){
	"baton": func(message []byte) (int, error) {
		requests, err := DecodeRequests(message)
		return len(requests), err
	},
	"json-v1": func(message []byte) (int, error) {
		var frames []json.RawMessage
		if err := json.Unmarshal(message, &frames); err != nil {
			return 0, err
		}
		for _, frame := range frames {
			r, err := typed(frame, json.Unmarshal)
			if err != nil {
				return 0, err
			}
			d := json.NewDecoder(bytes.NewReader(frame))
			d.DisallowUnknownFields()
			if err := d.Decode(r); err != nil {
				return 0, err
			}
		}
		return len(frames), nil
	},
}

// typed returns the request that a frame says it is, as something that has a type too.
func typed(frame []byte, unmarshal func([]byte, any) error) (any, error) {
	var head struct {
		Type string `json:"type"`
	}
	if err := unmarshal(frame, &head); err != nil {
		return nil, err
	}
	switch head.Type {
	case "write":
		return &struct {
			Type string `json:"type"`
			*Write
		}{Write: new(Write)}, nil
	case "join":
		return &struct {
			Type string `json:"type"`
			*Join
		}{Join: new(Join)}, nil
	case "append":
		return &struct {
			Type string `json:"type"`
			*Append
		}{Append: new(Append)}, nil
	}
	return nil, errors.New("no such type")
}

// refuses counts the messages of testdata/rejected.json that a decoder refuses, of those about requests that typed knows.
func refuses(b *testing.B, decode func([]byte) (int, error)) (refused, all float64) {
	var cases []struct{ Name, Message, Reason string }
	readFile(b, "testdata/rejected.json", &cases)
	for _, c := range cases {
		all++
		if _, err := decode([]byte(c.Message)); err != nil {
			refused++
		}
	}
	return refused, all
}

func BenchmarkDecoders(b *testing.B) {
	for name, decode := range decoders {
		for what, message := range decoderMessages() {
			b.Run(what+"/"+name, func(b *testing.B) {
				refused, all := refuses(b, decode)
				b.ReportAllocs()
				b.SetBytes(int64(len(message)))
				for b.Loop() {
					if n, err := decode(message); err != nil || n == 0 {
						b.Fatal(n, err)
					}
				}
				b.ReportMetric(refused, fmt.Sprintf("refused-of-%g", all))
			})
		}
	}
}

func BenchmarkDecodeRequest(b *testing.B) {
	for what, message := range decoderMessages() {
		b.Run(what, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(message)))
			for b.Loop() {
				if _, err := DecodeRequests(message); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestDecodingARequestAllocatesLittle holds on any machine.
func TestDecodingARequestAllocatesLittle(t *testing.T) {
	for what, most := range map[string]float64{"write": 27, "write-60KB": 27, "20-joins": 230} {
		message := decoderMessages()[what]
		n := testing.AllocsPerRun(20, func() { _, _ = DecodeRequests(message) })
		t.Logf("%s: %.0f", what, n)
		if n > most {
			t.Errorf("%s takes %.0f allocations, the limit is %.0f", what, n, most)
		}
	}
}
