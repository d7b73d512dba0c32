import {
  type AllocationResult,
  DeviceClasses,
  matchNodeSelectorTerms,
  type Node,
  Pods,
  ResourceClaims,
  type ResourceResourceClaim,
  ResourceSlices,
} from "../../api/index.ts";
import { deepEqual, errorMessage } from "../../lib/index.ts";
import { type Plugin, type PluginContext, type PluginDefinition, wakeHint } from "../plugin.ts";
import { impossible, type Rejection, unresolvable } from "../rule.ts";
import { AllocatedDevices } from "./allocated-devices.ts";
import { allocateDevices } from "./allocator.ts";
import { ClaimWriter } from "./claim-writer.ts";
import { DeviceSelectors } from "./device-selector.ts";
import { Inventory } from "./inventory.ts";
import { claimNames, readClaims } from "./pod-claims.ts";

const name = "DynamicResources";
const elsewhere = unresolvable("resourceclaim not available on the node");
const notEnough = unresolvable("cannot allocate all claims");

/**
 * Gives devices to the claims of pods, together with their nodes: dynamic resource allocation with structured parameters.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
 */
export const dynamicResources: PluginDefinition = {
  name,
  create(context): Plugin {
    const devices = new DeviceChooser(context);
    const writer = new ClaimWriter(context, devices.allocated);
    const claims = context.informer(ResourceClaims);
    const read = (pod: Parameters<typeof readClaims>[0]) => readClaims(pod, (key) => claims.get(key));
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
          const why = devices.whyImpossible(found);
          if (why) return why;
          return found.length === 0 ? undefined : ({ node }) => devices.whyNot(found, node);
        },
      },
      postFilter({ pod }, { rules }) {
        const found = pod.spec.resourceClaims ? read(pod) : [];
        if ("reasons" in found || found.length === 0) return { message: "no new claims to deallocate" };
        const idle = rules.has(name) ? found.find((claim) => writer.mayDeallocate(claim, pod)) : undefined;
        if (!idle) return { message: "still not schedulable" };
        return {
          message: "deallocation of ResourceClaim completed",
          carryOut: (signal) => writer.deallocate(idle, signal),
        };
      },
      reserve({ pod }, nodeName) {
        const node = context.snapshot.node(nodeName);
        const found = pod.spec.resourceClaims ? read(pod) : [];
        if ("reasons" in found) return found;
        if (found.length === 0 || !node) return undefined;
        const allocations = devices.allocate(found, node.node);
        if ("reasons" in allocations) return allocations;
        devices.allocated.assume(pod.metadata.uid, allocations);
        return undefined;
      },
      unreserve: ({ pod }) => devices.allocated.forget(pod.metadata.uid),
      bindsFor: ({ pod }) => (pod.spec.resourceClaims ?? []).length > 0,
      async preBind({ pod }, _nodeName, signal) {
        const found = read(pod);
        if ("reasons" in found) throw new Error(found.reasons.join());
        for (const claim of found) await writer.reserve(claim, pod, signal);
        // The informers have it now.
        devices.allocated.forget(pod.metadata.uid);
      },
      wakes: [
        wakeHint(ResourceClaims, (pod, event) => {
          const { metadata } = event.object;
          // Devices that become free are for everybody.
          if (event.type === "delete") return true;
          if (event.type === "update" && event.old.status.allocation && !event.object.status.allocation) return true;
          return metadata.namespace === pod.metadata.namespace && claimNames(pod).includes(metadata.name);
        }),
        // The claims of templates are told in the pod's status.
        wakeHint(Pods, (pod, event) => {
          if (event.type !== "update" || event.object.metadata.uid !== pod.metadata.uid) return false;
          return !deepEqual(event.old.status.resourceClaimStatuses, event.object.status.resourceClaimStatuses);
        }),
        wakeHint(ResourceSlices, (_, { type }) => type !== "delete"),
        wakeHint(DeviceClasses, (_, event) =>
          event.type === "update" ? !deepEqual(event.old.spec, event.object.spec) : event.type === "add",
        ),
      ],
    };
  },
};

/** By the claim's uid, what it gets. */
type Allocations = ReadonlyMap<string, AllocationResult>;

/** Decides which devices claims get on a node. */
class DeviceChooser {
  readonly allocated: AllocatedDevices;
  readonly #inventory: Inventory;
  readonly #selectors = new DeviceSelectors();
  readonly #classes;

  constructor(context: PluginContext) {
    this.allocated = new AllocatedDevices(context.informer(ResourceClaims));
    this.#inventory = new Inventory(context);
    this.#classes = context.informer(DeviceClasses);
  }

  /** Why no node can be right for these claims. */
  whyImpossible(claims: readonly ResourceResourceClaim[]): Rejection | undefined {
    for (const { metadata, spec, status } of claims) {
      if (status.allocation) continue;
      if (this.allocated.isAssumed(metadata.uid)) {
        return unresolvable(`resourceclaim "${metadata.name}" is being allocated for another pod`);
      }
      for (const { name: request, exactly, firstAvailable = [] } of spec.devices?.requests ?? []) {
        for (const { deviceClassName } of exactly ? [exactly] : firstAvailable) {
          if (this.#classes.get(deviceClassName)) continue;
          return unresolvable(`request ${request}: device class ${deviceClassName} does not exist`);
        }
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
    for (const { status } of claims) {
      const { nodeSelector } = status.allocation ?? {};
      if (nodeSelector && !matchNodeSelectorTerms(nodeSelector.nodeSelectorTerms, node)) return elsewhere;
    }
    const open = claims.filter(({ status }) => !status.allocation);
    if (open.length === 0) return new Map();
    try {
      const results = allocateDevices({
        claims: open,
        inventory: this.#inventory.of(node),
        nodeName: node.metadata.name,
        classOf: (className) => this.#classes.get(className),
        isTaken: (id) => this.allocated.isTaken(id),
        selectors: this.#selectors,
      });
      return results ? new Map(open.map(({ metadata }, index) => [metadata.uid, results[index]!])) : notEnough;
    } catch (error) {
      // What is wrong with a class or claim is told to who made the pod.
      return impossible(errorMessage(error));
    }
  }
}
