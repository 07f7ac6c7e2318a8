import { defineRequestKey, type RequestKey, type RequestView } from "@pointsman/plugin-api";
import { SessionId } from "@pointsman/plugin-api/keys";
import type { SessionSource } from "./options.ts";

/** Longer ids are ignored: a client must not choose how much memory a session takes. */
const MAX_ID_LENGTH = 512;

/** Headers by which coding agents name their session, in llm-d's order. */
const AGENT_IDENTITY_HEADERS = ["x-claude-code-session-id", "x-session-affinity", "session-id", "session_id"];

type Reader = (request: RequestView) => string | undefined;

/** Finds the session id of a request: the first usable one of the sources; undefined when there is none. */
export function createSessionIdReader(sources: readonly SessionSource[]): Reader {
  const readers = sources.flatMap(readersOf);
  return (request) => {
    for (const read of readers) {
      const id = read(request);
      if (id !== undefined && id !== "" && id.length <= MAX_ID_LENGTH) return id;
    }
    return undefined;
  };
}

/** The request keys that the sources read. */
export function requestKeysOf(sources: readonly SessionSource[]): RequestKey<string>[] {
  return sources.flatMap((source) => requestKeyOf(source) ?? []);
}

function readersOf(source: SessionSource): Reader[] {
  if ("header" in source) return [headerReader(source.header)];
  const key = requestKeyOf(source);
  if (key === undefined) return AGENT_IDENTITY_HEADERS.map(headerReader);
  return [
    (request) => {
      const id: unknown = request.locals.get(key);
      return typeof id === "string" ? id : undefined;
    },
  ];
}

function headerReader(name: string): Reader {
  return (request) => request.header(name);
}

function requestKeyOf(source: SessionSource): RequestKey<string> | undefined {
  if ("header" in source || source.attribute === "agent-identity") return undefined;
  if (source.attribute === "session-id" || source.attribute === "SessionIDDataKey") return SessionId;
  const [id, major] = source.attribute.split("@");
  return defineRequestKey<string>({ id: id as `${string}/${string}`, major: Number(major) });
}
