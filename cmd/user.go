package cmd

import "github.com/baton-hub/baton/session"

// addUser adds a person to the file of the file authenticator, or changes them.
func addUser(u newUser) error {
	return session.AddUser(u.File, session.Identity{User: u.User, Name: u.Name, Roles: u.Roles, Proposals: u.Proposals}, u.Password)
}
