// What the smallest object of every built-in kind gets that its client left out: defaults.go of the API groups under
// k8s.io/kubernetes/pkg/apis. Defaults with conditions are tested beside their kinds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Draft, deepCopy } from "../lib/index.ts";
import { apiVersionOf, type KubeObject, type ResourceDefinition } from "./resource.ts";
import { builtInResources } from "./resources.ts";

interface Row {
  readonly given?: object;
  readonly expected: object;
}

const container = { name: "a", image: "a:1" };
const containerWithDefaults = {
  ...container,
  imagePullPolicy: "IfNotPresent",
  resources: {},
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
};
const podDefaults = {
  dnsPolicy: "ClusterFirst",
  restartPolicy: "Always",
  schedulerName: "default-scheduler",
  securityContext: {},
  terminationGracePeriodSeconds: 30,
};
const probeDefaults = { failureThreshold: 3, periodSeconds: 10, successThreshold: 1, timeoutSeconds: 1 };
const httpDefaults = { path: "/", scheme: "HTTP" };
const template = { spec: { containers: [container] } };
const templateWithDefaults = { metadata: {}, spec: { containers: [containerWithDefaults], ...podDefaults } };
const specAndStatus = { spec: {}, status: {} };
const nothing: Row = { expected: {} };
const onlySpec: Row = { expected: { spec: {} } };
const fileMode = 0o644;

const webhook = { name: "a", clientConfig: { service: { namespace: "a", name: "b" } }, rules: [{}] };
const webhookWithDefaults = {
  ...webhook,
  clientConfig: { service: { namespace: "a", name: "b", port: 443 } },
  rules: [{ scope: "*" }],
  failurePolicy: "Fail",
  matchPolicy: "Equivalent",
  namespaceSelector: {},
  objectSelector: {},
  timeoutSeconds: 10,
};
const matches = { resourceRules: [{}] };
const matchesWithDefaults = {
  resourceRules: [{ scope: "*" }],
  matchPolicy: "Equivalent",
  namespaceSelector: {},
  objectSelector: {},
};
const rbac = { apiGroup: "rbac.authorization.k8s.io" };
const roleRef = { kind: "ClusterRole", name: "a" };
const subjects = [
  { kind: "User", name: "a" },
  { kind: "Group", name: "b" },
  { kind: "ServiceAccount", namespace: "c", name: "d" },
];
const binding: Row = {
  given: { roleRef, subjects },
  expected: {
    roleRef: { ...roleRef, ...rbac },
    subjects: [{ ...subjects[0], ...rbac }, { ...subjects[1], ...rbac }, subjects[2]],
  },
};
const deviceRequest = { name: "a", exactly: { deviceClassName: "b" } };
const deviceRequestWithDefaults = {
  name: "a",
  exactly: { deviceClassName: "b", allocationMode: "ExactCount", count: 1 },
};

