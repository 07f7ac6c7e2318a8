export { ApiError, type ApiErrorKind, type Attempt } from "./api-error.ts";
export { type Backoff, createBackoff } from "./backoff.ts";
export { type ConditionReport, reportCondition } from "./condition.ts";
export { Contact } from "./contact.ts";
export { type FollowOptions, follow } from "./follow.ts";
export { type Call, type Cluster, type ClusterOptions, openCluster } from "./open-cluster.ts";
export { clusterFields, poolFields, statusFields } from "./pool-object-fields.ts";
export { type ObjectsOptions, PoolObjects } from "./pool-objects.ts";
export { describeResource, type KubernetesObject, type ObjectMeta, pathOf, pods, type Resource } from "./resource.ts";
