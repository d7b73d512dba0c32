import { ApiError, type ServiceCIDR, ServiceCIDRs } from "../../api/index.ts";
import { type Clock, timestamp } from "../../lib/index.ts";
import type { ApiServer } from "../api-server.ts";
import { apiServerUser } from "../authorization/index.ts";

/** The ServiceCIDR of the range that the server was started with; Kubernetes gives it this name. */
const name = "kubernetes";

/** Makes the object that tells the range of services, when it is not there. */
export async function ensureServiceCidr(api: ApiServer, clock: Clock, range: string): Promise<void> {
  const { group, version, plural } = ServiceCIDRs;
  const request = { group, version, plural };
  const send = async (verb: "create" | "update", body: object, subresource?: string): Promise<ServiceCIDR> => {
    const target = verb === "create" ? {} : { name };
    const response = await api.handle(
      { ...request, verb, ...target, body, ...(subresource ? { subresource } : {}) },
      apiServerUser,
    );
    if (response.type !== "object") throw new Error("a write was not answered with an object");
    return response.object as ServiceCIDR; // an answer about a resource is of its kind
  };
  try {
    const created = await send("create", { metadata: { name }, spec: { cidrs: [range] } });
    const ready = {
      type: "Ready",
      status: "True",
      reason: "",
      message: "Kubernetes Service CIDR is ready",
      lastTransitionTime: timestamp(clock.now()),
    };
    await send("update", { ...created, status: { conditions: [ready] } }, "status");
  } catch (error) {
    // It was made at an earlier start.
    if (!(error instanceof ApiError && error.reason === "AlreadyExists")) throw error;
  }
}
