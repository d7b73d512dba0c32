import { badRequest, type DeleteOptions, type RequestOptions } from "../../api/index.ts";

const noOptions: RequestOptions = Object.freeze({});

/** The query's parameters that the API knows; others are left alone, as Kubernetes does. Throws 400 for values that cannot be read. */
export function parseRequestOptions(query: URLSearchParams): RequestOptions {
  if (query.size === 0) return noOptions;
  const text = (name: string) => query.get(name) || undefined;
  const options = {
    labelSelector: text("labelSelector"),
    fieldSelector: text("fieldSelector"),
    limit: integer(query, "limit"),
    continue: text("continue"),
    resourceVersion: text("resourceVersion"),
    // Wrong values are told by the pipeline, with those that are allowed.
    resourceVersionMatch: text("resourceVersionMatch") as RequestOptions["resourceVersionMatch"],
    allowWatchBookmarks: boolean(query, "allowWatchBookmarks"),
    sendInitialEvents: boolean(query, "sendInitialEvents"),
    timeoutSeconds: integer(query, "timeoutSeconds"),
    dryRun: dryRun(query.getAll("dryRun")),
    fieldManager: text("fieldManager"),
    fieldValidation: text("fieldValidation") as RequestOptions["fieldValidation"], // as above
    force: boolean(query, "force"),
  };
  // Only what is set: absent and undefined are not the same to the type.
  for (const [name, value] of Object.entries(options))
    if (value === undefined) delete options[name as keyof typeof options];
  return options as RequestOptions;
}

/** The DeleteOptions that stand in a query; undefined when there are none. */
export function parseDeleteQuery(query: URLSearchParams): DeleteOptions | undefined {
  const gracePeriodSeconds = integer(query, "gracePeriodSeconds");
  const propagationPolicy = query.get("propagationPolicy") || undefined;
  const orphanDependents = boolean(query, "orphanDependents");
  if (gracePeriodSeconds === undefined && propagationPolicy === undefined && orphanDependents === undefined)
    return undefined;
  return {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
    ...(orphanDependents === undefined ? {} : { orphanDependents }),
  };
}

/** A value that is not allowed counts more than one that is. */
function dryRun(values: readonly string[]): RequestOptions["dryRun"] {
  const wrong = values.find((each) => each !== "All");
  return (wrong ?? values[0]) as RequestOptions["dryRun"]; // told by the pipeline when it is wrong
}

/** As Go's conversion of query values reads booleans: present without a value is true, and only 0 and false are not. */
export function boolean(query: URLSearchParams, name: string): boolean | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  return value !== "0" && value.toLowerCase() !== "false";
}

function integer(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  if (value === null || value === "") return undefined;
  if (!/^-?\d{1,15}$/.test(value))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  return Number(value);
}
