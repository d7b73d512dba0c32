import {
  type CertificateSigningRequest,
  type KubeObject,
  type Namespace,
  type Pod,
  type ResourceDefinition,
  rootPath,
  validateApproval,
  validateEphemeralContainersUpdate,
  validateNamespaceFinalizers,
  validatePodResize,
  withEphemeralContainers,
  withResizedContainers,
} from "../../api/index.ts";
import type { Draft } from "../../lib/index.ts";
import { type Form, statusForm, topLevel, wholeForm } from "./form.ts";
import { scaleForm } from "./scale.ts";

/** The form in which a subresource shows and takes an object; undefined for subresources that are none. */
export function subresourceForm(definition: ResourceDefinition, subresource: string): Form | undefined {
  if (!definition.subresources.some((each) => each.name === subresource)) return undefined;
  switch (subresource) {
    case "status":
      return statusForm(definition);
    case "scale":
      return definition.scale && scaleForm(definition, definition.scale);
    case "finalize":
      return finalizeForm(definition);
    case "ephemeralcontainers":
      return ephemeralContainersForm(definition);
    case "resize":
      return resizeForm(definition);
    case "approval":
      return approvalForm(definition);
    default:
      return undefined;
  }
}

/** What a namespace waits for before it goes: only this subresource changes it. */
function finalizeForm(definition: ResourceDefinition): Form {
  return {
    ...wholeForm(definition),
    resetFields: topLevel(["status"]),
    next: (body, old) => {
      const finalizers = (body as Draft<Namespace>).spec?.finalizers ?? []; // the definition is that of Namespace
      const namespace = old as Namespace;
      const { finalizers: _, ...spec } = namespace.spec ?? {};
      const next = { ...namespace, spec: { ...spec, ...(finalizers.length > 0 ? { finalizers } : {}) } };
      return withMetadataOf(next, body);
    },
    validate: (next) => validateNamespaceFinalizers(next as Namespace, rootPath),
    prepares: false,
  };
}

/** The containers that are added to a running pod to look into it. */
function ephemeralContainersForm(definition: ResourceDefinition): Form {
  return {
    ...wholeForm(definition),
    next: (body, old) => withMetadataOf(withEphemeralContainers(old as Pod, body as KubeObject as Pod), body), // the definition is that of Pod
    validate: (next, old) => [
      ...(definition.validate?.(next, rootPath) ?? []),
      ...validateEphemeralContainersUpdate(next as Pod, old as Pod, rootPath),
    ],
    prepares: true,
    withoutWarnings: true,
  };
}

/** The resources of a running pod's containers. */
function resizeForm(definition: ResourceDefinition): Form {
  return {
    ...wholeForm(definition),
    next: (body, old) => withMetadataOf(withResizedContainers(old as Pod, body as KubeObject as Pod), body), // as above
    validate: (next, old) => [
      ...(definition.validate?.(next, rootPath) ?? []),
      ...validatePodResize(next as Pod, old as Pod, rootPath),
    ],
    prepares: true,
    withoutWarnings: true,
  };
}

/** The approver's conditions of a certificate signing request. */
function approvalForm(definition: ResourceDefinition): Form {
  return {
    ...wholeForm(definition),
    resetFields: topLevel(["spec"]),
    next: (body, old) => {
      const request = old as CertificateSigningRequest; // the definition is that kind's
      const { conditions } = (body as Draft<CertificateSigningRequest>).status ?? {};
      const { conditions: _, ...status } = request.status ?? {};
      const decided = { ...request, status: { ...status, ...(conditions ? { conditions } : {}) } };
      return withMetadataOf(decided, body);
    },
    validate: (next, old) =>
      validateApproval(next as CertificateSigningRequest, old as CertificateSigningRequest, rootPath), // as above
    prepares: false,
    preparesStatus: true,
  };
}

/** `object` with the metadata that the client sent. Only its top level and metadata are changed after this. */
function withMetadataOf(object: KubeObject | Draft<KubeObject>, { metadata }: Draft<KubeObject>): Draft<KubeObject> {
  return { ...object, metadata } as Draft<KubeObject>;
}
