import type { Clock, Logger, Random } from "../../lib/index.ts";
import type { Authorizer, RuleResolver } from "../authorization/index.ts";
import type { Lookup } from "../lookup.ts";
import type { ResourceVersions } from "../resource-versions.ts";
import type { Webhooks } from "../webhooks/index.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { certificateApproval, certificateSigning, certificateSubjectRestriction } from "./certificates.ts";
import { persistentVolumeClaimResize } from "./claim-resize.ts";
import { defaultIngressClass, defaultStorageClass } from "./default-classes.ts";
import { limitRanger } from "./limit-ranger.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { nodeRestriction } from "./node-restriction.ts";
import { defaultTolerationSeconds, taintNodesByCondition } from "./node-taints.ts";
import { podSecurity } from "./pod-security/pod-security.ts";
import { podTopologyLabels } from "./pod-topology-labels.ts";
import { mutatingPolicies } from "./policies/mutating-policies.ts";
import { validatingPolicies } from "./policies/validating-policies.ts";
import { priority } from "./priority.ts";
import { roleEscalation } from "./role-escalation.ts";
import { runtimeClass } from "./runtime-class.ts";
import { serviceAccount } from "./service-account.ts";
import { storageObjectInUseProtection } from "./storage-protection.ts";
import { mutatingWebhooks } from "./webhooks/mutating-webhooks.ts";
import { validatingWebhooks } from "./webhooks/validating-webhooks.ts";

export interface DefaultAdmissionOptions {
  readonly lookup: Lookup;
  readonly clock: Clock;
  readonly random: Random;
  readonly authorizer: Authorizer;
  readonly rules: RuleResolver;
  readonly webhooks: Webhooks;
  readonly versions: ResourceVersions;
  readonly log: Logger;
}

/** The plugins that Kubernetes runs by default, in its order: pkg/kubeapiserver/options/plugins.go. */
export function defaultAdmissionPlugins(options: DefaultAdmissionOptions): AdmissionPlugin[] {
  const { lookup, authorizer } = options;
  return [
    // Not a plugin there but a part of storing roles: it comes before every validation.
    roleEscalation(options),
    namespaceLifecycle(lookup),
    limitRanger(lookup),
    serviceAccount(options),
    nodeRestriction(lookup, authorizer),
    taintNodesByCondition,
    podSecurity(lookup),
    priority(lookup),
    defaultTolerationSeconds,
    defaultStorageClass(lookup),
    storageObjectInUseProtection,
    persistentVolumeClaimResize(lookup),
    runtimeClass(lookup),
    certificateApproval(authorizer),
    certificateSigning(authorizer),
    certificateSubjectRestriction,
    defaultIngressClass(lookup),
    podTopologyLabels(lookup),
    mutatingPolicies(options),
    mutatingWebhooks(options),
    validatingPolicies(options),
    validatingWebhooks(options),
  ];
}
