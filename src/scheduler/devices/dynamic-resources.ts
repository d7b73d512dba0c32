import {
  type AllocationResult,
  DeviceClasses,
  matchNodeSelectorTerms,
  type Node,
  type Pod,
  Pods,
  ResourceClaims,
  type ResourceResourceClaim,
  ResourceSlices,
} from "../../api/index.ts";
import { type Clock, deepEqual, errorMessage } from "../../lib/index.ts";
import { type Plugin, type PluginContext, type PluginDefinition, type WakeHint, wakeHint } from "../plugin.ts";
import { type DynamicResourcesSettings, dynamicResourcesArgs } from "../plugin-args.ts";
import { impossible, normalizeToHighest, type PodToPlace, type Rejection, unresolvable } from "../rule.ts";
import { AllocatedDevices } from "./allocated-devices.ts";
import { allocateDevices, SearchTooLong } from "./allocator.ts";
import { ClaimWriter } from "./claim-writer.ts";
import { DeviceSelectors } from "./device-selector.ts";
import { Inventory } from "./inventory.ts";
import { readClaims, whyInUse } from "./pod-claims.ts";
import { hasAlternatives, preferenceMet } from "./prioritized-list.ts";

const name = "DynamicResources";
const elsewhere = unresolvable("resourceclaim not available on the node");
const notEnough = unresolvable("cannot allocate all claims");
const invalidPools = unresolvable("invalid resource pools were encountered");

/**
 * The plugins before this one that reject a pod as a whole. Then kube-scheduler's plugin has noted nothing of the pod's
 * claims, and says so in the words of its notebook (DynamicResources.PostFilter, getStateData).
 */
const askedBefore: ReadonlySet<string> = new Set(["NodeAffinity", "VolumeBinding", "VolumeZone"]);

/**
 * Gives devices to the claims of pods, together with their nodes: dynamic resource allocation with structured parameters.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
 */
export const dynamicResources: PluginDefinition = {
  name,
  checkArgs: dynamicResourcesArgs,
  create(context, args): Plugin {
    const devices = new DeviceChooser(context, dynamicResourcesArgs(args));
    const writer = new ClaimWriter(context, devices.allocated);
    const claims = context.informer(ResourceClaims);
    const read = (pod: Pod) => readClaims(pod, (key) => claims.get(key));
    /** The claims of a pod that have no devices yet. */
    const openClaims = ({ pod }: PodToPlace) => {
      const found = pod.spec.resourceClaims ? read(pod) : [];
      return "reasons" in found ? [] : found.filter(({ status }) => !status.allocation);
    };
    return {
      name,
      preEnqueue(pod) {
        const found = pod.spec.resourceClaims ? read(pod) : [];
        return "reasons" in found ? found.reasons[0] : undefined;
      },
      filter: {
        name,
        isRelative: true,
        mayFail: ({ pod }) => pod.spec.resourceClaims !== undefined,
        prepare({ pod }) {
          if (!pod.spec.resourceClaims) return undefined;
          const found = read(pod);
          if ("reasons" in found) return found;
          const why = whyInUse(pod, found) ?? devices.whyImpossible(found);
          if (why) return why;
          return found.length === 0 ? undefined : ({ node }) => devices.whyNot(found, node);
        },
      },
      score: {
        name,
        weight: 1,
        isRelative: (toPlace) => openClaims(toPlace).some(hasAlternatives),
        prepare(toPlace) {
          const open = openClaims(toPlace);
          if (!open.some(hasAlternatives)) return undefined;
          return {
            rate({ node }) {
              const allocations = devices.allocate(open, node);
              return "reasons" in allocations ? 0 : preferenceMet(open, allocations);
            },
            normalize: normalizeToHighest,
          };
        },
      },
      postFilter({ pod }, { rejections, podRejection }) {
        if (podRejection && askedBefore.has(podRejection.rule)) return { message: "not found", isLast: true };
        const found = pod.spec.resourceClaims ? read(pod) : [];
        if (podRejection || "reasons" in found || found.length === 0) {
          return { message: "no new claims to deallocate" };
        }
        const nodes = rejections.flatMap(({ node, rejection }) => (rejection === elsewhere ? [node.node] : []));
        const idle = found.find(
          (claim) => writer.mayDeallocate(claim, pod) && nodes.some((node) => !isAvailableOn(claim, node)),
        );
        if (!idle) return { message: "still not schedulable" };
        return {
          message: "deallocation of ResourceClaim completed",
          isLast: false,
          carryOut: (signal) => writer.deallocate(idle, signal),
        };
      },
      reserve({ pod }, nodeName) {
        const node = context.snapshot.node(nodeName);
        const found = pod.spec.resourceClaims ? read(pod) : [];
        if ("reasons" in found) return found;
        if (found.length === 0 || !node) return undefined;
        const why = whyInUse(pod, found);
        if (why) return why;
        const allocations = devices.allocate(found, node.node);
        if ("reasons" in allocations) return allocations;
        devices.allocated.assume(pod.metadata.uid, allocations);
        return undefined;
      },
      unreserve({ pod }) {
        devices.allocated.forget(pod.metadata.uid);
        const found = pod.spec.resourceClaims ? read(pod) : [];
        if (!("reasons" in found)) for (const claim of found) writer.unreserve(claim, pod);
      },
      bindsFor: ({ pod }) => (pod.spec.resourceClaims ?? []).length > 0,
      async preBind({ pod }, _nodeName, signal) {
        const found = read(pod);
        if ("reasons" in found) throw new Error(found.reasons.join());
        for (const claim of found) await writer.reserve(claim, pod, signal);
        // The informers have it now.
        devices.allocated.forget(pod.metadata.uid);
      },
      wakes: wakesOf(read),
    };
  },
};

