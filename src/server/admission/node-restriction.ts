import {
  type AuthenticationTokenRequest,
  type CertificateSigningRequest,
  isMirrorPod,
  type KubeObject,
  kubeletClientSigner,
  kubeletServingSigner,
  localVolumeFinalizer,
  mirrorPodAnnotation,
  type Node,
  Nodes,
  notFound,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type Pod,
  Pods,
  type ResourceSlice,
  readCertificateRequest,
} from "../../api/index.ts";
import { deepEqual } from "../../lib/index.ts";
import { type Authorizer, nodeNameOf, podReferences } from "../authorization/index.ts";
import type { Lookup } from "../lookup.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";
import { isAllowedNodeLabel } from "./node-labels.ts";
import { restrictAudience } from "./node-token-audience.ts";
import { refuse } from "./refusal.ts";

const leaseNamespace = "kube-node-lease";

/** Holds nodes to what is theirs, where the authorizer cannot see it because it is in the body. */
export function nodeRestriction(lookup: Lookup, authorizer: Authorizer): AdmissionPlugin {
  return {
    name: "NodeRestriction",
    admit(request) {
      const node = nodeNameOf(request.user);
      if (node === undefined) return;
      if (node === "") throw refuse(request, `could not determine node from user ${JSON.stringify(request.user.name)}`);
      const { group, plural } = request.definition;
      switch (`${group}/${plural}`) {
        case "/pods":
          restrictPod(request, node, lookup);
          break;
        case "/nodes":
          restrictNode(request, node);
          break;
        case "/persistentvolumeclaims":
          restrictClaimStatus(request, node);
          break;
        case "/persistentvolumes":
          restrictVolume(request, node);
          break;
        case "/serviceaccounts":
          return restrictToken(request, node, lookup, authorizer);
        case "coordination.k8s.io/leases":
          restrictLease(request, node);
          break;
        case "storage.k8s.io/csinodes":
          if (nameOf(request) !== node)
            throw refuse(request, "can only access CSINode with the same name as the requesting node");
          break;
        case "resource.k8s.io/resourceslices":
          restrictSlice(request, node);
          break;
        case "certificates.k8s.io/certificatesigningrequests":
          restrictCertificateRequest(request, node);
          break;
      }
    },
  };
}

/** The name in the path, or in the body of a create. */
const nameOf = ({ operation, name, object }: AdmissionRequest): string =>
  operation === "CREATE" ? (object?.metadata.name ?? "") : name;

/** The objects of a request are of the kind that its definition names. */
const objectOf = <T extends KubeObject>(request: AdmissionRequest) => request.object as unknown as T;
const oldOf = <T extends KubeObject>(request: AdmissionRequest) => request.old as unknown as T;

function restrictPod(request: AdmissionRequest, node: string, lookup: Lookup): void {
  switch (request.subresource) {
    case "":
      restrictWholePod(request, node, lookup);
      return;
    case "status":
      restrictPodStatus(request, node);
      return;
    case "eviction":
      restrictEviction(request, node, lookup);
      return;
    default:
      throw refuse(
        request,
        `unexpected pod subresource "${request.subresource}", only 'status' and 'eviction' are allowed`,
      );
  }
}

function restrictWholePod(request: AdmissionRequest, node: string, lookup: Lookup): void {
  const { operation } = request;
  if (operation === "CREATE") restrictMirrorPod(request, node, lookup);
  else if (operation !== "DELETE")
    throw refuse(request, `unexpected operation "${operation}", node "${node}" can only create and delete mirror pods`);
  else if (oldOf<Pod>(request).spec.nodeName !== node)
    throw refuse(request, `node "${node}" can only delete pods with spec.nodeName set to itself`);
}

function restrictPodStatus(request: AdmissionRequest, node: string): void {
  if (request.operation !== "UPDATE") throw refuse(request, `unexpected operation "${request.operation}"`);
  const [next, old] = [objectOf<Pod>(request), oldOf<Pod>(request)];
  if (old.spec.nodeName !== node)
    throw refuse(request, `node "${node}" can only update pod status for pods with spec.nodeName set to itself`);
  if (!deepEqual(next.metadata.labels ?? {}, old.metadata.labels ?? {}))
    throw refuse(request, `node "${node}" cannot update labels through pod status`);
  if (!deepEqual(next.status?.resourceClaimStatuses ?? [], old.status?.resourceClaimStatuses ?? []))
    throw refuse(request, `node "${node}" cannot update resource claim statues`);
  // A node may read the claim that stands here.
  if (!deepEqual(next.status?.extendedResourceClaimStatus, old.status?.extendedResourceClaimStatus))
    throw refuse(request, `node "${node}" cannot update extended resource claim status`);
}

