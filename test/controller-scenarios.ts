// What users do with everything that controllers act on, in a few steps each.
import assert from "node:assert/strict";
import type { KubeObject, NewObject, ResourceDefinition } from "../src/api/index.ts";
import type { TestControlPlane } from "./control-plane.ts";

const namespace = "default";

export interface Scenario {
  readonly name: string;
  /** What a user does; between two steps the cluster comes to rest. */
  readonly steps: readonly ((user: User) => Promise<unknown>)[];
}

export interface User {
  /** Time. */
  readonly passes: (ms: number) => Promise<void>;
  readonly create: (plural: string, name: string, fields?: object, metadata?: object) => Promise<unknown>;
  readonly patch: (plural: string, name: string, patch: object) => Promise<unknown>;
  readonly remove: (
    plural: string,
    name: string,
    propagationPolicy?: "Background" | "Foreground" | "Orphan",
  ) => Promise<unknown>;
}

const labels = { app: "web" };
const spec = { automountServiceAccountToken: false, containers: [{ name: "c", image: "example.com/c:1" }] };
const template = { metadata: { labels }, spec };
const replicated = { replicas: 2, selector: { matchLabels: labels }, template };
const newImage = { spec: { template: { spec: { containers: [{ name: "c", image: "example.com/c:2" }] } } } };
const once = { metadata: { labels }, spec: { ...spec, restartPolicy: "Never" } };
const withVolumes = {
  serviceName: "web",
  podManagementPolicy: "Parallel",
  persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete", whenScaled: "Delete" },
  volumeClaimTemplates: [
    {
      metadata: { name: "data" },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, storageClassName: "" },
    },
  ],
};
const oneGibibyte = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
/** A request for the certificate that node n1 is a client with; its key was thrown away. */
const nodeRequest = [
  "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIck1JR1NBZ0VBTURBeEZUQVRCZ05WQkFvTURITjVjM1JsYlRw",
  "dWIyUmxjekVYTUJVR0ExVUVBd3dPYzNsegpkR1Z0T201dlpHVTZiakV3V1RBVEJnY3Foa2pPUFFJQkJnZ3Foa2pPUFFNQkJ3TkNB",
  "QVFvaGFRNzE2MEU4T0YzCkk1bDc4UU9VS2lqek9HQnZsb0ZvVWZMc3pvd1VvV0F3T2poUE56ajg4Vyt6SkoyaW1xWFEzSE12c09w",
  "Z09SenUKUnIzNmNWWGJvQUF3Q2dZSUtvWkl6ajBFQXdJRFNBQXdSUUlnS1NkU01EV0VFVDNkeHl4cHZFR05sdVNPcjFaWAo3VEN5",
  "SWI5cWExVmVxWUFDSVFDZUxpVXRqdVBKTWpqNUNwMWpCZHIvcDdlVjlwNWhQTWdQSVVhL1loTld1UT09Ci0tLS0tRU5EIENFUlRJ",
  "RklDQVRFIFJFUVVFU1QtLS0tLQo=",
].join("");
const surging = { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } };

