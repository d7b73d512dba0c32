import {
  type FieldError,
  hasClusterIp,
  internalError,
  invalid,
  invalidValue,
  isHeadlessWithoutSelector,
  type KubeObject,
  mayHaveNodePorts,
  needsHealthCheckPort,
  needsNodePorts,
  type Path,
  rootPath,
  type Service,
  type ServicePort,
} from "../../api/index.ts";
import { canonicalAddress } from "../../lib/index.ts";
import type { Change } from "../../storage/index.ts";
import type { CommitHook, Commitment } from "../pipeline/commit-hook.ts";
import { type AddressAllocator, AllocationError } from "./address-allocator.ts";
import type { PortAllocator } from "./port-allocator.ts";

const kind = { group: "", kind: "Service" };
const at = rootPath.child("spec");

/** Gives Services their cluster addresses and node ports, in the commit that writes them. */
export class ServiceAllocation implements CommitHook {
  readonly #addresses: AddressAllocator;
  readonly #ports: PortAllocator;

  constructor(addresses: AddressAllocator, ports: PortAllocator) {
    this.#addresses = addresses;
    this.#ports = ports;
  }

  commitment(next: KubeObject | undefined, old: KubeObject | undefined): Commitment {
    const before = old as Service | undefined; // the hook of services gets services
    const changes: Change[] = [];
    let service = next as Service | undefined; // as above
    if (service) {
      service = this.#withAddress(service, before, changes);
      service = this.#withPorts(service, before, changes);
    }
    this.#release(service, before, changes);
    return { object: service, changes };
  }

  #withAddress(service: Service, old: Service | undefined, changes: Change[]): Service {
    const { spec } = service;
    if (!hasClusterIp(spec)) return service;
    checkFamilies(service);
    if (spec.clusterIP === "None") return service;
    const had = addressOf(old);
    if (spec.clusterIP) {
      if (addressOf(service) !== had) changes.push(this.#take(spec.clusterIP, service));
      return service;
    }
    const address = orInternal("a serviceIP", () => this.#addresses.allocate());
    changes.push(this.#take(address, service));
    return { ...service, spec: { ...spec, clusterIP: address, clusterIPs: [address] } };
  }

  #take(address: string, service: Service): Change {
    return orInvalid(service, at.child("clusterIPs"), [address], `failed to allocate IP ${address}: `, () =>
      this.#addresses.take(address, service),
    );
  }

  #withPorts(service: Service, old: Service | undefined, changes: Change[]): Service {
    const had = portsOf(old);
    const taken = new Set(had);
    const take = (port: number) => {
      // TCP and UDP of one service may share a number.
      if (taken.has(port)) return;
      changes.push(this.#ports.take(port, service));
      taken.add(port);
    };
    let { spec } = service;
    if (mayHaveNodePorts(spec) && spec.ports) {
      for (const [index, { nodePort }] of spec.ports.entries())
        if (nodePort)
          orInvalid(service, at.child("ports").index(index).child("nodePort"), nodePort, "", () => take(nodePort));
      if (needsNodePorts(spec))
        spec = { ...spec, ports: this.#withNodePorts(spec.ports, old === undefined, taken, take) };
    }
    if (needsHealthCheckPort(spec)) {
      const given = spec.healthCheckNodePort;
      const port = given || orInternal("a HealthCheck NodePort", () => this.#ports.allocate(taken));
      orInternal(`requested HealthCheck NodePort ${port}`, () => take(port));
      spec = { ...spec, healthCheckNodePort: port };
    }
    return spec === service.spec ? service : { ...service, spec };
  }

  /** The ports with one of the nodes each. In a new service the same port of two protocols has one number there. */
  #withNodePorts(
    ports: readonly ServicePort[],
    isNew: boolean,
    taken: ReadonlySet<number>,
    take: (port: number) => void,
  ): readonly ServicePort[] {
    const numbers = new Map<number, number>();
    if (isNew) for (const { port, nodePort } of ports) if (nodePort && !numbers.has(port)) numbers.set(port, nodePort);
    return ports.map((each) => {
      if (each.nodePort) return each;
      const nodePort = numbers.get(each.port) ?? orInternal("a nodePort", () => this.#ports.allocate(taken));
      take(nodePort);
      if (isNew) numbers.set(each.port, nodePort);
      return { ...each, nodePort };
    });
  }

  #release(service: Service | undefined, old: Service | undefined, changes: Change[]): void {
    const address = addressOf(old);
    if (address && address !== addressOf(service)) add(changes, this.#addresses.release(address));
    const kept = new Set(portsOf(service));
    for (const port of new Set(portsOf(old))) if (!kept.has(port)) add(changes, this.#ports.release(port));
  }
}

function add(changes: Change[], change: Change | undefined): void {
  if (change) changes.push(change);
}

/** The cluster address that the service has, without leading zeros; undefined for headless services and those that are names elsewhere. */
function addressOf(service: Service | undefined): string | undefined {
  if (!service || !hasClusterIp(service.spec)) return undefined;
  const { clusterIP } = service.spec;
  return clusterIP && clusterIP !== "None" ? canonicalAddress(clusterIP) : undefined;
}

function portsOf(service: Service | undefined): number[] {
  if (!service) return [];
  const { spec } = service;
  const ports = mayHaveNodePorts(spec) ? (spec.ports ?? []).map((each) => each.nodePort ?? 0) : [];
  if (needsHealthCheckPort(spec)) ports.push(spec.healthCheckNodePort ?? 0);
  return ports.filter((port) => port !== 0);
}

/** The cluster has IPv4 addresses alone: initIPFamilyFields of k8s.io/kubernetes/pkg/registry/core/service/storage. */
function checkFamilies({ metadata, spec }: Service): void {
  const { ipFamilyPolicy: policy, ipFamilies = [], clusterIPs = [] } = spec;
  const policyAt = at.child("ipFamilyPolicy");
  const errors: FieldError[] = [];
  const refuseSeveral = (what: string) =>
    errors.push(
      invalidValue(
        policyAt,
        policy,
        `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`,
      ),
    );
  if (policy === "SingleStack" && clusterIPs.length === 2) refuseSeveral("cluster IPs");
  if (policy === "SingleStack" && ipFamilies.length === 2) refuseSeveral("IP families");
  for (let index = ipFamilies.length; index < clusterIPs.length; index++)
    errors.push(
      invalidValue(at.child("clusterIPs").index(index), clusterIPs, "IPv6 is not configured on this cluster"),
    );
  if (errors.length === 0 && !isHeadlessWithoutSelector(spec)) {
    if (policy === "RequireDualStack")
      errors.push(invalidValue(policyAt, policy, "this cluster is not configured for dual-stack services"));
    for (const [index, family] of ipFamilies.entries())
      if (family !== "IPv4")
        errors.push(invalidValue(at.child("ipFamilies").index(index), family, "not configured on this cluster"));
  }
  if (errors.length > 0) throw invalid(kind, metadata.name, errors);
}

function orInvalid<T>(service: Service, place: Path, value: unknown, why: string, allocate: () => T): T {
  try {
    return allocate();
  } catch (error) {
    if (!(error instanceof AllocationError)) throw error;
    throw invalid(kind, service.metadata.name, [invalidValue(place, value, why + error.message)]);
  }
}

function orInternal<T>(what: string, allocate: () => T): T {
  try {
    return allocate();
  } catch (error) {
    if (!(error instanceof AllocationError)) throw error;
    throw internalError(new Error(`failed to allocate ${what}: ${error.message}`, { cause: error }));
  }
}
