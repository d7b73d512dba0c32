import { type KubeObject, type NewObject, qualifiedResource } from "../../api/index.ts";
import { type StoredObject, valueFromObject } from "../../storage/index.ts";
import type { ObjectRequest } from "./context.ts";
import { selectionOf } from "./selection.ts";

/** Makes the objects of a kind that is stored nowhere, whenever they are read. */
export type Compute = () => Promise<readonly NewObject<KubeObject>[]>;

/** By `<plural>.<group>`. */
export type ComputedObjects = ReadonlyMap<string, Compute>;

/** The objects that a read is about, as if they were stored; undefined for kinds that are. */
export function computedObjects(request: ObjectRequest): Promise<readonly StoredObject[]> | undefined {
  const compute = request.context.computed.get(qualifiedResource(request.definition));
  return compute && selected(request, compute);
}

async function selected(
  { definition, store, options, name }: ObjectRequest,
  compute: Compute,
): Promise<readonly StoredObject[]> {
  // What was never stored has neither uid nor resourceVersion, and nobody who reads these kinds asks for them.
  const objects = (await compute()) as readonly KubeObject[];
  const wanted = objects.filter(selectionOf(definition, options, name).matches);
  return Promise.all(
    wanted.map((each) => store.proposed(store.key("", each.metadata.name), undefined, valueFromObject(each))),
  );
}
