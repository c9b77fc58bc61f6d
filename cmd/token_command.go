package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

// tokenFlags say which hub's tokens are meant, and how the answer is written.
type tokenFlags struct {
	access accessFlags
	data   string
	output string
}

func (f *tokenFlags) add(c *cobra.Command) {
	f.access.add(c)
	c.Flags().StringVar(&f.data, "data", "data", "without --token or --user: folder of the hub on this machine, as 'baton serve' has it")
	c.Flags().StringVarP(&f.output, "output", "o", "text", "text or json")
}

// open reaches the hub: as an admin, or past the sign-in through the socket in the data folder of the one on this machine.
func (f *tokenFlags) open(ctx context.Context) (*access, error) {
	if f.output != "text" && f.output != "json" {
		return nil, usageError{errors.New("--output is text or json")}
	}
	if f.access.Token == "" && f.access.User == "" {
		f.access.data = f.data
	}
	return f.access.open(ctx)
}

// ask sends a request about tokens and returns the answer.
func (f *tokenFlags) ask(ctx context.Context, method, what string, query url.Values, body any) (answer []byte, err error) {
	a, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	kind, sent := "", io.Reader(nil)
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		kind, sent = "application/json", bytes.NewReader(data)
	}
	response, err := a.space(ctx, method, "tokens"+what, query, kind, sent)
	switch {
	case a.flags.data != "" && nobodyListens(err, f.data):
		return nil, fmt.Errorf("no hub runs on %s: name its folder with --data, or sign in to one with --url and --user or BATON_TOKEN", f.data)
	case err != nil:
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

const tokenLong = `
An admin does this with --url and BATON_TOKEN, or --user and BATON_PASSWORD. Without either it goes to the hub that runs on
this machine with its server embedded, over a socket in its data folder, which is for the owner of the hub's process only.`

func tokenCommand(s streams) *cobra.Command {
	return group("token", "Manage what programs sign in with", tokenCreate(s), tokenList(s), tokenRevoke(s))
}

// newToken is the body of a request for a token.
type newToken struct {
	Name    string   `json:"name"`
	Roles   []string `json:"roles"`
	Scope   []string `json:"scope,omitempty"`
	Expires string   `json:"expires,omitempty"`
}

func tokenCreate(s streams) *cobra.Command {
	var f tokenFlags
	var t newToken
	c := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a token for a program, which is shown this once",
		Long: `Create a token for a program. It is printed once; the hub keeps a hash.

--scope says what it may do of what its roles may: the name of a channel or command, or the beginning of names and a *
(queue.*), each with read: before it if it may only read, and read to read everything. It may be repeated.
` + tokenLong,
		Example: `  baton token create scanner --space lab --scope queue --scope 'scan.*' --expires 90d
  baton token create dashboard --space lab --scope read`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			t.Name = args[0]
			answer, err := f.ask(c.Context(), http.MethodPost, "", nil, t)
			if err != nil {
				return fmt.Errorf("creating the token: %w", err)
			}
			var made struct {
				Token, ID string
				Expires   time.Time
			}
			if f.output == "json" {
				_, err = s.out.Write(answer)
				return err
			}
			if err := json.Unmarshal(answer, &made); err != nil {
				return fmt.Errorf("reading the answer: %w", err)
			}
			fmt.Fprintln(s.out, made.Token)
			until := "until it is revoked"
			if !made.Expires.IsZero() {
				until = "until " + made.Expires.Local().Format("2006-01-02 15:04")
			}
			fmt.Fprintf(s.err, "This is shown once. It is good %s; 'baton token revoke %s' ends it.\n", until, made.ID)
			return nil
		},
	}
	f.add(c)
	c.Flags().StringSliceVar(&t.Roles, "role", []string{"service"}, "roles, comma-separated: service, or those that you have yourself")
	c.Flags().StringSliceVar(&t.Scope, "scope", nil, "what it may do (default: all that its roles may)")
	c.Flags().StringVar(&t.Expires, "expires", "", "how long it is good for, 12h or 90d, or until when, 2027-01-31T12:00:00Z (default: until it is revoked)")
	return c
}

// listedToken is a token as the hub lists it.
type listedToken struct {
	ID        string    `json:"id"`
	Prefix    string    `json:"prefix"`
	Kind      string    `json:"kind"`
	Name      string    `json:"name"`
	User      string    `json:"user"`
	Roles     []string  `json:"roles"`
	Scope     []string  `json:"scope,omitempty"`
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"created_by,omitempty"`
	Expires   time.Time `json:"expires,omitzero"`
	Ended     bool      `json:"ended,omitempty"`
}

func tokenList(s streams) *cobra.Command {
	var f tokenFlags
	c := &cobra.Command{
		Use: "list", Short: "List the tokens of a space", Long: "List the tokens of a space, by their first characters.\n" + tokenLong, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			tokens, err := f.all(c.Context())
			if err != nil {
				return fmt.Errorf("listing the tokens: %w", err)
			}
			if f.output == "json" {
				data, err := json.Marshal(tokens)
				if err == nil {
					_, err = s.out.Write(append(data, '\n'))
				}
				return err
			}
			return writeTokens(s.out, tokens)
		},
	}
	f.add(c)
	return c
}

// all reads the list, page by page.
func (f *tokenFlags) all(ctx context.Context) ([]listedToken, error) {
	tokens, query := []listedToken{}, url.Values{}
	for {
		answer, err := f.ask(ctx, http.MethodGet, "", query, nil)
		if err != nil {
			return nil, err
		}
		var page struct {
			Tokens     []listedToken
			After      string
			Incomplete bool
		}
		if err := json.Unmarshal(answer, &page); err != nil {
			return nil, fmt.Errorf("reading the answer: %w", err)
		}
		tokens = append(tokens, page.Tokens...)
		if !page.Incomplete {
			return tokens, nil
		}
		query.Set("after", page.After)
	}
}

func writeTokens(w io.Writer, tokens []listedToken) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tBEGINS\tUSER\tROLES\tSCOPE\tEXPIRES\tCREATED\tBY")
	for _, t := range tokens {
		expires, scope := "never", "all"
		if !t.Expires.IsZero() {
			expires = t.Expires.Local().Format("2006-01-02 15:04")
		}
		if t.Ended {
			expires = "revoked"
		}
		if len(t.Scope) > 0 {
			scope = strings.Join(t.Scope, ",")
		}
		fmt.Fprintf(table, "%s\t%s…\t%s\t%s\t%s\t%s\t%s\t%s\n", t.ID, t.Prefix, t.User, strings.Join(t.Roles, ","), scope, expires,
			t.Created.Local().Format("2006-01-02 15:04"), t.CreatedBy)
	}
	return table.Flush()
}

func tokenRevoke(s streams) *cobra.Command {
	var f tokenFlags
	c := &cobra.Command{
		Use: "revoke ID", Short: "End a token at once, and close what is connected with it",
		Long: "End a token at once, on every node, and close what is connected with it. 'baton token list' shows the ids.\n" + tokenLong, Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := f.ask(c.Context(), http.MethodDelete, "/"+url.PathEscape(args[0]), nil, nil); err != nil {
				return fmt.Errorf("revoking the token: %w", err)
			}
			if f.output == "text" {
				fmt.Fprintf(s.err, "%s is revoked\n", args[0])
			}
			return nil
		},
	}
	f.add(c)
	return c
}
