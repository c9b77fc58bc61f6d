{{- define "baton.name" -}}
{{- $name := .Release.Name -}}
{{- if not (contains "baton" $name) }}{{ $name = printf "%s-baton" $name }}{{ end -}}
{{- $name | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "baton.selector" -}}
app.kubernetes.io/name: baton
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "baton.labels" -}}
{{ include "baton.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* Whether the log is in the hub itself: "yes", or nothing. */}}
{{- define "baton.embedded" -}}
{{- if not (or .Values.nats.enabled .Values.log.url .Values.log.urlSecret.name) }}yes{{ end -}}
{{- end }}

{{- define "baton.natsURL" -}}
{{- $name := printf "%s-nats" .Release.Name -}}
nats://{{ $name }}-0.{{ $name }}:4222,nats://{{ $name }}-1.{{ $name }}:4222,nats://{{ $name }}-2.{{ $name }}:4222
{{- end }}

{{/* The pod, of the StatefulSet as of the Deployment. */}}
{{- define "baton.pod" -}}
metadata:
  labels: {{- include "baton.labels" . | nindent 4 }}
  annotations:
    # Another site file makes other pods, one after the other: what it changes is in force when they are there. Without
    # this, `kubectl exec POD -- /baton reload` in each makes them read it again where they are.
    checksum/site: {{ .Values.site | sha256sum }}
    {{- with .Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "baton.name" . }}
  # A hub asks Kubernetes for nothing.
  automountServiceAccountToken: false
  enableServiceLinks: false
  # Longer than what comes before the end, so that kubelet never cuts it short.
  terminationGracePeriodSeconds: {{ add .Values.drain.preStopSeconds .Values.drain.seconds 10 }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: baton
      image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        - serve
        - --config=/etc/baton/site.yaml
        {{- if .Values.nats.enabled }}
        - --nats={{ include "baton.natsURL" . }}
        - --nats-replicas=3
        {{- else if not (include "baton.embedded" .) }}
        {{- with .Values.log.url }}
        - --nats={{ . }}
        {{- end }}
        - --nats-replicas={{ .Values.log.copies }}
        {{- end }}
        {{- if .Values.redis.enabled }}
        - --redis=redis://{{ .Release.Name }}-redis:6379
        {{- else if .Values.sessions.url }}
        - --redis={{ .Values.sessions.url }}
        {{- end }}
        {{- range .Values.extraArgs }}
        - {{ . | quote }}
        {{- end }}
      env:
        - {name: BATON_LISTEN, value: "0.0.0.0:8080"}
        - {name: BATON_ADMIN, value: "0.0.0.0:9090"}
        - {name: BATON_DATA, value: /data}
        # Collect garbage harder before the kernel ends the process.
        - {name: GOMEMLIMIT, value: "{{ div (mul .Values.resources.memoryLimitMiB 9) 10 }}MiB"}
        {{- if and .Values.log.urlSecret.name (not .Values.nats.enabled) }}
        - name: BATON_NATS
          valueFrom: {secretKeyRef: {name: {{ .Values.log.urlSecret.name }}, key: {{ .Values.log.urlSecret.key }}}}
        {{- end }}
        {{- if and .Values.sessions.urlSecret.name (not .Values.redis.enabled) }}
        - name: BATON_REDIS
          valueFrom: {secretKeyRef: {name: {{ .Values.sessions.urlSecret.name }}, key: {{ .Values.sessions.urlSecret.key }}}}
        {{- end }}
      ports:
        - {name: http, containerPort: 8080}
        - {name: admin, containerPort: 9090}
      # Whether it runs, which depends on nothing else: a hub must not be started again because NATS is away.
      startupProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      readinessProbe:
        httpGet: {path: /readyz, port: http}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: 2
      lifecycle:
        preStop:
          sleep: {seconds: {{ .Values.drain.preStopSeconds }}}
      resources:
        requests: {cpu: {{ .Values.resources.cpuRequest }}, memory: {{ .Values.resources.memoryRequestMiB }}Mi}
        limits: {memory: {{ .Values.resources.memoryLimitMiB }}Mi}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        # A folder and no subPath: then what changes in it is seen.
        - {name: site, mountPath: /etc/baton, readOnly: true}
        - {name: data, mountPath: /data}
  volumes:
    - name: site
      projected:
        defaultMode: 0440
        sources:
          - configMap: {name: {{ include "baton.name" . }}-site}
          {{- range .Values.siteSecrets }}
          - secret: {name: {{ . }}}
          {{- end }}
    {{- if not (include "baton.embedded" .) }}
    - name: data
      emptyDir: {}
    {{- end }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "baton.selector" . | nindent 10 }}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
