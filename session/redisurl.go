package session

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// A RedisURL says where Redis is, how to get in, and how many there are of it:
//
//	redis://user:password@host:6379/0
//	unix:///run/redis/redis.sock?db=0
//	redis+sentinel://user:password@host:26379,host2:26379/master/0?sentinel_username=…&sentinel_password=…
//	redis+cluster://user:password@host:6379,host2:6379
//
// With rediss in place of redis the connections are TLS, those to sentinels too. Then cacert=FILE names the authorities
// that are trusted instead of the system's, cert=FILE and key=FILE are the hub's own certificate, and sni=NAME is the
// name that the server's has to have, instead of the host's: as the options of redis-cli are called. The further
// parameters, such as pool_size=20, are those of go-redis.
type RedisURL struct {
	// One of them.
	single   *redis.Options
	sentinel *redis.FailoverOptions
	cluster  *redis.ClusterOptions

	tls *redisTLS // nil: no TLS
}

// redisTLS are the parameters of TLS.
type redisTLS struct{ cacert, cert, key, sni string }

// Errors of ParseRedisURL never repeat the URL, nor parts of it that may hold a password.
var (
	errRedisURL = errors.New("give a URL such as redis://host:port " +
		"(redis, unix, redis+sentinel, redis+cluster; with TLS: rediss, rediss+sentinel, rediss+cluster)")
	errRedisEscapes = errors.New("the URL makes no sense: in a name or password percent-encode what is no letter or digit, such as %2F for /")
)

// ParseRedisURL reads the URL of a Redis. No file is read, and nothing is connected to.
func ParseRedisURL(raw string) (RedisURL, error) {
	scheme, rest, ok := strings.Cut(strings.TrimSpace(raw), "://")
	base, kind, _ := strings.Cut(scheme, "+")
	known := []string{"redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster"}
	if !ok || !slices.Contains(known, scheme) {
		return RedisURL{}, errRedisURL
	}
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	credentials, hosts := "", authority
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		credentials, hosts = authority[:i+1], authority[i+1:]
	}
	if strings.ContainsAny(tail, "@#") || strings.Contains(credentials[:max(0, len(credentials)-1)], "@") {
		return RedisURL{}, errRedisEscapes // or an error would show what comes after it in a password
	}
	u, err := url.Parse(base + "://" + credentials + "host" + tail)
	if err != nil {
		return RedisURL{}, errRedisEscapes
	}
	at, err := redisHosts(hosts, kind)
	if err != nil {
		return RedisURL{}, err
	}
	switch {
	case base == "unix" && (len(at) > 0 || u.Path == ""):
		return RedisURL{}, errors.New("a Unix socket is named by its path: unix:///run/redis/redis.sock")
	case base != "unix" && len(at) == 0:
		return RedisURL{}, errRedisURL
	case kind == "" && len(at) > 1:
		return RedisURL{}, errors.New("several hosts make sense with redis+sentinel:// or redis+cluster:// only")
	}
	return readRedisURL(u, kind, at)
}

// redisHosts reads the hosts, and gives each its port.
func redisHosts(list, kind string) (at []string, err error) {
	standard := "6379"
	if kind == "sentinel" {
		standard = "26379"
	}
	for one := range strings.SplitSeq(list, ",") {
		if one == "" && list == "" {
			return nil, nil
		}
		u, err := url.Parse("redis://" + one)
		if err != nil || u.Hostname() == "" || u.Host != one {
			return nil, errors.New("the hosts make no sense: name them as host:port, with a comma between them")
		}
		at = append(at, net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), standard)))
	}
	return at, nil
}

