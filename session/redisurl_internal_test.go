package session

import (
	"slices"
	"strings"
	"testing"
)

func TestARedisURLIsReadAsItsUsersExpect(t *testing.T) {
	for raw, want := range map[string]string{
		"redis://h":                           "h:6379 0 / tls=no",
		"redis://[::1]:1/2":                   "[::1]:1 2 / tls=no",
		"redis://me:p%2Fw%40@h:1/3":           "h:1 3 me/p/w@ tls=no",
		"redis://:pw@h?db=4&pool_size=7":      "h:6379 4 /pw tls=no pool=7",
		"rediss://h:1":                        "h:1 0 / tls=",
		"rediss://h:1?sni=n&cert=c&key=k":     "h:1 0 / tls=n",
		"unix:///run/redis.sock?db=1":         "/run/redis.sock 1 / tls=no",
		"unix://me:pw@/run/redis.sock":        "/run/redis.sock 0 me/pw tls=no",
		"redis+cluster://me:pw@h,g:1":         "h:6379,g:1 0 me/pw tls=no",
		"rediss+cluster://[::1]:1,g?sni=n":    "[::1]:1,g:6379 0 / tls=n",
		"redis+sentinel://h/m":                "h:26379 0 / tls=no m //",
		"redis+sentinel://me:pw@h:1,g/m/5":    "h:1,g:26379 5 me/pw tls=no m //",
		"redis+sentinel://h,[::1]:1,g/m?db=6": "h:26379,[::1]:1,g:26379 6 / tls=no m //",
		"rediss+sentinel://:a%2Fb@h/m?sentinel_username=s&sentinel_password=c%2Fd&sni=n": "h:26379 0 /a/b tls=n m /s/c/d",
	} {
		u, err := ParseRedisURL(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
		} else if got := u.words(); got != want {
			t.Errorf("%s is read as %s, not %s", raw, got, want)
		}
	}
}

// words are what was read.
func (r RedisURL) words() string {
	secure := "tls=no"
	if r.tls != nil {
		secure = "tls=" + r.tls.sni
	}
	number := func(n int) string { return string(rune('0' + n)) }
	switch {
	case r.sentinel != nil:
		o := r.sentinel
		return strings.Join([]string{
			strings.Join(o.SentinelAddrs, ","), number(o.DB), o.Username + "/" + o.Password, secure, o.MasterName,
			"/" + o.SentinelUsername + "/" + o.SentinelPassword,
		}, " ")
	case r.cluster != nil:
		o := r.cluster
		return strings.Join([]string{strings.Join(o.Addrs, ","), "0", o.Username + "/" + o.Password, secure}, " ")
	}
	o := r.single
	words := []string{o.Addr, number(o.DB), o.Username + "/" + o.Password, secure}
	if o.PoolSize > 0 {
		words = append(words, "pool="+number(o.PoolSize))
	}
	return strings.Join(words, " ")
}

func TestABadRedisURLIsRefusedWithWhatToDoAndWithoutItsSecrets(t *testing.T) {
	for raw, says := range map[string]string{
		"":                                     "redis://host:port",
		"h:6379":                               "redis://host:port",
		"http://me:HUSH@h":                     "redis://host:port",
		"redis+ring://h":                       "redis+sentinel",
		"redis://":                             "redis://host:port",
		"redis://me:HUSH@":                     "redis://host:port",
		"redis://me:HU/SH@h":                   "percent-encode",
		"redis://me:HU?SH@h":                   "percent-encode",
		"redis://me:HU#SH@h":                   "percent-encode",
		"redis://me:HU@SH@h":                   "percent-encode",
		"redis://me:HUSH%ZZ@h":                 "percent-encode",
		"redis://me:HUSH@h?a=%ZZ":              "percent-encode",
		"redis://me:HUSH@h:port":               "host:port",
		"redis://me:HUSH@h,":                   "host:port",
		"redis://me:HUSH@h1,h2":                "redis+sentinel:// or redis+cluster://",
		"redis://me:HUSH@h/x":                  "database",
		"redis://me:HUSH@h?colour=red":         "colour",
		"redis://h?password=HUSH":              "before the first /",
		"redis+sentinel://me:HUSH@h":           "name the master",
		"redis+sentinel://me:HUSH@h/m/x":       "database",
		"redis+sentinel://h/m?password=HUSH":   "before the first /",
		"redis+sentinel://h/m?master_name=n":   "after it",
		"redis+cluster://me:HUSH@h/3":          "no numbered databases",
		"redis+cluster://h?sentinel_password=": "sentinel_password",
		"unix://h/run/redis.sock":              "unix:///run/redis/redis.sock",
		"unix://":                              "unix:///run/redis/redis.sock",
		"redis://h?cacert=f":                   "rediss",
		"rediss://h?cacert=":                   "cacert needs a value",
		"rediss://h?cert=f":                    "belong together",
		"rediss://h?skip_verify=true":          "cacert=FILE",
	} {
		_, err := ParseRedisURL(raw)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v, which does not say %q", raw, err, says)
		}
		if err != nil && slices.ContainsFunc([]string{"HU", "SH", "redis: "}, func(s string) bool { return strings.Contains(err.Error(), s) }) {
			t.Errorf("%s: the error repeats it: %v", raw, err)
		}
	}
}
