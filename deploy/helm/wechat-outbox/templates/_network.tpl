{{- define "wechat-outbox.adminIngress" -}}
{{- with .Values.networkPolicy.adminFrom }}
- ports: [{ protocol: TCP, port: admin }]
  from:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end -}}

{{/* Names, and Postgres. */}}
{{- define "wechat-outbox.databaseEgress" -}}
- ports:
    - { protocol: UDP, port: 53 }
    - { protocol: TCP, port: 53 }
- ports:
    {{- range .Values.networkPolicy.databasePorts }}
    - { protocol: TCP, port: {{ . }} }
    {{- end }}
  {{- with .Values.networkPolicy.databaseTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "wechat-outbox.egress" -}}
{{- include "wechat-outbox.databaseEgress" . }}
- ports:
    {{- range .Values.networkPolicy.outPorts }}
    - { protocol: TCP, port: {{ . }} }
    {{- end }}
  to:
    - ipBlock: { cidr: 0.0.0.0/0, except: [169.254.0.0/16] }
    - ipBlock: { cidr: "::/0", except: ["fe80::/10"] }
{{- with .Values.networkPolicy.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}
