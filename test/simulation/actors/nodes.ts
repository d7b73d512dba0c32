import type { Actor } from "../scene.ts";

/** Where nodes fail. */
export const disturbNode: Actor = {
  weight: 3,
  act(scene) {
    const node = scene.oneOf([...scene.cluster.nodes.values()]);
    if (!node) return;
    if (!node.isUp) {
      scene.note(`${node.name} comes back`);
      // It registers in the time that passes.
      void node.start();
    } else if (scene.happens(0.5)) {
      scene.note(`${node.name} loses power`);
      node.fail();
    } else {
      scene.note(`the agent of ${node.name} stops`);
      node.stop();
    }
  },
  async repair({ cluster }) {
    for (const node of cluster.nodes.values()) if (!node.isUp) await node.start();
  },
};
