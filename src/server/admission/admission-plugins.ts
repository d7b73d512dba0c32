// The admission plugins, their order, and which of them are on.
import { duplicate, type Fields, forbiddenField, readConfiguration, required } from "../../api/index.ts";
import { type Clock, errorMessage, type Logger, type Random } from "../../lib/index.ts";
import type { Authorizer, RuleResolver } from "../authorization/index.ts";
import type { Lookup } from "../lookup.ts";
import type { ResourceVersions } from "../resource-versions.ts";
import type { RemoteReviewer, Webhooks } from "../webhooks/index.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { certificateApproval, certificateSigning, certificateSubjectRestriction } from "./certificates.ts";
import { persistentVolumeClaimResize } from "./claim-resize.ts";
import { defaultIngressClass, defaultStorageClass } from "./default-classes.ts";
import { deviceAdminAccess } from "./device-admin-access.ts";
import { limitRanger } from "./limit-ranger.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { nodeRestriction } from "./node-restriction.ts";
import { defaultTolerationSeconds, taintNodesByCondition } from "./node-taints.ts";
import { denyServiceExternalIps } from "./optional/deny-service-external-ips.ts";
import { eventRateLimit, readEventLimits } from "./optional/event-rate-limit.ts";
import { imagePolicyWebhook, readImagePolicy } from "./optional/image-policy.ts";
import { namespaceAutoProvision } from "./optional/namespace-auto-provision.ts";
import { namespaceExists } from "./optional/namespace-exists.ts";
import { ownerReferencesPermissionEnforcement } from "./optional/owner-references.ts";
import { podNodeSelector, readNodeSelectors } from "./optional/pod-node-selector.ts";
import {
  extendedResourceToleration,
  podTolerationRestriction,
  readTolerationDefaults,
} from "./optional/pod-tolerations.ts";
import { alwaysPullImages, limitPodHardAntiAffinityTopology } from "./optional/pods.ts";
import { podSecurity } from "./pod-security/pod-security.ts";
import { noSettings, readPodSecuritySettings } from "./pod-security/settings.ts";
import { podTopologyLabels } from "./pod-topology-labels.ts";
import { mutatingPolicies } from "./policies/mutating-policies.ts";
import type { PolicyMetrics } from "./policies/policy-metrics.ts";
import { validatingPolicies } from "./policies/validating-policies.ts";
import { priority } from "./priority.ts";
import { quotaCoverage, readLimitedResources } from "./quota-coverage.ts";
import { roleEscalation } from "./role-escalation.ts";
import { runtimeClass } from "./runtime-class.ts";
import { serviceAccount } from "./service-account.ts";
import { storageObjectInUseProtection } from "./storage-protection.ts";
import { mutatingWebhooks } from "./webhooks/mutating-webhooks.ts";
import { validatingWebhooks } from "./webhooks/validating-webhooks.ts";
import type { WebhookMetrics } from "./webhooks/webhook-metrics.ts";

export interface AdmissionOptions {
  readonly lookup: Lookup;
  readonly clock: Clock;
  readonly random: Random;
  readonly authorizer: Authorizer;
  readonly rules: RuleResolver;
  readonly webhooks: Webhooks;
  readonly versions: ResourceVersions;
  readonly log: Logger;
  /** Makes a namespace as the API server itself. Throws ApiError. */
  readonly createNamespace: (name: string) => Promise<unknown>;
  readonly webhookMetrics?: WebhookMetrics;
  readonly policyMetrics?: PolicyMetrics;
}

/** What an operator says of the plugins. */
export interface AdmissionChoice {
  /** On beside those that are on by default. */
  readonly enabled?: readonly string[];
  /** Off although on by default. */
  readonly disabled?: readonly string[];
  /** What a plugin goes by, as its part of an AdmissionConfiguration says it. */
  readonly configurations?: ReadonlyMap<string, unknown>;
  /** Where the server is that ImagePolicyWebhook asks, as the kubeconfig says that its configuration names. */
  readonly imageReviewer?: RemoteReviewer;
}

type Make = (options: AdmissionOptions) => AdmissionPlugin;

