import {
  boundTo,
  CSIDrivers,
  CSIStorageCapacities,
  claimRefKey,
  isVolumeReachable,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  PersistentVolumeClaims,
  PersistentVolumes,
  type Pod,
  Pods,
  StorageClasses,
  selectedNodeAnnotation,
} from "../../api/index.ts";
import { type Informer, keyOf } from "../../client/index.ts";
import { deepEqual } from "../../lib/index.ts";
import { ChangeWaiters } from "../change-waiters.ts";
import { type PluginContext, type PluginDefinition, wakeHint } from "../plugin.ts";
import { volumeBindingArgs } from "../plugin-args.ts";
import { type PodToPlace, unresolvable } from "../rule.ts";
import { Assumptions } from "./assumptions.ts";
import { isBound, namesClaim, PodVolumeReader } from "./pod-volumes.ts";
import { type VolumeChoice, VolumeChooser } from "./volume-choice.ts";

const name = "VolumeBinding";

/** A pod goes where its volumes are, or can be made; claims that wait for their first consumer get theirs with it. */
export const volumeBinding: PluginDefinition = {
  name,
  checkArgs: volumeBindingArgs,
  create(context, args) {
    const { bindMsMax } = volumeBindingArgs(args);
    const reader = new PodVolumeReader(context);
    const assumptions = new Assumptions();
    const chooser = new VolumeChooser(context, reader, assumptions);
    const writer = new VolumeWriter(context, bindMsMax);
    return {
      name,
      filter: {
        name,
        isRelative: true,
        prepare({ pod }) {
          const volumes = reader.read(pod);
          if ("reasons" in volumes) return volumes;
          if (volumes.bound.length + volumes.waiting.length === 0) return undefined;
          return ({ node }) => {
            const choice = chooser.choose(volumes, node);
            return "reservations" in choice ? undefined : unresolvable(...choice);
          };
        },
      },
      reserve({ pod }, nodeName) {
        const volumes = reader.read(pod);
        if ("reasons" in volumes) return volumes;
        const node = context.snapshot.node(nodeName);
        if (volumes.waiting.length === 0 || node === undefined) return undefined;
        const choice = chooser.choose(volumes, node.node);
        if (!("reservations" in choice)) return unresolvable(...choice);
        assumptions.assume(pod.metadata.uid, choice, nodeName);
        return undefined;
      },
      unreserve: ({ pod }) => assumptions.forget(pod.metadata.uid),
      bindsFor: ({ pod }) => assumptions.of(pod.metadata.uid) !== undefined,
      async preBind(toPlace, nodeName, signal) {
        const { uid } = toPlace.pod.metadata;
        const choice = assumptions.of(uid);
        if (choice === undefined) return;
        await writer.bind(toPlace, choice, nodeName, signal);
        // The informers have it now.
        assumptions.forget(uid);
      },
      wakes: [
        wakeHint(PersistentVolumeClaims, (pod, { type, object }) => type !== "delete" && namesClaim(pod, object)),
        wakeHint(PersistentVolumes, (pod, { type, object }) => type !== "delete" && reader.mayUse(pod, object)),
        wakeHint(StorageClasses, (pod, event) => {
          const { type, object } = event;
          if (type === "delete" || !reader.namesClass(pod, object.metadata.name)) return false;
          return type === "add" || !deepEqual(event.old.allowedTopologies, object.allowedTopologies);
        }),
        wakeHint(CSIDrivers, (_, { type }) => type === "update"),
        wakeHint(CSIStorageCapacities, (_, { type }) => type !== "delete"),
      ],
    };
  },
};

const podKey = (pod: Pod) => `pod ${keyOf(pod)}`;
const claimKey = (claim: PersistentVolumeClaim) => `claim ${keyOf(claim)}`;
const volumeKey = (volume: PersistentVolume) => `volume ${volume.metadata.name}`;

/** Writes what was chosen, and waits until the binder or a provisioner has done its part. */
class VolumeWriter {
  readonly #context: PluginContext;
  readonly #bindMsMax: number;
  readonly #pods: Informer<Pod>;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #waiters = new ChangeWaiters();

