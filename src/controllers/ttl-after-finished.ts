// Removes jobs some time after they ended. https://kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished/
import { ApiError, type Job, Jobs } from "../api/index.ts";
import { defineController } from "../client/index.ts";
import { exponentialBuckets, MetricRegistry } from "../lib/index.ts";

/** `metrics` is where it is measured how late deletions are. */
export function ttlAfterFinishedController(metrics = new MetricRegistry()) {
  const lateness = metrics
    .histogram({
      name: "ttl_after_finished_controller_job_deletion_duration_seconds",
      help: "The time from when a job had to go until it was deleted.",
      buckets: exponentialBuckets(0.1, 2, 14),
    })
    .with();
  return defineController({
    name: "ttl-after-finished-controller",
    watches: { for: Jobs },
    async reconcile({ cache, client, clock }, key) {
      const job = cache.get(Jobs, key);
      if (!job) return;
      const expiresMs = expiryMs(job);
      if (expiresMs === undefined) return;
      const leftMs = expiresMs - clock.now();
      if (leftMs > 0) return { afterMs: leftMs };
      const { uid, resourceVersion } = job.metadata;
      const body = { propagationPolicy: "Foreground", preconditions: { uid, resourceVersion } };
      try {
        await client.delete(Jobs, job.metadata, { body });
        lateness.observe((clock.now() - expiresMs) / 1000);
      } catch (error) {
        if (!(error instanceof ApiError && error.code === 404)) throw error;
      }
    },
  });
}

/** When the job is to go; undefined when it is to stay, or is on its way already. */
function expiryMs({ metadata, spec, status }: Job): number | undefined {
  if (spec.ttlSecondsAfterFinished === undefined || metadata.deletionTimestamp !== undefined) return undefined;
  const end = status.conditions?.find(
    (each) => (each.type === "Complete" || each.type === "Failed") && each.status === "True",
  );
  const endMs = Date.parse(end?.lastTransitionTime ?? "");
  return Number.isNaN(endMs) ? undefined : endMs + spec.ttlSecondsAfterFinished * 1000;
}
