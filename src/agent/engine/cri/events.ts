// What happens to containers: from the interface's own events, or from containerd's for a containerd that lacks these (before 1.7).
import { type Clock, sleep } from "../../../lib/index.ts";
import type { EngineEvent } from "../engine.ts";
import { type Connection, containerEventsMethod, type Messages, methodsOf } from "./connection.ts";
import type { ContainerEventResponse, ContainerEventType } from "./cri.generated.ts";
import { EngineError } from "./engine-error.ts";

/** Whether the runtime says that this container or sandbox has ended, or does not know it any more. */
type HasEnded = (id: string) => Promise<boolean>;

export async function* engineEvents(
  connection: Connection,
  clock: Clock,
  hasEnded: HasEnded,
  signal: AbortSignal,
): AsyncIterable<EngineEvent> {
  try {
    for await (const event of connection.stream<ContainerEventResponse>(containerEventsMethod(), {}, signal)) {
      const type = criEventTypes[event.container_event_type ?? "CONTAINER_CREATED_EVENT"];
      yield { type, containerId: event.container_id ?? "" };
    }
  } catch (error) {
    if (!(error instanceof EngineError && error.code === "unimplemented")) throw error;
    yield* containerdEvents(connection, clock, hasEnded, signal);
  }
}

const criEventTypes: Record<ContainerEventType, EngineEvent["type"]> = {
  CONTAINER_CREATED_EVENT: "created",
  CONTAINER_STARTED_EVENT: "started",
  CONTAINER_STOPPED_EVENT: "stopped",
  CONTAINER_DELETED_EVENT: "deleted",
};

/** The namespace of containerd in which its CRI plugin keeps everything. */
const containerdNamespace = "k8s.io";

// containerd's api/services/events/v1 and api/events, with the fields that are read here. The type of an event's content
// follows from its topic, so the content is taken as bytes.
const eventMessages = {
  Events: {
    methods: { Subscribe: { requestType: "SubscribeRequest", responseType: "Envelope", responseStream: true } },
  },
  SubscribeRequest: { fields: { filters: { rule: "repeated", type: "string", id: 1 } } },
  Envelope: {
    fields: {
      namespace: { type: "string", id: 2 },
      topic: { type: "string", id: 3 },
      event: { type: "Content", id: 4 },
    },
  },
  Content: { fields: { type_url: { type: "string", id: 1 }, value: { type: "bytes", id: 2 } } },
};

interface Envelope {
  readonly topic?: string;
  readonly event?: { readonly value?: Uint8Array };
}

/** Made when it is needed, as those of CRI are. */
const subscribeMethod = () =>
  methodsOf("containerd.services.events.v1", eventMessages as Messages).get(
    "/containerd.services.events.v1.Events/Subscribe",
  )!;

/** What the topics mean, and which field of the content is the id of an exec session: one that is set is not about the container. */
const topics: Record<string, { readonly type: EngineEvent["type"]; readonly execIdField?: number }> = {
  "/containers/create": { type: "created" },
  "/containers/delete": { type: "deleted" },
  "/tasks/start": { type: "started" },
  "/tasks/oom": { type: "oom" },
  "/tasks/delete": { type: "stopped", execIdField: 5 },
};

async function* containerdEvents(
  connection: Connection,
  clock: Clock,
  hasEnded: HasEnded,
  signal: AbortSignal,
): AsyncIterable<EngineEvent> {
  const filters = Object.keys(topics).map((topic) => `namespace==${containerdNamespace},topic=="${topic}"`);
  for await (const envelope of connection.stream<Envelope>(subscribeMethod(), { filters }, signal)) {
    const topic = topics[envelope.topic ?? ""];
    if (!topic) continue;
    const content = stringFields(envelope.event?.value ?? new Uint8Array());
    // Every one of these messages has the container's id as its first field.
    const containerId = content.get(1) ?? "";
    const execId = topic.execIdField === undefined ? "" : (content.get(topic.execIdField) ?? "");
    if (execId !== "" && execId !== containerId) continue;
    if (topic.type === "stopped") await settled(containerId, clock, hasEnded, signal);
    yield { type: topic.type, containerId };
  }
}

const settleDelaysMs = [0, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];

/**
 * containerd deletes the task of a process that ended, says so, and only then writes the state that CRI answers. Nothing
 * tells when that is done, so ask: the first or second time is enough but on a machine with a very slow disk.
 */
async function settled(id: string, clock: Clock, hasEnded: HasEnded, signal: AbortSignal): Promise<void> {
  for (const delayMs of settleDelaysMs) {
    if (delayMs > 0) await sleep(clock, delayMs, signal);
    if (await hasEnded(id)) return;
  }
}

const wireTypeVarint = 0;
const wireTypeBytes = 2;

/** The string fields of a protobuf message by their numbers, up to the first field of a type that containerd's events do not have. */
function stringFields(message: Uint8Array): Map<number, string> {
  const found = new Map<number, string>();
  const decoder = new TextDecoder();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; at < message.length; scale *= 128) {
      const byte = message[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    return value;
  };
  while (at < message.length) {
    const tag = varint();
    const wireType = tag & 7;
    if (wireType === wireTypeVarint) varint();
    else if (wireType === wireTypeBytes) {
      const length = varint();
      found.set(tag >>> 3, decoder.decode(message.subarray(at, at + length)));
      at += length;
    } else break;
  }
  return found;
}
