{{/* A deployment of one role. Takes a dict: root, role ("ingress" or "worker"), and values (those of the role). */}}
{{- define "wechat-outbox.deployment" -}}
{{- $root := .root -}}
{{- $role := .role -}}
{{- $own := .values -}}
{{- $scaled := .scaled -}}
{{- $fullname := include "wechat-outbox.fullname" $root -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $fullname }}-{{ $role }}
  labels:
    {{- include "wechat-outbox.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ $role }}
spec:
  {{- if not $scaled }}
  replicas: {{ $own.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  selector:
    matchLabels:
      {{- include "wechat-outbox.selector" $root | nindent 6 }}
      app.kubernetes.io/component: {{ $role }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
  template:
    metadata:
      labels:
        {{- with $own.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- include "wechat-outbox.labels" $root | nindent 8 }}
        app.kubernetes.io/component: {{ $role }}
        wechat-outbox/admin: "true"
      annotations:
        kubectl.kubernetes.io/default-container: wechat-outbox
        {{- if and $root.Values.replies.files $root.Values.replies.restartOnChange }}
        checksum/replies: {{ toYaml $root.Values.replies.files | sha256sum }}
        {{- end }}
        {{- with $own.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "wechat-outbox.serviceAccount" $root }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $own.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      securityContext:
        {{- toYaml $root.Values.podSecurityContext | nindent 8 }}
      # The pause before the stop, the work under way, and what is put away after it.
      terminationGracePeriodSeconds: {{ add $own.preStopSeconds $root.Values.shutdownGraceSeconds 10 }}
      {{- if $root.Values.topologySpread }}
      topologySpreadConstraints:
        {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
        - maxSkew: 1
          topologyKey: {{ . }}
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "wechat-outbox.selector" $root | nindent 14 }}
              app.kubernetes.io/component: {{ $role }}
        {{- end }}
      {{- end }}
      containers:
        - name: wechat-outbox
          image: {{ include "wechat-outbox.image" $root }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: [start, --role, {{ $role }}]
          securityContext:
            {{- toYaml $root.Values.securityContext | nindent 12 }}
          env:
            {{- include "wechat-outbox.databaseEnv" $root | nindent 12 }}
            {{- include "wechat-outbox.env" . | nindent 12 }}
          ports:
            {{- if eq $role "ingress" }}
            - name: webhook
              containerPort: 3000
            {{- end }}
            - name: admin
              containerPort: 3001
          # The admin port opens before all else: while the database is away the process lives, and is not ready.
          startupProbe:
            httpGet: { path: /healthz, port: admin }
            periodSeconds: 2
            timeoutSeconds: 2
            failureThreshold: 30
          livenessProbe:
            httpGet: { path: /healthz, port: admin }
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          # No check behind it takes longer than three seconds.
          readinessProbe:
            httpGet: { path: /readyz, port: admin }
            periodSeconds: 5
            timeoutSeconds: 4
            failureThreshold: 2
          {{- if gt (int $own.preStopSeconds) 0 }}
          lifecycle:
            preStop:
              exec:
                command: [sleep, {{ $own.preStopSeconds | quote }}]
          {{- end }}
          resources:
            {{- toYaml $own.resources | nindent 12 }}
          volumeMounts:
            - name: tmp
              mountPath: /tmp
            {{- include "wechat-outbox.databaseMount" $root | nindent 12 }}
            {{- if or $root.Values.accountsFile.existingSecret $root.Values.accountsFile.existingConfigMap }}
            - name: accounts
              mountPath: /etc/wechat-outbox/accounts
              readOnly: true
            {{- end }}
            {{- if include "wechat-outbox.repliesConfigMap" $root }}
            - name: replies
              mountPath: /etc/wechat-outbox/replies
              readOnly: true
            {{- end }}
            {{- with $root.Values.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        - name: tmp
          emptyDir: { sizeLimit: 64Mi }
        {{- include "wechat-outbox.databaseVolume" $root | nindent 8 }}
        {{- if $root.Values.accountsFile.existingSecret }}
        - name: accounts
          secret:
            secretName: {{ $root.Values.accountsFile.existingSecret }}
            defaultMode: 0440
        {{- else if $root.Values.accountsFile.existingConfigMap }}
        - name: accounts
          configMap:
            name: {{ $root.Values.accountsFile.existingConfigMap }}
        {{- end }}
        {{- with include "wechat-outbox.repliesConfigMap" $root }}
        - name: replies
          configMap:
            name: {{ . }}
        {{- end }}
        {{- with $root.Values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $own.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $own.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $own.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
{{- end -}}

{{/* Settings of a role, each named once: those of the role win over those of all. */}}
{{- define "wechat-outbox.env" -}}
{{- $root := .root -}}
{{- $values := $root.Values -}}
{{- $hasFile := or $values.accountsFile.existingSecret $values.accountsFile.existingConfigMap -}}
{{- $named := keys $values.settings -}}
{{- range $values.secretEnv -}}{{- $named = append $named .name -}}{{- end -}}
{{- if not (or $hasFile (has "WECHAT_APP_ID" $named)) -}}
{{- fail "there is no account: set WECHAT_APP_ID in settings (and its secrets in secretEnv), or accountsFile" -}}
{{- end -}}
{{- $fixed := dict "ADMIN_HOST" $values.listenAddress "ADMIN_PORT" "3001" "TMPDIR" "/tmp" -}}
{{- $_ := set $fixed "DATABASE_CONNECTIONS" .values.connections -}}
{{- $_ := set $fixed "SHUTDOWN_GRACE" $values.shutdownGraceSeconds -}}
{{- if eq .role "ingress" -}}
{{- $_ := set $fixed "HOST" $values.listenAddress -}}
{{- $_ := set $fixed "PORT" "3000" -}}
{{- end -}}
{{- if or (not $values.console.enabled) (ne $values.console.role .role) -}}
{{- $_ := set $fixed "CONSOLE_PATH" "off" -}}
{{- else if $values.console.url -}}
{{- $_ := set $fixed "CONSOLE_URL" $values.console.url -}}
{{- end -}}
{{- if $hasFile -}}
{{- $_ := set $fixed "ACCOUNTS_FILE" (printf "/etc/wechat-outbox/accounts/%s" $values.accountsFile.key) -}}
{{- end -}}
{{- /* merge writes into the first of them. */ -}}
{{- $fixed = merge $fixed .values.settings $values.settings -}}
{{- range $name, $value := $fixed }}
- name: {{ $name }}
  value: {{ if kindIs "string" $value }}{{ $value | quote }}{{ else }}{{ toJson $value | quote }}{{ end }}
{{- end }}
{{- range $values.secretEnv }}
{{- if hasKey $fixed .name }}
{{- fail (printf "secretEnv names %s, which is set already" .name) }}
{{- end }}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .existingSecret }}
      key: {{ .key }}
{{- end }}
{{- end -}}
