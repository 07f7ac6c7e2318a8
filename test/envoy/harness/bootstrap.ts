import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Document, isMap, isScalar, isSeq, parseDocument, visit, type YAMLMap, type YAMLSeq } from "yaml";

export type BootstrapName =
  | "override-host"
  | "override-host-fail-closed"
  | "prefill-decode"
  | "original-dst"
  | "full-duplex";

export const bootstrapFolder = join(import.meta.dirname, "../../../deploy/envoy");

const MANAGER = ["static_resources", "listeners", 0, "filter_chains", 0, "filters", 0, "typed_config"] as const;
const EXT_PROC = "envoy.filters.http.ext_proc";

/** What is put in the place of the ports and addresses in a shipped file. */
export interface Places {
  readonly grpc: number;
  readonly health: number;
  /** `ip:port` of the hosts that Envoy itself knows; the first is the default destination. */
  readonly hosts: readonly string[];
}

/** A shipped bootstrap, parsed, with room for changes. */
export class Bootstrap {
  readonly #document: Document;

  constructor(name: BootstrapName) {
    this.#document = parseDocument(readFileSync(join(bootstrapFolder, `${name}.yaml`), "utf8"));
  }

  /** Moves everything away from the ports of the file: Envoy's own to free ones that it chooses. */
  place({ grpc, health, hosts }: Places): void {
    const ports = new Map([
      [8081, 0],
      [19_000, 0],
      [9_002, grpc],
      [9_003, health],
    ]);
    visit(this.#document, {
      Pair(_, pair) {
        if (!isScalar(pair.key) || pair.key.value !== "port_value" || !isScalar(pair.value)) return;
        const port = ports.get(pair.value.value as number);
        if (port !== undefined) pair.value.value = port;
      },
      Map(_, map) {
        if (map.get("key") === "x-gateway-destination-endpoint" && map.has("value")) map.set("value", hosts[0]);
      },
    });
    this.setHosts(hosts);
  }

  /** Says which hosts Envoy knows, where it knows any. */
  setHosts(hosts: readonly string[]): void {
    const pool = this.#clusters().find((cluster) => cluster.get("name") === "pool");
    pool?.setIn(
      ["load_assignment", "endpoints"],
      this.#document.createNode([
        { lb_endpoints: hosts.map((host) => ({ endpoint: { address: socketAddress(host) } })) },
      ]),
    );
  }

  setExtProc(path: readonly (string | number)[], value: unknown): void {
    this.#filter(EXT_PROC).setIn(["typed_config", ...path], this.#document.createNode(value));
  }

  deleteExtProc(path: readonly (string | number)[]): void {
    if (!this.#filter(EXT_PROC).deleteIn(["typed_config", ...path]))
      throw new Error(`ext_proc has no ${path.join(".")}`);
  }

  /** Longest time from the end of a request to the end of its answer. */
  setRouteTimeout(duration: string): void {
    this.#document.setIn([...MANAGER, "route_config", "virtual_hosts", 0, "routes", 0, "route", "timeout"], duration);
  }

  /** Merges a fragment of YAML into the cluster of the picker. */
  mergeIntoPickerCluster(fragment: Readonly<Record<string, unknown>>): void {
    for (const [key, value] of Object.entries(fragment)) this.#picker().set(key, this.#document.createNode(value));
  }

  /** Lets Envoy ask for health where it asks for decisions. */
  checkHealthOnGrpcPort(): void {
    this.#picker().deleteIn(["load_assignment", "endpoints", 0, "lb_endpoints", 0, "endpoint", "health_check_config"]);
  }

  insertBeforeExtProc(filter: unknown): void {
    const filters = this.#filters();
    filters.items.splice(filters.items.indexOf(this.#filter(EXT_PROC)), 0, this.#document.createNode(filter));
  }

  toString(): string {
    return this.#document.toString();
  }

  #filters(): YAMLSeq {
    const filters = this.#document.getIn([...MANAGER, "http_filters"]);
    if (!isSeq(filters)) throw new Error("the bootstrap has no HTTP filters");
    return filters;
  }

  #filter(name: string): YAMLMap {
    const found = this.#filters().items.find((item) => isMap(item) && item.get("name") === name);
    if (!isMap(found)) throw new Error(`the bootstrap has no filter ${name}`);
    return found;
  }

  #clusters(): YAMLMap[] {
    const clusters = this.#document.getIn(["static_resources", "clusters"]);
    return isSeq(clusters) ? clusters.items.filter(isMap) : [];
  }

  #picker(): YAMLMap {
    const found = this.#clusters().find((cluster) => cluster.get("name") === "epp");
    if (found === undefined) throw new Error("the bootstrap has no cluster epp");
    return found;
  }
}

function socketAddress(host: string): unknown {
  const [address, port] = host.split(":");
  return { socket_address: { address, port_value: Number(port) } };
}

/** Turns the request header `x-test-subset` into the subset hint, as a text. */
export const subsetFromHeader = {
  name: "envoy.filters.http.header_to_metadata",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config",
    request_rules: [
      {
        header: "x-test-subset",
        on_header_present: {
          metadata_namespace: "envoy.lb.subset_hint",
          key: "x-gateway-destination-endpoint-subset",
          type: "STRING",
        },
        remove: true,
      },
    ],
  },
};

/** Gives every request the same subset hint, as a list. */
export function subsetAsList(addresses: readonly string[]): unknown {
  return {
    name: "envoy.filters.http.set_metadata",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.set_metadata.v3.Config",
      metadata: [
        {
          metadata_namespace: "envoy.lb.subset_hint",
          value: { "x-gateway-destination-endpoint-subset": addresses },
        },
      ],
    },
  };
}