/** What may help a pod that waits for its devices; `read` gives its claims. */
function wakesOf(read: (pod: Pod) => ReturnType<typeof readClaims>): readonly WakeHint[] {
  return [
    wakeHint(ResourceClaims, (pod, event) => {
      // Devices are given back before their claim goes.
      if (event.type === "delete") return false;
      const found = read(pod);
      if ("reasons" in found) return false;
      // Devices that become free are for everybody.
      if (event.type === "update" && event.old.status.allocation && !event.object.status.allocation) return true;
      if (!found.some(({ metadata }) => metadata.uid === event.object.metadata.uid)) return false;
      return event.type === "add" || !deepEqual(event.old.status, event.object.status);
    }),
    // The claims of templates are told in the pod's status.
    wakeHint(Pods, (pod, event) => {
      if (event.type !== "update" || event.object.metadata.uid !== pod.metadata.uid) return false;
      const isNew = !deepEqual(event.old.status.resourceClaimStatuses, event.object.status.resourceClaimStatuses);
      return isNew && !("reasons" in read(event.object));
    }),
    wakeHint(ResourceSlices, (_, { type }) => type !== "delete"),
    wakeHint(DeviceClasses, (_, event) =>
      event.type === "update" ? !deepEqual(event.old.spec, event.object.spec) : event.type === "add",
    ),
  ];
}

/** By the claim's uid, what it gets. */
type Allocations = ReadonlyMap<string, AllocationResult>;

const noAllocations: Allocations = new Map();

/** Whether the devices of the claim, if it has some, are to be had on the node. */
function isAvailableOn({ status }: ResourceResourceClaim, node: Node): boolean {
  const { nodeSelector } = status.allocation ?? {};
  return nodeSelector === undefined || matchNodeSelectorTerms(nodeSelector.nodeSelectorTerms, node);
}

/** Decides which devices claims get on a node. */
class DeviceChooser {
  readonly allocated: AllocatedDevices;
  readonly #inventory: Inventory;
  readonly #selectors = new DeviceSelectors();
  readonly #classes;
  readonly #clock: Clock;
  readonly #searchMsMax: number;

  constructor(context: PluginContext, { searchMsMax }: DynamicResourcesSettings) {
    this.#clock = context.clock;
    this.#searchMsMax = searchMsMax;
    this.allocated = new AllocatedDevices(context.informer(ResourceClaims));
    this.#inventory = new Inventory(context);
    this.#classes = context.informer(DeviceClasses);
  }

  /** Why no node can be right for these claims. */
  whyImpossible(claims: readonly ResourceResourceClaim[]): Rejection | undefined {
    for (const { metadata, spec, status } of claims) {
      if (status.allocation) continue;
      if (this.allocated.isAssumed(metadata.uid)) {
        const what = `resource claim ${metadata.namespace}/${metadata.name}`;
        return unresolvable(`${what} is in the process of being allocated`);
      }
      for (const { name: request, exactly, firstAvailable = [] } of spec.devices?.requests ?? []) {
        const asked = exactly
          ? [{ ...exactly, path: request }]
          : firstAvailable.map((each) => ({ ...each, path: `${request}/${each.name}` }));
        const missing = asked.find(({ deviceClassName }) => !this.#classes.get(deviceClassName));
        if (missing === undefined) continue;
        return unresolvable(`request ${missing.path}: device class ${missing.deviceClassName} does not exist`);
      }
    }
    return undefined;
  }

  whyNot(claims: readonly ResourceResourceClaim[], node: Node): Rejection | undefined {
    const allocations = this.allocate(claims, node);
    return "reasons" in allocations ? allocations : undefined;
  }

  /** What the claims without devices get on the node, when those with devices are to be had there. */
  allocate(claims: readonly ResourceResourceClaim[], node: Node): Allocations | Rejection {
    const open = claims.filter(({ status }) => !status.allocation);
    const allocations = open.length > 0 ? this.#allocateOpen(open, node) : noAllocations;
    if ("reasons" in allocations) return allocations;
    return claims.every((claim) => isAvailableOn(claim, node)) ? allocations : elsewhere;
  }

  #allocateOpen(open: readonly ResourceResourceClaim[], node: Node): Allocations | Rejection {
    const inventory = this.#inventory.of(node);
    const startMs = this.#clock.monotonicMs();
    try {
      const results = allocateDevices({
        claims: open,
        inventory,
        nodeName: node.metadata.name,
        classOf: (className) => this.#classes.get(className),
        isTaken: (id) => this.allocated.isTaken(id),
        selectors: this.#selectors,
        isOverdue: () => this.#searchMsMax > 0 && this.#clock.monotonicMs() - startMs >= this.#searchMsMax,
      });
      if (results) return new Map(open.map(({ metadata }, index) => [metadata.uid, results[index]!]));
      return inventory.invalidPool === undefined ? notEnough : invalidPools;
    } catch (error) {
      if (error instanceof SearchTooLong) return unresolvable(error.message);
      // What is wrong with a class or claim is told to who made the pod.
      return impossible(errorMessage(error));
    }
  }
}