export const scenarios: readonly Scenario[] = [
  {
    name: "a Deployment is made, rolls, scales and goes in the foreground",
    steps: [
      ({ create }) => create("deployments", "web", { spec: replicated }),
      ({ patch }) => patch("deployments", "web", newImage),
      ({ patch }) => patch("deployments", "web", { spec: { replicas: 1 } }),
    ],
  },
  {
    name: "owners are deleted in the foreground and by orphaning",
    steps: [
      async ({ create }) => {
        await create("replicasets", "front", { spec: replicated });
        await create("replicationcontrollers", "left", {
          spec: {
            replicas: 2,
            selector: { app: "left" },
            template: { ...template, metadata: { labels: { app: "left" } } },
          },
        });
      },
      async ({ remove }) => {
        await remove("replicasets", "front", "Foreground");
        await remove("replicationcontrollers", "left", "Orphan");
      },
    ],
  },
  {
    name: "orphans are adopted and what does not match is let go",
    steps: [
      ({ create }) => create("pods", "orphan", { spec }, { labels }),
      ({ create }) => create("replicasets", "web", { spec: replicated }),
      ({ patch }) => patch("pods", "orphan", { metadata: { labels: { app: "other" } } }),
    ],
  },
  {
    name: "a StatefulSet is made, updated and scaled down",
    steps: [
      ({ create }) => create("statefulsets", "web", { spec: { ...replicated, serviceName: "web" } }),
      ({ patch }) => patch("statefulsets", "web", newImage),
      ({ patch }) => patch("statefulsets", "web", { spec: { replicas: 1 } }),
    ],
  },
  {
    name: "a StatefulSet whose volumes go with its pods is scaled and rolled back at once",
    steps: [
      ({ create }) => create("statefulsets", "web", { spec: { ...replicated, ...withVolumes } }),
      ({ patch }) => patch("statefulsets", "web", newImage),
      ({ patch }) => patch("statefulsets", "web", { spec: { replicas: 1, template } }),
    ],
  },
  {
    name: "a DaemonSet is updated with a surge and rolled back",
    steps: [
      ({ create }) =>
        create("daemonsets", "web", { spec: { selector: { matchLabels: labels }, template, updateStrategy: surging } }),
      ({ patch }) => patch("daemonsets", "web", newImage),
      ({ patch }) => patch("daemonsets", "web", { spec: { template } }),
    ],
  },
  {
    name: "a DaemonSet is made and updated",
    steps: [
      ({ create }) => create("daemonsets", "web", { spec: { selector: { matchLabels: labels }, template } }),
      ({ patch }) => patch("daemonsets", "web", newImage),
    ],
  },
  {
    name: "a Job runs to its end",
    steps: [({ create }) => create("jobs", "work", { spec: { completions: 3, parallelism: 2, template: once } })],
  },
  {
    name: "a CronJob runs",
    steps: [
      ({ create }) =>
        create("cronjobs", "work", { spec: { schedule: "*/1 * * * *", jobTemplate: { spec: { template: once } } } }),
      ({ passes }) => passes(70_000),
      ({ patch }) => patch("cronjobs", "work", { spec: { suspend: true } }),
    ],
  },
  {
    name: "a namespace goes with what is in it",
    steps: [
      ({ create }) => create("namespaces", "shop"),
      async ({ create }) => {
        await create("configmaps", "settings", {}, { namespace: "shop" });
        await create("replicasets", "web", { spec: replicated }, { namespace: "shop" });
      },
      ({ remove }) => remove("namespaces", "shop"),
    ],
  },
  {
    name: "tokens are filled and end, certificates are signed and policies are judged",
    steps: [
      async ({ create }) => {
        await create("serviceaccounts", "builder");
        await create(
          "secrets",
          "builder-token",
          { type: "kubernetes.io/service-account-token" },
          { annotations: { "kubernetes.io/service-account.name": "builder" } },
        );
        await create("configmaps", "cluster-info", { data: { kubeconfig: "{}" } }, { namespace: "kube-public" });
        await create(
          "secrets",
          "bootstrap-token-abcdef",
          {
            type: "bootstrap.kubernetes.io/token",
            stringData: {
              "token-id": "abcdef",
              "token-secret": "0123456789abcdef",
              "usage-bootstrap-signing": "true",
              expiration: "2026-01-01T00:01:30Z",
            },
          },
          { namespace: "kube-system" },
        );
        await create("certificatesigningrequests", "node", {
          spec: {
            request: nodeRequest,
            signerName: "kubernetes.io/kube-apiserver-client-kubelet",
            usages: ["digital signature", "client auth"],
          },
        });
        await create("validatingadmissionpolicies", "wrong", {
          spec: {
            matchConstraints: {
              resourceRules: [
                { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["deployments"] },
              ],
            },
            validations: [{ expression: "object.spec.bogus > 1" }],
          },
        });
      },
      ({ remove }) => remove("serviceaccounts", "builder"),
      // The bootstrap token ends.
      ({ passes }) => passes(60_000),
    ],
  },
  {
    name: "services, budgets, quotas, claims and roles are kept up to date",
    steps: [
      async ({ create }) => {
        await create("services", "web", { spec: { selector: labels, ports: [{ port: 80 }] } });
        await create("poddisruptionbudgets", "web", { spec: { minAvailable: 1, selector: { matchLabels: labels } } });
        await create("resourcequotas", "all", { spec: { hard: { pods: "10", services: "5" } } });
        await create("persistentvolumeclaims", "data", {
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } }, storageClassName: "" },
        });
        await create(
          "clusterroles",
          "part",
          {
            rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }],
          },
          { labels },
        );
        await create("clusterroles", "whole", {
          aggregationRule: { clusterRoleSelectors: [{ matchLabels: labels }] },
          rules: [],
        });
      },
      async ({ create, remove }) => {
        await create("replicasets", "web", { spec: replicated });
        await remove("persistentvolumeclaims", "data");
      },
      async ({ remove }) => {
        await remove("services", "web");
        await remove("replicasets", "web", "Background");
      },
    ],
  },
  {
    name: "volumes are bound, made, grown and given up",
    steps: [
      async ({ create, patch }) => {
        await patch("nodes", "node-1", { metadata: { annotations: { "roder.io/local-volumes": "/volumes" } } });
        const hostPath = { path: "/srv" };
        const volume = { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath };
        await create("persistentvolumes", "disk", { spec: volume });
        await create("storageclasses", "local", {
          provisioner: "roder.io/local-path",
          volumeBindingMode: "WaitForFirstConsumer",
          allowVolumeExpansion: true,
        });
        await create("persistentvolumeclaims", "found", { spec: { ...oneGibibyte, storageClassName: "" } });
        const annotations = { "volume.kubernetes.io/selected-node": "node-1" };
        await create(
          "persistentvolumeclaims",
          "made",
          { spec: { ...oneGibibyte, storageClassName: "local" } },
          { annotations },
        );
      },
      ({ patch }) => patch("persistentvolumeclaims", "made", { spec: { resources: { requests: { storage: "2Gi" } } } }),
      async ({ remove }) => {
        await remove("persistentvolumeclaims", "found");
        await remove("persistentvolumeclaims", "made");
      },
      ({ remove }) => remove("nodes", "node-1"),
    ],
  },
  {
    name: "a pod with claims of its own for a volume and a device comes and goes",
    steps: [
      async ({ create }) => {
        const requests = [{ name: "gpu", exactly: { deviceClassName: "gpus" } }];
        await create("resourceclaimtemplates", "gpu", { spec: { spec: { devices: { requests } } } });
        await create("pods", "web", {
          spec: {
            ...spec,
            volumes: [{ name: "scratch", ephemeral: { volumeClaimTemplate: { spec: oneGibibyte } } }],
            resourceClaims: [{ name: "gpu", resourceClaimTemplateName: "gpu" }],
          },
        });
      },
      ({ remove }) => remove("pods", "web"),
    ],
  },
];

export function userOf(
  { client, registry }: Pick<TestControlPlane, "client" | "registry">,
  passes: User["passes"],
): User {
  const definitionOf = (plural: string): ResourceDefinition => {
    const found = registry.all().find((each) => each.plural === plural);
    assert.ok(found, `${plural} are served`);
    return found;
  };
  const keyOf = (plural: string, name: string) => {
    const definition = definitionOf(plural);
    return { definition, key: { name, ...(definition.namespaced ? { namespace } : {}) } };
  };
  return {
    passes,
    create(plural, name, fields = {}, metadata = {}) {
      const { definition, key } = keyOf(plural, name);
      // The fields are those of its kind.
      const object = { metadata: { ...key, ...metadata }, ...fields } as unknown as NewObject<KubeObject>;
      return client.create(definition, object);
    },
    patch(plural, name, patch) {
      const { definition, key } = keyOf(plural, name);
      return client.patch(definition, key, patch, { type: "application/merge-patch+json" });
    },
    remove(plural, name, propagationPolicy = "Background") {
      const { definition, key } = keyOf(plural, name);
      return client.delete(definition, key, { body: { propagationPolicy } });
    },
  };
}
