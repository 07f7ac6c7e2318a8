import { describeResource, type Resource } from "./resource.ts";

/**
 * What went wrong, as far as callers act on it. `missing-kind`: the server does not know the resource at all, which
 * means that a CRD is not installed or the group or version is wrong. `gone`: a resource version has expired.
 */
export type ApiErrorKind =
  | "forbidden"
  | "unauthorized"
  | "missing-kind"
  | "not-found"
  | "conflict"
  | "gone"
  | "refused"
  | "unreachable"
  | "too-large"
  | "malformed";

/** What was tried: enough to say which permission is missing. */
export interface Attempt {
  /** Verb as RBAC names it: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`. */
  readonly verb: string;
  readonly resource: Resource;
  readonly name?: string;
}

/** A call to the API server has failed. The message is a whole sentence for the log. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly code: string;
  readonly kind: ApiErrorKind;
  readonly status: number | undefined;
  readonly attempt: Attempt;
  /** What to do about it; undefined where there is nothing particular. */
  readonly hint: string | undefined;

  constructor(kind: ApiErrorKind, attempt: Attempt, detail: string, status?: number, cause?: unknown) {
    const what = attempt.name === undefined ? "" : ` "${attempt.name}"`;
    const hint = hintFor(kind, attempt);
    const text = `cannot ${attempt.verb} ${describeResource(attempt.resource)}${what}: ${detail}`;
    super(hint === undefined ? text : `${text}; ${hint}`, cause === undefined ? {} : { cause });
    this.code = `ERR_KUBERNETES_${kind.toUpperCase().replaceAll("-", "_")}`;
    this.kind = kind;
    this.status = status;
    this.attempt = attempt;
    this.hint = hint;
  }
}

/** Turns an answer that is no success into an error. @param body what the server sent, a `Status` object as a rule. */
export function errorOfAnswer(attempt: Attempt, status: number, body: string): ApiError {
  const told = messageOf(body);
  return new ApiError(kindOfStatus(status, body), attempt, told ?? `the server answers ${status}`, status);
}

/** Turns the `Status` object of a watch event of type ERROR into an error. */
export function errorOfEvent(attempt: Attempt, object: unknown): ApiError {
  const { code, message } = (object ?? {}) as { code?: unknown; message?: unknown };
  const status = typeof code === "number" ? code : 500;
  return new ApiError(
    kindOfStatus(status, ""),
    attempt,
    typeof message === "string" ? cut(message) : "the watch failed",
    status,
  );
}

function kindOfStatus(status: number, body: string): ApiErrorKind {
  if (status === 401) return "unauthorized";
  if (status === 403) return "forbidden";
  // An object that is missing is named in a `Status`; a path nobody serves is answered by plain text or no details.
  if (status === 404) return /"details":\s*\{\s*"name"/.test(body) ? "not-found" : "missing-kind";
  if (status === 409) return "conflict";
  if (status === 410) return "gone";
  return "refused";
}

function messageOf(body: string): string | undefined {
  try {
    const { message } = JSON.parse(body) as { message?: unknown };
    return typeof message === "string" && message !== "" ? cut(message) : undefined;
  } catch {
    return body.trim() === "" ? undefined : cut(body.trim());
  }
}

const longest = 600;

function cut(text: string): string {
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}

function hintFor(kind: ApiErrorKind, { verb, resource }: Attempt): string | undefined {
  const group = resource.group === "" ? '""' : resource.group;
  switch (kind) {
    case "forbidden": {
      const scope = resource.namespace === undefined ? "a ClusterRole" : `a Role in namespace "${resource.namespace}"`;
      return `grant the verb "${verb}" on resource "${resource.plural}" of API group ${group} in ${scope}`;
    }
    case "unauthorized":
      return "the token or certificate is not accepted: look at the kubeconfig or the service account";
    case "missing-kind":
      return `the server does not serve ${resource.plural} of ${resource.group}/${resource.version}: install the CRD, or correct the group and version`;
    default:
      return undefined;
  }
}
