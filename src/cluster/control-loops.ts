import type { User } from "../api/index.ts";
import { InformerSet, runControllers } from "../client/index.ts";
import { allControllers } from "../controllers/index.ts";
import { addressAt, type Clock, type Logger, parseRange, type Random } from "../lib/index.ts";
import { runScheduler } from "../scheduler/index.ts";
import type { ControlPlane } from "./control-plane.ts";

export interface ControlLoopsOptions {
  readonly plane: ControlPlane;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** The certificate of the cluster's authority, PEM. */
  readonly rootCertificate: string;
  readonly podRange: string;
  readonly serviceRange: string;
}

const authenticated = "system:authenticated";
const schedulerUser: User = { name: "system:kube-scheduler", groups: [authenticated] };
/** Controllers of Kubernetes act as service accounts of their own where their manager may; ours share the manager's rights. */
const controllerUser: User = { name: "system:kube-controller-manager", groups: ["system:masters", authenticated] };

/** Runs controllers and scheduler as clients of the control plane until the signal ends them. */
export async function runControlLoops(options: ControlLoopsOptions): Promise<void> {
  const { plane, rootCertificate, podRange, serviceRange, ...environment } = options;
  const informersOf = (user: User) => new InformerSet({ client: plane.client(user), ...environment });
  const informers = informersOf(controllerUser);
  const controllers = allControllers({
    informers,
    resources: plane.api.registry,
    rootCertificate,
    signServiceAccountToken: plane.signServiceAccountToken,
    podRange,
    dnsAddress: addressAt(parseRange(serviceRange)!, 10),
  });
  await Promise.all([
    runControllers({ controllers, client: plane.client(controllerUser), informers, ...environment }),
    runScheduler({ client: plane.client(schedulerUser), informers: informersOf(schedulerUser), ...environment }),
  ]);
}
