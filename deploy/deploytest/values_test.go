package deploytest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/yaml"
)

// drain is how long a hub takes at most to end in order.
const drain = 25

const (
	inside   = `{nats: {enabled: true}, redis: {enabled: true}, siteSecrets: [baton-users], monitoring: {enabled: true, dashboard: true, labels: {release: p}}, autoscaling: {enabled: true}}`
	external = `{log: {urlSecret: {name: nats-url}, copies: 3}, sessions: {url: "rediss://redis.example.org:6379"}, replicas: 5, ingress: {enabled: true, className: nginx, annotations: {a: b}}, networkPolicy: {clients: [{namespaceSelector: {}}], egress: [{ports: [{port: 636}]}]}, podAnnotations: {x: why}, nodeSelector: {disk: ssd}, tolerations: [{key: a, operator: Exists}], imagePullSecrets: [{name: reg}], affinity: {nodeAffinity: {}}}`
)

func TestEveryPodIsLockedInAndHasProbesAndLimits(t *testing.T) {
	pods := 0
	for _, values := range []string{"{}", inside, external} {
		m, _ := render(t, values)
		for name, object := range m {
			var pod corev1.PodTemplateSpec
			switch o := object.(type) {
			case *appsv1.Deployment:
				pod = o.Spec.Template
			case *appsv1.StatefulSet:
				pod = o.Spec.Template
			default:
				continue
			}
			pods++
			c, s := pod.Spec.Containers[0], pod.Spec.SecurityContext
			locked := c.SecurityContext
			if s == nil || !*s.RunAsNonRoot || *s.RunAsUser == 0 || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault ||
				*locked.AllowPrivilegeEscalation || !*locked.ReadOnlyRootFilesystem || !slices.Equal(locked.Capabilities.Drop, []corev1.Capability{"ALL"}) ||
				*pod.Spec.AutomountServiceAccountToken {
				t.Errorf("%s may do more than it needs: %s, %s", name, mustJSON(t, s), mustJSON(t, locked))
			}
			if c.StartupProbe == nil || c.LivenessProbe == nil || c.ReadinessProbe == nil {
				t.Errorf("%s has not all probes", name)
			}
			if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() {
				t.Errorf("%s has the resources %s", name, mustJSON(t, c.Resources))
			}
			mounted := map[string]bool{}
			for _, mount := range c.VolumeMounts {
				mounted[mount.Name] = true
			}
			for _, volume := range pod.Spec.Volumes {
				if !mounted[volume.Name] {
					t.Errorf("%s does not use the volume %s", name, volume.Name)
				}
			}
		}
	}
	if pods != 5 {
		t.Errorf("there are %d kinds of pods", pods)
	}
}

func TestAHubGetsLongerToEndThanItsDrainTakes(t *testing.T) {
	for _, seconds := range []int{5, 20} {
		m, _ := render(t, fmt.Sprintf(`{nats: {enabled: true}, drain: {preStopSeconds: %d}}`, seconds))
		pod := get[appsv1.Deployment](t, m, "Deployment/baton").Spec.Template.Spec
		before := pod.Containers[0].Lifecycle.PreStop.Sleep.Seconds
		if before != int64(seconds) || *pod.TerminationGracePeriodSeconds <= before+drain {
			t.Errorf("it is killed after %d s, of which it sleeps %d", *pod.TerminationGracePeriodSeconds, before)
		}
	}
	if _, _, err := tryRender(t, `{drain: {seconds: 10}}`); err == nil {
		t.Error("a drain shorter than the hub's is taken")
	}
}

func TestOneNodeHasItsLogOnADisk(t *testing.T) {
	m, notes := render(t, `{persistence: {size: 20Gi, storageClass: fast}}`)
	set := get[appsv1.StatefulSet](t, m, "StatefulSet/baton")
	claim := set.Spec.VolumeClaimTemplates[0]
	if *set.Spec.Replicas != 1 || claim.Spec.Resources.Requests.Storage().String() != "20Gi" || *claim.Spec.StorageClassName != "fast" || claim.Name != "data" {
		t.Errorf("it is %s", mustJSON(t, set.Spec))
	}
	if args := set.Spec.Template.Spec.Containers[0].Args; strings.Contains(fmt.Sprint(args), "--nats") {
		t.Errorf("it is started with %v", args)
	}
	if m["Deployment/baton"] != nil || m["PodDisruptionBudget/baton"] != nil || m["StatefulSet/baton-nats"] != nil {
		t.Errorf("there is more: %v", m)
	}
	if !strings.Contains(notes, "data-baton-0") || !strings.Contains(notes, "nobody can sign in") {
		t.Errorf("the notes are\n%s", notes)
	}
	if _, _, err := tryRender(t, `{autoscaling: {enabled: true}}`); err == nil || !strings.Contains(err.Error(), "set nats.enabled") {
		t.Errorf("an embedded log on several nodes: %v", err)
	}
}