/** A plugin that can be had. */
interface Offer {
  readonly name: string;
  /** On unless somebody says otherwise. */
  readonly isDefault: boolean;
  /** Given what was said of it, undefined when nothing was. Throws an Error that says what is wrong with that. */
  readonly plan: (configuration: unknown, choice: AdmissionChoice) => Make;
}

const on = (name: string, make: Make): Offer => ({ name, isDefault: true, plan: unconfigured(make) });
const off = (name: string, make: Make): Offer => ({ name, isDefault: false, plan: unconfigured(make) });

function unconfigured(make: Make): Offer["plan"] {
  return (configuration) => {
    if (configuration !== undefined) throw new Error("it takes no configuration");
    return make;
  };
}

const quotaPlugin = "ResourceQuota";
const imagePolicyPlugin = "ImagePolicyWebhook";

/** In the order of Kubernetes, and on where they are on there: pkg/kubeapiserver/options/plugins.go. */
const offers: readonly Offer[] = [
  off("NamespaceAutoProvision", ({ lookup, createNamespace }) => namespaceAutoProvision(lookup, createNamespace)),
  on("NamespaceLifecycle", ({ lookup }) => namespaceLifecycle(lookup)),
  off("NamespaceExists", ({ lookup }) => namespaceExists(lookup)),
  off("LimitPodHardAntiAffinityTopology", () => limitPodHardAntiAffinityTopology),
  on("LimitRanger", ({ lookup }) => limitRanger(lookup)),
  on("ServiceAccount", (options) => serviceAccount(options)),
  // Off there, and turned on by whoever installs a cluster.
  on("NodeRestriction", ({ lookup, authorizer }) => nodeRestriction(lookup, authorizer)),
  on("TaintNodesByCondition", () => taintNodesByCondition),
  off("AlwaysPullImages", () => alwaysPullImages),
  {
    name: imagePolicyPlugin,
    isDefault: false,
    plan(configuration, { imageReviewer }) {
      if (configuration === undefined) throw new Error("it needs a configuration, which says whom to ask");
      const policy = readImagePolicy(configuration);
      if (!imageReviewer) throw new Error(`cannot use ${policy.kubeconfig}`);
      return ({ clock, webhooks: { call } }) => imagePolicyWebhook(policy, imageReviewer, { call, clock });
    },
  },
  {
    name: "PodSecurity",
    isDefault: true,
    plan(configuration) {
      const settings = configuration === undefined ? noSettings : readPodSecuritySettings(configuration);
      return ({ lookup }) => podSecurity(lookup, settings);
    },
  },
  {
    name: "PodNodeSelector",
    isDefault: false,
    plan(configuration) {
      const selectors = configuration === undefined ? new Map() : readNodeSelectors(configuration);
      return ({ lookup }) => podNodeSelector(lookup, selectors);
    },
  },
  on("Priority", ({ lookup }) => priority(lookup)),
  on("DefaultTolerationSeconds", () => defaultTolerationSeconds),
  {
    name: "PodTolerationRestriction",
    isDefault: false,
    plan(configuration) {
      const defaults = configuration === undefined ? { added: [], allowed: [] } : readTolerationDefaults(configuration);
      return ({ lookup }) => podTolerationRestriction(lookup, defaults);
    },
  },
  {
    name: "EventRateLimit",
    isDefault: false,
    plan(configuration) {
      if (configuration === undefined) throw new Error("it needs a configuration, which says the limits");
      const limits = readEventLimits(configuration);
      return ({ clock }) => eventRateLimit(limits, clock);
    },
  },
  off("ExtendedResourceToleration", () => extendedResourceToleration),
  on("DefaultStorageClass", ({ lookup }) => defaultStorageClass(lookup)),
  on("StorageObjectInUseProtection", () => storageObjectInUseProtection),
  off("OwnerReferencesPermissionEnforcement", ({ authorizer, versions }) =>
    ownerReferencesPermissionEnforcement(authorizer, versions),
  ),
  on("PersistentVolumeClaimResize", ({ lookup }) => persistentVolumeClaimResize(lookup)),
  on("RuntimeClass", ({ lookup }) => runtimeClass(lookup)),
  on("CertificateApproval", ({ authorizer }) => certificateApproval(authorizer)),
  on("CertificateSigning", ({ authorizer }) => certificateSigning(authorizer)),
  on("CertificateSubjectRestriction", () => certificateSubjectRestriction),
  on("DefaultIngressClass", ({ lookup }) => defaultIngressClass(lookup)),
  off("DenyServiceExternalIPs", () => denyServiceExternalIps),
  on("PodTopologyLabels", ({ lookup }) => podTopologyLabels(lookup)),
  on("MutatingAdmissionPolicy", (options) => mutatingPolicies(options)),
  on("MutatingAdmissionWebhook", (options) => mutatingWebhooks(options)),
  on("ValidatingAdmissionPolicy", (options) => validatingPolicies(options)),
  on("ValidatingAdmissionWebhook", (options) => validatingWebhooks(options)),
  {
    name: quotaPlugin,
    isDefault: true,
    plan(configuration) {
      const limited = configuration === undefined ? [] : readLimitedResources(configuration);
      return ({ lookup, clock }) => quotaCoverage(lookup, clock, limited);
    },
  },
];

