//go:build !linux

package capture

// waitingBytes asks how many bytes of a socket have come in and were not yet read: FIONREAD of the BSDs.
const waitingBytes = 0x4004667f
