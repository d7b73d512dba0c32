import { Deployments } from "roder";
import { type Actor, isNothing, replicasMax, type Scene } from "../scene.ts";

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
    return scene.createWorkload(Deployments, scene.newName("web"), {
      replicas: scene.between(1, replicasMax),
      minReadySeconds: scene.oneOf([0, 0, 5, 30]),
      strategy: recreate ? { type: "Recreate" } : { type: "RollingUpdate", rollingUpdate },
    });
  },
};