/**
 * The plugins that are on, to be made when what they look at is there. Throws an Error that names everything that is wrong
 * with the choice.
 */
export function planAdmission(choice: AdmissionChoice = {}): (options: AdmissionOptions) => AdmissionPlugin[] {
  const { enabled = [], disabled = [], configurations = new Map<string, unknown>() } = choice;
  const wrong: string[] = [];
  const known = new Set(offers.map(({ name }) => name));
  for (const name of new Set([...enabled, ...disabled, ...configurations.keys()]))
    if (!known.has(name)) wrong.push(`admission plugin ${JSON.stringify(name)} is unknown`);
  for (const name of enabled)
    if (disabled.includes(name)) wrong.push(`admission plugin ${JSON.stringify(name)} is both enabled and disabled`);
  if (disabled.includes(quotaPlugin))
    wrong.push(`admission plugin ${JSON.stringify(quotaPlugin)} cannot be disabled: quotas are a part of the store`);
  const made: Make[] = [];
  for (const { name, isDefault, plan } of offers) {
    if (disabled.includes(name) || !(isDefault || enabled.includes(name))) continue;
    try {
      made.push(plan(configurations.get(name), choice));
    } catch (error) {
      wrong.push(`admission plugin ${name}: ${errorMessage(error)}`);
    }
  }
  if (wrong.length > 0) throw new Error(wrong.join("; "));
  // These are not plugins there but parts of storing what they look at: they come before every validation.
  return (options) => [
    roleEscalation(options),
    deviceAdminAccess(options.lookup),
    ...made.map((make) => make(options)),
  ];
}

/** What an AdmissionConfiguration says of each plugin. Throws an Error that says what is wrong with it. */
export function readAdmissionConfiguration(value: unknown): ReadonlyMap<string, unknown> {
  const read = (fields: Fields) => {
    const configurations = new Map<string, unknown>();
    for (const each of fields.objects("plugins")) {
      const name = each.text("name");
      if (name === "") each.errors.add(required(each.at.child("name")));
      if (each.optionalText("path"))
        each.errors.add(forbiddenField(each.at.child("path"), "write it under configuration: it is one file here"));
      const configuration = each.any("configuration");
      each.done();
      if (configurations.has(name)) each.errors.add(duplicate(each.at.child("name"), name));
      configurations.set(name, configuration);
    }
    return configurations;
  };
  return readConfiguration(value, "AdmissionConfiguration", read);
}

/** The kubeconfig that ImagePolicyWebhook's configuration names; undefined when there is none. Throws as reading it does. */
export function imagePolicyKubeconfig(configurations: ReadonlyMap<string, unknown> | undefined): string | undefined {
  const configuration = configurations?.get(imagePolicyPlugin);
  return configuration === undefined ? undefined : readImagePolicy(configuration).kubeconfig;
}
