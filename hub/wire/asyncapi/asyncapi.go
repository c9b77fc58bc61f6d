// Package asyncapi describes the protocol baton.v1 as an AsyncAPI 3.0 document, made from what the hub runs on.
//
// Nothing is written twice. The schemas are read from the Go types of package wire by reflection, the descriptions are
// the comments of those types, and the examples are the golden frames, both from the files that wire carries. What is
// added here is only what Go cannot say: which frame answers which request, and the few rules that hold between fields.
//
// A WebSocket message is an array of frames. AsyncAPI has no word for that, so each of its messages is one frame; the
// schemas ClientMessage and HubMessage are the arrays.
package asyncapi

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/baton-hub/baton/hub/wire"
)

// answers says which frame answers a request that is not refused, by the names of their Go types. Any request can be
// answered by an Error. A Send is answered only by that.
var answers = map[string]string{
	"Join": "Joined", "Leave": "Left", "Read": "Values", "Write": "Written", "Append": "Appended", "Transact": "Written",
	"Send": "", "Call": "Called", "Cancel": "Written", "Serve": "Serving", "Progress": "Written", "Done": "Written",
	"Failed": "Written", "Control": "Controlled", "Lock": "Locked", "Unlock": "Written", "Ping": "Pong",
}

// Document returns the document as JSON. The version is that of the hub.
func Document(version string) ([]byte, error) {
	comments, err := readComments(wire.Files)
	if err != nil {
		return nil, fmt.Errorf("reading the comments of package wire: %w", err)
	}
	examples, err := readExamples(wire.Files)
	if err != nil {
		return nil, fmt.Errorf("reading the golden frames: %w", err)
	}
	d := &document{
		AsyncAPI: "3.0.0", Info: about(version), DefaultContentType: "application/json", Servers: servers,
		Channels:   map[string]channel{"frames": frames(comments)},
		Operations: map[string]operation{},
		Components: components{
			Messages: map[string]message{}, SecuritySchemes: securitySchemes,
			Schemas: map[string]*schema{},
		},
	}
	d.add(comments, examples)
	text, err := json.MarshalIndent(d, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encoding the document: %w", err)
	}
	return append(text, '\n'), nil
}

// add puts every frame into the document.
func (d *document) add(comments comments, examples map[string][]example) {
	schemas := schemas{comments: comments, into: d.Components.Schemas}
	requests, pushes := wire.EveryFrame()
	asked, told := array(wire.MaxFrames), array(0)
	for _, r := range requests {
		name := d.addMessage(schemas, r, examples["client "+r.FrameType()])
		asked.Items.OneOf = append(asked.Items.OneOf, ref("schemas/"+name))
		d.Operations["receive"+name] = operation{
			Action: "receive", Channel: reference{"#/channels/frames"}, Summary: comments.summary(name),
			Messages: []reference{inChannel(name)}, Reply: replyTo(name),
		}
	}
	for _, f := range pushes {
		name := d.addMessage(schemas, f, examples["server "+f.FrameType()])
		told.Items.OneOf = append(told.Items.OneOf, ref("schemas/"+name))
		d.Operations["send"+name] = operation{
			Action: "send", Channel: reference{"#/channels/frames"}, Summary: comments.summary(name),
			Messages: []reference{inChannel(name)},
		}
	}
	asked.Description = "A WebSocket message of a client: its frames. One that is wrong refuses all of them."
	told.Description = "A WebSocket message of a hub: its frames. Those of an unknown type are ignored; the hub may be newer."
	d.Components.Schemas["ClientMessage"], d.Components.Schemas["HubMessage"] = asked, told
}

// addMessage adds a frame as a message of the channel, and returns its name: that of its Go type, because a call, a
// cancel and a control frame exist in both directions.
func (d *document) addMessage(schemas schemas, f wire.Frame, examples []example) string {
	name := reflect.TypeOf(f).Elem().Name()
	schemas.addFrame(f)
	d.Channels["frames"].Messages[name] = reference{"#/components/messages/" + name}
	d.Components.Messages[name] = message{
		Name: f.FrameType(), Title: name, Summary: schemas.comments.summary(name),
		Description: schemas.comments.types[name], Payload: *ref("schemas/" + name), Examples: examples,
	}
	return name
}

// array is the schema of a message with at most so many frames, 0 for any number.
func array(most int) *schema {
	return &schema{Type: "array", MinItems: 1, MaxItems: most, Items: &schema{}}
}

func replyTo(request string) *reply {
	r := &reply{Channel: reference{"#/channels/frames"}, Messages: []reference{inChannel("Error")}}
	if answer := answers[request]; answer != "" {
		r.Messages = append([]reference{inChannel(answer)}, r.Messages...)
	}
	return r
}
