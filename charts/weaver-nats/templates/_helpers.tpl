{{/* Names start with the release's, without "-nats": release weaver-nats gives weaver-nats, and weaver-nats-auth for the keys. */}}
{{- define "weaver.base" -}}
{{- default (trimSuffix "-nats" .Release.Name) .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- define "weaver.nats" -}}{{ include "weaver.base" . }}-nats{{- end -}}
{{- define "weaver.keygen" -}}{{ include "weaver.base" . }}-keygen{{- end -}}
{{- define "weaver.authSecret" -}}{{ include "weaver.nats" . }}-auth{{- end -}}

{{- define "weaver.image" -}}
{{- if .image.digest -}}{{ .image.repository }}@{{ .image.digest }}{{- else -}}{{ .image.repository }}:{{ default .tag .image.tag }}{{- end -}}
{{- end -}}

{{/* Arguments: context, component. */}}
{{- define "weaver.selector" -}}
app.kubernetes.io/name: weaver
app.kubernetes.io/instance: {{ default (include "weaver.base" .context) .context.Values.instance }}
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