const rows: Readonly<Record<string, Row>> = {
  "pods.v1": {
    given: {
      spec: {
        containers: [
          {
            ...container,
            ports: [{ containerPort: 80 }],
            livenessProbe: { httpGet: { port: 80 } },
            readinessProbe: { grpc: { port: 80 } },
            lifecycle: { preStop: { httpGet: { port: 80 } } },
            env: [{ name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
            resources: { limits: { cpu: "1" } },
          },
        ],
        initContainers: [{ name: "init", image: "a" }],
        volumes: [
          { name: "nothing" },
          { name: "secret", secret: { secretName: "a" } },
          { name: "config", configMap: { name: "a" } },
          { name: "downward", downwardAPI: { items: [{ path: "a", fieldRef: { fieldPath: "metadata.name" } }] } },
          { name: "projected", projected: { sources: [{ serviceAccountToken: { path: "a" } }] } },
          { name: "host", hostPath: { path: "/a" } },
          { name: "claim", ephemeral: { volumeClaimTemplate: { spec: {} } } },
          { name: "image", image: { reference: "a:latest" } },
        ],
      },
    },
    expected: {
      spec: {
        containers: [
          {
            ...containerWithDefaults,
            ports: [{ containerPort: 80, protocol: "TCP" }],
            livenessProbe: { httpGet: { port: 80, ...httpDefaults }, ...probeDefaults },
            readinessProbe: { grpc: { port: 80, service: "" }, ...probeDefaults },
            lifecycle: { preStop: { httpGet: { port: 80, ...httpDefaults } } },
            env: [{ name: "NAME", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } } }],
            resources: { limits: { cpu: "1" }, requests: { cpu: "1" } },
          },
        ],
        initContainers: [{ ...containerWithDefaults, name: "init", image: "a", imagePullPolicy: "Always" }],
        volumes: [
          { name: "nothing", emptyDir: {} },
          { name: "secret", secret: { secretName: "a", defaultMode: fileMode } },
          { name: "config", configMap: { name: "a", defaultMode: fileMode } },
          {
            name: "downward",
            downwardAPI: {
              items: [{ path: "a", fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } }],
              defaultMode: fileMode,
            },
          },
          {
            name: "projected",
            projected: {
              sources: [{ serviceAccountToken: { path: "a", expirationSeconds: 3600 } }],
              defaultMode: fileMode,
            },
          },
          { name: "host", hostPath: { path: "/a", type: "" } },
          { name: "claim", ephemeral: { volumeClaimTemplate: { spec: { resources: {}, volumeMode: "Filesystem" } } } },
          { name: "image", image: { reference: "a:latest", pullPolicy: "Always" } },
        ],
        ...podDefaults,
        enableServiceLinks: true,
      },
      status: {},
    },
  },
  "podtemplates.v1": { given: { template }, expected: { template: templateWithDefaults } },
  "replicationcontrollers.v1": {
    given: { spec: { template: { ...template, metadata: { labels: { app: "web" } } } } },
    expected: {
      spec: {
        replicas: 1,
        selector: { app: "web" },
        template: { ...templateWithDefaults, metadata: { labels: { app: "web" } } },
      },
      status: {},
    },
  },
  "services.v1": {
    given: { spec: { ports: [{ port: 80 }] } },
    expected: {
      spec: {
        type: "ClusterIP",
        sessionAffinity: "None",
        internalTrafficPolicy: "Cluster",
        ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
      },
      status: {},
    },
  },
  "endpoints.v1": {
    given: { subsets: [{ ports: [{ port: 80 }] }] },
    expected: { subsets: [{ ports: [{ port: 80, protocol: "TCP" }] }] },
  },
  "componentstatuses.v1": nothing,
  "configmaps.v1": nothing,
  "events.v1": { expected: { involvedObject: {} } },
  "limitranges.v1": {
    given: { spec: { limits: [{ type: "Container", max: { cpu: "2" }, min: { cpu: "1", memory: "1Mi" } }] } },
    expected: {
      spec: {
        limits: [
          {
            type: "Container",
            max: { cpu: "2" },
            min: { cpu: "1", memory: "1Mi" },
            default: { cpu: "2" },
            defaultRequest: { cpu: "2", memory: "1Mi" },
          },
        ],
      },
    },
  },
  "namespaces.v1": { expected: { spec: {}, status: { phase: "Active" } } },
  "nodes.v1": { expected: specAndStatus },
  "persistentvolumeclaims.v1": {
    expected: { spec: { resources: {}, volumeMode: "Filesystem" }, status: { phase: "Pending" } },
  },
  "persistentvolumes.v1": {
    expected: {
      spec: { persistentVolumeReclaimPolicy: "Retain", volumeMode: "Filesystem" },
      status: { phase: "Pending" },
    },
  },
  "resourcequotas.v1": { expected: specAndStatus },
  "secrets.v1": { expected: { type: "Opaque" } },
  "serviceaccounts.v1": nothing,
  "mutatingadmissionpolicies.v1": {
    given: { spec: { matchConstraints: matches } },
    expected: { spec: { failurePolicy: "Fail", matchConstraints: matchesWithDefaults } },
  },
  "mutatingadmissionpolicybindings.v1": {
    given: { spec: { matchResources: matches } },
    expected: { spec: { matchResources: matchesWithDefaults } },
  },
  "mutatingwebhookconfigurations.v1": {
    given: { webhooks: [webhook] },
    expected: { webhooks: [{ ...webhookWithDefaults, reinvocationPolicy: "Never" }] },
  },
  "validatingadmissionpolicies.v1": {
    given: { spec: { matchConstraints: matches } },
    expected: { spec: { failurePolicy: "Fail", matchConstraints: matchesWithDefaults }, status: {} },
  },
  "validatingadmissionpolicybindings.v1": {
    given: { spec: { matchResources: matches } },
    expected: { spec: { matchResources: matchesWithDefaults } },
  },
  "validatingwebhookconfigurations.v1": {
    given: { webhooks: [webhook] },
    expected: { webhooks: [webhookWithDefaults] },
  },
  "customresourcedefinitions.v1": {
    given: { spec: { names: { kind: "Thing", plural: "things" } } },
    expected: {
      spec: {
        conversion: { strategy: "None" },
        names: { kind: "Thing", plural: "things", singular: "thing", listKind: "ThingList" },
      },
      status: {},
    },
  },
  "apiservices.v1": {
    given: { spec: { service: { namespace: "a", name: "b" } } },
    expected: { spec: { service: { namespace: "a", name: "b", port: 443 } }, status: {} },
  },
  "controllerrevisions.v1": { expected: { revision: 0 } },
  "daemonsets.v1": {
    given: { spec: { template } },
    expected: {
      spec: {
        revisionHistoryLimit: 10,
        template: templateWithDefaults,
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
      },
      status: {},
    },
  },
  "deployments.v1": {
    given: { spec: { template } },
    expected: {
      spec: {
        progressDeadlineSeconds: 600,
        replicas: 1,
        revisionHistoryLimit: 10,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
        template: templateWithDefaults,
      },
      status: {},
    },
  },
  "replicasets.v1": {
    given: { spec: { template } },
    expected: { spec: { replicas: 1, template: templateWithDefaults }, status: {} },
  },
  "statefulsets.v1": {
    given: { spec: { template, volumeClaimTemplates: [{ metadata: { name: "data" } }] } },
    expected: {
      spec: {
        persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
        podManagementPolicy: "OrderedReady",
        replicas: 1,
        revisionHistoryLimit: 10,
        template: templateWithDefaults,
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, partition: 0 } },
        volumeClaimTemplates: [
          {
            apiVersion: "v1",
            kind: "PersistentVolumeClaim",
            metadata: { name: "data" },
            spec: { resources: {}, volumeMode: "Filesystem" },
            status: { phase: "Pending" },
          },
        ],
      },
      status: {},
    },
  },
  "horizontalpodautoscalers.v1.autoscaling": { expected: { spec: { minReplicas: 1 }, status: {} } },
  "horizontalpodautoscalers.v2.autoscaling": {
    given: { spec: { behavior: { scaleUp: {} } } },
    expected: {
      spec: {
        behavior: {
          scaleDown: { selectPolicy: "Max", policies: [{ type: "Percent", value: 100, periodSeconds: 15 }] },
          scaleUp: {
            selectPolicy: "Max",
            stabilizationWindowSeconds: 0,
            policies: [
              { type: "Pods", value: 4, periodSeconds: 15 },
              { type: "Percent", value: 100, periodSeconds: 15 },
            ],
          },
        },
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
        ],
        minReplicas: 1,
      },
      status: {},
    },
  },
  "cronjobs.v1": {
    given: { spec: { jobTemplate: { spec: { template } } } },
    expected: {
      spec: {
        concurrencyPolicy: "Allow",
        failedJobsHistoryLimit: 1,
        jobTemplate: { metadata: {}, spec: { template: templateWithDefaults } },
        successfulJobsHistoryLimit: 3,
        suspend: false,
      },
      status: {},
    },
  },
  "jobs.v1": {
    given: { spec: { template } },
    expected: {
      spec: {
        backoffLimit: 6,
        completionMode: "NonIndexed",
        completions: 1,
        manualSelector: false,
        parallelism: 1,
        podReplacementPolicy: "TerminatingOrFailed",
        suspend: false,
        template: templateWithDefaults,
      },
      status: {},
    },
  },
  "certificatesigningrequests.v1": { expected: specAndStatus },
  "leases.v1": onlySpec,
  "endpointslices.v1": { given: { ports: [{}] }, expected: { ports: [{ name: "", protocol: "TCP" }] } },
  "events.v1.events.k8s.io": nothing,
  "flowschemas.v1": { expected: { spec: { matchingPrecedence: 1000 }, status: {} } },
  "prioritylevelconfigurations.v1": {
    given: { spec: { type: "Limited", limited: { limitResponse: { type: "Queue", queuing: {} } } } },
    expected: {
      spec: {
        type: "Limited",
        limited: {
          lendablePercent: 0,
          limitResponse: { type: "Queue", queuing: { handSize: 8, queueLengthLimit: 50, queues: 64 } },
          nominalConcurrencyShares: 30,
        },
      },
      status: {},
    },
  },
  "ingressclasses.v1": {
    given: { spec: { parameters: { kind: "A", name: "b" } } },
    expected: { spec: { parameters: { kind: "A", name: "b", scope: "Cluster" } } },
  },
  "ingresses.v1": { expected: specAndStatus },
  "ipaddresses.v1": onlySpec,
  "networkpolicies.v1": {
    given: { spec: { egress: [{ ports: [{ port: 53 }] }] } },
    expected: {
      spec: {
        egress: [{ ports: [{ port: 53, protocol: "TCP" }] }],
        podSelector: {},
        policyTypes: ["Ingress", "Egress"],
      },
    },
  },
  "servicecidrs.v1": { expected: specAndStatus },
  "runtimeclasses.v1": nothing,
  "poddisruptionbudgets.v1": { expected: specAndStatus },
  "clusterrolebindings.v1": binding,
  "clusterroles.v1": nothing,
  "rolebindings.v1": binding,
  "roles.v1": nothing,
  "deviceclasses.v1": onlySpec,
  "resourceclaims.v1": {
    given: { spec: { devices: { requests: [deviceRequest] } } },
    expected: { spec: { devices: { requests: [deviceRequestWithDefaults] } }, status: {} },
  },
  "resourceclaimtemplates.v1": {
    given: { spec: { spec: { devices: { requests: [deviceRequest] } } } },
    expected: { spec: { spec: { devices: { requests: [deviceRequestWithDefaults] } } } },
  },
  "resourceslices.v1": onlySpec,
  "priorityclasses.v1": { expected: { preemptionPolicy: "PreemptLowerPriority", value: 0 } },
  "csidrivers.v1": {
    expected: {
      spec: {
        attachRequired: true,
        fsGroupPolicy: "ReadWriteOnceWithFSType",
        podInfoOnMount: false,
        requiresRepublish: false,
        seLinuxMount: false,
        storageCapacity: false,
        volumeLifecycleModes: ["Persistent"],
      },
    },
  },
  "csinodes.v1": onlySpec,
  "csistoragecapacities.v1": nothing,
  "storageclasses.v1": { expected: { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" } },
  "volumeattachments.v1": { expected: specAndStatus },
  "volumeattributesclasses.v1": nothing,
};

/** The object without its metadata, after the defaults of its kind. */
function withDefaults({ defaults }: ResourceDefinition, given: object): object {
  // What is missing of the metadata, defaults do not read.
  const draft = deepCopy({ ...given, metadata: {} }) as Draft<KubeObject>;
  defaults?.(draft);
  const { metadata: _, ...rest } = draft;
  return rest;
}

for (const definition of builtInResources as readonly ResourceDefinition[]) {
  if (!definition.verbs.includes("list")) continue;
  test(`the smallest of ${definition.plural} of ${apiVersionOf(definition)} gets its defaults, once`, () => {
    const { plural, version, group } = definition;
    const row = rows[`${plural}.${version}.${group}`] ?? rows[`${plural}.${version}`];
    assert.ok(row, "no row for the kind");
    const first = withDefaults(definition, row.given ?? {});
    assert.deepEqual(first, row.expected);
    assert.deepEqual(withDefaults(definition, first), row.expected);
  });
}
