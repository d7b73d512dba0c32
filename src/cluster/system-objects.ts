// What every cluster holds from its first start on and gets back when it was deleted: the system's namespaces and the
// Service `kubernetes`, under which pods reach the API.
import {
  ApiError,
  ClusterRoleBindings,
  ClusterRoles,
  EndpointSlices,
  EndpointsResource,
  type KubeObject,
  Namespaces,
  type NewObject,
  type Node,
  Nodes,
  type PolicyRule,
  type RbacSubject,
  type ResourceReference,
  type ResourceRequest,
  Services,
  serviceNameLabel,
  skipMirrorLabel,
} from "../api/index.ts";
import { also, type Client, type ControllerDefinition, defineController } from "../client/index.ts";
import { apiServiceCreations } from "../controllers/index.ts";
import { deepEqual } from "../lib/index.ts";
import { type ApiServer, apiServerUser, bootstrapPolicyCreations, reconcileBootstrapPolicy } from "../server/index.ts";
import { ensureFlowObjects, flowObjectCreations } from "./flow-objects.ts";

export const systemObjectsControllerName = "system-objects";

const systemNamespaces = ["default", "kube-system", "kube-public", "kube-node-lease"];

export interface ApiEndpoint {
  /** The first address of the service range. */
  readonly serviceAddress: string;
  /** Where the API server is reached; undefined when it listens on loopback alone, which endpoints may not name. */
  readonly address: string | undefined;
  readonly port: number;
}

const kubernetesService = "default/kubernetes";

/**
 * Makes again what somebody deletes of them or changes, as Kubernetes' API server does every ten seconds, and keeps the
 * role of the node beside which the control plane runs, where there is one.
 */
export function systemObjectsController(endpoint: ApiEndpoint, ownNode: string | undefined): ControllerDefinition {
  const ofService = ({ metadata }: KubeObject) =>
    `${metadata.namespace}/${metadata.name}` === kubernetesService ? [kubernetesService] : [];
  return defineController({
    name: systemObjectsControllerName,
    watches: {
      also: [
        also(Namespaces, ({ metadata }) => (systemNamespaces.includes(metadata.name) ? ["namespaces"] : [])),
        also(Nodes, ({ metadata }) => (metadata.name === ownNode ? [ownNodeKey] : [])),
        also(Services, ofService),
        also(EndpointsResource, ofService),
        also(EndpointSlices, ofService),
      ],
    },
    async reconcile({ client, cache }, key) {
      if (key === kubernetesService) await ensureKubernetesService(client, endpoint);
      else if (key === ownNodeKey) await ensureNodeRole(client, cache.get(Nodes, ownNode ?? ""));
      else await ensureSystemNamespaces(client);
    },
  });
}

const ownNodeKey = "own-node";
const roleLabel = "node-role.kubernetes.io/control-plane";

/** Says the node's role, as kubeadm does; a node may not itself (NodeRestriction). No taint: pods run here. */
async function ensureNodeRole(client: Client, node: Node | undefined): Promise<void> {
  if (!node || node.metadata.labels?.[roleLabel] !== undefined) return;
  await client.patch(Nodes, { name: node.metadata.name }, { metadata: { labels: { [roleLabel]: "" } } });
}

export async function ensureSystemNamespaces(client: Client): Promise<void> {
  await Promise.all(systemNamespaces.map((name) => ensure(client, Namespaces, { metadata: { name } })));
}

export async function ensureKubernetesService(
  client: Client,
  { serviceAddress, address, port }: ApiEndpoint,
): Promise<void> {
  const metadata = { namespace: "default", name: "kubernetes" };
  await ensure(client, Services, {
    metadata: { ...metadata, labels: { component: "apiserver", provider: "kubernetes" } },
    spec: {
      clusterIP: serviceAddress,
      clusterIPs: [serviceAddress],
      ports: [{ name: "https", port: 443, protocol: "TCP", targetPort: port }],
    },
  });
  if (address === undefined) return;
  const ports = [{ name: "https", port, protocol: "TCP" }];
  // Made by hand on both sides, so that neither controller mirrors or removes them.
  const endpoints = { subsets: [{ addresses: [{ ip: address }], ports }] };
  await ensure(
    client,
    EndpointsResource,
    { metadata: { ...metadata, labels: { [skipMirrorLabel]: "true" } }, ...endpoints },
    (kept) => deepEqual(kept.subsets, endpoints.subsets),
  );
  const slice = { endpoints: [{ addresses: [address], conditions: { ready: true } }], ports };
  await ensure(
    client,
    EndpointSlices,
    {
      metadata: { ...metadata, labels: { [serviceNameLabel]: "kubernetes" } },
      addressType: "IPv4",
      ...slice,
    },
    (kept) => deepEqual(kept.endpoints, slice.endpoints) && deepEqual(kept.ports, slice.ports),
  );
}

