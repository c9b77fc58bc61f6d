package cmd

import (
	"crypto/rand"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// maxPassword is the longest password that is read, in bytes: longer ones only cost time to hash.
const maxPassword = 1024

// newUser is a person to add to the file of the file authenticator.
type newUser struct {
	File      string
	User      string // the account
	Name      string // for people to read
	Roles     []string
	Proposals []string // that they may sign in for
	Password  string
}

func userCommand(s streams) *cobra.Command {
	u := newUser{}
	fromStdin := false
	add := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a person to the file of the file authenticator, or change them",
		Long: `Add a person to the file of the file authenticator, or change them. The file holds argon2id hashes, no passwords.

Without --password-stdin a password is made up and printed, once.`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			u.User = args[0]
			if len(u.Roles) == 0 {
				return usageError{fmt.Errorf("a person without a role may do nothing: --role user")}
			}
			var err error
			if u.Password, err = password(s.in, fromStdin); err != nil {
				return err
			}
			if err := addUser(u); err != nil {
				return fmt.Errorf("adding %s to %s: %w", u.User, u.File, err)
			}
			fmt.Fprintf(s.out, "%s is in %s with the roles %s\n", u.User, u.File, strings.Join(u.Roles, ", "))
			if !fromStdin {
				fmt.Fprintf(s.out, "password: %s\n", u.Password)
			}
			return nil
		},
	}
	f := add.Flags()
	f.StringVar(&u.File, "file", "users.yaml", "file of the file authenticator; made if it is not there")
	f.StringVar(&u.Name, "name", "", "full name, shown to the others (default: the account)")
	f.StringSliceVar(&u.Roles, "role", []string{"user"}, "roles, comma-separated: user, staff, admin")
	f.StringSliceVar(&u.Proposals, "proposal", nil, "proposals that they may sign in for, comma-separated")
	f.BoolVar(&fromStdin, "password-stdin", false, "read the password from standard input, up to the first line end")
	return group("user", "Manage the people of the file authenticator", add)
}

// password reads the password, or makes one up: 26 letters and digits, 130 random bits.
func password(in io.Reader, fromStdin bool) (string, error) {
	if !fromStdin {
		return strings.ToLower(rand.Text()), nil
	}
	data, err := io.ReadAll(io.LimitReader(in, maxPassword+2))
	if err != nil {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	line = strings.TrimSuffix(line, "\r")
	switch {
	case line == "":
		return "", usageError{fmt.Errorf("the password on standard input is empty")}
	case len(line) > maxPassword:
		return "", usageError{fmt.Errorf("a password has at most %d bytes", maxPassword)}
	}
	return line, nil
}
