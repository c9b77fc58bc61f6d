package session

import (
	"encoding/json"
	"time"
)

// The fields of what is stored for a token.
const (
	spaceField   = "space"
	sessionField = "session"
)

// stored is what the store keeps for a token: where it leads, and until when at the latest.
type stored struct {
	Space   string    `json:"space"`
	Session string    `json:"session"`
	Until   time.Time `json:"until"`
}

// codec is the scs.Codec of Logins. JSON can be read by people and by the next version.
type codec struct{}

func (codec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	space, _ := values[spaceField].(string)
	id, _ := values[sessionField].(string)
	return json.Marshal(stored{space, id, deadline})
}

// Decode has no errors: what is not ours leads nowhere, which is not the same as a store that is down.
func (codec) Decode(data []byte) (time.Time, map[string]any, error) {
	var s stored
	if json.Unmarshal(data, &s) != nil {
		return time.Time{}, map[string]any{}, nil
	}
	return s.Until, map[string]any{spaceField: s.Space, sessionField: s.Session}, nil
}
