import { DaemonSets } from "roder";
import type { Actor } from "../scene.ts";

export const createDaemonSet: Actor = {
  act(scene) {
    const [maxSurge, maxUnavailable] = scene.happens(0.3) ? [scene.between(1, 2), 0] : [0, scene.between(1, 3)];
    const updateStrategy = { type: "RollingUpdate", rollingUpdate: { maxSurge, maxUnavailable } };
    return scene.createWorkload(DaemonSets, scene.newName("agent"), { updateStrategy });
  },
};