// readRedisURL turns the URL into one that go-redis reads, and has it read.
func readRedisURL(u *url.URL, kind string, at []string) (r RedisURL, err error) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return RedisURL{}, errRedisEscapes
	}
	for _, name := range []string{"username", "password", "addr", "master_name"} {
		if query.Has(name) {
			return RedisURL{}, fmt.Errorf("%s is no parameter: users, passwords and hosts come before the first /, the name of the master after it", name)
		}
	}
	if r.tls, err = readRedisTLS(u.Scheme, query); err != nil {
		return RedisURL{}, err
	}
	u.Host = ""
	for i, host := range at {
		if i == 0 {
			u.Host = host
		} else {
			query.Add("addr", host)
		}
	}
	switch kind {
	case "sentinel":
		err = sentinelURL(u, query)
	case "cluster":
		if strings.Trim(u.Path, "/") != "" {
			err = errors.New("a cluster has no numbered databases: leave out what follows the hosts")
		}
		u.Path = ""
	}
	if err != nil {
		return RedisURL{}, err
	}
	u.RawQuery = query.Encode()
	switch kind {
	case "sentinel":
		r.sentinel, err = redis.ParseFailoverURL(u.String())
	case "cluster":
		r.cluster, err = redis.ParseClusterURL(u.String())
	default:
		r.single, err = redis.ParseURL(u.String())
	}
	if err != nil { // it is about what follows the hosts, which is no secret
		return RedisURL{}, errors.New("what follows the host: " + strings.TrimPrefix(err.Error(), "redis: "))
	}
	return r, nil
}

// sentinelURL makes it what go-redis reads: there the URL has the credentials for the sentinels, and the query those for
// Redis.
func sentinelURL(u *url.URL, query url.Values) error {
	master, db, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if master == "" {
		return errors.New("name the master that the sentinels watch: redis+sentinel://host:26379/mymaster")
	}
	password, _ := u.User.Password()
	query.Set("master_name", master)
	query.Set("username", u.User.Username())
	query.Set("password", password)
	u.User = url.UserPassword(query.Get("sentinel_username"), query.Get("sentinel_password"))
	query.Del("sentinel_username")
	query.Del("sentinel_password")
	u.Path = "/" + db
	return nil
}

// readRedisTLS takes the parameters of TLS out of the query.
func readRedisTLS(scheme string, query url.Values) (*redisTLS, error) {
	secure := scheme == "rediss"
	var t redisTLS
	for name, field := range map[string]*string{"cacert": &t.cacert, "cert": &t.cert, "key": &t.key, "sni": &t.sni} {
		if !query.Has(name) {
			continue
		}
		if *field = query.Get(name); *field == "" || !secure {
			return nil, fmt.Errorf("%s needs a value, and a URL that begins with rediss", name)
		}
		query.Del(name)
	}
	switch {
	case query.Has("skip_verify"):
		return nil, errors.New("skip_verify would let anybody be Redis: name the authority that signed its certificate with cacert=FILE")
	case (t.cert == "") != (t.key == ""):
		return nil, errors.New("cert and key belong together")
	case !secure:
		return nil, nil
	}
	return &t, nil
}

// config reads the files.
func (t *redisTLS) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.sni}
	if t.cacert != "" {
		pem, err := os.ReadFile(t.cacert)
		if err != nil {
			return nil, fmt.Errorf("reading cacert: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("reading cacert: there is no certificate in PEM in %s", t.cacert)
		}
	}
	if t.cert != "" {
		own, err := tls.LoadX509KeyPair(t.cert, t.key)
		if err != nil {
			return nil, fmt.Errorf("reading cert and key: %w", err)
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}

// client makes the client; it connects when it is used. Without the first option that is set on each, go-redis does not
// look at deadlines once connected.
func (r RedisURL) client(c *tls.Config) redis.UniversalClient {
	switch {
	case r.sentinel != nil:
		o := *r.sentinel
		o.ContextTimeoutEnabled, o.DialTimeout, o.TLSConfig = true, storeWait, c
		return redis.NewFailoverClient(&o)
	case r.cluster != nil:
		o := *r.cluster
		o.ContextTimeoutEnabled, o.DialTimeout, o.TLSConfig = true, storeWait, c
		o.DisableRoutingPolicies = true // for them it asks for a list of all commands, for 5 s whatever the deadline
		return redis.NewClusterClient(&o)
	}
	o := *r.single
	o.ContextTimeoutEnabled, o.DialTimeout, o.TLSConfig = true, storeWait, c
	return redis.NewClient(&o)
}
