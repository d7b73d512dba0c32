import type { ResourceHandler, User } from "../api/index.ts";
import { clientMetrics, InformerSet, inProcessClient, runControllers } from "../client/index.ts";
import {
  allControllers,
  apiServiceAvailabilityControllerName,
  apiServiceRegistrationControllerName,
  type CheckApiService,
  customResourceDefinitionControllerName,
  type SignCertificate,
} from "../controllers/index.ts";
import { addressAt, type Clock, type Logger, type MetricRegistry, parseRange, type Random } from "../lib/index.ts";
import { runScheduler, type SchedulerOptions } from "../scheduler/index.ts";
import { ApiServices, type AskExtension, apiServerUser, withExtensions } from "../server/index.ts";
import {
  type Authorities,
  authenticationTrustController,
  authenticationTrustControllerName,
} from "./authentication-trust.ts";
import type { LoopName } from "./component-statuses.ts";
import type { ControlPlane } from "./control-plane.ts";
import { defaultStorageClassController, defaultStorageClassControllerName } from "./default-storage-class.ts";
import { flowObjectsController, flowObjectsControllerName } from "./flow-objects.ts";
import { clusterDnsAccount, systemObjectsController, systemObjectsControllerName } from "./system-objects.ts";

/** How the components of this process reach the APIs of other servers. */
export interface ControlLoopsExtensions {
  check(...asked: Parameters<CheckApiService>): ReturnType<CheckApiService>;
  readonly ask: AskExtension;
}

/** How the scheduler works, and with what beside its own plugins. */
export type SchedulerSettings = Pick<SchedulerOptions, "configuration" | "plugins" | "placements">;

export interface ControlLoopsOptions {
  readonly plane: ControlPlane;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Where requests, the controllers' queues and the scheduler's attempts are counted. */
  readonly metrics?: MetricRegistry;
  /** The certificate of the cluster's authority, PEM. */
  readonly rootCertificate: string;
  /** Signs as that authority. */
  readonly signCertificate: SignCertificate;
  /** Whom extension API servers are to believe; they are told nothing when left out. */
  readonly authorities?: Authorities;
  /** The servers behind APIServices; without it nobody says whether they are there. */
  readonly extensions?: ControlLoopsExtensions;
  readonly scheduler?: SchedulerSettings;
  readonly podRange: string;
  readonly serviceRange: string;
  /** As ControllerOptions have it. */
  readonly nodeGraceMs?: number;
  /** The node of the same machine, where there is one. */
  readonly ownNode?: string;
}

const authenticated = "system:authenticated";
const schedulerUser: User = { name: "system:kube-scheduler", groups: [authenticated] };
/** Reads for all controllers, and acts for those that have no account of their own in Kubernetes. */
const managerUser: User = { name: "system:kube-controller-manager", groups: [authenticated] };

/** The service accounts that the default policy gives controllers' roles to (bootstrap-policy/controller-roles.ts). */
const accounts: Readonly<Record<string, string>> = {
  "bootstrap-signer-controller": "bootstrap-signer",
  "certificatesigningrequest-approving-controller": "certificate-controller",
  "certificatesigningrequest-cleaner-controller": "certificate-controller",
  "certificatesigningrequest-signing-controller": "certificate-controller",
  "cluster-dns": clusterDnsAccount,
  "clusterrole-aggregation-controller": "clusterrole-aggregation-controller",
  "cronjob-controller": "cronjob-controller",
  "daemonset-controller": "daemon-set-controller",
  "deployment-controller": "deployment-controller",
  "disruption-controller": "disruption-controller",
  "endpoint-slice-controller": "endpointslice-controller",
  "endpoints-controller": "endpoint-controller",
  "endpointslice-mirroring-controller": "endpointslicemirroring-controller",
  "ephemeral-volume-controller": "ephemeral-volume-controller",
  "garbage-collector-controller": "generic-garbage-collector",
  "horizontal-pod-autoscaler": "horizontal-pod-autoscaler",
  "job-controller": "job-controller",
  "job-orphan-pod-controller": "job-controller",
  "legacy-serviceaccount-token-cleaner-controller": "legacy-service-account-token-cleaner",
  "local-volumes": "persistent-volume-binder",
  "namespace-controller": "namespace-controller",
  "node-ipam": "node-controller",
  "node-lifecycle-controller": "node-controller",
  "persistentvolume-controller": "persistent-volume-binder",
  "persistentvolume-expander-controller": "expand-controller",
  "persistentvolume-protection-controller": "pv-protection-controller",
  "persistentvolumeclaim-protection-controller": "pvc-protection-controller",
  "pod-garbage-collector-controller": "pod-garbage-collector",
  "replicaset-controller": "replicaset-controller",
  "replication-controller": "replication-controller",
  "resourceclaim-controller": "resource-claim-controller",
  "resourcequota-controller": "resourcequota-controller",
  "root-ca-certificate-publisher-controller": "root-ca-cert-publisher",
  "service-cidr-controller": "service-cidrs-controller",
  "serviceaccount-controller": "service-account-controller",
  "stale-pod-disruption-controller": "disruption-controller",
  "statefulset-controller": "statefulset-controller",
  "taint-eviction-controller": "node-controller",
  "token-cleaner-controller": "token-cleaner",
  "ttl-after-finished-controller": "ttl-after-finished-controller",
  "ttl-controller": "ttl-controller",
  "validatingadmissionpolicy-status-controller": "validatingadmissionpolicy-status-controller",
  "volumeattributesclass-protection-controller": "volumeattributesclass-protection-controller",
};

