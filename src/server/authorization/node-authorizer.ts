import {
  isMirrorPod,
  localVolumeNodeLabel,
  type PersistentVolume,
  PersistentVolumeClaims,
  PersistentVolumes,
  type Pod,
  Pods,
  ResourceSlices,
  type User,
  VolumeAttachments,
} from "../../api/index.ts";
import type { Index, Lookup } from "../lookup.ts";
import type { Attributes, Authorizer, Decision } from "./authorizer.ts";
import { nodeRules } from "./bootstrap-policy/index.ts";
import { type PodReferences, persistentVolumeSecrets, podReferences } from "./pod-references.ts";
import { rulesAllow } from "./policy-rule.ts";

const nodeUserPrefix = "system:node:";
const nodesGroup = "system:nodes";
const leaseNamespace = "kube-node-lease";

/** The node that the user is; undefined for everybody else, "" for a member of the group without a node's name. */
export function nodeNameOf(user: User): string | undefined {
  if (!user.name.startsWith(nodeUserPrefix) || !user.groups.includes(nodesGroup)) return undefined;
  return user.name.slice(nodeUserPrefix.length);
}

/** Files pods under the node they run on. */
export const podsByNode: Index<Pod> = { name: "spec.nodeName", of: (pod) => pod.spec.nodeName };

const allow: Decision = { allowed: true, reason: "" };
const noOpinion = (reason = ""): Decision => ({ allowed: false, reason });

type ResourceAttributes = NonNullable<Attributes["resource"]>;

/**
 * Lets a node read what its own pods name, and write what stands for itself: the rules of
 * plugin/pkg/auth/authorizer/node of Kubernetes, answered from the pods that are filed under the node.
 */
export class NodeAuthorizer implements Authorizer {
  #lookup: Lookup;
  /** What a pod names, kept with the version of the pod that it was read from. */
  #references = new WeakMap<Pod, PodReferences>();

  constructor(lookup: Lookup) {
    this.#lookup = lookup;
  }

  authorize(attributes: Attributes): Decision {
    const { user, verb, resource } = attributes;
    const node = nodeNameOf(user);
    if (node === undefined) return noOpinion();
    if (node === "") return noOpinion(`unknown node for user "${user.name}"`);
    const special = resource && this.#decideAbout(node, verb, resource);
    if (special) return special;
    return rulesAllow(nodeRules, attributes) ? allow : noOpinion();
  }

