import { containerColumns, formatLabels, nameColumn } from "../columns.ts";
import { rootPath } from "../meta/field-error.ts";
import { defineResource } from "../resource.ts";
import type { PodTemplate } from "../types.generated.ts";
import { defaultPodTemplate } from "./pod-defaults.ts";
import { validatePodTemplate } from "./pod-spec-validation.ts";
import { templateWarnings } from "./workload-template.ts";

export const PodTemplates = defineResource<PodTemplate>({
  group: "",
  version: "v1",
  kind: "PodTemplate",
  plural: "podtemplates",
  columns: [
    nameColumn,
    ...containerColumns<PodTemplate>(({ template }) => template?.spec.containers).map((column) => ({
      ...column,
      priority: 0,
    })),
    {
      name: "Pod Labels",
      type: "string",
      description: "The labels for the pod template.",
      of: ({ template }) => formatLabels(template?.metadata?.labels),
    },
  ],
  hasGeneration: true,
  defaults: (object) => {
    object.template ??= { spec: { containers: [] } };
    defaultPodTemplate(object.template);
  },
  validate: ({ template }, at) => (template ? validatePodTemplate(template, at.child("template")) : []),
  warnings: ({ metadata, template }, old) =>
    template
      ? templateWarnings(template, metadata.generation !== old?.metadata.generation, rootPath.child("template"))
      : [],
});