  constructor(context: PluginContext, bindMsMax: number) {
    this.#context = context;
    this.#bindMsMax = bindMsMax;
    this.#pods = context.informer(Pods);
    this.#volumes = context.informer(PersistentVolumes);
    this.#claims = context.informer(PersistentVolumeClaims);
    this.#pods.addHandler(({ type, object }) => type === "delete" && this.#waiters.tell(podKey(object)));
    this.#claims.addHandler(({ object }) => this.#waiters.tell(claimKey(object)));
    this.#volumes.addHandler(({ object }) => {
      this.#waiters.tell(volumeKey(object));
      // One that is made for a claim is known by it.
      for (const key of claimRefKey(object)) this.#waiters.tell(`claim ${key}`);
    });
  }

  /** Throws an Error that says what went otherwise meanwhile. */
  async bind({ pod }: PodToPlace, choice: VolumeChoice, nodeName: string, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#context;
    /** By uid, the versions that were written: what the informers have from before says nothing. */
    const written = new Map<string, number>();
    const note = ({ metadata }: PersistentVolume | PersistentVolumeClaim) =>
      written.set(metadata.uid, Number(metadata.resourceVersion));
    for (const { volume, claim } of choice.reservations) {
      const current = this.#volumes.get(volume.metadata.name) ?? volume;
      const bound = boundTo(current, claim);
      if (bound !== current) note(await client.update(PersistentVolumes, bound, { signal }));
    }
    for (const claim of choice.provisions) {
      const current = this.#claims.get(keyOf(claim)) ?? claim;
      const { annotations } = current.metadata;
      if (annotations?.[selectedNodeAnnotation] === nodeName) continue;
      const metadata = { ...current.metadata, annotations: { ...annotations, [selectedNodeAnnotation]: nodeName } };
      note(await client.update(PersistentVolumeClaims, { ...current, metadata }, { signal }));
    }
    const node = this.#context.snapshot.node(nodeName)?.node;
    const waiting = new AbortController();
    const late = () => waiting.abort(new Error("binding volumes: context deadline exceeded"));
    const timer = clock.setTimer(this.#bindMsMax, late);
    const keys = [
      podKey(pod),
      ...choice.reservations.flatMap(({ volume, claim }) => [volumeKey(volume), claimKey(claim)]),
      ...choice.provisions.map(claimKey),
    ];
    try {
      const isDone = () => this.#isDone(pod, choice, node, written);
      await this.#waiters.wait(keys, isDone, AbortSignal.any([signal, waiting.signal]));
    } finally {
      timer.cancel();
    }
  }

  #isDone(pod: Pod, choice: VolumeChoice, node: Node | undefined, written: ReadonlyMap<string, number>): boolean {
    if (this.#pods.get(keyOf(pod))?.metadata.uid !== pod.metadata.uid) {
      throw new Error("binding volumes: pod does not exist any more");
    }
    const isOld = ({ metadata }: PersistentVolume | PersistentVolumeClaim) =>
      Number(metadata.resourceVersion) < (written.get(metadata.uid) ?? 0);
    for (const { volume, claim } of choice.reservations) {
      const current = this.#volumes.get(volume.metadata.name);
      if (current && isOld(current)) return false;
      if (current?.spec.claimRef?.uid !== claim.metadata.uid) {
        throw new Error(`binding volumes: ClaimRef got reset for pv "${volume.metadata.name}"`);
      }
      if (!isBound(this.#current(claim))) return false;
    }
    for (const claim of choice.provisions) {
      const current = this.#current(claim);
      if (isOld(current)) return false;
      if (current.metadata.annotations?.[selectedNodeAnnotation] !== node?.metadata.name) {
        throw new Error(`binding volumes: provisioning failed for PVC "${claim.metadata.name}"`);
      }
      if (!isBound(current)) return false;
      const volume = this.#volumes.get(current.spec.volumeName ?? "");
      if (volume === undefined) return false;
      if (node && !isVolumeReachable(volume, node)) {
        const { name: volumeName } = volume.metadata;
        const why = `pv "${volumeName}" node affinity doesn't match node "${node.metadata.name}"`;
        throw new Error(`binding volumes: ${why}`);
      }
    }
    return true;
  }

  #current(claim: PersistentVolumeClaim): PersistentVolumeClaim {
    const current = this.#claims.get(keyOf(claim));
    if (current?.metadata.uid === claim.metadata.uid) return current;
    throw new Error(`binding volumes: persistentvolumeclaim "${claim.metadata.name}" not found`);
  }
}
