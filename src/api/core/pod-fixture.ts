import type { Partially } from "../definition-fixture.ts";
import type { Pod, PodSpec } from "../types.generated.ts";

export type Spec = Partially<PodSpec>;
export type ContainerPart = NonNullable<Spec["containers"]>[number];

/** A pod of one container, for tests. */
export const podOf = (spec: Spec = {}, container: ContainerPart = {}): Partially<Pod> => ({
  spec: { containers: [{ name: "web", image: "nginx", ...container }], ...spec },
});
