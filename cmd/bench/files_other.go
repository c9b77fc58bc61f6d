//go:build !unix

package bench

func needFiles(int) error { return nil }

func mostConnections() int { return 10_000 }
