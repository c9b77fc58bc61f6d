package hub

import (
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// NodeInfo is a node as administrators see it.
type NodeInfo struct {
	Node        string   `json:"node"`
	Answered    bool     `json:"answered" doc:"It has told what follows. Else it shows the space, and does not answer: it is busy, leaving, or of an earlier version."`
	AnswerMS    float64  `json:"answer_ms" doc:"How long it took to answer the node that was asked, in milliseconds."`
	Version     string   `json:"version,omitempty"`
	UptimeS     int64    `json:"uptime_s"`
	Missing     []string `json:"missing,omitempty" doc:"Why it is not ready. None: it is."`
	Position    uint64   `json:"position" doc:"How far it has read the log of the space."`
	LogBytes    int      `json:"log_bytes" doc:"What the log has after the last checkpoint: what a node that starts has to read."`
	StaleMS     int64    `json:"stale_ms" doc:"How long the log has been out of its reach; 0: it is not."`
	Connections int      `json:"connections" doc:"To this space."`
	Sockets     int      `json:"sockets" doc:"To all spaces."`
	Limit       int      `json:"limit" doc:"How many connections it takes at most."`
	Sent        uint64   `json:"sent_messages" doc:"Messages that it has written to connections to this space since it started: a message has all that a client has not seen."`
	SentBytes   uint64   `json:"sent_bytes" doc:"Bytes of these messages."`
	MemoryBytes uint64   `json:"memory_bytes" doc:"Its heap."`
	Goroutines  int      `json:"goroutines"`
}

// ConnectionInfo is a connection as administrators see it.
type ConnectionInfo struct {
	Connection string    `json:"connection" doc:"To close it by."`
	Node       string    `json:"node"`
	Kind       string    `json:"kind" enum:"ws,sse"`
	User       string    `json:"user"`
	Name       string    `json:"name"`
	Roles      []string  `json:"roles"`
	Session    string    `json:"session" doc:"The login session, or the token."`
	Since      time.Time `json:"since"`
	AnswerMS   float64   `json:"answer_ms,omitempty" doc:"How long its client took to answer the last ping, in milliseconds. None: not asked yet, or an event stream."`
	Joined     int       `json:"joined" doc:"Channels that it reads."`
	Serves     []string  `json:"serves,omitempty" doc:"Commands that it serves."`
	Behind     uint64    `json:"behind" doc:"Positions of the log that are still to be written to it."`
}

type nodesOutput struct {
	Body struct {
		Nodes []NodeInfo `json:"nodes"`
	}
}

type connectionsInput struct {
	SpacePath
	User string `query:"user" maxLength:"256" doc:"Only those of this user."`
}

type connectionsOutput struct {
	Body struct {
		Connections []ConnectionInfo `json:"connections"`
		Incomplete  bool             `json:"incomplete" doc:"There are more, or a node did not answer."`
	}
}

type closeInput struct {
	SpacePath
	Connection string `path:"connection" maxLength:"64" doc:"Its id, as listed."`
	Reason     string `query:"reason" maxLength:"80" doc:"Told to the client."`
}

// nodeOperations let administrators see who is connected where, and close a connection.
func nodeOperations(a *api) {
	member(a, huma.Operation{
		OperationID: "list-nodes", Method: http.MethodGet, Path: "/api/v1/spaces/{space}/nodes", Tags: []string{"nodes"},
		Summary: "List the nodes that show the space, and how they are", Description: "For admins, with a login session or a token without a scope.",
	}, func(v *visit, _ *SpacePath) (*nodesOutput, error) {
		out := &nodesOutput{}
		reports, err := v.survey("")
		for _, r := range reports {
			out.Body.Nodes = append(out.Body.Nodes, r.Node)
		}
		return out, err
	})
	member(a, huma.Operation{
		OperationID: "list-connections", Method: http.MethodGet, Path: "/api/v1/spaces/{space}/connections", Tags: []string{"nodes"},
		Summary: "List the connections to the space, on all nodes", Description: "For admins, with a login session or a token without a scope. The oldest first of each node; at most 1,000 of each.",
	}, func(v *visit, in *connectionsInput) (*connectionsOutput, error) {
		out := &connectionsOutput{}
		out.Body.Connections = []ConnectionInfo{}
		reports, err := v.survey(in.User)
		for _, r := range reports {
			out.Body.Connections = append(out.Body.Connections, r.Connections...)
			out.Body.Incomplete = out.Body.Incomplete || r.More || !r.Node.Answered
		}
		return out, err
	})
	member(a, huma.Operation{
		OperationID: "close-connection", Method: http.MethodDelete, Path: "/api/v1/spaces/{space}/connections/{connection}", Tags: []string{"nodes"},
		Summary: "Close a connection, on whichever node", DefaultStatus: http.StatusNoContent,
		Description: "For admins, with a login session or a token without a scope. Its client may come back, which is how one that hangs is helped: who is to stay away has a login session, or a token, to be ended.",
	}, func(v *visit, in *closeInput) (*struct{}, error) {
		if err := v.governs(); err != nil {
			return nil, err
		}
		by := v.who.Name
		if by == "" {
			by = v.who.User
		}
		if !v.hub.closeAnywhere(v.r.Context(), v.room, closeQuestion{Connection: in.Connection, By: by, Reason: in.Reason}) {
			return nil, channels.Refuse(channels.CodeUnknownName, "there is no connection %.64q any more: list them again", in.Connection)
		}
		v.hub.logger.Info("connection closed", "space", v.room.name, "conn", in.Connection, "by", v.who.User, "reason", in.Reason)
		return nil, nil
	})
}

// governs refuses what is for administrators.
func (v *visit) governs() error {
	if !session.Governs(v.who) {
		return channels.Refuse(channels.CodeForbidden, "this is for admins, signed in or with a token without a scope")
	}
	return nil
}

// survey asks all nodes of the space.
func (v *visit) survey(user string) ([]nodeReport, error) {
	if err := v.governs(); err != nil {
		return nil, err
	}
	return v.hub.survey(v.r.Context(), v.room, user), nil
}