func TestWithItsDependenciesTheHubsFindThemAndNobodyElseDoes(t *testing.T) {
	m, _ := render(t, inside)
	hub := get[appsv1.Deployment](t, m, "Deployment/baton")
	args := strings.Join(hub.Spec.Template.Spec.Containers[0].Args, " ")
	nats := get[appsv1.StatefulSet](t, m, "StatefulSet/baton-nats")
	for i := range 3 {
		if server := fmt.Sprintf("nats://baton-nats-%d.%s:4222", i, nats.Spec.ServiceName); !strings.Contains(args, server) {
			t.Errorf("%s does not name %s", args, server)
		}
	}
	redis := get[corev1.Service](t, m, "Service/baton-redis")
	if !strings.Contains(args, "--nats-replicas=3") || !strings.Contains(args, "--redis=redis://"+redis.Name+":6379") {
		t.Errorf("it is started with %s", args)
	}
	if hub.Spec.Replicas != nil {
		t.Error("the number of nodes is the autoscaler's and the deployment's")
	}
	if *nats.Spec.Replicas != 3 || nats.Spec.PodManagementPolicy != appsv1.ParallelPodManagement {
		t.Errorf("NATS is %s", mustJSON(t, nats.Spec))
	}
	conf := get[corev1.ConfigMap](t, m, "ConfigMap/baton-nats").Data["nats.conf"]
	for _, line := range []string{"sync_interval: always", "max_payload: 8MB", `store_dir: "/data"`} {
		if !strings.Contains(conf, line) || !strings.Contains(string(readFile(t, "../nats-cluster.conf")), line) {
			t.Errorf("NATS has no %s: %s", line, conf)
		}
	}
	conf = get[corev1.ConfigMap](t, m, "ConfigMap/baton-redis").Data["redis.conf"]
	for _, line := range []string{"appendonly yes", "maxmemory-policy noeviction"} {
		if !strings.Contains(conf, line) || !strings.Contains(string(readFile(t, "../redis.conf")), line) {
			t.Errorf("Redis has no %s: %s", line, conf)
		}
	}
	labels := hub.Spec.Template.Labels
	for _, name := range []string{"baton-nats", "baton-redis"} {
		first := get[networkingv1.NetworkPolicy](t, m, "NetworkPolicy/"+name).Spec.Ingress[0]
		for key, value := range first.From[0].PodSelector.MatchLabels {
			if labels[key] != value {
				t.Errorf("%s lets in %s=%s, and the hub has %v", name, key, value, labels)
			}
		}
	}
	policy := get[networkingv1.NetworkPolicy](t, m, "NetworkPolicy/baton").Spec
	if len(policy.PolicyTypes) != 2 || len(policy.Ingress) != 2 || len(policy.Egress) != 3 || policy.Ingress[1].From == nil {
		t.Errorf("the hub's policy is %s", mustJSON(t, policy))
	}
}

func TestWithNATSAndRedisElsewhereTheirPasswordsComeFromSecrets(t *testing.T) {
	m, notes := render(t, external)
	hub := get[appsv1.Deployment](t, m, "Deployment/baton").Spec
	c := hub.Template.Spec.Containers[0]
	env := map[string]corev1.EnvVar{}
	for _, v := range c.Env {
		env[v.Name] = v
	}
	if from := env["BATON_NATS"].ValueFrom; from == nil || from.SecretKeyRef.Name != "nats-url" || from.SecretKeyRef.Key != "url" {
		t.Errorf("NATS is %s", mustJSON(t, env))
	}
	if args := fmt.Sprint(c.Args); !strings.Contains(args, "--redis=rediss://redis.example.org:6379") || !strings.Contains(args, "--nats-replicas=3") || strings.Contains(args, "--nats=") {
		t.Errorf("it is started with %s", args)
	}
	if env["GOMEMLIMIT"].Value != "921MiB" || c.Resources.Limits.Memory().String() != "1Gi" {
		t.Errorf("Go takes %s of %s", env["GOMEMLIMIT"].Value, c.Resources.Limits.Memory())
	}
	if *hub.Replicas != 5 || m["StatefulSet/baton-nats"] != nil || m["StatefulSet/baton-redis"] != nil {
		t.Errorf("there are %d nodes and %v", *hub.Replicas, m)
	}
	ingress := get[networkingv1.Ingress](t, m, "Ingress/baton").Spec
	backend := ingress.Rules[0].HTTP.Paths[0].Backend.Service
	service := get[corev1.Service](t, m, "Service/"+backend.Name)
	if service.Spec.Ports[0].Name != backend.Port.Name || len(service.Spec.Ports) != 1 || service.Spec.SessionAffinity != "" {
		t.Errorf("the ingress leads to %s of %s", mustJSON(t, backend), mustJSON(t, service.Spec))
	}
	if !strings.Contains(notes, "https://baton.example.org/") {
		t.Errorf("the notes are\n%s", notes)
	}
}

