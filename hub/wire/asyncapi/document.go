package asyncapi

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/baton-hub/baton/hub/wire"
)

// The parts of an AsyncAPI 3.0 document that this one has, https://www.asyncapi.com/docs/reference/specification/v3.0.0.
type (
	document struct {
		AsyncAPI           string               `json:"asyncapi"`
		Info               info                 `json:"info"`
		DefaultContentType string               `json:"defaultContentType"`
		Servers            map[string]server    `json:"servers"`
		Channels           map[string]channel   `json:"channels"`
		Operations         map[string]operation `json:"operations"`
		Components         components           `json:"components"`
	}
	info struct {
		Title       string  `json:"title"`
		Version     string  `json:"version"`
		Description string  `json:"description"`
		License     license `json:"license"`
	}
	license struct {
		Name string `json:"name"`
		URL  string `json:"url"`
	}
	server struct {
		Host        string              `json:"host"`
		Protocol    string              `json:"protocol"`
		Description string              `json:"description"`
		Variables   map[string]variable `json:"variables"`
		Security    []reference         `json:"security"`
	}
	variable struct {
		Default     string `json:"default"`
		Description string `json:"description"`
	}
	channel struct {
		Address     string               `json:"address"`
		Title       string               `json:"title"`
		Description string               `json:"description"`
		Messages    map[string]reference `json:"messages"`
		Bindings    map[string]binding   `json:"bindings"`
	}
	binding struct {
		Method  string  `json:"method"`
		Query   *schema `json:"query"`
		Headers *schema `json:"headers"`
		Version string  `json:"bindingVersion"`
	}
	operation struct {
		Action   string      `json:"action"` // of the hub
		Channel  reference   `json:"channel"`
		Summary  string      `json:"summary"`
		Messages []reference `json:"messages"`
		Reply    *reply      `json:"reply,omitempty"`
	}
	reply struct {
		Channel  reference   `json:"channel"`
		Messages []reference `json:"messages"`
	}
	components struct {
		Messages        map[string]message        `json:"messages"`
		Schemas         map[string]*schema        `json:"schemas"`
		SecuritySchemes map[string]securityScheme `json:"securitySchemes"`
	}
	message struct {
		Name        string    `json:"name"` // the frame's type
		Title       string    `json:"title"`
		Summary     string    `json:"summary"`
		Description string    `json:"description"`
		Payload     schema    `json:"payload"`
		Examples    []example `json:"examples"`
	}
	example struct {
		Name    string          `json:"name"`
		Payload json.RawMessage `json:"payload"`
	}
	securityScheme struct {
		Type        string `json:"type"`
		In          string `json:"in,omitempty"`
		Name        string `json:"name,omitempty"`
		Scheme      string `json:"scheme,omitempty"`
		Description string `json:"description"`
	}
	reference struct {
		Ref string `json:"$ref"`
	}
)

// inChannel refers to a message, as operations must.
func inChannel(name string) reference { return reference{"#/channels/frames/messages/" + name} }

func about(version string) info {
	if version == "" {
		version = "unknown"
	}
	return info{
		Title: "Baton", Version: version,
		Description: "The protocol " + wire.Subprotocol + " between a hub and its clients. A hub serves spaces; a space has " +
			"channels with values and messages, commands, people, and one operator. Every change is sent to all who " +
			"have joined its channel, in the order of the space's log. The HTTP API is described by /api/openapi.json.",
		License: license{"Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0"},
	}
}

var servers = map[string]server{"hub": {
	Host: "{host}", Protocol: "wss", Description: "A node of the hub, any of them. In development without TLS: ws.",
	Variables: map[string]variable{"host": {Default: "localhost:8080", Description: "Host name and port."}},
	Security: []reference{
		{"#/components/securitySchemes/cookie"}, {"#/components/securitySchemes/token"},
	},
}}

var securitySchemes = map[string]securityScheme{
	"cookie": {Type: "httpApiKey", In: "cookie", Name: "__Host-baton", Description: "Of a person: set by POST /api/v1/session."},
	"token":  {Type: "http", Scheme: "bearer", Description: "Of a program (baton token create) or a script (POST /api/v1/bearer), or a JWT of another issuer that the site trusts."},
}

// frames is the one channel.
func frames(comments comments) channel {
	var b strings.Builder
	fmt.Fprintf(&b, "A WebSocket with the subprotocol %s, in one space: that of the login session or token. Every message, "+
		"both ways, is a JSON array of frames, at most %d from a client. A client sends requests with an id of their own, "+
		"and each is answered by one frame with that id; changes, messages and states come by themselves. A client keeps "+
		"the newest cursor and sends it when it joins again after a broken connection.\n\nThe hub closes with:\n\n",
		wire.Subprotocol, wire.MaxFrames)
	for _, c := range comments.closing {
		fmt.Fprintf(&b, "- %s: %s\n", c.code, c.reason)
	}
	id := &schema{Type: "string", Pattern: "^[A-Za-z0-9_-]{4,40}$"}
	id.Description = "The client id: random, new for every page load or process, and kept in memory. Operation ids begin with it. That of another user is refused with 409: take a new one."
	ticket := &schema{Type: "string", Description: "Instead of cookie and token: from POST /api/v1/tickets. It is good once, for 30 s, for pages of the origin that asked."}
	space := &schema{Type: "string", Description: "The space, for a JWT that is good in several."}
	subprotocol := &schema{Const: wire.Subprotocol}
	return channel{
		Address: wire.Path, Title: "Frames", Description: b.String(), Messages: map[string]reference{},
		Bindings: map[string]binding{"ws": {
			Method: "GET", Version: "0.1.0",
			Query: &schema{Type: "object", Required: []string{"client"}, Properties: map[string]*schema{
				"client": id, "ticket": ticket, "space": space,
			}},
			Headers: &schema{Type: "object", Properties: map[string]*schema{"Sec-WebSocket-Protocol": subprotocol}},
		}},
	}
}
