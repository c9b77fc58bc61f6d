package cmd

import (
	"fmt"
	"net/netip"
)

// checkProxies notes what is no network.
func (p *siteProblems) checkProxies(proxies []string) {
	for i, text := range proxies {
		path := []string{"proxies", fmt.Sprint(i)}
		network, err := parseNetwork(text)
		switch {
		case err != nil:
			p.add(path, "%q is not the address of a proxy, nor a network of them: write 192.0.2.10 or 192.0.2.0/24", text)
		case network.Bits() == 0:
			p.add(path, "%q is everybody, so everybody could say they come from anywhere: name the proxies only", text)
		}
	}
}

// parseNetwork reads a network, or an address as that of one.
func parseNetwork(text string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(text); err == nil {
		return ip.Unmap().Prefix(ip.Unmap().BitLen())
	}
	network, err := netip.ParsePrefix(text)
	return network.Masked(), err
}

// proxies returns the networks, which the check has looked at.
func (s *site) proxies() (networks []netip.Prefix) {
	for _, text := range s.Proxies {
		if network, err := parseNetwork(text); err == nil {
			networks = append(networks, network)
		}
	}
	return networks
}
