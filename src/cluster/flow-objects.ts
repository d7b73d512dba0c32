// Flow schemas and priority levels that every cluster has, and what schemas say of their levels: as Kubernetes' API
// server keeps them (k8s.io/kubernetes/pkg/registry/flowcontrol, k8s.io/apiserver/pkg/util/flowcontrol).
import {
  ApiError,
  apiVersionOf,
  type FlowSchema,
  type FlowSchemaSpec,
  FlowSchemas,
  type KubeObject,
  mandatoryFlowSchemas,
  mandatoryPriorityLevels,
  type NewObject,
  type PriorityLevelConfiguration,
  type PriorityLevelConfigurationSpec,
  PriorityLevelConfigurations,
  type ResourceReference,
  type ResourceRequest,
  suggestedFlowSchemas,
  suggestedPriorityLevels,
} from "../api/index.ts";
import { also, type Client, type ControllerDefinition, defineController } from "../client/index.ts";
import { type Clock, deepEqual, timestamp } from "../lib/index.ts";

export const flowObjectsControllerName = "flow-control-objects";

/** "true": the spec is the server's; "false": the administrator's. Without it, it is theirs once they have changed it. */
const autoupdate = "apf.kubernetes.io/autoupdate-spec";

interface Spec {
  readonly spec: FlowSchemaSpec | PriorityLevelConfigurationSpec;
}

const schemas = new Map([...mandatoryFlowSchemas, ...suggestedFlowSchemas]);
const levels = new Map([...mandatoryPriorityLevels, ...suggestedPriorityLevels]);
const mandatory = new Set([...mandatoryFlowSchemas.keys(), ...mandatoryPriorityLevels.keys()]);

/** The requests that create all of them. */
export function flowObjectCreations(): ResourceRequest[] {
  return [
    ...[...levels].map(([name, spec]) => creation(PriorityLevelConfigurations, name, spec)),
    ...[...schemas].map(([name, spec]) => creation(FlowSchemas, name, spec)),
  ];
}

function creation(resource: ResourceReference, name: string, spec: Spec["spec"]): ResourceRequest {
  const { group, version, plural, kind } = resource;
  const body = { apiVersion: apiVersionOf(resource), kind, ...flowObject(name, spec) };
  return { verb: "create", group, version, plural, options: { fieldManager: "kube-apiserver" }, body };
}

const flowObject = (name: string, spec: Spec["spec"]) => ({
  metadata: { name, annotations: { [autoupdate]: "true" } },
  spec,
});

/** Creates those that are missing and mends those that the server keeps. */
export async function ensureFlowObjects(client: Client): Promise<void> {
  await Promise.all([
    ...[...levels.keys()].map((name) => ensureLevel(client, name)),
    ...[...schemas.keys()].map((name) => ensureSchema(client, name)),
  ]);
}

const ensureLevel = (client: Client, name: string) =>
  ensure<PriorityLevelConfiguration>(client, PriorityLevelConfigurations, name, levels.get(name));

const ensureSchema = (client: Client, name: string) => ensure<FlowSchema>(client, FlowSchemas, name, schemas.get(name));

async function ensure<T extends KubeObject & Spec>(
  client: Client,
  resource: ResourceReference<T>,
  name: string,
  spec: T["spec"] | undefined,
): Promise<void> {
  if (!spec) return;
  // What is written of either kind is its metadata and its spec.
  const wanted = flowObject(name, spec) as unknown as NewObject<T>;
  let kept: T;
  try {
    kept = await client.get(resource, { name });
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 404)) throw error;
    await client.create(resource, wanted);
    return;
  }
  const asked = kept.metadata.annotations?.[autoupdate];
  const isTheirs = asked === undefined ? (kept.metadata.generation ?? 1) > 1 : asked !== "true";
  // Of the level `exempt` alone an administrator may change something: what it lends.
  if (isTheirs && (!mandatory.has(name) || name === "exempt")) return;
  if (deepEqual(kept.spec, spec) && asked === "true") return;
  const annotations = { ...kept.metadata.annotations, [autoupdate]: "true" };
  await client.update(resource, { ...kept, metadata: { ...kept.metadata, annotations }, spec });
}

/** Keeps them while the server runs, and says in each schema's status whether its level is there. */
export function flowObjectsController(): ControllerDefinition {
  return defineController({
    name: flowObjectsControllerName,
    watches: {
      also: [
        also(FlowSchemas, ({ metadata }) => [`schema/${metadata.name}`]),
        // A level that comes or goes is news for the schemas that name it: they are few.
        also(PriorityLevelConfigurations, ({ metadata }) => [`level/${metadata.name}`]),
      ],
    },
    async reconcile({ client, cache, clock }, key) {
      const [kind, name = ""] = key.split("/");
      if (kind === "level") {
        await ensureLevel(client, name);
        const concerned = cache.list(FlowSchemas).filter(({ spec }) => spec.priorityLevelConfiguration.name === name);
        for (const each of concerned) await tellLevel(client, cache, each, clock);
        return;
      }
      await ensureSchema(client, name);
      const schema = cache.get(FlowSchemas, name);
      if (schema) await tellLevel(client, cache, schema, clock);
    },
  });
}

async function tellLevel(
  client: Client,
  cache: { get(resource: typeof PriorityLevelConfigurations, name: string): unknown },
  schema: FlowSchema,
  clock: Clock,
): Promise<void> {
  const level = schema.spec.priorityLevelConfiguration.name;
  const isThere = cache.get(PriorityLevelConfigurations, level) !== undefined;
  const sentence = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)}`;
  const condition = isThere
    ? { type: "Dangling", status: "False", reason: "Found", message: `${sentence} and it exists` }
    : { type: "Dangling", status: "True", reason: "NotFound", message: `${sentence} but there is no such object` };
  const kept = schema.status.conditions?.find(({ type }) => type === "Dangling");
  if (kept?.status === condition.status && kept.message === condition.message) return;
  const lastTransitionTime =
    kept?.status === condition.status && kept.lastTransitionTime ? kept.lastTransitionTime : timestamp(clock.now());
  const others = (schema.status.conditions ?? []).filter((each) => each !== kept);
  const conditions = [...others, { ...condition, lastTransitionTime }];
  try {
    // Others' conditions stay: who wrote one meanwhile makes this a conflict, and it is looked at again.
    await client.update(FlowSchemas, { ...schema, status: { conditions } }, { subresource: "status" });
  } catch (error) {
    // It is deleted: then there is nothing to tell.
    if (!(error instanceof ApiError && error.code === 404)) throw error;
  }
}
