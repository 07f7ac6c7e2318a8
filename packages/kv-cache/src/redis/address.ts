/** Where a Redis or Valkey is, and how it is talked to. */
export type RedisAddress = RedisServer | RedisCluster | RedisSentinels;

export interface RedisLogin {
  readonly username?: string;
  readonly password?: string;
}

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

interface Common extends RedisLogin {
  readonly tls: boolean;
}

export interface RedisServer extends Common {
  readonly kind: "server";
  readonly host: string;
  readonly port: number;
  /** Of a Unix socket; then host and port mean nothing. */
  readonly path?: string;
  readonly db: number;
}

export interface RedisCluster extends Common {
  readonly kind: "cluster";
  readonly nodes: readonly RedisNode[];
}

export interface RedisSentinels extends Common {
  readonly kind: "sentinel";
  readonly nodes: readonly RedisNode[];
  readonly master: string;
  readonly db: number;
}

/** What is wrong with an address. The message never repeats the address, which may hold a password. */
export class RedisAddressError extends Error {
  override readonly name = "RedisAddressError";
}

const defaultPort = 6379;
const sentinelPort = 26379;
const form =
  /^(?:(?<scheme>[a-z+]+):\/\/)?(?:(?<login>[^@/?#]*)@)?(?<hosts>[^/?#]*)(?<path>\/[^?#]*)?(?:\?(?<query>[^#]*))?$/i;
const schemes: Readonly<Record<string, { kind: "server" | "cluster" | "sentinel" | "unix"; tls: boolean }>> = {
  redis: { kind: "server", tls: false },
  valkey: { kind: "server", tls: false },
  rediss: { kind: "server", tls: true },
  valkeys: { kind: "server", tls: true },
  unix: { kind: "unix", tls: false },
  "redis+cluster": { kind: "cluster", tls: false },
  "rediss+cluster": { kind: "cluster", tls: true },
  "redis+sentinel": { kind: "sentinel", tls: false },
  "rediss+sentinel": { kind: "sentinel", tls: true },
};

/**
 * Reads an address: `host:port`, `redis://[user:password@]host[:port][/db]`, `rediss://` (TLS), `valkey://`,
 * `valkeys://`, `unix:///path/of/socket[?db=n]`, `redis+cluster://host:port,host:port`,
 * `redis+sentinel://host:port,host:port/master-name[/db]`, the latter two also as `rediss+…`. User and password may be
 * percent-encoded.
 *
 * @throws RedisAddressError
 */
export function parseRedisAddress(text: string): RedisAddress {
  const groups = form.exec(text.trim())?.groups;
  if (groups === undefined) throw new RedisAddressError("this is no address of a Redis server");
  const { scheme = "redis", login, hosts = "", path = "", query = "" } = groups;
  const found = schemes[scheme.toLowerCase()];
  if (found === undefined) {
    throw new RedisAddressError(`the scheme is none of ${Object.keys(schemes).join(", ")}`);
  }
  const common: Common = { tls: found.tls, ...loginOf(login) };
  const parameters = new URLSearchParams(query);
  switch (found.kind) {
    case "unix": {
      if (path === "" || path === "/") throw new RedisAddressError("unix:// needs the path of a socket");
      const db = dbOf(parameters.get("db") ?? "");
      return { kind: "server", host: "", port: 0, path: decodeURIComponent(path), db, ...common };
    }
    case "server": {
      const [node, ...others] = nodesOf(hosts, defaultPort);
      if (others.length > 0) throw new RedisAddressError("several servers are a redis+cluster:// or redis+sentinel://");
      return { kind: "server", ...node!, db: dbOf(path.slice(1) || (parameters.get("db") ?? "")), ...common };
    }
    case "cluster": {
      if (path.length > 1) throw new RedisAddressError("a cluster has no databases");
      return { kind: "cluster", nodes: nodesOf(hosts, defaultPort), ...common };
    }
    case "sentinel": {
      const [master = "", db = ""] = path.slice(1).split("/");
      if (master === "") throw new RedisAddressError("redis+sentinel:// needs the name of the master as its path");
      return { kind: "sentinel", nodes: nodesOf(hosts, sentinelPort), master, db: dbOf(db), ...common };
    }
  }
}

/** The address for people and logs: no user, no password. */
export function describeRedisAddress(address: RedisAddress): string {
  const scheme = `redis${address.tls ? "s" : ""}`;
  if (address.kind === "server") {
    if (address.path !== undefined) return `unix://${address.path}`;
    return `${scheme}://${hostPort(address)}${address.db === 0 ? "" : `/${address.db}`}`;
  }
  const nodes = address.nodes.map(hostPort).join(",");
  if (address.kind === "cluster") return `${scheme}+cluster://${nodes}`;
  return `${scheme}+sentinel://${nodes}/${address.master}`;
}

function hostPort({ host, port }: RedisNode): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function nodesOf(hosts: string, fallbackPort: number): RedisNode[] {
  return hosts.split(",").map((text) => {
    const match = /^(?:\[(?<v6>[0-9a-f:.%]+)\]|(?<name>[^\s:[\]]+))(?::(?<port>\d{1,5}))?$/i.exec(text.trim());
    const host = match?.groups?.["v6"] ?? match?.groups?.["name"];
    const port = Number(match?.groups?.["port"] ?? fallbackPort);
    if (host === undefined || port < 1 || port > 65_535) {
      throw new RedisAddressError("a server is written as host, host:port or [IPv6]:port");
    }
    return { host, port };
  });
}

function loginOf(login: string | undefined): RedisLogin {
  if (login === undefined || login === "") return {};
  const colon = login.indexOf(":");
  const decode = (part: string): string => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  };
  const username = decode(colon < 0 ? login : login.slice(0, colon));
  const password = colon < 0 ? "" : decode(login.slice(colon + 1));
  return { ...(username === "" ? {} : { username }), ...(password === "" ? {} : { password }) };
}

function dbOf(text: string): number {
  if (text === "") return 0;
  if (!/^\d{1,5}$/.test(text)) throw new RedisAddressError("a database is a number");
  return Number(text);
}
