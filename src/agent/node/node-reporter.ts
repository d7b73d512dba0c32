import { ApiError, containsLabels, type Node, type NodeStatus, Nodes } from "../../api/index.ts";
import type { EventRecorder } from "../../client/index.ts";
import { deepEqual, errorMessage, pause, sleep } from "../../lib/index.ts";
import type { AgentContext } from "../context.ts";
import { type AgentPeriods, periodsOf } from "../settings.ts";
import { type NodeFacts, newNode, nodeAnnotations, nodeLabels, nodeStatus } from "./node-object.ts";

/** How often until the node was ready for the first time: everything waits for that (the kubelet's fastNodeStatusUpdate). */
const checkMsStarting = 50;
const retryMs = 1_000;

type Context = Pick<AgentContext, "client" | "engine" | "host" | "pressure" | "clock" | "log" | "signal">;

/** Registers the node and keeps its status true. */
export class NodeReporter {
  readonly #context: Context;
  readonly #facts: NodeFacts;
  readonly #recorder: EventRecorder;
  readonly #periods: AgentPeriods;
  /** Why this agent cannot run pods yet, beside what the engine says. */
  readonly #notReady: () => string;
  #reportedAtMs = Number.NEGATIVE_INFINITY;
  #wasReady = false;
  #wasUnschedulable = false;

  constructor(context: Context, facts: NodeFacts, recorder: EventRecorder, notReady: () => string) {
    this.#context = context;
    this.#facts = facts;
    this.#periods = periodsOf(facts.settings);
    this.#recorder = recorder;
    this.#notReady = notReady;
  }

