{{- define "bayespfl-inspector.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Of objects. 52 characters, so that "-headless" and the like still fit into a Service's 63. */}}
{{- define "bayespfl-inspector.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "bayespfl-inspector.selectorLabels" -}}
app.kubernetes.io/name: {{ include "bayespfl-inspector.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end }}

{{/* Of every object but pods and selectors. Arguments: a dict with "root", and "component" where it is not "server". */}}
{{- define "bayespfl-inspector.labels" -}}
{{- $labels := dict
  "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/name" (include "bayespfl-inspector.name" .root)
  "app.kubernetes.io/instance" .root.Release.Name
  "app.kubernetes.io/version" .root.Chart.AppVersion
  "app.kubernetes.io/managed-by" .root.Release.Service
  "app.kubernetes.io/component" (default "server" .component) }}
{{- toYaml (merge $labels .root.Values.commonLabels) }}
{{- end }}

{{- define "bayespfl-inspector.metadata" -}}
name: {{ default (include "bayespfl-inspector.fullname" .root) .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "bayespfl-inspector.labels" . | nindent 2 }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "bayespfl-inspector.headlessName" -}}
{{ include "bayespfl-inspector.fullname" . }}-headless
{{- end }}

{{- define "bayespfl-inspector.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "bayespfl-inspector.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "bayespfl-inspector.image" -}}
{{- $image := .Values.image }}
{{- $name := ternary $image.repository (printf "%s/%s" $image.registry $image.repository) (empty $image.registry) }}
{{- if $image.digest }}
{{- printf "%s@%s" $name $image.digest }}
{{- else }}
{{- printf "%s:%s" $name (default (printf "%s%s" .Chart.AppVersion (ternary "-cuda" "" .Values.gpu.enabled)) $image.tag) }}
{{- end }}
{{- end }}

{{/* The Secret with certificate and key; empty without TLS. */}}
{{- define "bayespfl-inspector.tlsSecretName" -}}
{{- if .Values.tls.secretName }}
{{- .Values.tls.secretName }}
{{- else if .Values.tls.certManager.enabled }}
{{- include "bayespfl-inspector.fullname" . }}-tls
{{- end }}
{{- end }}

{{/* The Secret with the tokens; empty without. */}}
{{- define "bayespfl-inspector.tokensSecretName" -}}
{{- if .Values.tokens.secretName }}
{{- .Values.tokens.secretName }}
{{- else if .Values.tokens.entries }}
{{- include "bayespfl-inspector.fullname" . }}-tokens
{{- end }}
{{- end }}

{{/* The folder of the package, or of the packages, as the server sees it. */}}
{{- define "bayespfl-inspector.modelPath" -}}
{{- $model := .Values.model }}
{{- if eq $model.source "embedded" }}
{{- $model.path }}
{{- else }}
{{- $root := ternary "/models/package" "/models" (eq $model.source "download") }}
{{- ternary (printf "%s/%s" $root $model.folder) $root (not (empty $model.folder)) }}
{{- end }}
{{- end }}

{{- define "bayespfl-inspector.fixedReplicas" -}}
{{- if eq .Values.autoscaling.kind "none" }}{{ .Values.replicas }}{{ end }}
{{- end }}

{{- define "bayespfl-inspector.strategy" -}}
{{- if .Values.strategy }}
{{- toYaml .Values.strategy }}
{{- else if eq (include "bayespfl-inspector.fixedReplicas" .) "1" }}
type: Recreate
{{- else }}
type: RollingUpdate
rollingUpdate:
  maxSurge: 0
  maxUnavailable: 1
{{- end }}
{{- end }}

{{/* All that a stop may take: before SIGTERM, the server's own two times, the 3 s in which it ends whatever hangs, 3 s for
the last traces where there are any, 2 s to spare. */}}
{{- define "bayespfl-inspector.terminationGracePeriodSeconds" -}}
{{- $traces := ternary 3 0 (not (empty .Values.config.otlp_endpoint)) }}
{{- add .Values.drain.preStopSeconds .Values.drain.delaySeconds .Values.drain.timeoutSeconds 5 $traces }}
{{- end }}

{{/* What the server is configured with: what follows from other values, then `config`. */}}
{{- define "bayespfl-inspector.config" -}}
{{- $config := dict
  "host" .Values.listenAddress
  "port" 50051
  "http_port" 9090
  "drain_delay_seconds" .Values.drain.delaySeconds
  "drain_timeout_seconds" .Values.drain.timeoutSeconds }}
{{- $path := include "bayespfl-inspector.modelPath" . }}
{{- if .Values.model.names }}
{{- $_ := set $config "model_root" $path }}
{{- $_ := set $config "models" (join "," .Values.model.names) }}
{{- with .Values.model.default }}
{{- $_ := set $config "default_model" . }}
{{- end }}
{{- else }}
{{- $_ := set $config "model" $path }}
{{- end }}
{{- if .Values.gpu.enabled }}
{{- $devices := list }}
{{- range until (int .Values.gpu.count) }}
{{- $devices = append $devices (printf "cuda:%d" .) }}
{{- end }}
{{- $_ := set $config "device" (join "," $devices) }}
{{- end }}
{{- if include "bayespfl-inspector.tlsSecretName" . }}
{{- $_ := set $config "tls_certificate" "/etc/bayespfl/tls/tls.crt" }}
{{- $_ := set $config "tls_key" "/etc/bayespfl/tls/tls.key" }}
{{- end }}
{{- if .Values.tls.clientCa.secretName }}
{{- $_ := set $config "tls_client_ca" (printf "/etc/bayespfl/client-ca/%s" .Values.tls.clientCa.key) }}
{{- end }}
{{- if include "bayespfl-inspector.tokensSecretName" . }}
{{- $_ := set $config "tokens_file" (printf "/etc/bayespfl/tokens/%s" (ternary .Values.tokens.secretKey "tokens.yaml" (not (empty .Values.tokens.secretName)))) }}
{{- end }}
{{- if .Values.admin.enabled }}
{{- $_ := set $config "admin_port" 50052 }}
{{- $_ := set $config "admin_host" (ternary .Values.listenAddress "127.0.0.1" .Values.admin.expose) }}
{{- end }}
{{- $age := int (default 0 .Values.config.max_stream_age_seconds) }}
{{- if .Values.config.max_connection_age_seconds }}
{{- /* The server asks for 1.1 × the streams' age + the drain's time; 10 s more to spare. */}}
{{- $_ := set $config "max_connection_grace_seconds" (add (div (add (mul $age 11) 9) 10) .Values.drain.timeoutSeconds 10) }}
{{- end }}
{{- toYaml (mergeOverwrite $config .Values.config) }}
{{- end }}

{{/* Values that are each right and do not go together. Types, names and ranges are the schema's. */}}
{{- define "bayespfl-inspector.validate" -}}
{{- $v := .Values }}
{{- if and (include "bayespfl-inspector.tokensSecretName" .) (not (include "bayespfl-inspector.tlsSecretName" .)) (not $v.config.allow_plaintext_tokens) }}
{{- fail "tokens need TLS, or they can be read on the way: set tls.secretName or tls.certManager.enabled, or, in a service mesh that encrypts, config.allow_plaintext_tokens" }}
{{- end }}
{{- if and $v.tokens.secretName $v.tokens.entries }}
{{- fail "tokens.secretName and tokens.entries are two places for the same list: use one" }}
{{- end }}
{{- if and $v.admin.expose (not $v.admin.enabled) }}
{{- fail "admin.expose needs admin.enabled" }}
{{- end }}
{{- if and $v.admin.enabled (not (include "bayespfl-inspector.tokensSecretName" .)) }}
{{- fail "admin.enabled needs tokens, one of them with the role admin: whoever reaches the port could load models" }}
{{- end }}
{{- if and $v.tls.clientCa.secretName (not (include "bayespfl-inspector.tlsSecretName" .)) }}
{{- fail "tls.clientCa needs TLS: set tls.secretName or tls.certManager.enabled" }}
{{- end }}
{{- if and $v.tls.certManager.enabled (not $v.tls.certManager.issuerRef.name) }}
{{- fail "tls.certManager.issuerRef.name is empty: cert-manager must know who signs" }}
{{- end }}
{{- if and $v.probes.grpc (include "bayespfl-inspector.tlsSecretName" .) }}
{{- fail "probes.grpc does not go with TLS, which the kubelet's gRPC probes do not speak; HTTP probes do" }}
{{- end }}
{{- if and (eq $v.model.source "claim") (not $v.model.claim.name) }}
{{- fail "model.source is claim: set model.claim.name" }}
{{- end }}
{{- if and (eq $v.model.source "download") (or (not $v.model.download.url) (not $v.model.download.sha256)) }}
{{- fail "model.source is download: set model.download.url and model.download.sha256" }}
{{- end }}
{{- if and (eq $v.model.source "image") (not $v.model.image.reference) }}
{{- fail "model.source is image: set model.image.reference" }}
{{- end }}
{{- if and $v.model.default (not (has $v.model.default $v.model.names)) }}
{{- fail (printf "model.default is %s, which is not one of model.names" $v.model.default) }}
{{- end }}
{{- if and (eq $v.autoscaling.kind "keda") (not $v.autoscaling.keda.serverAddress) }}
{{- fail "autoscaling.kind is keda: set autoscaling.keda.serverAddress, where Prometheus is" }}
{{- end }}
{{- if eq $v.autoscaling.kind "hpa" }}
{{- if not (or $v.autoscaling.hpa.cpuUtilization $v.autoscaling.hpa.queueWaitMetric) }}
{{- fail "autoscaling.kind is hpa: set autoscaling.hpa.cpuUtilization or autoscaling.hpa.queueWaitMetric" }}
{{- end }}
{{- if and $v.autoscaling.hpa.cpuUtilization (not (dig "requests" "cpu" "" $v.resources)) }}
{{- fail "autoscaling.hpa.cpuUtilization is a share of resources.requests.cpu, which is not set" }}
{{- end }}
{{- end }}
{{- if gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas) }}
{{- fail "autoscaling.minReplicas is larger than autoscaling.maxReplicas" }}
{{- end }}
{{- if and $v.gpu.enabled (eq (default "package" $v.config.precision) "int8") }}
{{- fail "config.precision is int8, which is computed on processors alone: with gpu.enabled take bf16, fp16 or fp32" }}
{{- end }}
{{- if and (not $v.gpu.enabled) (eq (default "package" $v.config.precision) "fp16") }}
{{- fail "config.precision is fp16, which is computed on GPUs alone: without gpu.enabled take bf16, int8 or fp32" }}
{{- end }}
{{- if and $v.gpu.claim.enabled (not $v.gpu.enabled) }}
{{- fail "gpu.claim.enabled needs gpu.enabled" }}
{{- end }}
{{- if and $v.gpu.claim.enabled (semverCompare "<1.34.0-0" .Capabilities.KubeVersion.Version) }}
{{- fail (printf "gpu.claim needs Kubernetes 1.34 or newer (resource.k8s.io/v1); this is %s" .Capabilities.KubeVersion.Version) }}
{{- end }}
{{- if and (eq $v.model.source "image") (semverCompare "<1.33.0-0" .Capabilities.KubeVersion.Version) }}
{{- fail (printf "model.source image needs Kubernetes 1.33 or newer (image volumes); this is %s" .Capabilities.KubeVersion.Version) }}
{{- end }}
{{- if and $v.grpcRoute.enabled (not $v.grpcRoute.parentRefs) }}
{{- fail "grpcRoute.parentRefs is empty: the route must hang on a Gateway" }}
{{- end }}
{{- if $v.grpcRoute.backendTls.enabled }}
{{- if not (include "bayespfl-inspector.tlsSecretName" .) }}
{{- fail "grpcRoute.backendTls needs TLS: set tls.secretName or tls.certManager.enabled" }}
{{- end }}
{{- if not $v.grpcRoute.backendTls.caConfigMapName }}
{{- fail "grpcRoute.backendTls.caConfigMapName is empty: the gateway must know whom to trust" }}
{{- end }}
{{- end }}
{{- if and $v.ingress.enabled (not $v.ingress.hosts) }}
{{- fail "ingress.hosts is empty: without a name it would answer to all of them" }}
{{- end }}
{{- if and $v.serviceMonitor.enabled $v.podMonitor.enabled }}
{{- fail "serviceMonitor and podMonitor would scrape every pod twice: use one" }}
{{- end }}
{{- $config := include "bayespfl-inspector.config" . | fromYaml }}
{{- $needed := add (div (add (mul (int (default 0 $config.max_stream_age_seconds)) 11) 9) 10) $v.drain.timeoutSeconds | int }}
{{- if and $config.max_connection_age_seconds (not $config.max_stream_age_seconds) }}
{{- fail "config.max_connection_age_seconds needs config.max_stream_age_seconds, or streams would be cut off instead of ended" }}
{{- end }}
{{- if and $config.max_connection_age_seconds (lt (int $config.max_connection_grace_seconds) $needed) }}
{{- fail (printf "config.max_connection_grace_seconds is %d; it must be at least 1.1 × max_stream_age_seconds + drain.timeoutSeconds = %d" (int $config.max_connection_grace_seconds) $needed) }}
{{- end }}
{{- end }}