function restrictEviction(request: AdmissionRequest, node: string, lookup: Lookup): void {
  if (request.operation !== "CREATE") throw refuse(request, `unexpected operation ${request.operation}`);
  const podName = request.name || (request.object?.metadata.name ?? "");
  if (podName === "") throw refuse(request, "could not determine pod from request data");
  const pod = lookup.get(Pods, request.namespace, podName);
  if (!pod) throw notFound(Pods, podName);
  if (pod.spec.nodeName !== node)
    throw refuse(request, `node ${node} can only evict pods with spec.nodeName set to itself`);
}

function restrictMirrorPod(request: AdmissionRequest, node: string, lookup: Lookup): void {
  const pod = objectOf<Pod>(request);
  const may = (isAllowed: boolean, why: string) => {
    if (!isAllowed) throw refuse(request, why);
  };
  const only = (what: string) => `node "${node}" can only create pods with ${what}`;
  may(
    isMirrorPod(pod),
    `pod does not have "${mirrorPodAnnotation}" annotation, node "${node}" can only create mirror pods`,
  );
  may(pod.spec.nodeName === node, only("spec.nodeName set to itself"));
  const [owner, ...others] = pod.metadata.ownerReferences ?? [];
  may(others.length === 0, only("a single owner reference set to itself"));
  const isOwn = owner?.apiVersion === "v1" && owner.kind === "Node" && owner.name === node;
  may(isOwn, only("an owner reference set to itself"));
  may(owner?.controller === true, only("a controller owner reference set to itself"));
  may(owner?.blockOwnerDeletion !== true, `node "${node}" must not set blockOwnerDeletion on an owner reference`);
  const stored = lookup.get(Nodes, undefined, node);
  if (!stored) throw notFound(Nodes, node);
  may(
    owner?.uid === stored.metadata.uid,
    `node ${node} UID mismatch: expected ${owner?.uid} got ${stored.metadata.uid}`,
  );
  const names = podReferences(pod);
  const references = (what: string) => `node "${node}" can not create pods that reference ${what}`;
  may(names.serviceAccount === "", references("a service account"));
  may(names.secrets.size === 0, references("secrets"));
  may(names.configMaps.size === 0, references("configmaps"));
  const sources = (pod.spec.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? []);
  may(!sources.some((each) => each.clusterTrustBundle), references("clustertrustbundles"));
  may(names.persistentVolumeClaims.size === 0, references("persistentvolumeclaims"));
}

function restrictNode(request: AdmissionRequest, node: string): void {
  const { operation } = request;
  const requested = nameOf(request);
  if (requested !== node) throw refuse(request, `node "${node}" is not allowed to modify node "${requested}"`);
  if (operation !== "CREATE" && operation !== "UPDATE") return;
  const next = objectOf<Node>(request);
  const old = operation === "UPDATE" ? oldOf<Node>(request) : undefined;
  if (next.spec?.configSource && !deepEqual(next.spec.configSource, old?.spec.configSource))
    throw refuse(
      request,
      old
        ? `node "${node}" is not allowed to update configSource to a new non-nil configSource`
        : `node "${node}" is not allowed to create pods with a non-nil configSource`,
    );
  if (old && !deepEqual(next.spec?.taints ?? [], old.spec.taints ?? []))
    throw refuse(request, `node "${node}" is not allowed to modify taints`);
  if (old && !deepEqual(next.metadata.ownerReferences ?? [], old.metadata.ownerReferences ?? []))
    throw refuse(request, `node "${node}" is not allowed to modify ownerReferences`);
  const forbidden = changedKeys(next.metadata.labels, old?.metadata.labels).filter((key) => !isAllowedNodeLabel(key));
  if (forbidden.length > 0)
    throw refuse(
      request,
      old
        ? `is not allowed to modify labels: ${forbidden.join(", ")}`
        : `node "${node}" is not allowed to set the following labels: ${forbidden.join(", ")}`,
    );
}

function changedKeys(a: Node["metadata"]["labels"] = {}, b: Node["metadata"]["labels"] = {}): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => a[key] !== b[key]).sort();
}

