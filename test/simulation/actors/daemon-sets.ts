import { DaemonSets } from "roder";
import type { Actor } from "../scene.ts";

export const createDaemonSet: Actor = {
  act(scene) {
    const amount = scene.oneOf([scene.between(1, 3), `${scene.between(1, 6) * 10}%`]);
    const [maxSurge, maxUnavailable] = scene.happens(0.4) ? [amount, 0] : [0, amount];
    return scene.createWorkload(DaemonSets, scene.newName("agent"), {
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxSurge, maxUnavailable } },
      minReadySeconds: scene.oneOf([0, 0, 5, 30]),
    });
  },
};
