/** What an endpoint reports about itself. */
export interface PodMetrics {
  readonly waiting: number;
  readonly kvUsage: number;
  /** Loaded LoRA adapters. */
  readonly active: readonly string[];
}

export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Absent: nothing is known of the endpoint. */
  readonly metrics?: PodMetrics;
  /** Tokens of every prompt that it has cached, as `acceptance-prefix` says; absent: nothing is known. */
  readonly cachedTokens?: number | string;
}

/** `EP(i, q, kv, m...)` of the catalogue. */
export function EP(i: number, waiting: number, kvUsage: number, ...active: string[]): Pod {
  return pod(`pod-${i}-rank-0`, `192.168.1.${i + 1}:8000`, { metrics: { waiting, kvUsage, active } });
}

/** An endpoint by its address, with idle metrics unless told otherwise. */
export function pod(name: string, address: string, more: Partial<Pod> = {}): Pod {
  const colon = address.lastIndexOf(":");
  return {
    namespace: "default",
    name,
    host: address.slice(0, colon),
    port: Number(address.slice(colon + 1)),
    labels: {},
    metrics: { waiting: 0, kvUsage: 0, active: [] },
    ...more,
  };
}

/** An endpoint of which nothing is known. */
export function silentPod(name: string, address: string): Pod {
  const { metrics: _, ...silent } = pod(name, address);
  return silent;
}

/** One line of what the fixture plugins saw. */
export interface Note {
  readonly at: "preCall" | "filter" | "postChoice" | "responseHeaders" | "afterResponse";
  /** The request's id. */
  readonly id: string;
  readonly [fact: string]: unknown;
}

/** The endpoints of one picker, and what its fixture plugins saw. The plugins of fixtures/ find it by its name. */
export class TestPool {
  readonly name: string;
  readonly onReplace = new Set<() => void>();
  readonly onWrite = new Set<() => void>();
  readonly notes: Note[] = [];
  endpoints: readonly Pod[] = [];
  pluginsReady = true;

  constructor(name: string) {
    this.name = name;
    const key = Symbol.for("pointsman.acceptance.pools");
    const registry = ((globalThis as Record<symbol, unknown>)[key] ??= new Map()) as Map<string, TestPool>;
    registry.set(name, this);
  }

  /** Replaces endpoints and metrics, and forgets the notes. Takes effect before it returns. */
  set(...endpoints: readonly Pod[]): void {
    this.endpoints = endpoints;
    for (const replace of this.onReplace) replace();
    for (const write of this.onWrite) write();
    this.notes.length = 0;
  }

  notesAt(at: Note["at"], id?: string): Note[] {
    return this.notes.filter((note) => note.at === at && (id === undefined || note.id === id));
  }
}