function restrictClaimStatus(request: AdmissionRequest, node: string): void {
  if (request.subresource !== "status") throw refuse(request, "may only update PVC status");
  if (request.operation !== "UPDATE") throw refuse(request, `unexpected operation "${request.operation}"`);
  if (!deepEqual(withoutResizing(objectOf(request)), withoutResizing(oldOf(request))))
    throw refuse(
      request,
      `node "${node}" is not allowed to update fields other than status.quantity and status.conditions`,
    );
}

/** A node says of a volume that is its directory that it is gone, by taking away a finalizer, and nothing else. */
function restrictVolume(request: AdmissionRequest, node: string): void {
  const [next, old] = [objectOf<PersistentVolume>(request), oldOf<PersistentVolume>(request)];
  const allowed = (old.metadata.finalizers ?? []).filter((each) => each !== localVolumeFinalizer);
  const same = deepEqual(withoutFinalizers(next), withoutFinalizers(old));
  if (request.operation !== "UPDATE" || !same || !deepEqual(next.metadata.finalizers ?? [], allowed))
    throw refuse(request, `node "${node}" is only allowed to remove the finalizer ${localVolumeFinalizer}`);
}

function withoutFinalizers(volume: PersistentVolume) {
  const { resourceVersion: _, managedFields: __, finalizers: ___, ...metadata } = volume.metadata;
  return { ...volume, metadata };
}

/** The claim without what a node may say of it, which is how far resizing has come, and without what every write changes. */
function withoutResizing(claim: PersistentVolumeClaim) {
  const { resourceVersion: _, managedFields: __, ...metadata } = claim.metadata;
  const {
    capacity: _c,
    conditions: _o,
    allocatedResources: _a,
    allocatedResourceStatuses: _s,
    ...status
  } = claim.status ?? {};
  return { ...claim, metadata, status };
}

async function restrictToken(
  request: AdmissionRequest,
  node: string,
  lookup: Lookup,
  authorizer: Authorizer,
): Promise<void> {
  if (request.operation !== "CREATE" || request.subresource !== "token") return;
  const spec: Partial<AuthenticationTokenRequest["spec"]> =
    (request.object as unknown as AuthenticationTokenRequest).spec ?? {};
  const { boundObjectRef } = spec;
  if (boundObjectRef?.apiVersion !== "v1" || boundObjectRef.kind !== "Pod" || !boundObjectRef.name)
    throw refuse(request, "node requested token not bound to a pod");
  if (!boundObjectRef.uid) throw refuse(request, "node requested token with a pod binding without a uid");
  const pod = lookup.get(Pods, request.namespace, boundObjectRef.name);
  if (!pod) throw notFound(Pods, boundObjectRef.name);
  if (pod.metadata.uid !== boundObjectRef.uid)
    throw refuse(
      request,
      `the UID in the bound object reference (${boundObjectRef.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  if (pod.spec.nodeName !== node)
    throw refuse(request, "node requested token bound to a pod scheduled on a different node");
  await restrictAudience(request, spec, pod, lookup, authorizer);
}

function restrictLease(request: AdmissionRequest, node: string): void {
  if (request.namespace !== leaseNamespace)
    throw refuse(request, `can only access leases in the "${leaseNamespace}" system namespace`);
  if (nameOf(request) !== node)
    throw refuse(request, "can only access node lease with the same name as the requesting node");
}

function restrictSlice(request: AdmissionRequest, node: string): void {
  const { operation } = request;
  if (operation === "CREATE" && objectOf<ResourceSlice>(request).spec.nodeName !== node)
    throw refuse(request, "can only create ResourceSlice with the same NodeName as the requesting node");
  if (operation === "DELETE" && oldOf<ResourceSlice>(request).spec.nodeName !== node)
    throw refuse(request, "can only delete ResourceSlice with the same NodeName as the requesting node");
}

const nodeSigners = [kubeletServingSigner, kubeletClientSigner];

function restrictCertificateRequest(request: AdmissionRequest, node: string): void {
  if (request.operation !== "CREATE") return;
  const { signerName, request: bytes } = objectOf<CertificateSigningRequest>(request).spec;
  if (!nodeSigners.includes(signerName)) return;
  const subject = readCertificateRequest(bytes);
  if (!subject) throw refuse(request, "unable to parse csr: PEM block type must be CERTIFICATE REQUEST");
  if (subject.commonName !== `system:node:${node}`)
    throw refuse(request, `can only create a node CSR with CN=system:node:${node}`);
}