/** Those that are part of Kubernetes' API server. */
const serverControllers: ReadonlySet<string> = new Set([
  apiServiceAvailabilityControllerName,
  apiServiceRegistrationControllerName,
  authenticationTrustControllerName,
  customResourceDefinitionControllerName,
  defaultStorageClassControllerName,
  flowObjectsControllerName,
  systemObjectsControllerName,
]);

/** Who a controller is: each may do only what its own role allows. */
function userOf(controller: string): User {
  const account = accounts[controller];
  if (account === undefined) return managerUser;
  return {
    name: `system:serviceaccount:kube-system:${account}`,
    groups: ["system:serviceaccounts", "system:serviceaccounts:kube-system", authenticated],
  };
}

/** Runs controllers and scheduler as clients of the control plane until the signal ends them. */
export async function runControlLoops(options: ControlLoopsOptions): Promise<void> {
  const {
    plane,
    nodeGraceMs,
    rootCertificate,
    signCertificate,
    podRange,
    serviceRange,
    ownNode,
    authorities,
    extensions,
    scheduler: schedulerSettings,
    ...environment
  } = options;
  const api = extensions ? withExtensions(plane, new ApiServices(plane.api.lookup), extensions.ask) : plane;
  const counted = options.metrics ? clientMetrics(options.metrics) : (handler: ResourceHandler) => handler;
  const server = counted(api, "kube-apiserver");
  const manager = counted(api, "kube-controller-manager");
  const scheduler = counted(plane, "kube-scheduler");
  const clientOf = (controller: string) =>
    serverControllers.has(controller)
      ? inProcessClient(server, apiServerUser, "kube-apiserver")
      : inProcessClient(manager, userOf(controller), "kube-controller-manager");
  const managerClient = inProcessClient(manager, managerUser, "kube-controller-manager");
  const schedulerClient = inProcessClient(scheduler, schedulerUser, "kube-scheduler");
  const informers = new InformerSet({ client: managerClient, ...environment });
  const controllers = allControllers({
    informers,
    resources: plane.api.registry,
    ...(options.metrics ? { metrics: options.metrics } : {}),
    ...(nodeGraceMs === undefined ? {} : { nodeGraceMs }),
    rootCertificate,
    signServiceAccountToken: plane.signServiceAccountToken,
    signCertificate,
    podRange,
    dnsAddress: addressAt(parseRange(serviceRange)!, 10),
    ...(extensions ? { checkApiService: (service, signal) => extensions.check(service, signal) } : {}),
  });
  /** Notes for as long as it takes that a loop runs. */
  const noted = async (name: LoopName, loop: Promise<void>) => {
    plane.running.add(name);
    try {
      await loop;
    } finally {
      plane.running.delete(name);
    }
  };
  const controllersDone = runControllers({
    controllers: [
      ...controllers,
      systemObjectsController(plane.endpoint, ownNode),
      flowObjectsController(),
      defaultStorageClassController(),
      ...(authorities ? [authenticationTrustController(authorities)] : []),
    ],
    client: managerClient,
    clientOf,
    informers,
    ...environment,
  });
  const schedulerDone = runScheduler({
    client: schedulerClient,
    informers: new InformerSet({ client: schedulerClient, ...environment }),
    ...environment,
    ...schedulerSettings,
  });
  await Promise.all([noted("controller-manager", controllersDone), noted("scheduler", schedulerDone)]);
}