  /** Undefined for what every node may alike. */
  #decideAbout(node: string, verb: string, resource: ResourceAttributes): Decision | undefined {
    switch (`${resource.group}/${resource.plural}`) {
      case "/secrets":
        return this.#readNamespaced(node, verb, resource, (names) => this.#namesSecret(names, resource));
      case "/configmaps":
        return this.#readNamespaced(node, verb, resource, (names) => names.configMaps.has(resource.name));
      case "/persistentvolumeclaims":
        if (resource.subresource === "status") return this.#updateClaimStatus(node, verb, resource);
        return this.#getOne(node, verb, resource, () => this.#isClaimOf(node, resource.namespace, resource.name));
      case "/persistentvolumes":
        return this.#volume(node, verb, resource);
      case "resource.k8s.io/resourceclaims":
        return this.#getOne(node, verb, resource, () =>
          this.#somePod(node, resource.namespace, (names) => names.resourceClaims.has(resource.name)),
        );
      case "storage.k8s.io/volumeattachments":
        return this.#getOne(node, verb, resource, () => {
          return this.#lookup.get(VolumeAttachments, undefined, resource.name)?.spec.nodeName === node;
        });
      case "/serviceaccounts":
        return this.#serviceAccount(node, verb, resource);
      case "coordination.k8s.io/leases":
        return ownLease(node, verb, resource);
      case "storage.k8s.io/csinodes":
        return ownCsiNode(node, verb, resource);
      case "resource.k8s.io/resourceslices":
        return this.#resourceSlice(node, verb, resource);
      case "/nodes":
        return ownNode(node, verb, resource);
      case "/pods":
        return this.#pod(node, verb, resource);
      default:
        return undefined;
    }
  }

  #readNamespaced(
    node: string,
    verb: string,
    { subresource, namespace, name }: ResourceAttributes,
    isNamed: (names: PodReferences) => boolean,
  ): Decision {
    if (verb !== "get" && verb !== "list" && verb !== "watch") return noOpinion("can only read resources of this type");
    if (subresource !== "") return noOpinion("cannot read subresource");
    if (namespace === "") return noOpinion("can only read namespaced object of this type");
    if (name === "") return noOpinion("No Object name found");
    return this.#somePod(node, namespace, isNamed) ? allow : unrelated(node);
  }

  #getOne(node: string, verb: string, { subresource, name }: ResourceAttributes, isRelated: () => boolean): Decision {
    if (verb !== "get") return noOpinion("can only get individual resources of this type");
    if (subresource !== "") return noOpinion("cannot get subresource");
    if (name === "") return noOpinion("No Object name found");
    return isRelated() ? allow : unrelated(node);
  }

  /** Beside those of its pods, the volumes that are directories of the node: it sees them go and removes what is there. */
  #volume(node: string, verb: string, resource: ResourceAttributes): Decision {
    const { name, subresource, labelSelector } = resource;
    if (verb === "list" || verb === "watch") {
      if (selects(labelSelector, localVolumeNodeLabel, node)) return allow;
    } else if (verb === "patch" && subresource === "") {
      const { metadata } = this.#lookup.get(PersistentVolumes, undefined, name) ?? {};
      // What it may change, NodeRestriction sees.
      return metadata?.labels?.[localVolumeNodeLabel] === node ? allow : unrelated(node);
    }
    return this.#getOne(node, verb, resource, () => this.#isVolumeOf(node, name));
  }

  #updateClaimStatus(node: string, verb: string, { namespace, name }: ResourceAttributes): Decision {
    if (verb !== "update" && verb !== "patch") return noOpinion("can only get/update/patch this type");
    return this.#isClaimOf(node, namespace, name) ? allow : unrelated(node);
  }

  #serviceAccount(node: string, verb: string, { namespace, name, subresource }: ResourceAttributes): Decision {
    const readsOne = verb === "get" && subresource === "";
    if (!readsOne && (verb !== "create" || name === ""))
      return noOpinion("can only create tokens for individual service accounts");
    if (!readsOne && subresource !== "token") return noOpinion("can only create token subresource of serviceaccount");
    return this.#somePod(node, namespace, (names) => names.serviceAccount === name) ? allow : unrelated(node);
  }

  #resourceSlice(node: string, verb: string, { name, subresource, fieldSelector }: ResourceAttributes): Decision {
    if (subresource !== "") return noOpinion("cannot authorize ResourceSlice subresources");
    switch (verb) {
      // Whether it is for this node, NodeRestriction sees.
      case "create":
        return allow;
      case "get":
      case "update":
      case "patch":
      case "delete":
        if (name === "") return noOpinion("No Object name found");
        return this.#lookup.get(ResourceSlices, undefined, name)?.spec.nodeName === node ? allow : unrelated(node);
      case "list":
      case "watch":
      case "deletecollection":
        return selects(fieldSelector, "spec.nodeName", node) || selects(fieldSelector, "nodeName", node)
          ? allow
          : noOpinion("can only list/watch/deletecollection resourceslices with nodeName field selector");
      default:
        return noOpinion(
          "only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection",
        );
    }
  }

  #pod(node: string, verb: string, { namespace, name, subresource, fieldSelector }: ResourceAttributes): Decision {
    const isOwn = () => this.#lookup.get(Pods, namespace, name)?.spec.nodeName === node;
    switch (`${verb} ${subresource}`) {
      case "get ":
        if (name === "") return noOpinion("No Object name found");
        return isOwn() ? allow : unrelated(node);
      case "list ":
      case "watch ":
        if (selects(fieldSelector, "spec.nodeName", node)) return allow;
        if (name !== "") return isOwn() ? allow : unrelated(node);
        return noOpinion("can only list/watch pods with spec.nodeName field selector");
      // Which pods these may be about, NodeRestriction sees.
      case "create ":
      case "delete ":
      case "update status":
      case "patch status":
      case "create eviction":
        return allow;
      default:
        return noOpinion();
    }
  }

  #namesSecret(names: PodReferences, { namespace, name }: ResourceAttributes): boolean {
    if (names.secrets.has(name)) return true;
    for (const claim of names.persistentVolumeClaims) {
      const volume = this.#volumeOfClaim(namespace, claim);
      if (volume && persistentVolumeSecrets(volume).has(`${namespace}/${name}`)) return true;
    }
    return false;
  }

  #volumeOfClaim(namespace: string, claim: string): PersistentVolume | undefined {
    const volumeName = this.#lookup.get(PersistentVolumeClaims, namespace, claim)?.spec.volumeName;
    if (volumeName === undefined || volumeName === "") return undefined;
    const volume = this.#lookup.get(PersistentVolumes, undefined, volumeName);
    const claimRef = volume?.spec.claimRef;
    return claimRef?.namespace === namespace && claimRef.name === claim ? volume : undefined;
  }

  #isClaimOf(node: string, namespace: string, name: string): boolean {
    return this.#somePod(node, namespace, (names) => names.persistentVolumeClaims.has(name));
  }

  #isVolumeOf(node: string, name: string): boolean {
    const claimRef = this.#lookup.get(PersistentVolumes, undefined, name)?.spec.claimRef;
    return claimRef !== undefined && this.#isClaimOf(node, claimRef.namespace ?? "", claimRef.name ?? "");
  }

  #somePod(node: string, namespace: string, isNamed: (names: PodReferences) => boolean): boolean {
    for (const pod of this.#lookup.byIndex(Pods, podsByNode, node)) {
      if (pod.metadata.namespace !== namespace || isMirrorPod(pod)) continue;
      let names = this.#references.get(pod);
      if (!names) {
        names = podReferences(pod);
        this.#references.set(pod, names);
      }
      if (isNamed(names)) return true;
    }
    return false;
  }
}

