//go:build !unix

package natslog

// lockDir does nothing here: this system has no lock that goes with the process.
func lockDir(string) (unlock func(), err error) { return func() {}, nil }
