// Valid objects of the kinds that people write most: what is changed from there gets furthest.

const labels = { app: "a" };
const selector = { matchLabels: labels };
const podSpec = {
  initContainers: [{ name: "first", image: "busybox:1", command: ["true"] }],
  containers: [
    {
      name: "main",
      image: "nginx:1",
      ports: [{ name: "http", containerPort: 80 }],
      env: [
        { name: "A", value: "1" },
        { name: "B", valueFrom: { configMapKeyRef: { name: "a", key: "k" } } },
      ],
      resources: { requests: { cpu: "100m", memory: "64Mi" }, limits: { memory: "128Mi" } },
      readinessProbe: { httpGet: { path: "/", port: "http" }, periodSeconds: 5 },
      volumeMounts: [{ name: "v", mountPath: "/v" }],
      securityContext: { runAsNonRoot: true, capabilities: { drop: ["ALL"] } },
    },
  ],
  volumes: [{ name: "v", emptyDir: {} }],
  tolerations: [{ key: "k", operator: "Exists", effect: "NoSchedule" }],
  affinity: {
    podAntiAffinity: {
      preferredDuringSchedulingIgnoredDuringExecution: [
        { weight: 1, podAffinityTerm: { labelSelector: selector, topologyKey: "kubernetes.io/hostname" } },
      ],
    },
  },
};
const template = { metadata: { labels }, spec: podSpec };
const job = { template: { spec: { ...podSpec, restartPolicy: "Never" } } };
const target = { apiVersion: "apps/v1", kind: "Deployment", name: "a" };
const rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] }];
const subjects = [{ kind: "User", name: "jane", apiGroup: "rbac.authorization.k8s.io" }];
const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" };
const customSchema = {
  type: "object",
  properties: {
    spec: {
      type: "object",
      required: ["size"],
      properties: {
        size: { type: "integer", minimum: 1, default: 3 },
        items: {
          type: "array",
          maxItems: 10,
          items: { type: "object", properties: { name: { type: "string", maxLength: 10 } }, required: ["name"] },
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["name"],
        },
      },
      "x-kubernetes-validations": [{ rule: "self.size < 10 || has(self.items)", message: "too big" }],
    },
  },
};

/** By the plural of their resource: everything but their identity and name. */
export const samples: Readonly<Record<string, object>> = {
  configmaps: { data: { k: "v" }, binaryData: { b: "AA==" } },
  secrets: { type: "Opaque", stringData: { k: "v" } },
  pods: { metadata: { labels }, spec: podSpec },
  podtemplates: { template },
  services: { spec: { selector: labels, ports: [{ name: "http", port: 80, targetPort: "http" }] } },
  serviceaccounts: {},
  namespaces: {},
  replicationcontrollers: { spec: { replicas: 1, selector: labels, template } },
  resourcequotas: { spec: { hard: { "count/widgets.example.com": "5", pods: "1000" } } },
  limitranges: { spec: { limits: [{ type: "Container", default: { cpu: "200m" }, max: { cpu: "2" } }] } },
  persistentvolumes: {
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      hostPath: { path: "/nowhere" },
      persistentVolumeReclaimPolicy: "Retain",
    },
  },
  persistentvolumeclaims: { spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } },
  endpoints: { subsets: [{ addresses: [{ ip: "192.0.2.1" }], ports: [{ port: 80 }] }] },
  endpointslices: {
    addressType: "IPv4",
    endpoints: [{ addresses: ["192.0.2.1"], conditions: { ready: true } }],
    ports: [{ name: "http", port: 80, protocol: "TCP" }],
  },
  events: {
    involvedObject: { kind: "Pod", name: "a", namespace: "default" },
    regarding: { kind: "Pod", name: "a", namespace: "default" },
    reason: "Tested",
    action: "Testing",
    type: "Normal",
    eventTime: "2026-01-01T00:00:00.000000Z",
    reportingController: "example.com/fuzz",
    reportingInstance: "fuzz-1",
  },
  nodes: { spec: { podCIDR: "10.42.9.0/24" } },
  deployments: { spec: { replicas: 2, selector, template, strategy: { rollingUpdate: { maxSurge: "25%" } } } },
  replicasets: { spec: { replicas: 1, selector, template } },
  statefulsets: { spec: { serviceName: "a", replicas: 1, selector, template } },
  daemonsets: { spec: { selector, template } },
  controllerrevisions: { data: { a: 1 }, revision: 1 },
  jobs: { spec: { ...job, backoffLimit: 2, completions: 2, parallelism: 1 } },
  cronjobs: { spec: { schedule: "*/5 * * * *", timeZone: "Europe/Berlin", jobTemplate: { spec: job } } },
  horizontalpodautoscalers: { spec: { scaleTargetRef: target, minReplicas: 1, maxReplicas: 3 } },
  poddisruptionbudgets: { spec: { minAvailable: "50%", selector } },
  networkpolicies: { spec: { podSelector: selector, ingress: [{ from: [{ podSelector: selector }] }] } },
  ingresses: {
    spec: {
      rules: [
        {
          host: "a.example.com",
          http: {
            paths: [{ path: "/", pathType: "Prefix", backend: { service: { name: "a", port: { number: 80 } } } }],
          },
        },
      ],
    },
  },
  ingressclasses: { spec: { controller: "example.com/ingress" } },
  roles: { rules },
  clusterroles: { rules },
  rolebindings: { subjects, roleRef },
  clusterrolebindings: { subjects, roleRef },
  storageclasses: { provisioner: "example.com/disk", volumeBindingMode: "WaitForFirstConsumer" },
  csidrivers: { spec: { attachRequired: false } },
  csinodes: { spec: { drivers: [] } },
  priorityclasses: { value: 5 },
  runtimeclasses: { handler: "runc" },
  leases: { spec: { holderIdentity: "me", leaseDurationSeconds: 15 } },
  flowschemas: { spec: { priorityLevelConfiguration: { name: "global-default" }, matchingPrecedence: 500 } },
  customresourcedefinitions: {
    metadata: { name: "widgets.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "widgets", kind: "Widget" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: customSchema } }],
    },
  },
  validatingadmissionpolicies: {
    spec: {
      matchConstraints: {
        resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }],
      },
      validations: [{ expression: "object.spec.containers.all(c, c.image.startsWith('a'))", message: "no" }],
    },
  },
  subjectaccessreviews: { spec: { user: "jane", resourceAttributes: { verb: "get", resource: "pods" } } },
  selfsubjectaccessreviews: { spec: { resourceAttributes: { verb: "get", resource: "pods" } } },
  selfsubjectrulesreviews: { spec: { namespace: "default" } },
  tokenreviews: { spec: { token: "nonsense" } },
};
