import { CronJobs, Jobs } from "roder";
import { type Actor, podSpec, type Scene } from "../scene.ts";

export const createJob: Actor = {
  act(scene) {
    const name = scene.newName("job");
    return scene.create(Jobs, { name }, jobSpec(scene, name));
  },
};

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

function jobSpec(scene: Scene, name: string) {
  const completions = scene.between(1, 8);
  return {
    completions,
    parallelism: scene.between(1, completions),
    completionMode: scene.oneOf(["Indexed", "NonIndexed"]),
    backoffLimit: 100,
    template: {
      metadata: { labels: { job: name } },
      spec: { ...podSpec("job:1"), restartPolicy: "Never" },
    },
  };
}
