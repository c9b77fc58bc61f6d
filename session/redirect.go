package session

import (
	"context"
	"net/url"
)

// A Redirector signs people in at another site, which asks for their password itself. The hub sends the browser there, and
// it comes back with something that proves who they are. Safe for concurrent use.
type Redirector interface {
	// Name is a word for it in addresses, see channels.CheckName, and Title what people read on the sign-in page.
	Name() string
	Title() string

	// Begin returns where to send the browser for an errand. An error means that the other site cannot be reached.
	Begin(ctx context.Context, e Errand) (address string, err error)

	// Finish returns who came back from the errand with the query of their address. The hub has compared the state. It
	// returns ErrWrongCredentials when the other site says that they did not sign in; any other error means that it cannot
	// tell, which admits nobody. No error holds anything secret.
	Finish(ctx context.Context, e Errand, answer url.Values) (Identity, error)
}

// An Errand is one way to another site and back. Its secrets are new for each, and only the browser has them meanwhile,
// sealed.
type Errand struct {
	State    string `json:"state"`    // comes back with the browser
	Nonce    string `json:"nonce"`    // comes back in what the other site vouches for
	Verifier string `json:"verifier"` // of PKCE, RFC 7636
	Fresh    bool   `json:"fresh"`    // the person is to enter their credentials, whether the other site knows them or not
	Callback string `json:"callback"` // where the browser comes back to: the address of this hub and a path
}