func TestARestartTakesNoNodeBeforeThereIsAnother(t *testing.T) {
	m, _ := render(t, inside)
	rolling := get[appsv1.Deployment](t, m, "Deployment/baton").Spec.Strategy.RollingUpdate
	if *rolling.MaxUnavailable != intstr.FromInt32(0) || *rolling.MaxSurge != intstr.FromInt32(1) {
		t.Errorf("it is rolled with %s", mustJSON(t, rolling))
	}
	for _, name := range []string{"baton", "baton-nats"} {
		if budget := get[policyv1.PodDisruptionBudget](t, m, "PodDisruptionBudget/"+name); *budget.Spec.MaxUnavailable != intstr.FromInt32(1) {
			t.Errorf("of %s may be gone %s", name, budget.Spec.MaxUnavailable)
		}
	}
	hpa := get[autoscalingv2.HorizontalPodAutoscaler](t, m, "HorizontalPodAutoscaler/baton").Spec
	metric := hpa.Metrics[0].Pods
	if hpa.ScaleTargetRef.Kind != "Deployment" || hpa.ScaleTargetRef.Name != "baton" || metric.Metric.Name != "baton_sockets" || metric.Target.AverageValue.Value() != 8000 {
		t.Errorf("it is scaled by %s", mustJSON(t, hpa))
	}
}

func TestAnotherSiteFileMakesOtherPods(t *testing.T) {
	of := func(values string) (string, string) {
		m, _ := render(t, values)
		return get[appsv1.StatefulSet](t, m, "StatefulSet/baton").Spec.Template.Annotations["checksum/site"], get[corev1.ConfigMap](t, m, "ConfigMap/baton-site").Data["site.yaml"]
	}
	before, site := of(`{}`)
	after, other := of(`{site: "version: 2\nspaces: {x: {}}\n"}`)
	if before == "" || before == after || !strings.Contains(site, "authenticators:") || other != "version: 2\nspaces: {x: {}}\n" {
		t.Errorf("%q has %s, %q has %s", site, before, other, after)
	}
}

func TestWhatPrometheusAndGrafanaGetIsWhatIsTested(t *testing.T) {
	m, _ := render(t, inside)
	rule := get[prometheusRule](t, m, "PrometheusRule/baton")
	var want, got any
	if err := yaml.Unmarshal(readFile(t, "../prometheus/alerts.yaml"), &want); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(mustJSON(t, rule.Spec)), &got); err != nil {
		t.Fatal(err)
	}
	// Optional fields are written as empty ones by our type.
	strip := strings.NewReplacer(`"for":"",`, "")
	if strip.Replace(mustJSON(t, got)) != strip.Replace(mustJSON(t, want)) || len(rule.Spec.Groups[0].Rules) < 10 || rule.Labels["release"] != "p" {
		t.Errorf("the rules are %s", mustJSON(t, rule))
	}
	if board := get[corev1.ConfigMap](t, m, "ConfigMap/baton-dashboard").Data["baton.json"]; !bytes.Equal(bytes.TrimSpace([]byte(board)), bytes.TrimSpace(readFile(t, "../grafana/baton.json"))) {
		t.Error("the dashboard is another")
	}
	monitor := get[serviceMonitor](t, m, "ServiceMonitor/baton").Spec
	service := get[corev1.Service](t, m, "Service/baton-admin")
	for key, value := range monitor.Selector.MatchLabels {
		if service.Labels[key] != value {
			t.Errorf("it looks for %s=%s, the service has %v", key, value, service.Labels)
		}
	}
	if monitor.Endpoints[0].Port != service.Spec.Ports[0].Name {
		t.Errorf("it asks %s of %s", monitor.Endpoints[0].Port, mustJSON(t, service.Spec.Ports))
	}
}

func TestTheSchemaRefusesWhatIsNoValue(t *testing.T) {
	for _, bad := range []string{
		`{replica: 3}`, `{replicas: 0}`, `{log: {copies: 2}}`, `{log: {url: "http://x"}}`, `{sessions: {url: "http://x"}}`, `{image: {pullPolicy: Sometimes}}`,
		`{persistence: {size: big}}`, `{monitoring: {interval: 15}}`, `{nats: {replicas: 5}}`, `{site: "version: 1"}`, `{autoscaling: {socketsPerNode: 20000}}`,
	} {
		if _, _, err := tryRender(t, bad); err == nil || !strings.Contains(err.Error(), "schema") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
