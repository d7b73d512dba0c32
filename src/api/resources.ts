// Every built-in kind that has a REST path, in the order in which discovery lists the groups.

import {
  MutatingAdmissionPolicies,
  MutatingAdmissionPolicyBindings,
  MutatingWebhookConfigurations,
  ValidatingAdmissionPolicies,
  ValidatingAdmissionPolicyBindings,
  ValidatingWebhookConfigurations,
} from "./admissionregistration/index.ts";
import { CustomResourceDefinitions } from "./apiextensions/index.ts";
import { APIServices } from "./apiregistration/index.ts";
import { ControllerRevisions, DaemonSets, Deployments, ReplicaSets, StatefulSets } from "./apps/index.ts";
import { SelfSubjectReviews, TokenReviews } from "./authentication/index.ts";
import {
  LocalSubjectAccessReviews,
  SelfSubjectAccessReviews,
  SelfSubjectRulesReviews,
  SubjectAccessReviews,
} from "./authorization/index.ts";
import { HorizontalPodAutoscalers, HorizontalPodAutoscalersV1 } from "./autoscaling/index.ts";
import { CronJobs, Jobs } from "./batch/index.ts";
import { CertificateSigningRequests } from "./certificates/index.ts";
import { Leases } from "./coordination/index.ts";
import {
  Bindings,
  ComponentStatuses,
  ConfigMaps,
  EndpointsResource,
  Events,
  LimitRanges,
  Namespaces,
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  PodTemplates,
  ReplicationControllers,
  ResourceQuotas,
  Secrets,
  ServiceAccounts,
  Services,
} from "./core/index.ts";
import { EndpointSlices } from "./discovery/index.ts";
import { EventsV1 } from "./events/index.ts";
import { FlowSchemas, PriorityLevelConfigurations } from "./flowcontrol/index.ts";
import { IngressClasses, Ingresses, IPAddresses, NetworkPolicies, ServiceCIDRs } from "./networking/index.ts";
import { RuntimeClasses } from "./node/index.ts";
import { PodDisruptionBudgets } from "./policy/index.ts";
import { ClusterRoleBindings, ClusterRoles, RoleBindings, Roles } from "./rbac/index.ts";
import { DeviceClasses, ResourceClaims, ResourceClaimTemplates, ResourceSlices } from "./resource/index.ts";
import type { ResourceDefinition } from "./resource.ts";
import { PriorityClasses } from "./scheduling/index.ts";
import {
  CSIDrivers,
  CSINodes,
  CSIStorageCapacities,
  StorageClasses,
  VolumeAttachments,
  VolumeAttributesClasses,
} from "./storage/index.ts";

/** All built-in kinds. The array forgets which object each definition describes: its users treat all kinds alike. */
export const builtInResources = [
  ComponentStatuses,
  ConfigMaps,
  EndpointsResource,
  Events,
  LimitRanges,
  Namespaces,
  Bindings,
  PersistentVolumeClaims,
  Pods,
  PodTemplates,
  ReplicationControllers,
  ResourceQuotas,
  Secrets,
  ServiceAccounts,
  Services,
  Nodes,
  PersistentVolumes,
  MutatingAdmissionPolicies,
  MutatingAdmissionPolicyBindings,
  MutatingWebhookConfigurations,
  ValidatingAdmissionPolicies,
  ValidatingAdmissionPolicyBindings,
  ValidatingWebhookConfigurations,
  CustomResourceDefinitions,
  APIServices,
  ControllerRevisions,
  DaemonSets,
  Deployments,
  ReplicaSets,
  StatefulSets,
  SelfSubjectReviews,
  TokenReviews,
  LocalSubjectAccessReviews,
  SelfSubjectAccessReviews,
  SelfSubjectRulesReviews,
  SubjectAccessReviews,
  HorizontalPodAutoscalersV1,
  HorizontalPodAutoscalers,
  CronJobs,
  Jobs,
  CertificateSigningRequests,
  Leases,
  EndpointSlices,
  EventsV1,
  FlowSchemas,
  PriorityLevelConfigurations,
  IngressClasses,
  Ingresses,
  IPAddresses,
  NetworkPolicies,
  ServiceCIDRs,
  RuntimeClasses,
  PodDisruptionBudgets,
  ClusterRoleBindings,
  ClusterRoles,
  RoleBindings,
  Roles,
  DeviceClasses,
  ResourceClaims,
  ResourceClaimTemplates,
  ResourceSlices,
  PriorityClasses,
  CSIDrivers,
  CSINodes,
  CSIStorageCapacities,
  StorageClasses,
  VolumeAttachments,
  VolumeAttributesClasses,
] as unknown as readonly ResourceDefinition[];
