package cmd

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/baton-hub/baton/channels"
	"github.com/baton-hub/baton/session"
)

// serveOptions are the flags of `baton serve`, checked.
type serveOptions struct {
	Dev    bool
	Demo   bool // run the demo beamline, with Dev
	Listen string
	Admin  string        // metrics and profiles; "" = off
	Data   string        // folder of the embedded server and of what --dev keeps
	Config string        // site file; "" = the one built in, with Dev
	NATS   string        // URL of an external server; "" = embedded
	Copies int           // how many servers of its cluster keep what is stored: 1 or 3
	Redis  string        // URL; "" = the embedded session store
	Labels []string      // of this node, for tasks and backends that are pinned
	NoDocs bool          // do not describe the API
	Drain  time.Duration // to be gone in, when it is told to stop
	OTLP   string        // URL of a collector of traces; "" = none, unless the environment names one
	Sync   time.Duration // how late the embedded server may flush to the disk; 0 = never late: before it acknowledges

	DrainDelay time.Duration // of it, to serve on as ever though it is not ready

	getenv func(string) string // for the variables of OpenTelemetry
}

func serveCommand(s streams) *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run a hub node",
		Long: `Run a hub node.

With --dev everything is embedded and runs on this machine only: plain http on a loopback address, data under --data,
a demo space with a simulated beamline, and the users alice, bob (user), sam (staff) and ada (admin), whose password is their name.

Without it, --config names the site file; 'baton config example' prints one. SIGHUP reads it again. Each flag can also be given in the
environment: --listen as BATON_LISTEN, and so on, or in a file that BATON_LISTEN_FILE names.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.Dev && !c.Flags().Changed("drain-delay") {
				o.DrainDelay = 0 // nothing is in front of it
			}
			o.getenv = s.getenv
			if err := o.check(c.Flags().Changed("sync")); err != nil {
				return usageError{err}
			}
			site, err := s.own.readSite(o.Config)
			if err != nil {
				return err
			}
			if site.needsDev() && !o.Dev {
				return configError{fmt.Errorf("%s: the dev authenticator is for --dev only: everybody knows its passwords", o.Config)}
			}
			return serve(c.Context(), o, site, newLogger(s.err), s)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.BoolVar(&o.Dev, "dev", false, "everything embedded, on loopback, with demo users and a demo beamline")
	f.BoolVar(&o.Demo, "demo", true, "with --dev: run the demo beamline; a space has only one, so --demo=false on further nodes")
	f.StringVar(&o.Listen, "listen", "127.0.0.1:8080", "address of the web page and the API")
	f.StringVar(&o.Admin, "admin", "127.0.0.1:9090", "address of metrics and profiles, \"\" for none")
	f.StringVar(&o.Data, "data", "data", "folder of the embedded server")
	f.StringVar(&o.Config, "config", "", "site file (YAML)")
	f.StringVar(&o.NATS, "nats", "", "URL of an external NATS with JetStream, instead of the embedded one")
	f.IntVar(&o.Copies, "nats-replicas", 1, "how many servers of an external NATS keep each log: 1, or 3 for a cluster of three or more")
	f.StringVar(&o.Redis, "redis", "", "URL of a Redis that keeps the login sessions, instead of the embedded store: redis://,\n"+
		"rediss:// for TLS, unix://, redis+sentinel://, redis+cluster://; BATON_REDIS_FILE keeps its password off the command line")
	f.StringSliceVar(&o.Labels, "label", nil, "a label of this node, may be repeated: tasks and backends with on: LABEL run only on nodes that have it")
	f.DurationVar(&o.Drain, "drain", 20*time.Second, "time to be gone in after SIGTERM: what is under way is answered, and the connections go to other nodes")
	f.DurationVar(&o.DrainDelay, "drain-delay", 2*time.Second, "of it, how long the node serves on while /readyz says that it is leaving, so that a load\n"+
		"balancer notices; longer than two of its looks. With --dev 0s, unless given")
	f.StringVar(&o.OTLP, "otlp", "", "URL of an OpenTelemetry collector for traces, OTLP over HTTP, such as http://localhost:4318; as\n"+
		"OTEL_EXPORTER_OTLP_ENDPOINT, which counts too, as do OTEL_TRACES_SAMPLER and others")
	f.BoolVar(&o.NoDocs, "no-docs", false, "do not serve the description of the API at /api/docs, /api/openapi.json and /api/asyncapi.json")
	f.Var((*syncFlag)(&o.Sync), "sync", "always: an acknowledged write survives a power cut; a duration such as 200ms:\n"+
		"faster, and a power cut loses up to that much of what was acknowledged")
	return c
}

// check refuses what does not go together.
func (o serveOptions) check(syncGiven bool) error {
	if !o.Dev && o.Config == "" {
		return fmt.Errorf("serve needs a site file: --config site.yaml (see 'baton config example'), or --dev to try it out")
	}
	for flag, address := range map[string]string{"--listen": o.Listen, "--admin": o.Admin} {
		if flag == "--admin" && address == "" {
			continue
		}
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return fmt.Errorf("%s %q is not an address such as 127.0.0.1:8080: %w", flag, address, err)
		}
		if o.Dev && !loopback(host) {
			return fmt.Errorf("%s %s: with --dev the passwords are known and http is not encrypted, so it listens on loopback only", flag, address)
		}
	}
	if o.Drain < time.Second || o.DrainDelay < 0 || o.DrainDelay > o.Drain {
		return errors.New("--drain is a second or more, and --drain-delay is a part of it")
	}
	for _, label := range o.Labels {
		if err := channels.CheckName(label); err != nil {
			return fmt.Errorf("--label: %w", err)
		}
	}
	if err := checkURL("--otlp", o.OTLP, "http", "https"); err != nil {
		return err
	}
	if err := checkURL("--nats", o.NATS, "nats", "tls", "ws", "wss"); err != nil {
		return err
	}
	if o.Redis != "" {
		if _, err := session.ParseRedisURL(o.Redis); err != nil {
			return fmt.Errorf("--redis: %w", err)
		}
	}
	if o.Copies != 1 && (o.Copies != 3 || o.NATS == "") {
		return fmt.Errorf("--nats-replicas is 1, or 3 with the --nats of a cluster; not %d", o.Copies)
	}
	if o.NATS != "" && syncGiven {
		return fmt.Errorf("--sync is for the embedded server: set sync_interval in the configuration of %s", redacted(o.NATS))
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// checkURL refuses what is not a URL with one of the schemes. It never repeats the URL: it may hold a password.
func checkURL(flag, value string, schemes ...string) error {
	if value == "" {
		return nil
	}
	for _, one := range strings.Split(value, ",") { // NATS takes several servers
		u, err := url.Parse(strings.TrimSpace(one))
		known := false
		for _, scheme := range schemes {
			known = known || err == nil && u.Scheme == scheme && (u.Host != "" || u.Path != "")
		}
		if !known {
			return fmt.Errorf("%s needs a URL such as %s://host:port (%s)", flag, schemes[0], strings.Join(schemes, ", "))
		}
	}
	return nil
}

func redacted(value string) string {
	u, err := url.Parse(value)
	if err != nil {
		return "that server"
	}
	return u.Redacted()
}

// syncFlag is --sync: "always" or a duration.
type syncFlag time.Duration

// String returns the flag as it is given.
func (f *syncFlag) String() string {
	if *f == 0 {
		return "always"
	}
	return time.Duration(*f).String()
}

// Set reads the flag.
func (f *syncFlag) Set(value string) error {
	if value == "always" {
		*f = 0
		return nil
	}
	d, err := time.ParseDuration(value)
	if err != nil || d <= 0 || d > time.Minute {
		return fmt.Errorf("use always, or a duration up to 1m")
	}
	*f = syncFlag(d)
	return nil
}

// Type names the flag's values in the usage.
func (f *syncFlag) Type() string { return "always|duration" }
