package cmd

import (
	"fmt"
	"strings"
	"testing"
)

const plainSpaces = "spaces: {lab: {channels: {notes: {kind: store, write: [member]}}}}\n"

func TestProxiesAreNetworksAndNeverEverybody(t *testing.T) {
	parse := func(proxies string) (*site, error) {
		return (Options{}).parseSite("s.yaml", []byte("version: 1\nproxies: ["+proxies+"]\n"+plainSpaces+"authenticators: [{kind: dev}]\n"))
	}
	s, err := parse("192.0.2.10, 198.51.100.7/24, '2001:db8::/32', '::1', '::ffff:10.0.0.1'")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.proxies()); got != "[192.0.2.10/32 198.51.100.0/24 2001:db8::/32 ::1/128 10.0.0.1/32]" {
		t.Errorf("the networks are %s", got)
	}
	for proxies, want := range map[string]string{
		"0.0.0.0/0": "everybody", "'::/0'": "everybody", "nginx": "not the address of a proxy", "10.0.0.0/33": "not the address of a proxy",
	} {
		if _, err := parse(proxies); err == nil || !strings.Contains(err.Error(), "s.yaml:2: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", proxies, err)
		}
	}
}
