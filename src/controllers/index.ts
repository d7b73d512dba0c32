import type { ControllerDefinition, InformerSet } from "../client/index.ts";
import { MetricRegistry } from "../lib/index.ts";
import { apiServiceAvailabilityController, type CheckApiService } from "./api-service-availability.ts";
import { apiServiceRegistrationController } from "./api-service-registration.ts";
import { bootstrapSigner, tokenCleaner } from "./bootstrap-tokens.ts";
import { certificateApprovingController } from "./certificate-approving.ts";
import { certificateCleaner } from "./certificate-cleaner.ts";
import { certificateSigningController, type SignCertificate } from "./certificate-signing.ts";
import { clusterDnsController } from "./cluster-dns.ts";
import { clusterRoleAggregationController } from "./cluster-role-aggregation.ts";
import { cronJobController } from "./cron-job.ts";
import { customResourceDefinitionController } from "./custom-resource-definition.ts";
import { daemonSetController } from "./daemon-set.ts";
import { deploymentController } from "./deployment.ts";
import { disruptionController, staleDisruptionController } from "./disruption.ts";
import { endpointSliceController } from "./endpoint-slice.ts";
import { endpointSliceMirroringController } from "./endpoint-slice-mirroring.ts";
import { endpointsController } from "./endpoints.ts";
import { ephemeralVolumesController } from "./ephemeral-volumes.ts";
import { garbageCollector } from "./garbage-collector.ts";
import { horizontalPodAutoscalerController } from "./horizontal-pod-autoscaler.ts";
import { jobController } from "./job.ts";
import { jobOrphanPodController } from "./job-orphan-pods.ts";
import { legacyTokenCleaner } from "./legacy-token-cleaner.ts";
import { localVolumesController } from "./local-volumes.ts";
import { namespaceController } from "./namespace.ts";
import { nodeIpamController } from "./node-ipam.ts";
import { nodeLifecycleController } from "./node-lifecycle.ts";
import { nodeTtlController } from "./node-ttl.ts";
import { persistentVolumeController } from "./persistent-volume.ts";
import { podGarbageCollector } from "./pod-garbage-collector.ts";
import { replicaSetController } from "./replica-set.ts";
import { replicationControllerController } from "./replication-controller.ts";
import { allKinds, ExtensionKinds, type ResourceCatalog } from "./resource-catalog.ts";
import { resourceClaimController } from "./resource-claims.ts";
import { resourceQuotaController } from "./resource-quota.ts";
import { rootCaPublisher } from "./root-ca-publisher.ts";
import { serviceAccountController } from "./service-account.ts";
import { type SignServiceAccountToken, serviceAccountTokenController } from "./service-account-token.ts";
import { serviceCidrsController } from "./service-cidrs.ts";
import { statefulSetController } from "./stateful-set.ts";
import {
  claimProtectionController,
  volumeAttributesClassProtectionController,
  volumeProtectionController,
} from "./storage-protection.ts";
import { taintEvictionController } from "./taint-eviction.ts";
import { ttlAfterFinishedController } from "./ttl-after-finished.ts";
import { validatingAdmissionPolicyStatusController } from "./validating-admission-policy-status.ts";
import { volumeExpansionController } from "./volume-expansion.ts";

export { apiServiceAvailabilityControllerName, type CheckApiService } from "./api-service-availability.ts";
export { apiServiceCreations, apiServiceRegistrationControllerName } from "./api-service-registration.ts";

export type { CertificateToSign, SignCertificate } from "./certificate-signing.ts";
export { customResourceDefinitionControllerName } from "./custom-resource-definition.ts";
export type { ResourceCatalog } from "./resource-catalog.ts";
export type { SignServiceAccountToken } from "./service-account-token.ts";

export interface ControllerOptions {
  /** The kinds that are served; ResourceRegistry of the API server is one. */
  readonly resources: ResourceCatalog;
  /** Those that `runControllers` is given: the garbage collector adds the kinds that come later. */
  readonly informers: InformerSet;
  /** Where controllers count what they do. */
  readonly metrics?: MetricRegistry;
  /** The certificate of the authority that signed the API server's; PEM. Published to all namespaces. */
  readonly rootCertificate: string;
  /** Asks the servers behind APIServices; without it nobody says whether they are there. */
  readonly checkApiService?: CheckApiService;
  /** Makes the tokens that are kept in secrets. */
  readonly signServiceAccountToken: SignServiceAccountToken;
  /** Signs as the authority of clients and nodes. */
  readonly signCertificate: SignCertificate;
  /** The addresses of all pods: 10.42.0.0/16. */
  readonly podRange: string;
  /** The cluster IP of kube-system/kube-dns: 10.43.0.10. */
  readonly dnsAddress: string;
  /** How long a node may be silent before it is unreachable; as kube-controller-manager when left out. */
  readonly nodeGraceMs?: number;
}

/** The controllers that a cluster consists of; `runControllers` runs them. */
export function allControllers({
  resources,
  informers,
  metrics = new MetricRegistry(),
  rootCertificate,
  signServiceAccountToken,
  signCertificate,
  podRange,
  dnsAddress,
  checkApiService,
  nodeGraceMs,
}: ControllerOptions): readonly ControllerDefinition[] {
  const extensionKinds = new ExtensionKinds();
  const kinds = allKinds(resources, extensionKinds);
  return [
    // No pod can be created without an account.
    serviceAccountController,
    namespaceController(kinds),
    serviceAccountTokenController(signServiceAccountToken, rootCertificate),
    rootCaPublisher(rootCertificate),
    deploymentController,
    replicaSetController,
    replicationControllerController,
    statefulSetController(),
    daemonSetController(),
    jobController(metrics),
    jobOrphanPodController,
    cronJobController(metrics),
    ttlAfterFinishedController(metrics),
    endpointsController(),
    endpointSliceController(),
    endpointSliceMirroringController,
    serviceCidrsController,
    disruptionController(kinds),
    staleDisruptionController,
    horizontalPodAutoscalerController(kinds, metrics),
    customResourceDefinitionController(resources),
    apiServiceRegistrationController(resources),
    ...(checkApiService ? [apiServiceAvailabilityController(checkApiService, extensionKinds)] : []),
    garbageCollector(kinds, informers),
    resourceQuotaController(resources, informers),
    validatingAdmissionPolicyStatusController(resources),
    nodeLifecycleController(nodeGraceMs, metrics),
    taintEvictionController(metrics),
    podGarbageCollector(),
    nodeIpamController({ podRange }),
    nodeTtlController(),
    clusterDnsController({ address: dnsAddress }),
    clusterRoleAggregationController,
    bootstrapSigner,
    tokenCleaner,
    legacyTokenCleaner,
    certificateApprovingController,
    certificateSigningController(signCertificate),
    certificateCleaner,
    persistentVolumeController,
    localVolumesController,
    volumeExpansionController,
    ephemeralVolumesController(metrics),
    resourceClaimController,
    claimProtectionController,
    volumeProtectionController,
    volumeAttributesClassProtectionController,
  ];
}
