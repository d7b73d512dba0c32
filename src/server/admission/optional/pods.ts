import { hostnameLabel, Pods } from "../../../api/index.ts";
import type { AdmissionPlugin } from "../admission.ts";
import { refuse } from "../refusal.ts";
import { written } from "../subject.ts";

/** Whoever runs a pod must be able to pull its images: what others pulled to the node does not count. */
export const alwaysPullImages: AdmissionPlugin = {
  name: "AlwaysPullImages",
  admit(request) {
    const pod = written(request, Pods, "CREATE", "UPDATE");
    if (!pod) return;
    // An update may change images only; a pod from before keeps the policy that cannot change.
    const isImageNew = (name: string, image: string | undefined) => {
      if (!request.old) return true;
      const { spec } = request.old as unknown as typeof pod; // the request is about pods
      const before = [...(spec.initContainers ?? []), ...spec.containers].find((each) => each.name === name);
      return before?.image !== image;
    };
    for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers])
      if (isImageNew(container.name, container.image)) container.imagePullPolicy = "Always";
    for (const volume of pod.spec.volumes ?? [])
      if (volume.image && !request.old) volume.image = { ...volume.image, pullPolicy: "Always" };
  },
};

/** Nobody keeps whole zones free of others' pods. */
export const limitPodHardAntiAffinityTopology: AdmissionPlugin = {
  name: "LimitPodHardAntiAffinityTopology",
  validate(request) {
    const pod = written(request, Pods, "CREATE", "UPDATE");
    const terms = pod?.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const wide = terms.find(({ topologyKey }) => topologyKey !== hostnameLabel);
    if (wide)
      throw refuse(
        request,
        `affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey ${wide.topologyKey} but only key ${hostnameLabel} is allowed`,
      );
  },
};
