{{/* A definition, so that tests can read it without a cluster. */}}
{{- define "bayespfl-inspector.notes" -}}
{{- $name := include "bayespfl-inspector.fullname" . -}}
{{- $tls := include "bayespfl-inspector.tlsSecretName" . -}}
{{- $tokens := include "bayespfl-inspector.tokensSecretName" . -}}
{{ .Chart.Name }} {{ .Chart.Version }} is installed as {{ .Release.Name }} in {{ .Release.Namespace }}:

  pods      {{ if eq .Values.autoscaling.kind "none" }}{{ .Values.replicas }}{{ else }}{{ .Values.autoscaling.minReplicas }} to {{ .Values.autoscaling.maxReplicas }} ({{ .Values.autoscaling.kind }}){{ end }} of {{ include "bayespfl-inspector.image" . }}
  device    {{ if .Values.gpu.enabled }}{{ .Values.gpu.count }} GPU{{ if gt (int .Values.gpu.count) 1 }}s{{ end }} each ({{ if .Values.gpu.claim.enabled }}resource claim{{ else }}{{ .Values.gpu.resource }}{{ end }}){{ else }}CPU{{ end }}
  model     {{ .Values.model.source }}: {{ if eq .Values.model.source "claim" }}{{ .Values.model.claim.name }}{{ else if eq .Values.model.source "download" }}{{ .Values.model.download.url }}{{ else if eq .Values.model.source "image" }}{{ .Values.model.image.reference }}{{ else }}{{ .Values.model.path }}{{ end }}
  TLS       {{ if $tls }}Secret {{ $tls }}{{ if .Values.tls.clientCa.secretName }}, clients show certificates{{ end }}{{ else }}none{{ end }}
  tokens    {{ if $tokens }}Secret {{ $tokens }}{{ else }}none{{ end }}
  a stop    at most {{ include "bayespfl-inspector.terminationGracePeriodSeconds" . }} s; a start at most {{ .Values.probes.startup.seconds }} s

Next:

  kubectl -n {{ .Release.Namespace }} rollout status deployment/{{ $name }}
  helm -n {{ .Release.Namespace }} test {{ .Release.Name }}

Clients inside the cluster:

  dns:///{{ include "bayespfl-inspector.headlessName" . }}.{{ .Release.Namespace }}.svc:50051   all pods; the client balances (docs/clients.md)
  {{ $name }}.{{ .Release.Namespace }}.svc:{{ .Values.service.port }}   one pod for each connection
{{- if .Values.grpcRoute.enabled }}

From outside, through the Gateway: {{ join ", " .Values.grpcRoute.hostnames }}
{{- end }}
{{- if .Values.ingress.enabled }}

From outside, through the Ingress: {{ join ", " .Values.ingress.hosts }}
{{- end }}

From this machine:

  kubectl -n {{ .Release.Namespace }} port-forward service/{{ $name }} 50051:{{ .Values.service.port }}
  bayespfl-client inspect --server localhost:50051{{ if $tls }} --tls-ca CA.pem{{ end }}{{ if $tokens }} --token-file TOKEN{{ end }} --category "metal nut" part.png
{{- if .Values.admin.enabled }}

Administration, one pod at a time:

  kubectl -n {{ .Release.Namespace }} port-forward POD 50052
{{- end }}
{{- if not $tls }}

WARNING: no TLS. Pictures and results can be read on the way{{ if not .Values.networkPolicy.grpcFrom }}, and whoever reaches the port may send pictures{{ end }}.
  Set tls.secretName or tls.certManager.enabled, and tokens.
{{- else if not (or $tokens .Values.tls.clientCa.secretName) }}

WARNING: neither tokens nor client certificates. Whoever reaches the port may send pictures: set tokens or tls.clientCa.
{{- end }}
{{- if and $tokens (not .Values.test.tokenSecretName) }}

helm test has no token (test.tokenSecretName), so it asks for the server's health and inspects nothing.
{{- end }}
{{- if eq .Values.model.source "embedded" }}

The embedded model is a demonstration: it shows that everything works and is no match for the published weights (docs/models.md).
{{- end }}
{{- if and (eq .Values.autoscaling.kind "none") (eq (int .Values.replicas) 1) }}

With one pod an upgrade has no server for a stop and a load. Our clients wait as long as their frames have time; with two pods
there is no gap.
{{- end }}
{{- end }}
