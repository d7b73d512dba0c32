// Finds devices for claims: k8s.io/dynamic-resource-allocation/structured. Pure: claims and devices in, allocations out.
import type {
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceAttribute,
  DeviceClass,
  DeviceConstraint,
  DeviceRequest,
  DeviceRequestAllocationResult,
  DeviceSubRequest,
  NodeSelector,
  NodeSelectorRequirement,
  ResourceResourceClaim,
} from "../../api/index.ts";
import { deepEqual } from "../../lib/index.ts";
import type { DeviceSelectors } from "./device-selector.ts";
import type { NodeDevice, NodeInventory } from "./inventory.ts";

export interface AllocationProblem {
  readonly claims: readonly ResourceResourceClaim[];
  readonly inventory: NodeInventory;
  readonly nodeName: string;
  readonly classOf: (name: string) => DeviceClass | undefined;
  /** Whether a device belongs to another claim. */
  readonly isTaken: (id: string) => boolean;
  readonly selectors: DeviceSelectors;
}

/** How many devices a claim can have: Kubernetes' AllocationResultsMaxSize. */
const resultsMax = 32;
/** How many choices are tried before the search is given up; some tenth of a second. */
const stepsMax = 100_000;

/** A request, or one of its alternatives. */
interface Need extends Omit<DeviceSubRequest, "name"> {
  /** `request` or `request/alternative`. */
  readonly name: string;
  readonly adminAccess?: boolean;
}

interface Request {
  readonly claim: number;
  readonly request: DeviceRequest;
}

interface Chosen {
  readonly claim: number;
  readonly need: Need;
  readonly device: NodeDevice;
}

/**
 * One allocation for each claim, in their order; undefined when the devices are not enough. Throws an Error that says why
 * a request cannot be understood.
 */
export function allocateDevices(problem: AllocationProblem): readonly AllocationResult[] | undefined {
  const chosen = new Search(problem).run();
  return (
    chosen &&
    problem.claims.map((claim, index) =>
      resultOf(
        problem,
        claim,
        chosen.filter((each) => each.claim === index),
      ),
    )
  );
}

/** Tries devices for one request after the other, and takes back what leads nowhere. */
class Search {
  readonly #problem: AllocationProblem;
  readonly #requests: readonly Request[];
  readonly #matching = new Map<string, readonly NodeDevice[]>();
  readonly #chosen: Chosen[] = [];
  #steps = 0;

