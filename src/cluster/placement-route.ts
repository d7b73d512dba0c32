import { methodNotAllowed, notFound, Pods, serviceUnavailable } from "../api/index.ts";
import type { PlacementRecord } from "../scheduler/index.ts";
import { type PathRoute, sendJson } from "../server/http/index.ts";
import { placementsPath } from "./placements-path.ts";

/**
 * /debug/scheduler/placements/NAMESPACE/POD: why a pod is where it is, or nowhere. It tells of all nodes and of what is on
 * them, so it is for who may get this path (a nonResourceURL of RBAC), which by default only cluster-admin may.
 */
export function placementRoute(placements: PlacementRecord): PathRoute {
  return async (request, response) => {
    if (!request.path.startsWith(`${placementsPath}/`)) return false;
    const [namespace, name, ...more] = request.path.slice(placementsPath.length + 1).split("/");
    if (!namespace || !name || more.length > 0) return false;
    if (request.method !== "GET") throw methodNotAllowed();
    if (!placements.isAttached) throw serviceUnavailable("the scheduler does not run");
    const explanation = placements.explain({ namespace, name });
    if (explanation === undefined) throw notFound(Pods, name);
    return sendJson(request, response, explanation);
  };
}
