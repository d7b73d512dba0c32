import { ApiError, type Pod, Pods } from "../../api/index.ts";
import type { Client } from "../../client/index.ts";

/** Tells the API that nothing of the pod runs any more: the object goes away, unless finalizers keep it. */
export async function deletePod(client: Client, pod: Pod): Promise<void> {
  const { namespace = "", name, uid } = pod.metadata;
  try {
    await client.delete(Pods, { namespace, name }, { body: { gracePeriodSeconds: 0, preconditions: { uid } } });
  } catch (error) {
    // It is gone already, or another pod has its name.
    if (error instanceof ApiError && (error.code === 404 || error.code === 409)) return;
    throw error;
  }
}
