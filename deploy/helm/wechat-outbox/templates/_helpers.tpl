{{- define "wechat-outbox.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "wechat-outbox.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "wechat-outbox.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "wechat-outbox.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "wechat-outbox.selector" -}}
app.kubernetes.io/name: {{ include "wechat-outbox.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "wechat-outbox.labels" -}}
{{ include "wechat-outbox.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "wechat-outbox.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "wechat-outbox.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "wechat-outbox.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Where the database is: all that the migration needs. */}}
{{- define "wechat-outbox.databaseEnv" -}}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ required "database.existingSecret: name the secret that holds the URL of the database" .Values.database.existingSecret }}
      key: {{ .Values.database.urlKey }}
{{- if .Values.database.passwordKey }}
- name: DATABASE_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ .Values.database.existingSecret }}
      key: {{ .Values.database.passwordKey }}
{{- end }}
{{- end -}}

{{- define "wechat-outbox.databaseVolume" -}}
{{- if .Values.database.caSecret }}
- name: database
  secret:
    secretName: {{ .Values.database.caSecret }}
    defaultMode: 0440
{{- end }}
{{- end -}}

{{- define "wechat-outbox.databaseMount" -}}
{{- if .Values.database.caSecret }}
- name: database
  mountPath: /etc/wechat-outbox/database
  readOnly: true
{{- end }}
{{- end -}}

{{- define "wechat-outbox.repliesConfigMap" -}}
{{- if .Values.replies.files -}}
{{- include "wechat-outbox.fullname" . }}-replies
{{- else -}}
{{- .Values.replies.existingConfigMap -}}
{{- end -}}
{{- end -}}

{{/* What Prometheus adds to all series that the ServiceMonitor gathers. */}}
{{- define "wechat-outbox.gathered" -}}
{{- if .Values.monitoring.serviceMonitor.enabled -}}
namespace={{ .Release.Namespace | quote }}, job={{ printf "%s-admin" (include "wechat-outbox.fullname" .) | quote }}
{{- end -}}
{{- end -}}
