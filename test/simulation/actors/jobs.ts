import { CronJobs, isJobFinished, type Job, Jobs } from "roder";
import { type Actor, failing, namespace, oddExitCode, podSpec, type Scene, startErrorCode } from "../scene.ts";

export const createJob: Actor = {
  act(scene) {
    const name = scene.newName("job");
    return scene.create(Jobs, { name }, jobSpec(scene, name));
  },
};

/** One whose pods fail, with what it has to say of that. */
export const createFailingJob: Actor = {
  weight: 2,
  act(scene) {
    const name = scene.newName(failing);
    const spec = jobSpec(scene, name, scene.oneOf(["flaky:1", "flaky:1", "odd:1"]));
    const hasLimitPerIndex = spec.completionMode === "Indexed" && scene.happens(0.6);
    return scene.create(
      Jobs,
      { name },
      {
        ...spec,
        ...(hasLimitPerIndex ? limitsPerIndex(scene, spec.completions) : { backoffLimit: scene.between(0, limitMax) }),
        ...(spec.completionMode === "Indexed" && scene.happens(0.4) ? successPolicy(scene, spec.completions) : {}),
        ...(scene.happens(0.5)
          ? failurePolicy(scene, hasLimitPerIndex)
          : { podReplacementPolicy: scene.oneOf(["Failed", "TerminatingOrFailed"]) }),
        suspend: scene.happens(0.2),
      },
    );
  },
};

/** Stops one that is under way, or lets it go on. */
export const suspendJob: Actor = {
  weight: 2,
  async act(scene) {
    const name = scene.pick("jobs");
    if (name === undefined) return;
    const job = await scene.client.get(Jobs, { namespace, name });
    if (isJobFinished(job)) return;
    const suspend = !job.spec.suspend;
    scene.note(`${suspend ? "suspend" : "resume"} ${name}`);
    await scene.client.patch(Jobs, { namespace, name }, { spec: { suspend } });
  },
  async repair({ client }) {
    for (const { metadata, spec } of (await client.list(Jobs, { namespace })).items)
      if (spec.suspend) await client.patch(Jobs, metadata, { spec: { suspend: false } });
  },
};

/** Gives an indexed one that is under way more indexes, or fewer: https://kep.k8s.io/3715. */
export const resizeJob: Actor = {
  weight: 2,
  async act(scene) {
    const { items } = await scene.client.list(Jobs, { namespace });
    const metadata = scene.oneOf(items.filter(isResizable))?.metadata;
    if (!metadata) return;
    const { name, resourceVersion } = metadata;
    const size = scene.between(1, indexesMax);
    scene.note(`resize ${name} to ${size}`);
    const resized = { completions: size, parallelism: size };
    // Nobody has made it end meanwhile.
    await scene.client.patch(Jobs, { namespace, name }, { metadata: { resourceVersion }, spec: resized });
  },
};

/** Who has decided to end does not go on. */
const isResizable = ({ spec, status }: Job) =>
  spec.completionMode === "Indexed" && !status.conditions?.some(({ type }) => type !== "Suspended");

export const createCronJob: Actor = {
  act(scene) {
    const name = scene.newName("cron");
    const concurrencyPolicy = scene.oneOf(["Allow", "Forbid", "Replace"]);
    return scene.create(
      CronJobs,
      { name },
      {
        schedule: `*/${scene.between(1, 5)} * * * *`,
        concurrencyPolicy,
        jobTemplate: { spec: jobSpec(scene, name) },
      },
    );
  },
};

/** Each failure doubles the wait for the next pod: after so few of them a job has ended when the end is looked at. */
const limitMax = 4;
const indexesMax = 8;

function jobSpec(scene: Scene, name: string, image = "job:1") {
  const completions = scene.between(1, indexesMax);
  return {
    completions,
    parallelism: scene.between(1, completions),
    completionMode: scene.oneOf(["Indexed", "NonIndexed"]),
    backoffLimit: 100,
    template: {
      metadata: { labels: { job: name } },
      spec: { ...podSpec(image), restartPolicy: "Never" },
    },
  };
}

function limitsPerIndex(scene: Scene, completions: number) {
  return {
    backoffLimitPerIndex: scene.between(0, 2),
    ...(scene.happens(0.3) ? { maxFailedIndexes: scene.between(0, completions) } : {}),
  };
}

function successPolicy(scene: Scene, completions: number) {
  const last = scene.between(0, completions - 1);
  const succeededIndexes = last === 0 ? "0" : `0-${last}`;
  const rule = scene.oneOf([
    { succeededIndexes },
    { succeededCount: last + 1 },
    { succeededIndexes, succeededCount: 1 },
  ]);
  return { successPolicy: { rules: [rule] } };
}

function failurePolicy(scene: Scene, hasLimitPerIndex: boolean) {
  const onOddExit = hasLimitPerIndex ? ["FailIndex", "Count", "FailJob"] : ["Count", "FailJob"];
  const exits = (code: number) => ({ operator: "In", values: [code] });
  const rules = [
    { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
    // What always fails must count, or it would never end.
    { action: scene.oneOf(onOddExit), onExitCodes: exits(oddExitCode) },
    { action: scene.oneOf(["Ignore", "Count"]), onExitCodes: exits(startErrorCode) },
  ];
  return { podFailurePolicy: { rules: rules.filter(() => scene.happens(0.7)) } };
}
