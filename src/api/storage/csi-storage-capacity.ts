import { nameColumn } from "../columns.ts";
import { nodeLabelSelectorWarnings } from "../core/node-label-warnings.ts";
import { invalidFor } from "../field-rules.ts";
import { shownSelector } from "../go-value.ts";
import { rootPath } from "../meta/field-error.ts";
import { validateLabelSelector } from "../meta/label-selector.ts";
import { isDns1123Subdomain } from "../meta/names.ts";
import { immutableField, immutableFields } from "../meta/object-meta.ts";
import { validateNonnegativeQuantity } from "../meta/quantity.ts";
import { defineResource } from "../resource.ts";
import type { CSIStorageCapacity } from "../types.generated.ts";

export const CSIStorageCapacities = defineResource<CSIStorageCapacity>({
  group: "storage.k8s.io",
  version: "v1",
  kind: "CSIStorageCapacity",
  plural: "csistoragecapacities",
  columns: [
    nameColumn,
    { name: "StorageClassName", type: "string", of: ({ storageClassName }) => storageClassName },
    { name: "Capacity", type: "string", of: ({ capacity }) => capacity ?? "<unset>" },
  ],
  allowsUnconditionalUpdate: false,
  validate: ({ nodeTopology, storageClassName = "", capacity }, at) => [
    ...validateLabelSelector(at.child("nodeTopology"), nodeTopology),
    ...invalidFor(at.child("storageClassName"), storageClassName, isDns1123Subdomain(storageClassName)),
    ...(capacity === undefined ? [] : validateNonnegativeQuantity(at.child("capacity"), capacity)),
  ],
  validateUpdate: (next, old, at) => [
    ...immutableField(at.child("nodeTopology"), next.nodeTopology, old.nodeTopology, shownSelector),
    ...immutableFields(at, next, old, ["storageClassName"]),
  ],
  warnings: ({ nodeTopology }) =>
    nodeTopology ? nodeLabelSelectorWarnings(nodeTopology, rootPath.child("nodeTopology")) : [],
});
