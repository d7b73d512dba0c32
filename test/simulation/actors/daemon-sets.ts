import { DaemonSets } from "roder";
import type { Actor } from "../scene.ts";

export const createDaemonSet: Actor = {
  act(scene) {
    const minReadySeconds = scene.oneOf([0, 0, 5, 30]);
    const name = scene.newName("agent");
    if (scene.happens(0.2))
      return scene.createWorkload(DaemonSets, name, { updateStrategy: { type: "OnDelete" }, minReadySeconds });
    const amount = scene.oneOf([scene.between(1, 3), `${scene.between(1, 6) * 10}%`]);
    const [maxSurge, maxUnavailable] = scene.happens(0.4) ? [amount, 0] : [0, amount];
    return scene.createWorkload(DaemonSets, name, {
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxSurge, maxUnavailable } },
      minReadySeconds,
    });
  },
};
