import { type KubeObject, type NewObject, qualifiedResource } from "../../api/index.ts";
import { type StoredObject, valueFromObject } from "../../storage/index.ts";
import type { ObjectRequest } from "./context.ts";
import { selectionOf } from "./selection.ts";

/** Which of the objects are asked for: what does not match need not be made. */
export interface Selected {
  /** Empty for all namespaces and for cluster-scoped kinds. */
  readonly namespace: string;
  readonly matches: (object: KubeObject) => boolean;
}

/** Makes the objects of a kind that is stored nowhere, whenever they are read. */
export type Compute = (selected: Selected) => Promise<readonly NewObject<KubeObject>[]>;

/** By `<plural>.<group>`. */
export type ComputedObjects = ReadonlyMap<string, Compute>;

/** The objects that a read is about, as if they were stored; undefined for kinds that are. */
export function computedObjects(request: ObjectRequest): Promise<readonly StoredObject[]> | undefined {
  const compute = request.context.computed.get(qualifiedResource(request.definition));
  return compute && selected(request, compute);
}

async function selected(
  { definition, store, options, name, namespace }: ObjectRequest,
  compute: Compute,
): Promise<readonly StoredObject[]> {
  const { matches } = selectionOf(definition, options, name);
  // What was never stored has neither uid nor resourceVersion, and nobody who reads these kinds asks for them.
  const objects = (await compute({ namespace, matches })) as readonly KubeObject[];
  const wanted = objects.filter(matches);
  return Promise.all(
    wanted.map((each) => {
      const key = store.key(each.metadata.namespace ?? "", each.metadata.name);
      return store.proposed(key, undefined, valueFromObject(each));
    }),
  );
}