/** All that every cluster has from its first start on. */
export const defaultCreations = ({ registry }: ApiServer): ResourceRequest[] => [
  ...bootstrapPolicyCreations(),
  ...flowObjectCreations(),
  ...apiServiceCreations(registry),
];

/** A first start writes all of it at once; a later one looks at what is there, as does the controller of APIServices. */
export async function ensureDefaults(api: ApiServer, client: Client): Promise<void> {
  const isFirst = api.lookup.list(ClusterRoles).length === 0;
  if (isFirst && (await api.seed(defaultCreations(api), apiServerUser))) return;
  await Promise.all([reconcileBootstrapPolicy(api, api.lookup), ensureFlowObjects(client)]);
}

const rbac = "rbac.authorization.k8s.io";

/** The service account that the cluster-dns controller acts as. */
export const clusterDnsAccount = "cluster-dns-controller";

/** Who the simulated nodes of one process are together: a thousand identities would need a thousand connections. */
export const hollowNodesUser = "system:hollow-nodes";

/** The roles that Roder's own parts need beyond Kubernetes' default policy. */
export async function ensureOwnRoles(client: Client): Promise<void> {
  // The DNS server shares a process and an identity with the service proxy, and reads more.
  await ensureRole(client, "system:roder:dns", { kind: "User", name: "system:kube-proxy", apiGroup: rbac }, [
    { apiGroups: [""], resources: ["namespaces"], verbs: ["list", "watch"] },
  ]);
  await ensureRole(client, "system:roder:hollow-nodes", { kind: "User", name: hollowNodesUser, apiGroup: rbac }, [
    { apiGroups: [""], resources: ["nodes", "pods", "services"], verbs: ["list", "watch"] },
  ]);
  // What else a node does, without the limits that the Node authorizer sets to each.
  await ensure(client, ClusterRoleBindings, {
    metadata: { name: "system:roder:hollow-nodes:node", labels: { "kubernetes.io/bootstrapping": "rbac-defaults" } },
    roleRef: { apiGroup: rbac, kind: "ClusterRole", name: "system:node" },
    subjects: [{ kind: "User", name: hollowNodesUser, apiGroup: rbac }],
  });
  const account = { kind: "ServiceAccount", name: clusterDnsAccount, namespace: "kube-system" };
  await ensureRole(client, "system:roder:controller:cluster-dns", account, [
    { apiGroups: [""], resources: ["services"], verbs: ["create"] },
    { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["create", "update", "delete"] },
    // An EndpointSlice that leads to another namespace's pods would be refused without it.
    { apiGroups: [""], resources: ["endpoints/restricted"], verbs: ["create"] },
  ]);
}

/** Who may view a namespace may see what its pods use: the role that comes with the metrics server elsewhere. */
export async function ensureMetricsReader(client: Client): Promise<void> {
  const aggregated = ["admin", "edit", "view"].map((role) => [
    `rbac.authorization.k8s.io/aggregate-to-${role}`,
    "true",
  ]);
  const rules = [{ apiGroups: ["metrics.k8s.io"], resources: ["pods", "nodes"], verbs: ["get", "list", "watch"] }];
  const metadata = { name: "system:aggregated-metrics-reader", labels: Object.fromEntries(aggregated) };
  await ensure(client, ClusterRoles, { metadata, rules });
}

async function ensureRole(
  client: Client,
  name: string,
  subject: RbacSubject,
  rules: readonly PolicyRule[],
): Promise<void> {
  const metadata = { name, labels: { "kubernetes.io/bootstrapping": "rbac-defaults" } };
  await ensure(client, ClusterRoles, { metadata, rules }, (kept) => deepEqual(kept.rules, rules));
  const roleRef = { apiGroup: rbac, kind: "ClusterRole", name };
  await ensure(client, ClusterRoleBindings, { metadata, roleRef, subjects: [subject] });
}

/** Creates the object, or replaces the one that is there when `isRight` says that it is not. */
async function ensure<T extends KubeObject>(
  client: Client,
  resource: ResourceReference<T>,
  wanted: NewObject<T>,
  isRight: (kept: T) => boolean = () => true,
): Promise<void> {
  const { namespace, name = "" } = wanted.metadata;
  try {
    const kept = await client.get(resource, { name, ...(namespace === undefined ? {} : { namespace }) });
    if (!isRight(kept)) await client.update(resource, wanted);
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 404)) throw error;
    await client.create(resource, wanted);
  }
}