  /** Creates the Node, or takes over the one that is there; tries until it succeeds. */
  async register(): Promise<Node> {
    const { clock, log, signal } = this.#context;
    for (;;) {
      try {
        const node = await this.#createOrGet();
        await this.#keepMetadata(node);
        return node;
      } catch (error) {
        if (signal.aborted) throw error;
        log.warn("node not registered", { node: this.#facts.name, error: errorMessage(error) });
        await sleep(clock, retryMs, signal);
      }
    }
  }

  /** Goes on reporting until the signal ends it; `node` gives the object as the API has it. */
  async run(node: () => Node | undefined): Promise<void> {
    const { clock, signal } = this.#context;
    const periodMs = () => (this.#wasReady ? this.#periods.statusMs : checkMsStarting);
    // What the first report wrote, `node` does not show at once: nothing is to be told twice.
    for (await pause(clock, periodMs(), signal); !signal.aborted; await pause(clock, periodMs(), signal))
      await this.tryToReport(node());
  }

  /** Reports; when the API does not take it, the next time will do. */
  async tryToReport(current: Node | undefined): Promise<void> {
    const { log, signal } = this.#context;
    try {
      await this.report(current);
    } catch (error) {
      if (!signal.aborted) log.warn("node status not written", { node: this.#facts.name, error: errorMessage(error) });
    }
  }

  /** Writes the node's status when it changed, or when it is time. */
  async report(current: Node | undefined): Promise<void> {
    const { client, clock, host, engine, pressure } = this.#context;
    const { name } = this.#facts;
    this.#announceCordon(current);
    const notReady = await this.#whyNotReady();
    this.#wasReady ||= notReady === "";
    const load = await host.load();
    const nowMs = clock.now();
    pressure.observe(load, clock.monotonicMs());
    const pressures = pressure.conditions(clock.monotonicMs());
    const images = notReady === "" ? await engine.listImages() : [];
    const previous = current?.status;
    const status = nodeStatus({ ...this.#facts, load, images, pressures, notReady, nowMs }, previous);
    const due = clock.monotonicMs() - this.#reportedAtMs >= this.#periods.statusReportMs;
    // Compared with what the API has: another component may have declared the node unknown meanwhile.
    if (!due && deepEqual(withoutHeartbeats(status), withoutHeartbeats(previous))) return;
    const capacity = changes(previous?.capacity, status.capacity);
    const allocatable = changes(previous?.allocatable, status.allocatable);
    await client.patch(Nodes, { name }, { status: { ...status, capacity, allocatable } }, { subresource: "status" });
    this.#announce(previous, status, current);
    this.#reportedAtMs = clock.monotonicMs();
  }

  async #whyNotReady(): Promise<string> {
    const own = this.#notReady();
    if (own !== "") return own;
    try {
      return await this.#context.engine.notReady();
    } catch (error) {
      // An engine that does not answer cannot run pods; the node says so instead of failing.
      return `container runtime is down: ${errorMessage(error)}`;
    }
  }

  async #createOrGet(): Promise<Node> {
    const { client } = this.#context;
    try {
      return await client.get(Nodes, { name: this.#facts.name });
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 404)) throw error;
    }
    return client.create(Nodes, newNode(this.#facts));
  }

  async #keepMetadata({ metadata }: Node): Promise<void> {
    const { name, machine, settings } = this.#facts;
    const labels = nodeLabels(name, machine, settings);
    const annotations = nodeAnnotations(settings);
    if (containsLabels(metadata.labels, labels) && containsLabels(metadata.annotations, annotations)) return;
    await this.#context.client.patch(Nodes, { name }, { metadata: { labels, annotations } });
  }

  /** Tells the node's events that it was taken out of scheduling, or given back. */
  #announceCordon(node: Node | undefined): void {
    const isUnschedulable = node?.spec.unschedulable ?? false;
    if (!node || isUnschedulable === this.#wasUnschedulable) return;
    this.#wasUnschedulable = isUnschedulable;
    const reason = isUnschedulable ? "NodeNotSchedulable" : "NodeSchedulable";
    this.#recorder.normal(node, reason, `Node ${node.metadata.name} status is now: ${reason}`);
  }

  /** Tells the node's events which conditions changed, and that the machine was started anew, as the kubelet does. */
  #announce(before: NodeStatus | undefined, after: NodeStatus, node: Node | undefined): void {
    if (!node) return;
    const [bootBefore, boot] = [before?.nodeInfo?.bootID, after.nodeInfo?.bootID];
    if (bootBefore && boot && boot !== bootBefore)
      this.#recorder.warning(node, "Rebooted", `Node ${node.metadata.name} has been rebooted, boot id: ${boot}`);
    for (const { type, status } of after.conditions ?? []) {
      const reason = conditionEvents[type]?.[status];
      if (reason === undefined || before?.conditions?.find((each) => each.type === type)?.status === status) continue;
      this.#recorder.normal(node, reason, `Node ${node.metadata.name} status is now: ${reason}`);
    }
  }
}

const conditionEvents: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Ready: { True: "NodeReady", False: "NodeNotReady" },
  MemoryPressure: { True: "NodeHasInsufficientMemory", False: "NodeHasSufficientMemory" },
  DiskPressure: { True: "NodeHasDiskPressure", False: "NodeHasNoDiskPressure" },
  PIDPressure: { True: "NodeHasInsufficientPID", False: "NodeHasSufficientPID" },
};

type Amounts = Readonly<Record<string, string>>;

/** What a merge patch needs to say of amounts: what others have changed meanwhile is left to them. */
function changes(before: Amounts = {}, after: Amounts = {}): Record<string, string | null> {
  const gone = Object.keys(before).filter((name) => after[name] === undefined);
  const changed = Object.entries(after).filter(([name, amount]) => before[name] !== amount);
  return { ...Object.fromEntries(gone.map((name) => [name, null])), ...Object.fromEntries(changed) };
}

function withoutHeartbeats(status: NodeStatus | undefined): NodeStatus | undefined {
  if (!status) return undefined;
  return {
    ...status,
    conditions: (status.conditions ?? []).map(({ lastHeartbeatTime: _ignored, ...condition }) => condition),
  };
}
