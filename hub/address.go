package hub

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
)

// address is where a request comes from: the other end of the connection, or if that is a proxy of the site's, what the
// proxies say. Each adds to X-Forwarded-For whom it had the request from, so the last that is no proxy is the client;
// what stands before it anybody may have written.
func (h *Hub) address(r *http.Request) string {
	peer := peerOf(r)
	forwarded := r.Header.Values("X-Forwarded-For")
	if len(forwarded) == 0 {
		return peer
	}
	if !h.isProxy(peer) {
		h.unknownProxy.Do(func() {
			h.logger.Warn("requests come through something that is not among the proxies: in the site file, so its address counts as that of all its clients",
				"address", peer)
		})
		return peer
	}
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for _, hop := range slices.Backward(hops) {
		ip, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			return peer // what the proxy wrote is no address: all that is known is the proxy
		}
		peer = ip.Unmap().WithZone("").String()
		if !h.isProxy(peer) {
			return peer
		}
	}
	return peer
}

// peerOf is the other end of the connection.
func peerOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	return ip.Unmap().WithZone("").String()
}

func (h *Hub) isProxy(address string) bool {
	ip, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(h.setup.Load().Proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// addresses counts the connections of this node by where they come from.
type addresses struct {
	mu    sync.Mutex
	conns map[string]int
}

// enter counts a connection until leave is called, which may be called again, unless there are already most.
func (a *addresses) enter(address string, most int) (leave func(), ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conns[address] >= most {
		return nil, false
	}
	if a.conns == nil {
		a.conns = map[string]int{}
	}
	a.conns[address]++
	return sync.OnceFunc(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.conns[address]--; a.conns[address] == 0 {
			delete(a.conns, address)
		}
	}), true
}