const unrelated = (node: string): Decision => noOpinion(`no relationship found between node '${node}' and this object`);

const ownWrites = ["get", "create", "update", "patch", "delete"];

function ownLease(node: string, verb: string, { namespace, name }: ResourceAttributes): Decision {
  if (!ownWrites.includes(verb)) return noOpinion("can only get, create, update, patch, or delete a node lease");
  if (namespace !== leaseNamespace)
    return noOpinion(`can only access leases in the "${leaseNamespace}" system namespace`);
  // At create the name is in the body; NodeRestriction sees it.
  if (verb !== "create" && name !== node)
    return noOpinion("can only access node lease with the same name as the requesting node");
  return allow;
}

function ownCsiNode(node: string, verb: string, { subresource, name }: ResourceAttributes): Decision {
  if (!ownWrites.includes(verb)) return noOpinion("can only get, create, update, patch, or delete a CSINode");
  if (subresource !== "") return noOpinion("cannot authorize CSINode subresources");
  if (verb !== "create" && name !== node)
    return noOpinion("can only access CSINode with the same name as the requesting node");
  return allow;
}

function ownNode(node: string, verb: string, { subresource, name }: ResourceAttributes): Decision {
  switch (`${verb} ${subresource}`) {
    // Which node these may be about, NodeRestriction sees.
    case "create ":
    case "update ":
    case "patch ":
    case "update status":
    case "patch status":
      return allow;
    // By name, so that an agent can look for its node before it has made it.
    case "get ":
    case "list ":
    case "watch ":
      if (name === node) return allow;
      return noOpinion(
        name === ""
          ? `node '${node}' cannot read all nodes, only its own Node object`
          : `node '${node}' cannot read '${name}', only its own Node object`,
      );
    default:
      return noOpinion();
  }
}

/** Whether one requirement of a selector is `field=value`; selectors are conjunctions. */
function selects(selector: string | undefined, field: string, value: string): boolean {
  return (selector ?? "").split(",").some((each) => each === `${field}=${value}` || each === `${field}==${value}`);
}
