import type { Pod } from "../../api/index.ts";
import type { AgentContext } from "../context.ts";
import type { ContainerStatus } from "../engine/index.ts";
import { findStatus } from "../pod/find-status.ts";
import { findContainer } from "../pod/pod-containers.ts";
import type { ProbeVerdict, ProbeVerdicts } from "../pod/pod-view.ts";
import { ContainerProbe, type ProbeResultWord } from "./container-probe.ts";
import type { ProbeKind } from "./probe-state.ts";

const kinds = ["startup", "liveness", "readiness"] as const;

export interface ProbedPod {
  readonly pod: Pod;
  readonly containers: readonly ContainerStatus[];
  readonly podIps: readonly string[];
  /** The container whose postStart hook has not ended: it is not probed yet. */
  readonly starting: string | undefined;
  /** The pod ends: only readiness still matters. */
  readonly stopping: boolean;
}

/** How often a probe of a container, by its name, went how; over restarts of the container. */
export interface ProbeTotal {
  readonly container: string;
  readonly kind: ProbeKind;
  readonly result: ProbeResultWord;
  count: number;
}

/** The probes of one pod's containers. */
export class PodProbes {
  readonly #context: AgentContext;
  readonly #changed: () => void;
  readonly #probes = new Map<string, Map<ProbeKind, ContainerProbe>>();
  readonly #totals: ProbeTotal[] = [];
  #state: ProbedPod | undefined;

  /** `changed` is called when a verdict changes. */
  constructor(context: AgentContext, changed: () => void) {
    this.#context = context;
    this.#changed = changed;
  }

  /** By container id. */
  verdicts(): ReadonlyMap<string, ProbeVerdicts> {
    const found = new Map<string, ProbeVerdicts>();
    for (const [id, probes] of this.#probes) {
      found.set(id, Object.fromEntries([...probes].map(([kind, probe]) => [kind, probe.verdict])));
    }
    return found;
  }

  get totals(): readonly ProbeTotal[] {
    return this.#totals;
  }

  #count(container: string, kind: ProbeKind, result: ProbeResultWord): void {
    const same = (each: ProbeTotal) => each.container === container && each.kind === kind && each.result === result;
    const known = this.#totals.find(same);
    if (known) known.count++;
    else this.#totals.push({ container, kind, result, count: 1 });
  }

  /** Begins and ends probes as containers do. */
  update(state: ProbedPod): void {
    this.#state = state;
    for (const [id, probes] of this.#probes) {
      if (state.containers.some((each) => each.id === id && each.state === "running")) continue;
      for (const probe of probes.values()) probe.close();
      this.#probes.delete(id);
    }
    for (const status of state.containers) if (status.state === "running") this.#follow(state, status);
  }

  close(): void {
    for (const probes of this.#probes.values()) for (const probe of probes.values()) probe.close();
    this.#probes.clear();
  }

  #follow(state: ProbedPod, status: ContainerStatus): void {
    const probes = this.#probes.get(status.id) ?? this.#make(state, status);
    this.#probes.set(status.id, probes);
    if (state.stopping) {
      probes.get("liveness")?.close();
      probes.get("startup")?.close();
    }
    if (state.starting === status.name) return;
    const startup = probes.get("startup");
    if (startup && startup.verdict !== "success") {
      if (!state.stopping) startup.start(status.startedAtMs);
      return;
    }
    for (const [kind, probe] of probes) if (kind !== "startup") probe.start(status.startedAtMs);
  }

  #make({ pod }: ProbedPod, status: ContainerStatus): Map<ProbeKind, ContainerProbe> {
    const probes = new Map<ProbeKind, ContainerProbe>();
    const container = findContainer(pod, status.name);
    if (!container || container.kind === "init" || container.kind === "ephemeral") return probes;
    const { startupProbe, livenessProbe, readinessProbe } = container.spec;
    const specs = { startup: startupProbe, liveness: livenessProbe, readiness: readinessProbe };
    for (const kind of kinds) {
      const spec = specs[kind];
      if (!spec) continue;
      const target = () => ({ container, containerId: status.id, podIp: this.#state?.podIps[0] });
      const probe = new ContainerProbe(
        this.#context,
        {
          kind,
          spec,
          pod: () => this.#state?.pod ?? pod,
          target,
          count: (result) => this.#count(status.name, kind, result),
        },
        this.#changed,
      );
      const known = verdictInApi(pod, status, kind);
      if (known) probe.assume(known);
      probes.set(kind, probe);
    }
    return probes;
  }
}

/** What the API says of a container that ran before this agent: it must not become unready because the agent restarted. */
function verdictInApi(pod: Pod, status: ContainerStatus, kind: ProbeKind): ProbeVerdict | undefined {
  const known = findStatus(pod, status.name);
  if (!known?.containerID?.endsWith(`://${status.id}`)) return undefined;
  if (kind === "startup") return known.started ? "success" : undefined;
  return kind === "readiness" && known.ready ? "success" : undefined;
}
