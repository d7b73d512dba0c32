// What `kubectl get` and `kubectl get -o wide` show of every built-in kind: printers.go of
// k8s.io/kubernetes/pkg/printers/internalversion. Cells with rules of their own are tested beside their kinds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { deepCopy } from "../lib/index.ts";
import { apiVersionOf, type Column, type KubeObject, type ResourceDefinition } from "./resource.ts";
import { builtInResources } from "./resources.ts";
import { decodeObject } from "./schema/decode-object.ts";

const nowMs = Date.parse("2025-01-01T01:00:00Z");
const creationTimestamp = "2025-01-01T00:50:00Z";

/** `Data:integer` where the type is not string; `*` marks a column of the wide form. */
function shown({ name, type, format, priority }: Column<KubeObject>): string {
  const typed = type === "string" ? name : `${name}:${type}`;
  return `${typed}${format === undefined ? "" : `/${format}`}${priority === 1 ? "*" : ""}`;
}

const containers = [
  { name: "web", image: "nginx:1" },
  { name: "side", image: "proxy:2" },
];
const selector = { matchLabels: { app: "web" } };
const template = { metadata: { labels: { app: "web" } }, spec: { containers } };
const workload = { template, selector };
const subjects = [
  { kind: "User", name: "jane" },
  { kind: "Group", name: "devs" },
  { kind: "ServiceAccount", namespace: "default", name: "bot" },
];

interface Row {
  readonly columns: string;
  readonly object: object;
  readonly cells: readonly unknown[];
}

const podColumns = "Name/name | Ready | Status | Restarts | Age | IP* | Node* | Nominated Node* | Readiness Gates*";
const replicaColumns =
  "Name/name | Desired:integer | Current:integer | Ready:integer | Age | Containers* | Images* | Selector*";
const eventColumns =
  "Last Seen | Type | Reason | Object | Subobject* | Source* | Message | First Seen* | Count* | Name/name*";
const autoscalerColumns = "Name/name | Reference | Targets | MinPods | MaxPods | Replicas | Age";
const bindingColumns = "Name/name | Role | Age | Users* | Groups* | ServiceAccounts*";
const createdAtColumns = "Name/name | Created At:date";
const policyBindingColumns = "Name/name | PolicyName | ParamRef | Age";
const webhookColumns = "Name/name | Webhooks:integer | Age";

