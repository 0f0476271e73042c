{{- define "bayespfl-inspector.probeAction" -}}
{{- if .grpc }}
grpc:
  port: 50051
{{- else }}
httpGet:
  path: {{ .path }}
  port: http
{{- end }}
{{- end }}

{{- define "bayespfl-inspector.affinity" -}}
{{- $affinity := deepCopy .Values.affinity }}
{{- if not (or (hasKey $affinity "podAntiAffinity") (eq .Values.podAntiAffinity "none")) }}
{{- $term := dict
  "topologyKey" "kubernetes.io/hostname"
  "labelSelector" (dict "matchLabels" (include "bayespfl-inspector.selectorLabels" . | fromYaml)) }}
{{- if eq .Values.podAntiAffinity "hard" }}
{{- $_ := set $affinity "podAntiAffinity" (dict "requiredDuringSchedulingIgnoredDuringExecution" (list $term)) }}
{{- else }}
{{- $_ := set $affinity "podAntiAffinity" (dict "preferredDuringSchedulingIgnoredDuringExecution" (list (dict "weight" 100 "podAffinityTerm" $term))) }}
{{- end }}
{{- end }}
{{- toYaml $affinity }}
{{- end }}

{{/* A template's spec cannot be changed, so its name says what is in it. */}}
{{- define "bayespfl-inspector.claimSpec" -}}
devices:
  requests:
    - name: gpu
      exactly:
        deviceClassName: {{ .Values.gpu.claim.deviceClassName }}
        allocationMode: ExactCount
        count: {{ .Values.gpu.count }}
        {{- with .Values.gpu.claim.selectors }}
        selectors:
          {{- range . }}
          - cel:
              expression: {{ . | quote }}
          {{- end }}
        {{- end }}
{{- end }}

{{- define "bayespfl-inspector.claimTemplateName" -}}
{{- if .Values.gpu.claim.existingTemplateName }}
{{- .Values.gpu.claim.existingTemplateName }}
{{- else }}
{{- printf "%s-%s" (include "bayespfl-inspector.fullname" .) (include "bayespfl-inspector.claimSpec" . | sha256sum | trunc 8) }}
{{- end }}
{{- end }}

{{- define "bayespfl-inspector.resources" -}}
{{- $resources := deepCopy .Values.resources }}
{{- if and .Values.gpu.enabled .Values.gpu.claim.enabled }}
{{- $_ := set $resources "claims" (list (dict "name" "gpu")) }}
{{- else if .Values.gpu.enabled }}
{{- $_ := set $resources "limits" (merge (dict .Values.gpu.resource .Values.gpu.count) (default dict $resources.limits)) }}
{{- end }}
{{- toYaml $resources }}
{{- end }}

{{/* Fetches the archive, compares its SHA-256, and unpacks it only then. Values come by the environment, not into the script. */}}
{{- define "bayespfl-inspector.downloadContainer" -}}
{{- $download := .Values.model.download -}}
- name: model
  image: {{ $download.image }}
  imagePullPolicy: {{ $download.imagePullPolicy }}
  command: [sh, -euc]
  args:
    - |
      rm -rf /models/package /models/archive
      set -- --fail --silent --show-error --location --retry 5 --retry-connrefused --output /models/archive
      [ -z "$HEADERS_FILE" ] || set -- "$@" --header "@$HEADERS_FILE"
      [ -z "$CA_FILE" ] || set -- "$@" --cacert "$CA_FILE"
      curl "$@" "$URL"
      echo "$SHA256  /models/archive" | sha256sum -c - || {
        echo "the archive is not the one of model.download.sha256: $(sha256sum /models/archive)" >&2
        exit 1
      }
      mkdir /models/package
      tar -x "$COMPRESSION" -f /models/archive -C /models/package --strip-components "$STRIP"
      rm /models/archive
  env:
    - name: URL
      value: {{ $download.url | quote }}
    - name: SHA256
      value: {{ $download.sha256 | quote }}
    - name: STRIP
      value: {{ $download.stripComponents | quote }}
    # `-o` keeps no owner, which nobody but root could.
    - name: COMPRESSION
      value: {{ ternary "-o" "-oz" (hasSuffix ".tar" $download.url) | quote }}
    - name: HEADERS_FILE
      value: {{ ternary "/etc/bayespfl/download-headers/headers" "" (not (empty $download.headersSecretName)) | quote }}
    - name: CA_FILE
      value: {{ ternary "/etc/bayespfl/download-ca/ca.crt" "" (not (empty $download.caConfigMapName)) | quote }}
  resources:
    {{- toYaml $download.resources | nindent 4 }}
  securityContext:
    {{- toYaml .Values.securityContext | nindent 4 }}
  volumeMounts:
    - name: model
      mountPath: /models
    - name: tmp
      mountPath: /tmp
    {{- if $download.headersSecretName }}
    - name: download-headers
      mountPath: /etc/bayespfl/download-headers
      readOnly: true
    {{- end }}
    {{- if $download.caConfigMapName }}
    - name: download-ca
      mountPath: /etc/bayespfl/download-ca
      readOnly: true
    {{- end }}
{{- end }}
