import {
  type Binding,
  badRequest,
  conflict,
  invalid,
  type KubeObject,
  notFound,
  notSupported,
  type Pod,
  type PodCondition,
  Pods,
  required,
  rootPath,
  type Status,
} from "../../api/index.ts";
import { type Draft, timestamp } from "../../lib/index.ts";
import { untilUndisturbed } from "./commit.ts";
import type { ObjectRequest } from "./context.ts";
import { commitUpdate } from "./modify.ts";

const kind = { group: "", kind: "Binding" };
const resource = { group: "", plural: "pods/binding" };

/** Gives the pod that the request names to the node that the body names. */
export async function bindPod(request: ObjectRequest, body: Draft<KubeObject>): Promise<Status> {
  const binding = body as unknown as Draft<Binding>; // decoded as one
  if (binding.metadata.name && binding.metadata.name !== request.name)
    throw badRequest("name in URL does not match name in Binding object");
  validate(request, binding);
  // The path of the older resource names no pod: the body has to.
  if (request.name === "") throw badRequest("Name parameter required.");
  await untilUndisturbed(request, () => {
    const current = request.store.get(request.namespace, request.name);
    if (!current) throw notFound(Pods, request.name);
    const pod = current.object as Pod; // below the prefix of pods
    checkFree(binding, pod);
    return commitUpdate(request, bound(pod, binding, request), current);
  });
  return success;
}

const success: Status = {
  kind: "Status",
  apiVersion: "v1",
  metadata: {} as Status["metadata"], // that of a Status is empty
  status: "Success",
  code: 201,
};

function validate({ name }: ObjectRequest, { target }: Draft<Binding>): void {
  const at = rootPath.child("target");
  const errors = [];
  if (target?.kind && target.kind !== "Node")
    errors.push(notSupported(at.child("kind"), target.kind, ["Node", "<empty>"]));
  if (!target?.name) errors.push(required(at.child("name")));
  if (errors.length > 0) throw invalid(kind, name, errors);
}

function checkFree(binding: Draft<Binding>, { metadata, spec }: Pod): void {
  const { name } = metadata;
  const { uid, resourceVersion } = binding.metadata;
  if (uid && uid !== metadata.uid)
    throw conflict(
      resource,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`,
    );
  if (resourceVersion && resourceVersion !== metadata.resourceVersion) throw conflict(resource, name);
  if (metadata.deletionTimestamp !== undefined)
    throw conflict(resource, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  if (spec.nodeName)
    throw conflict(resource, name, `pod ${name} is already assigned to node ${JSON.stringify(spec.nodeName)}`);
  if (spec.schedulingGates?.length) throw conflict(resource, name, `pod ${name} has non-empty .spec.schedulingGates`);
}

/** A binding is no update of the spec: the generation stays (k8s.io/kubernetes/pkg/registry/core/pod/storage/storage.go). */
function bound(pod: Pod, binding: Draft<Binding>, { context }: ObjectRequest): Pod {
  const { annotations, labels } = binding.metadata;
  const { nominatedNodeName: _, ...status } = pod.status;
  const scheduled: PodCondition = {
    type: "PodScheduled",
    status: "True",
    lastTransitionTime: timestamp(context.clock.now()),
  };
  const others = (status.conditions ?? []).filter((each) => each.type !== scheduled.type);
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      ...(annotations ? { annotations: { ...pod.metadata.annotations, ...annotations } } : {}),
      ...(labels ? { labels: { ...pod.metadata.labels, ...labels } } : {}),
    },
    spec: { ...pod.spec, nodeName: binding.target.name ?? "" },
    status: { ...status, conditions: [...others, scheduled] },
  };
}
