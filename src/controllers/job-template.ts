// The pods of a job, as their template and their index make them.
import { type Container, type Job, Jobs, type NewObject, type Pod } from "../api/index.ts";
import type { PodToCreate } from "./job-plan.ts";
import {
  completionIndexAnnotation,
  indexFailureCountAnnotation,
  indexFailures,
  indexIgnoredFailureCountAnnotation,
  indexIgnoredFailures,
  isIndexed,
  trackingFinalizer,
} from "./job-pods.ts";
import { judgeFailure } from "./job-policies.ts";
import { podFromTemplate } from "./pod-control.ts";

/** The longest prefix of a name that the server completes with five characters. */
const generatedNamePrefixMax = 58;

/** What all pods of the job have in common; `podForIndex` makes it the pod of an index. */
export function podOfJob(job: Job): NewObject<Pod> {
  const pod = podFromTemplate(job, Jobs, job.spec.template);
  const { finalizers = [] } = pod.metadata;
  const metadata = {
    ...pod.metadata,
    finalizers: finalizers.includes(trackingFinalizer) ? finalizers : [...finalizers, trackingFinalizer],
  };
  if (!isIndexed(job) || !pod.spec) return { ...pod, metadata };
  const { containers, initContainers } = pod.spec;
  const spec = {
    ...pod.spec,
    containers: containers.map(withIndexVariable),
    ...(initContainers ? { initContainers: initContainers.map(withIndexVariable) } : {}),
  };
  return { ...pod, metadata, spec };
}

/** https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode */
export function podForIndex(job: Job, pod: NewObject<Pod>, { index, replaces }: PodToCreate): NewObject<Pod> {
  if (index === undefined || !pod.spec) return pod;
  const { name } = job.metadata;
  const ending = `-${index}-`;
  const counts = job.spec.backoffLimitPerIndex === undefined ? {} : failureCounts(job, replaces);
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      generateName: name.slice(0, generatedNamePrefixMax - ending.length) + ending,
      labels: { ...pod.metadata.labels, [completionIndexAnnotation]: String(index) },
      annotations: { ...pod.metadata.annotations, [completionIndexAnnotation]: String(index), ...counts },
    },
    spec: { ...pod.spec, hostname: `${name}-${index}` },
  };
}

/** The counts of the pod's predecessor, with its own failure. */
function failureCounts(job: Job, replaces: Pod | undefined): Record<string, string> {
  if (!replaces) return { [indexFailureCountAnnotation]: "0" };
  const counts = judgeFailure(job, replaces).counts ? 1 : 0;
  const ignored = indexIgnoredFailures(replaces) + 1 - counts;
  return {
    [indexFailureCountAnnotation]: String(indexFailures(replaces) + counts),
    ...(ignored > 0 ? { [indexIgnoredFailureCountAnnotation]: String(ignored) } : {}),
  };
}

const indexVariable = "JOB_COMPLETION_INDEX";

function withIndexVariable(container: Container): Container {
  const { env = [] } = container;
  if (env.some(({ name }) => name === indexVariable)) return container;
  const fieldPath = `metadata.labels['${completionIndexAnnotation}']`;
  return { ...container, env: [...env, { name: indexVariable, valueFrom: { fieldRef: { fieldPath } } }] };
}
