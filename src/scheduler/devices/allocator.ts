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
  /** Whether the search has taken too long. */
  readonly isOverdue: () => boolean;
}

/** How many devices a claim can have: Kubernetes' AllocationResultsMaxSize. */
const resultsMax = 32;
/** How many choices are tried before the search is given up; some tenth of a second, in which everybody else waits. */
const stepsMax = 100_000;
/** After so many it is asked whether the time is over. */
const stepsBetweenLooks = 256;

/** The search was given up. */
export class SearchTooLong extends Error {}

/** A request, or one of its alternatives. */
interface Need extends DeviceSubRequest {
  /** The name in results: `request` or `request/alternative`. */
  readonly path: string;
  readonly adminAccess?: boolean;
  readonly claim: number;
}

/** What is to be found for it. */
interface Quest extends Need {
  /** Those among which to choose; all that match where all are wanted. */
  readonly devices: readonly NodeDevice[];
  readonly wanted: number;
}

interface Chosen {
  readonly need: Quest;
  readonly device: NodeDevice;
}

/**
 * One allocation for each claim, in their order; undefined when the devices are not enough. Throws an Error that says why
 * a request cannot be understood, or SearchTooLong.
 */
export function allocateDevices(problem: AllocationProblem): readonly AllocationResult[] | undefined {
  const chosen = new Search(problem).run();
  return (
    chosen &&
    problem.claims.map((claim, index) =>
      resultOf(
        problem,
        claim,
        chosen.filter(({ need }) => need.claim === index),
      ),
    )
  );
}

/** Tries devices for one request after the other, and takes back what leads nowhere. */
class Search {
  readonly #problem: AllocationProblem;
  /** By request, its alternatives. */
  readonly #requests: readonly (readonly Quest[])[];
  readonly #chosen: Chosen[] = [];
  #steps = 0;

