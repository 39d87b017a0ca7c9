{{/* Names start with the release's, without "-operator": release weaver or weaver-operator gives weaver-operator, and weaver-nats for its broker. */}}
{{- define "weaver.base" -}}
{{- default (trimSuffix "-operator" .Release.Name) .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- define "weaver.operator" -}}{{ include "weaver.base" . }}-operator{{- end -}}
{{- define "weaver.nats" -}}{{ include "weaver.base" . }}-nats{{- end -}}
{{- define "weaver.serviceAccount" -}}{{ default (include "weaver.operator" .) .Values.serviceAccount.name }}{{- end -}}

{{- define "weaver.image" -}}
{{- if .image.digest -}}{{ .image.repository }}@{{ .image.digest }}{{- else -}}{{ .image.repository }}:{{ default .tag .image.tag }}{{- end -}}
{{- end -}}
{{- define "weaver.operatorImage" -}}{{ include "weaver.image" (dict "image" .Values.image "tag" .Chart.AppVersion) }}{{- end -}}

{{/* Arguments: context, component. */}}
{{- define "weaver.selector" -}}
app.kubernetes.io/name: weaver
app.kubernetes.io/instance: {{ .context.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}
{{- define "weaver.labels" -}}
{{ include "weaver.selector" . }}
app.kubernetes.io/part-of: weaver
app.kubernetes.io/version: {{ .context.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .context.Release.Service }}
helm.sh/chart: {{ .context.Chart.Name }}-{{ .context.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Both halves of the restricted Pod Security Standard. */}}
{{- define "weaver.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
seccompProfile: { type: RuntimeDefault }
{{- end -}}
{{- define "weaver.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "weaver.pullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Where the broker is: nats.servers, or the servers of the chart weaver-nats in this namespace. */}}
{{- define "weaver.natsServers" -}}
{{- if .Values.nats.servers -}}{{ join "," .Values.nats.servers }}
{{- else -}}nats://{{ include "weaver.nats" . }}.{{ .Release.Namespace }}.svc:4222{{- end -}}
{{- end -}}
{{/* Secret with operator.seed and system.creds; empty: versions share an account. */}}
{{- define "weaver.authSecret" -}}
{{- if or .Values.nats.servers .Values.nats.authSecret -}}{{ .Values.nats.authSecret }}{{- else -}}{{ include "weaver.nats" . }}-auth{{- end -}}
{{- end -}}
