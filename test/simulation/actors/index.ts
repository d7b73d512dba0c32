import type { Actor } from "../scene.ts";
import { createDaemonSet } from "./daemon-sets.ts";
import { deleteOne, deletePod, holdBack } from "./deletions.ts";
import { createDeployment, pauseDeployment } from "./deployments.ts";
import { createCronJob, createFailingJob, createJob, resizeJob, suspendJob } from "./jobs.ts";
import { disturbNode } from "./nodes.ts";
import { createCrowd, maintainNode } from "./placement.ts";
import { createAutoscaler, createService, evictPods } from "./services.ts";
import { createStatefulSet, partition } from "./stateful-sets.ts";
import { breakRollout, roll, scale } from "./workloads.ts";

export { wipeVolumes } from "./stateful-sets.ts";

/** Everybody who does something to the cluster. */
export const actors: Readonly<Record<string, Actor>> = {
  ...{ createDeployment, createStatefulSet, createDaemonSet },
  ...{ createJob, createFailingJob, suspendJob, resizeJob, createCronJob },
  ...{ pauseDeployment, partition, breakRollout, createCrowd, maintainNode },
  ...{ createService, createAutoscaler, scale, roll, deleteOne, deletePod, holdBack, evictPods },
};
/** Those who do where nodes fail besides. */
export const nodeActors: Readonly<Record<string, Actor>> = { disturbNode };