  constructor(problem: AllocationProblem) {
    this.#problem = problem;
    this.#requests = problem.claims.flatMap(({ spec }, claim) =>
      (spec.devices?.requests ?? []).map((request) => ({ claim, request })),
    );
  }

  run(): readonly Chosen[] | undefined {
    return this.#placeFrom(0) ? this.#chosen : undefined;
  }

  #placeFrom(index: number): boolean {
    const request = this.#requests[index];
    if (request === undefined) return true;
    return needsOf(request.request).some((need) => this.#place(request, need, index));
  }

  #place({ claim }: Request, need: Need, index: number): boolean {
    const matching = this.#matchingOf(claim, need);
    const goOn = () => this.#placeFrom(index + 1);
    if (need.allocationMode !== "All") return this.#choose(claim, need, matching, 0, need.count ?? 1, goOn);
    const { incompletePool } = this.#problem.inventory;
    if (incompletePool !== undefined) {
      const what = `claim ${this.#nameOf(claim)}, request ${need.name}`;
      throw new Error(`${what}: asks for all devices, but resource pool ${incompletePool} is currently being updated`);
    }
    return matching.length > 0 && this.#choose(claim, need, matching, 0, matching.length, goOn);
  }

  /** Chooses `count` of the devices from `start` on, in every combination until `goOn` agrees. */
  #choose(
    claim: number,
    need: Need,
    devices: readonly NodeDevice[],
    start: number,
    count: number,
    goOn: () => boolean,
  ): boolean {
    if (count === 0) return goOn();
    for (let i = start; i + count <= devices.length; i++) {
      if (++this.#steps > stepsMax) throw new Error("timed out trying to allocate devices");
      const device = devices[i]!;
      if (!this.#isFree(claim, need, device)) continue;
      this.#chosen.push({ claim, need, device });
      if (this.#choose(claim, need, devices, i + 1, count - 1, goOn)) return true;
      this.#chosen.pop();
    }
    return false;
  }

  #isFree(claim: number, need: Need, device: NodeDevice): boolean {
    const ofClaim = this.#chosen.filter((each) => each.claim === claim);
    if (ofClaim.length >= resultsMax) return false;
    if (!need.adminAccess) {
      if (this.#problem.isTaken(device.id)) return false;
      if (this.#chosen.some((each) => each.device.id === device.id && !each.need.adminAccess)) return false;
    }
    const { constraints = [] } = this.#problem.claims[claim]?.spec.devices ?? {};
    return constraints.every((constraint) => {
      if (!concerns(constraint.requests, need.name)) return true;
      const value = attributeOf(device, constraint);
      const other = ofClaim.find((each) => concerns(constraint.requests, each.need.name));
      return value !== undefined && (other === undefined || deepEqual(attributeOf(other.device, constraint), value));
    });
  }

  #matchingOf(claim: number, need: Need): readonly NodeDevice[] {
    const key = `${claim}/${need.name}`;
    let matching = this.#matching.get(key);
    if (matching === undefined) {
      const { inventory, classOf, isTaken, selectors } = this.#problem;
      const deviceClass = classOf(need.deviceClassName);
      // Of all devices even those that are taken count; else there is no need to ask for them.
      const isOut = (id: string) => need.allocationMode !== "All" && !need.adminAccess && isTaken(id);
      matching = inventory.devices.filter(({ device, id, slice: { spec } }) => {
        if (isOut(id)) return false;
        const isOfClass = selectors.select(
          deviceClass?.spec.selectors,
          device,
          spec.driver,
          `class ${need.deviceClassName}`,
        );
        return isOfClass && selectors.select(need.selectors, device, spec.driver, `claim ${this.#nameOf(claim)}`);
      });
      this.#matching.set(key, matching);
    }
    return matching;
  }

  #nameOf(claim: number): string {
    const { namespace, name } = this.#problem.claims[claim]?.metadata ?? {};
    return `${namespace}/${name}`;
  }
}

function needsOf({ name, exactly, firstAvailable = [] }: DeviceRequest): Need[] {
  if (exactly) return [{ ...exactly, name }];
  return firstAvailable.map((alternative) => ({ ...alternative, name: `${name}/${alternative.name}` }));
}

/** Whether a list of requests, none of which stands for all, names the request, or its alternative. */
function concerns(requests: readonly string[] | undefined, name: string): boolean {
  if (requests === undefined || requests.length === 0) return true;
  return requests.includes(name) || requests.includes(name.split("/")[0] ?? "");
}

/** The attribute that the devices of a constraint have in common; one without a domain is the driver's. */
function attributeOf(
  { device, slice }: NodeDevice,
  { matchAttribute = "" }: DeviceConstraint,
): DeviceAttribute | undefined {
  const full = device.attributes?.[matchAttribute];
  const [domain, name = ""] = matchAttribute.split("/");
  return full ?? (domain === slice.spec.driver ? device.attributes?.[name] : undefined);
}

function resultOf(
  { classOf, nodeName }: AllocationProblem,
  { spec }: ResourceResourceClaim,
  chosen: readonly Chosen[],
): AllocationResult {
  const needs = [...new Set(chosen.map(({ need }) => need))];
  const results = chosen.map(
    ({ need, device: { device, slice } }): DeviceRequestAllocationResult => ({
      request: need.name,
      driver: slice.spec.driver,
      pool: slice.spec.pool.name,
      device: device.name,
      ...(need.adminAccess ? { adminAccess: true } : {}),
    }),
  );
  const config: DeviceAllocationConfiguration[] = [
    ...needs.flatMap(({ name, deviceClassName }) =>
      (classOf(deviceClassName)?.spec.config ?? []).map((each) => ({ source: "FromClass", requests: [name], ...each })),
    ),
    ...(spec.devices?.config ?? [])
      .filter(({ requests }) => needs.some(({ name }) => concerns(requests, name)))
      .map((each) => ({ source: "FromClaim", ...each })),
  ];
  const nodeSelector = selectorOf(chosen, nodeName);
  return {
    devices: { results, ...(config.length > 0 ? { config } : {}) },
    ...(nodeSelector ? { nodeSelector } : {}),
  };
}

/** The nodes that reach all of the devices; undefined when all do. */
function selectorOf(chosen: readonly Chosen[], nodeName: string): NodeSelector | undefined {
  const matchExpressions: NodeSelectorRequirement[] = [];
  const matchFields: NodeSelectorRequirement[] = [];
  for (const { device } of chosen) {
    const { spec } = device.slice;
    if (spec.nodeName !== undefined) {
      const matchesNode = { key: "metadata.name", operator: "In", values: [nodeName] };
      return { nodeSelectorTerms: [{ matchFields: [matchesNode] }] };
    }
    const [term] = spec.nodeSelector?.nodeSelectorTerms ?? [];
    matchExpressions.push(...without(term?.matchExpressions, matchExpressions));
    matchFields.push(...without(term?.matchFields, matchFields));
  }
  if (matchExpressions.length + matchFields.length === 0) return undefined;
  const fields = matchFields.length > 0 ? { matchFields } : {};
  return { nodeSelectorTerms: [{ ...(matchExpressions.length > 0 ? { matchExpressions } : {}), ...fields }] };
}

const without = (
  more: readonly NodeSelectorRequirement[] | undefined,
  known: readonly NodeSelectorRequirement[],
): readonly NodeSelectorRequirement[] => (more ?? []).filter((each) => !known.some((other) => deepEqual(other, each)));