const rows: Readonly<Record<string, Row>> = {
  "pods.v1": {
    columns: podColumns,
    object: {
      spec: { containers, nodeName: "node-1", readinessGates: [{ conditionType: "a/b" }] },
      status: {
        phase: "Running",
        podIPs: [{ ip: "10.0.0.1" }],
        conditions: [{ type: "a/b", status: "True" }],
        containerStatuses: [
          { name: "web", ready: true, restartCount: 0, state: { running: {} } },
          {
            name: "side",
            restartCount: 2,
            state: { waiting: { reason: "CrashLoopBackOff" } },
            lastState: { terminated: { exitCode: 1, finishedAt: "2025-01-01T00:55:00Z" } },
          },
        ],
      },
    },
    cells: ["one", "1/2", "CrashLoopBackOff", "2 (5m ago)", "10m", "10.0.0.1", "node-1", "<none>", "1/1"],
  },
  "podtemplates.v1": {
    columns: "Name/name | Containers | Images | Pod Labels",
    object: { template },
    cells: ["one", "web,side", "nginx:1,proxy:2", "app=web"],
  },
  "replicationcontrollers.v1": {
    columns: replicaColumns,
    object: { spec: { replicas: 3, template }, status: { replicas: 2, readyReplicas: 1 } },
    cells: ["one", 3, 2, 1, "10m", "web,side", "nginx:1,proxy:2", "app=web"],
  },
  "services.v1": {
    columns: "Name/name | Type | Cluster-IP | External-IP | Port(s) | Age | Selector*",
    object: {
      spec: {
        type: "LoadBalancer",
        clusterIPs: ["10.0.0.1"],
        ports: [
          { port: 80, nodePort: 30080 },
          { port: 53, protocol: "UDP" },
        ],
        selector: { app: "web" },
      },
      status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } },
    },
    cells: ["one", "LoadBalancer", "10.0.0.1", "192.0.2.1", "80:30080/TCP,53/UDP", "10m", "app=web"],
  },
  "endpoints.v1": {
    columns: "Name/name | Endpoints | Age",
    object: {
      subsets: [{ addresses: [{ ip: "10.0.0.1" }, { ip: "10.0.0.2" }], ports: [{ port: 80 }, { port: 443 }] }],
    },
    cells: ["one", "10.0.0.1:80,10.0.0.2:80,10.0.0.1:443 + 1 more...", "10m"],
  },
  "nodes.v1": {
    columns:
      "Name/name | Status | Roles | Age | Version | Internal-IP* | External-IP* | OS-Image* | Kernel-Version* | Container-Runtime*",
    object: {
      metadata: { labels: { "node-role.kubernetes.io/control-plane": "" } },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: "Ready", status: "True" }],
        addresses: [{ type: "InternalIP", address: "192.0.2.1" }],
        nodeInfo: {
          kubeletVersion: "v1.35.0",
          osImage: "Debian",
          kernelVersion: "6.1",
          containerRuntimeVersion: "a://1",
        },
      },
    },
    cells: [
      "one",
      "Ready,SchedulingDisabled",
      "control-plane",
      "10m",
      "v1.35.0",
      "192.0.2.1",
      "<none>",
      "Debian",
      "6.1",
      "a://1",
    ],
  },
  "namespaces.v1": {
    columns: "Name/name | Status | Age",
    object: { status: { phase: "Active" } },
    cells: ["one", "Active", "10m"],
  },
  "configmaps.v1": {
    columns: "Name/name | Data | Age",
    object: { data: { a: "b" }, binaryData: { c: "AA==" } },
    cells: ["one", 2, "10m"],
  },
  "secrets.v1": {
    columns: "Name/name | Type | Data | Age",
    object: { type: "Opaque", data: { a: "AA==" } },
    cells: ["one", "Opaque", 1, "10m"],
  },
  "serviceaccounts.v1": { columns: "Name/name | Age", object: {}, cells: ["one", "10m"] },
  "persistentvolumes.v1": {
    columns:
      "Name/name | Capacity | Access Modes | Reclaim Policy | Status | Claim | StorageClass | VolumeAttributesClass | Reason | Age | VolumeMode*",
    object: {
      spec: {
        capacity: { storage: "1Gi" },
        accessModes: ["ReadWriteOnce", "ReadOnlyMany"],
        claimRef: { namespace: "default", name: "data" },
        storageClassName: "fast",
      },
      status: { phase: "Bound" },
    },
    cells: ["one", "1Gi", "RWO,ROX", "Retain", "Bound", "default/data", "fast", "<unset>", "", "10m", "Filesystem"],
  },
  "persistentvolumeclaims.v1": {
    columns:
      "Name/name | Status | Volume | Capacity | Access Modes | StorageClass | VolumeAttributesClass | Age | VolumeMode*",
    object: {
      spec: { volumeName: "pv-1", storageClassName: "fast" },
      status: { phase: "Bound", capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOncePod"] },
    },
    cells: ["one", "Bound", "pv-1", "1Gi", "RWOP", "fast", "<unset>", "10m", "Filesystem"],
  },
  "events.v1": {
    columns: eventColumns,
    object: {
      type: "Warning",
      reason: "BackOff",
      message: "Back-off",
      involvedObject: { kind: "Pod", name: "web", fieldPath: "spec.containers{web}" },
      source: { component: "kubelet", host: "node-1" },
      firstTimestamp: "2025-01-01T00:50:00Z",
      lastTimestamp: "2025-01-01T00:59:00Z",
      count: 4,
    },
    cells: [
      "60s",
      "Warning",
      "BackOff",
      "pod/web",
      "spec.containers{web}",
      "kubelet, node-1",
      "Back-off",
      "10m",
      4,
      "one",
    ],
  },
  "limitranges.v1": { columns: createdAtColumns, object: {}, cells: ["one", creationTimestamp] },
  "bindings.v1": { columns: createdAtColumns, object: {}, cells: ["one", creationTimestamp] },
  "resourcequotas.v1": {
    columns: "Name/name | Request | Limit | Age",
    object: { status: { hard: { pods: "4", "limits.cpu": "2" }, used: { pods: "1", "limits.cpu": "0" } } },
    cells: ["one", "pods: 1/4", "limits.cpu: 0/2", "10m"],
  },
  "componentstatuses.v1": {
    columns: "Name/name | Status | Message | Error",
    object: { conditions: [{ type: "Healthy", status: "True", message: "ok" }] },
    cells: ["one", "Healthy", "ok", ""],
  },
  "mutatingwebhookconfigurations.v1": { columns: webhookColumns, object: { webhooks: [{}] }, cells: ["one", 1, "10m"] },
  "validatingwebhookconfigurations.v1": { columns: webhookColumns, object: {}, cells: ["one", 0, "10m"] },
  "validatingadmissionpolicies.v1": {
    columns: "Name/name | Validations:integer | ParamKind | Age",
    object: { spec: { validations: [{}], paramKind: { apiVersion: "v1", kind: "ConfigMap" } } },
    cells: ["one", 1, "v1/ConfigMap", "10m"],
  },
  "validatingadmissionpolicybindings.v1": {
    columns: policyBindingColumns,
    object: { spec: { policyName: "a", paramRef: { namespace: "b", name: "c" } } },
    cells: ["one", "a", "b/c", "10m"],
  },
  "mutatingadmissionpolicies.v1": {
    columns: "Name/name | Mutations:integer | ParamKind | Age",
    object: { spec: { mutations: [{}, {}] } },
    cells: ["one", 2, "<unset>", "10m"],
  },
  "mutatingadmissionpolicybindings.v1": {
    columns: policyBindingColumns,
    object: { spec: { policyName: "a" } },
    cells: ["one", "a", "<unset>", "10m"],
  },
  "customresourcedefinitions.v1": { columns: createdAtColumns, object: {}, cells: ["one", creationTimestamp] },
  "apiservices.v1": {
    columns: "Name/name | Service | Available | Age",
    object: {
      spec: { service: { namespace: "a", name: "b" } },
      status: { conditions: [{ type: "Available", status: "False", reason: "MissingEndpoints" }] },
    },
    cells: ["one", "a/b", "False (MissingEndpoints)", "10m"],
  },
  "controllerrevisions.v1": {
    columns: "Name/name | Controller | Revision | Age",
    object: {
      metadata: {
        ownerReferences: [{ apiVersion: "apps/v1", kind: "DaemonSet", name: "web", uid: "a", controller: true }],
      },
      revision: 3,
    },
    cells: ["one", "daemonset.apps/web", 3, "10m"],
  },
  "daemonsets.v1": {
    columns:
      "Name/name | Desired:integer | Current:integer | Ready:integer | Up-to-date:integer | Available:integer | Node Selector | Age | Containers* | Images* | Selector*",
    object: {
      spec: workload,
      status: {
        desiredNumberScheduled: 5,
        currentNumberScheduled: 4,
        numberReady: 3,
        updatedNumberScheduled: 2,
        numberAvailable: 1,
      },
    },
    cells: ["one", 5, 4, 3, 2, 1, "<none>", "10m", "web,side", "nginx:1,proxy:2", "app=web"],
  },
  "deployments.v1": {
    columns: "Name/name | Ready | Up-to-date | Available | Age | Containers* | Images* | Selector*",
    object: { spec: { ...workload, replicas: 3 }, status: { readyReplicas: 1, updatedReplicas: 2 } },
    cells: ["one", "1/3", 2, 0, "10m", "web,side", "nginx:1,proxy:2", "app=web"],
  },
  "replicasets.v1": {
    columns: replicaColumns,
    object: { spec: { ...workload, replicas: 3 }, status: { replicas: 2, readyReplicas: 1 } },
    cells: ["one", 3, 2, 1, "10m", "web,side", "nginx:1,proxy:2", "app=web"],
  },
  "statefulsets.v1": {
    columns: "Name/name | Ready | Age | Containers* | Images*",
    object: { spec: { ...workload, replicas: 3 }, status: { readyReplicas: 1 } },
    cells: ["one", "1/3", "10m", "web,side", "nginx:1,proxy:2"],
  },
  "horizontalpodautoscalers.v1.autoscaling": {
    columns: autoscalerColumns,
    object: {
      spec: {
        scaleTargetRef: { kind: "Deployment", name: "web" },
        minReplicas: 2,
        maxReplicas: 5,
        targetCPUUtilizationPercentage: 80,
      },
      status: { currentReplicas: 3, currentCPUUtilizationPercentage: 40 },
    },
    cells: ["one", "Deployment/web", "cpu: 40%/80%", "2", 5, 3, "10m"],
  },
  "horizontalpodautoscalers.v2.autoscaling": {
    columns: autoscalerColumns,
    object: {
      spec: {
        scaleTargetRef: { kind: "Deployment", name: "web" },
        maxReplicas: 5,
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
          { type: "Pods", pods: { metric: { name: "a" }, target: { type: "AverageValue", averageValue: "10" } } },
        ],
      },
    },
    cells: ["one", "Deployment/web", "cpu: <unknown>/80%, <unknown>/10", "1", 5, 0, "10m"],
  },
  "cronjobs.v1": {
    columns:
      "Name/name | Schedule | Timezone | Suspend:boolean | Active:integer | Last Schedule | Age | Containers* | Images* | Selector*",
    object: {
      spec: { schedule: "0 * * * *", timeZone: "Etc/UTC", jobTemplate: { spec: { template } } },
      status: { active: [{}], lastScheduleTime: "2025-01-01T00:58:00Z" },
    },
    cells: ["one", "0 * * * *", "Etc/UTC", "False", 1, "2m", "10m", "web,side", "nginx:1,proxy:2", "<none>"],
  },
  "jobs.v1": {
    columns: "Name/name | Status | Completions | Duration | Age | Containers* | Images* | Selector*",
    object: {
      spec: { ...workload, completions: 3 },
      status: {
        succeeded: 1,
        startTime: "2025-01-01T00:55:00Z",
        conditions: [{ type: "SuccessCriteriaMet", status: "True" }],
      },
    },
    cells: ["one", "SuccessCriteriaMet", "1/3", "5m", "10m", "web,side", "nginx:1,proxy:2", "app=web"],
  },
  "certificatesigningrequests.v1": {
    columns: "Name/name | Age | SignerName | Requestor | RequestedDuration | Condition",
    object: {
      spec: { signerName: "a/b", username: "jane", expirationSeconds: 3600 },
      status: { certificate: "AA==", conditions: [{ type: "Approved", status: "True" }] },
    },
    cells: ["one", "10m", "a/b", "jane", "60m", "Approved,Issued"],
  },
  "leases.v1": {
    columns: "Name/name | Holder | Age",
    object: { spec: { holderIdentity: "node-1" } },
    cells: ["one", "node-1", "10m"],
  },
  "endpointslices.v1": {
    columns: "Name/name | AddressType | Ports | Endpoints | Age",
    object: { addressType: "IPv4", ports: [{ port: 80 }, {}], endpoints: [{ addresses: ["10.0.0.1"] }] },
    cells: ["one", "IPv4", "80,", "10.0.0.1", "10m"],
  },
  "events.v1.events.k8s.io": {
    columns: eventColumns,
    object: {
      type: "Normal",
      reason: "Scheduled",
      note: "Assigned",
      regarding: { kind: "Pod", name: "web" },
      reportingController: "default-scheduler",
      eventTime: "2025-01-01T00:58:00.000000Z",
    },
    cells: ["2m", "Normal", "Scheduled", "pod/web", "", "default-scheduler", "Assigned", "2m", 1, "one"],
  },
  "flowschemas.v1": {
    columns: "Name/name | PriorityLevel | MatchingPrecedence | DistinguisherMethod | Age | MissingPL",
    object: { spec: { priorityLevelConfiguration: { name: "a" }, distinguisherMethod: { type: "ByUser" } } },
    cells: ["one", "a", 1000, "ByUser", "10m", "?"],
  },
  "prioritylevelconfigurations.v1": {
    columns: "Name/name | Type | NominalConcurrencyShares | Queues | HandSize | QueueLengthLimit | Age",
    object: { spec: { type: "Exempt" } },
    cells: ["one", "Exempt", "<none>", "<none>", "<none>", "<none>", "10m"],
  },
  "ingressclasses.v1": {
    columns: "Name/name | Controller | Parameters | Age",
    object: { spec: { controller: "a/b", parameters: { apiGroup: "c", kind: "D", name: "e" } } },
    cells: ["one", "a/b", "D.c/e", "10m"],
  },
  "ingresses.v1": {
    columns: "Name/name | Class | Hosts | Address | Ports | Age",
    object: {
      spec: { ingressClassName: "a", rules: ["a", "b", "c", ""].map((host) => ({ host })), tls: [{}] },
      status: { loadBalancer: { ingress: [{ hostname: "lb" }] } },
    },
    cells: ["one", "a", "a,b,c + 1 more...", "lb", "80, 443", "10m"],
  },
  "ipaddresses.v1": {
    columns: "Name/name | ParentRef",
    object: { spec: { parentRef: { resource: "services", namespace: "a", name: "b" } } },
    cells: ["one", "services/a/b"],
  },
  "networkpolicies.v1": {
    columns: "Name/name | Pod-Selector | Age",
    object: { spec: { podSelector: selector } },
    cells: ["one", "app=web", "10m"],
  },
  "servicecidrs.v1": {
    columns: "Name/name | CIDRs | Age",
    object: { spec: { cidrs: ["10.0.0.0/16", "fd00::/64"] } },
    cells: ["one", "10.0.0.0/16,fd00::/64", "10m"],
  },
  "runtimeclasses.v1": {
    columns: "Name/name | Handler | Age",
    object: { handler: "runc" },
    cells: ["one", "runc", "10m"],
  },
  "poddisruptionbudgets.v1": {
    columns: "Name/name | Min Available | Max Unavailable | Allowed Disruptions:integer | Age",
    object: { spec: { minAvailable: "50%" }, status: { disruptionsAllowed: 1 } },
    cells: ["one", "50%", "N/A", 1, "10m"],
  },
  "clusterroles.v1": { columns: createdAtColumns, object: {}, cells: ["one", creationTimestamp] },
  "roles.v1": { columns: createdAtColumns, object: {}, cells: ["one", creationTimestamp] },
  "clusterrolebindings.v1": {
    columns: bindingColumns,
    object: { roleRef: { kind: "ClusterRole", name: "view" }, subjects },
    cells: ["one", "ClusterRole/view", "10m", "jane", "devs", "default/bot"],
  },
  "rolebindings.v1": {
    columns: bindingColumns,
    object: { roleRef: { kind: "Role", name: "view" }, subjects },
    cells: ["one", "Role/view", "10m", "jane", "devs", "default/bot"],
  },
  "deviceclasses.v1": { columns: "Name/name | Age", object: {}, cells: ["one", "10m"] },
  "resourceclaims.v1": {
    columns: "Name/name | State | Age",
    object: { status: { allocation: {}, reservedFor: [{}] } },
    cells: ["one", "allocated,reserved", "10m"],
  },
  "resourceclaimtemplates.v1": { columns: "Name/name | Age", object: {}, cells: ["one", "10m"] },
  "resourceslices.v1": {
    columns: "Name/name | Node | Driver | Pool | Age",
    object: { spec: { nodeName: "node-1", driver: "a", pool: { name: "b" } } },
    cells: ["one", "node-1", "a", "b", "10m"],
  },
  "priorityclasses.v1": {
    columns: "Name/name | Value:integer | Global-Default:boolean | Age | PreemptionPolicy",
    object: { value: 1000 },
    cells: ["one", 1000, false, "10m", "PreemptLowerPriority"],
  },
  "csidrivers.v1": {
    columns:
      "Name/name | AttachRequired:boolean | PodInfoOnMount:boolean | StorageCapacity:boolean | TokenRequests | RequiresRepublish:boolean | Modes | Age",
    object: { spec: { tokenRequests: [{ audience: "a" }, { audience: "" }] } },
    cells: ["one", true, false, false, "a,", false, "Persistent", "10m"],
  },
  "csinodes.v1": {
    columns: "Name/name | Drivers:integer | Age",
    object: { spec: { drivers: [{}] } },
    cells: ["one", 1, "10m"],
  },
  "csistoragecapacities.v1": {
    columns: "Name/name | StorageClassName | Capacity",
    object: { storageClassName: "fast", capacity: "1Gi" },
    cells: ["one", "fast", "1Gi"],
  },
  "storageclasses.v1": {
    columns: "Name/name | Provisioner | ReclaimPolicy | VolumeBindingMode | AllowVolumeExpansion | Age",
    object: {
      metadata: { annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
      provisioner: "a/b",
      allowVolumeExpansion: true,
    },
    cells: ["one (default)", "a/b", "Delete", "Immediate", true, "10m"],
  },
  "volumeattachments.v1": {
    columns: "Name/name | Attacher/name | PV | Node | Attached:boolean | Age",
    object: {
      spec: { attacher: "a", source: { persistentVolumeName: "b" }, nodeName: "c" },
      status: { attached: true },
    },
    cells: ["one", "a", "b", "c", true, "10m"],
  },
  "volumeattributesclasses.v1": {
    columns: "Name/name | DriverName | Age",
    object: { driverName: "a" },
    cells: ["one", "a", "10m"],
  },
};

function keysOf({ group, version, plural }: ResourceDefinition): readonly string[] {
  return [`${plural}.${version}.${group}`, `${plural}.${version}`];
}

for (const definition of builtInResources as readonly ResourceDefinition[]) {
  // Reviews are answered, and never listed.
  if (!definition.verbs.includes("list") && definition.columns.length === 0) continue;
  test(`kubectl shows ${definition.plural} of ${apiVersionOf(definition)}`, () => {
    const row = keysOf(definition).flatMap((key) => rows[key] ?? [])[0];
    assert.ok(row, "no row for the kind");
    assert.equal(definition.columns.map(shown).join(" | "), row.columns);
    const { metadata = {} } = row.object as { readonly metadata?: object };
    const named = { ...metadata, name: "one", creationTimestamp };
    const body = { ...row.object, apiVersion: apiVersionOf(definition), kind: definition.kind, metadata: named };
    const draft = deepCopy(decodeObject(definition, body, "Ignore").object);
    definition.defaults?.(draft);
    assert.deepEqual(
      definition.columns.map(({ of }) => of(draft as KubeObject, nowMs)),
      row.cells,
    );
  });
}
