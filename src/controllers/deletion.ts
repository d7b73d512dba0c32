import { isGone, type KubeObject, type ResourceReference } from "../api/index.ts";
import type { Client } from "../client/index.ts";

/** Deletes this object and no other: nothing when it is gone already, or when its name belongs to another one by now. */
export async function deleteSame<T extends KubeObject>(
  client: Pick<Client, "delete">,
  resource: ResourceReference<T>,
  { metadata }: T,
): Promise<void> {
  try {
    await client.delete(resource, metadata, { body: { preconditions: { uid: metadata.uid } } });
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
