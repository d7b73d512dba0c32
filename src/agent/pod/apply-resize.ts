import type { Pod, ResourceRequirements } from "../../api/index.ts";
import { containerResources, podCgroup } from "../container/linux-resources.ts";
import type { AgentContext } from "../context.ts";
import type { CgroupLimits } from "../host.ts";
import { checkUsage, lowersMemory, type ResizeStep } from "./pod-resize.ts";

/** What is known of a pod's resources, told as they change. */
export interface ResizedPod {
  readonly given: ReadonlyMap<string, ResourceRequirements>;
  knowGiven(containerId: string, resources: ResourceRequirements): void;
  knowLimits(limits: CgroupLimits): void;
}

/** Gives containers other resources while they run: the pod's cgroup first and last, so that it never holds less than they do. */
export async function applyResize(
  { engine, host, settings, machine }: AgentContext,
  pod: Pod,
  { containers, limitsBefore, limitsAfter }: ResizeStep,
  resized: ResizedPod,
): Promise<void> {
  const cgroup = podCgroup(settings.cgroupRoot, pod);
  const shrinking = containers.filter(({ status, container }) =>
    lowersMemory(resized.given.get(status.id), container.spec.resources),
  );
  if (shrinking.length > 0) checkUsage(shrinking, await engine.stats());
  await host.cgroups.ensure(cgroup, limitsBefore);
  resized.knowLimits(limitsBefore);
  for (const { status, container } of containers) {
    await engine.updateResources(status.id, containerResources(pod, container.spec, machine));
    resized.knowGiven(status.id, container.spec.resources ?? {});
  }
  await host.cgroups.ensure(cgroup, limitsAfter);
  resized.knowLimits(limitsAfter);
}
