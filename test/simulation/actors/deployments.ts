import { Deployments } from "roder";
import { type Actor, isNothing, namespace, replicasMax, type Scene } from "../scene.ts";

export const createDeployment: Actor = {
  weight: 2,
  act(scene: Scene) {
    const recreate = scene.happens(0.2);
    const [maxSurge, maxUnavailable] = [scene.amount(), scene.amount()];
    // Both at nothing is refused.
    const rollingUpdate = {
      maxSurge: isNothing(maxSurge) && isNothing(maxUnavailable) ? 1 : maxSurge,
      maxUnavailable,
    };
    const name = scene.newName("web");
    const spread = {
      maxSkew: scene.between(1, 2),
      topologyKey: "topology.kubernetes.io/zone",
      whenUnsatisfiable: "DoNotSchedule",
      labelSelector: { matchLabels: { app: name } },
      matchLabelKeys: scene.oneOf([[], ["pod-template-hash"]]),
    };
    const spec = {
      replicas: scene.between(1, replicasMax),
      minReadySeconds: scene.oneOf([0, 0, 5, 30]),
      progressDeadlineSeconds: scene.oneOf([40, 600]),
      strategy: recreate ? { type: "Recreate" } : { type: "RollingUpdate", rollingUpdate },
    };
    const more = scene.happens(0.3) ? { topologySpreadConstraints: [spread] } : {};
    return scene.createWorkload(Deployments, name, spec, more);
  },
};

/** Stops one from rolling out, or lets it go on. */
export const pauseDeployment: Actor = {
  weight: 2,
  async act(scene) {
    const name = scene.pick("deployments");
    if (name === undefined) return;
    const { spec } = await scene.client.get(Deployments, { namespace, name });
    scene.note(`${spec.paused ? "resume" : "pause"} ${name}`);
    await scene.client.patch(Deployments, { namespace, name }, { spec: { paused: !spec.paused } });
  },
  async repair({ client }) {
    for (const { metadata, spec } of (await client.list(Deployments, { namespace })).items)
      if (spec.paused) await client.patch(Deployments, metadata, { spec: { paused: false } });
  },
};