  constructor(problem: AllocationProblem) {
    this.#problem = problem;
    this.#requests = problem.claims.flatMap((claim, index) => {
      const requests = (claim.spec.devices?.requests ?? []).map((request) => this.#questsOf(request, index));
      const least = requests.reduce((sum, quests) => sum + Math.min(...quests.map(({ wanted }) => wanted)), 0);
      if (least > resultsMax) {
        const exceeds = `number of requested devices ${least} exceeds the claim limit of ${resultsMax}`;
        throw new Error(`claim ${this.#nameOf(index)}: ${exceeds}`);
      }
      return requests;
    });
  }

  run(): readonly Chosen[] | undefined {
    return this.#placeFrom(0) ? this.#chosen : undefined;
  }

  #questsOf({ name, exactly, firstAvailable = [] }: DeviceRequest, claim: number): readonly Quest[] {
    if (exactly) return [this.#questOf({ ...exactly, name, path: name, claim })];
    return firstAvailable.map((each) => this.#questOf({ ...each, path: `${name}/${each.name}`, claim }));
  }

  #questOf(need: Need): Quest {
    const { devices, incompletePool, invalidPool } = this.#problem.inventory;
    if (need.allocationMode !== "All") return { ...need, devices, wanted: Number(need.count ?? 1) };
    const pool = incompletePool ?? invalidPool;
    if (pool !== undefined) {
      const why = `resource pool ${pool} is currently ${pool === incompletePool ? "being updated" : "invalid"}`;
      throw new Error(`${this.#describe(need)}: asks for all devices, but ${why}`);
    }
    const matching = devices.filter((device) => this.#matches(need, device));
    return { ...need, devices: matching, wanted: matching.length };
  }

  #placeFrom(index: number): boolean {
    const quests = this.#requests[index];
    return quests === undefined || quests.some((quest) => this.#place(quest, () => this.#placeFrom(index + 1)));
  }

  #place(quest: Quest, goOn: () => boolean): boolean {
    const { claim, wanted, allocationMode, devices } = quest;
    if (this.#chosen.filter(({ need }) => need.claim === claim).length + wanted > resultsMax) return false;
    return (allocationMode !== "All" || devices.length > 0) && this.#choose(quest, 0, wanted, goOn);
  }

  /** Chooses `count` of the devices from `start` on, in every combination until `goOn` agrees. */
  #choose(quest: Quest, start: number, count: number, goOn: () => boolean): boolean {
    if (count === 0) return goOn();
    const isAll = quest.allocationMode === "All";
    for (let i = start; i + count <= quest.devices.length; i++) {
      if (++this.#steps > stepsMax || (this.#steps % stepsBetweenLooks === 0 && this.#problem.isOverdue()))
        throw new SearchTooLong("timed out trying to allocate devices");
      const device = quest.devices[i]!;
      // Selectors are asked only of devices that may be had: what is wrong with others is of no matter.
      if (!this.#isFree(quest, device) || (!isAll && !this.#matches(quest, device))) {
        if (isAll) return false;
        continue;
      }
      if (!this.#meetsConstraints(quest, device)) {
        if (!isAll) continue;
        const what = `cannot add device ${device.id} because a claim constraint would not be satisfied`;
        throw new Error(`${this.#describe(quest)}: ${what}`);
      }
      this.#chosen.push({ need: quest, device });
      if (this.#choose(quest, i + 1, count - 1, goOn)) return true;
      this.#chosen.pop();
    }
    return false;
  }

  /** An administrator's access takes a device from nobody, but a claim has it once. */
  #isFree({ adminAccess, claim }: Need, { id }: NodeDevice): boolean {
    if (!adminAccess && this.#problem.isTaken(id)) return false;
    return !this.#chosen.some(({ need, device }) => device.id === id && (!adminAccess || need.claim === claim));
  }

  #meetsConstraints({ claim, path }: Need, device: NodeDevice): boolean {
    const { constraints = [] } = this.#problem.claims[claim]?.spec.devices ?? {};
    return constraints.every((constraint) => {
      if (!concerns(constraint.requests, path)) return true;
      const value = attributeOf(device, constraint);
      const other = this.#chosen.find(({ need }) => need.claim === claim && concerns(constraint.requests, need.path));
      return value !== undefined && (other === undefined || deepEqual(attributeOf(other.device, constraint), value));
    });
  }

  #matches({ claim, deviceClassName, selectors }: Need, { device, slice: { spec } }: NodeDevice): boolean {
    const { classOf, selectors: asked } = this.#problem;
    const ofClass = classOf(deviceClassName)?.spec.selectors;
    return (
      asked.select(ofClass, device, spec.driver, `class ${deviceClassName}`) &&
      asked.select(selectors, device, spec.driver, `claim ${this.#nameOf(claim)}`)
    );
  }

  #describe({ claim, name }: Need): string {
    return `claim ${this.#nameOf(claim)}, request ${name}`;
  }

  #nameOf(claim: number): string {
    const { namespace, name } = this.#problem.claims[claim]?.metadata ?? {};
    return `${namespace}/${name}`;
  }
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
  const { attributes = {} } = device;
  const named = (name: string) => (Object.hasOwn(attributes, name) ? attributes[name] : undefined);
  const [domain, name = ""] = matchAttribute.split("/");
  return named(matchAttribute) ?? (domain === slice.spec.driver ? named(name) : undefined);
}

function resultOf(
  { classOf, nodeName }: AllocationProblem,
  { spec }: ResourceResourceClaim,
  chosen: readonly Chosen[],
): AllocationResult {
  const needs = [...new Set(chosen.map(({ need }) => need))];
  const results = chosen.map(
    ({ need, device: { device, slice } }): DeviceRequestAllocationResult => ({
      request: need.path,
      driver: slice.spec.driver,
      pool: slice.spec.pool.name,
      device: device.name,
      ...(need.adminAccess ? { adminAccess: true } : {}),
    }),
  );
  const config: DeviceAllocationConfiguration[] = [
    ...needs.flatMap(({ path, deviceClassName }) =>
      (classOf(deviceClassName)?.spec.config ?? []).map((each) => ({ source: "FromClass", requests: [path], ...each })),
    ),
    ...(spec.devices?.config ?? [])
      .filter(({ requests }) => needs.some(({ path }) => concerns(requests, path)))
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
