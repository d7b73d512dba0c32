// Going back to a former template because an annotation asks for it, as the API versions before apps/v1 did:
// pkg/controller/deployment/rollback.go.
import type { Deployment, PodTemplateSpec, ReplicaSet } from "../api/index.ts";
import { annotationsAfterRollback, revisionOf, wantedRevision } from "./deployment-annotations.ts";
import { hasTemplateOf, withoutHash } from "./deployment-plan.ts";

export interface Rollback {
  /** The Deployment without the wish, and with the former template where there is one. */
  readonly deployment: Deployment;
  readonly type: "normal" | "warning";
  readonly reason: string;
  readonly message: string;
}

/** What becomes of the wish; undefined when there is none, or when it is not yet known which revision is the present one. */
export function planRollback(deployment: Deployment, sets: readonly ReplicaSet[]): Rollback | undefined {
  const wanted = wantedRevision(deployment);
  if (wanted === undefined || deployment.spec.paused || deployment.metadata.deletionTimestamp !== undefined)
    return undefined;
  const newestFirst = [...sets].sort((a, b) => Number(revisionOf(b) - revisionOf(a)));
  const present = newestFirst[0];
  if (!present || !hasTemplateOf(deployment, present)) return undefined;
  const revision = wanted === 0n ? (newestFirst[1] ? revisionOf(newestFirst[1]) : 0n) : wanted;
  const set = revision === 0n ? undefined : sets.find((each) => revisionOf(each) === revision);
  const { name } = deployment.metadata;
  if (!set) {
    const message = wanted === 0n ? "Unable to find last revision." : "Unable to find the revision to rollback to.";
    return warning(deployment, "DeploymentRollbackRevisionNotFound", message);
  }
  if (hasTemplateOf(deployment, set)) {
    const message = `The rollback revision contains the same template as current deployment "${name}"`;
    return warning(deployment, "DeploymentRollbackTemplateUnchanged", message);
  }
  // What a ReplicaSet has is a whole template.
  const template = withoutHash(set.spec.template) as PodTemplateSpec;
  return {
    deployment: seenTo({ ...deployment, spec: { ...deployment.spec, template } }, set),
    type: "normal",
    reason: "DeploymentRollback",
    message: `Rolled back deployment "${name}" to revision ${revision}`,
  };
}

function warning(deployment: Deployment, reason: string, message: string): Rollback {
  return { deployment: seenTo(deployment), type: "warning", reason, message };
}

function seenTo(deployment: Deployment, from?: ReplicaSet): Deployment {
  const annotations = annotationsAfterRollback(deployment, from);
  return { ...deployment, metadata: { ...deployment.metadata, annotations } };
}
