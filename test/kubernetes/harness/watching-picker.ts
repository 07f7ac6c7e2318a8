import { createEpp, type Epp, type EppOptions, loadPickerConfig } from "@pointsman/epp";
import { createLogger } from "@pointsman/telemetry";

export interface WatchingOptions {
  readonly kubeconfig: string;
  readonly pool: string;
  /** Parameters of `kubernetes-discovery` beside the kubeconfig. */
  readonly parameters?: object;
  /** Further entries of `plugins`. */
  readonly plugins?: readonly object[];
  /** Those of them that the profile has before its picker, by name. */
  readonly profile?: readonly string[];
  readonly epp?: Partial<EppOptions>;
}

/** A picker in this process that finds its endpoints in Kubernetes. */
export interface WatchingPicker {
  /** Resolves when the picker is up, which is when the first set of endpoints is known. */
  readonly up: Promise<Epp>;
  /** Addresses of the endpoints now, sorted; undefined before the picker is up. */
  addresses(): string[] | undefined;
  /** `id -> address` of the endpoints now, sorted. */
  endpoints(): string[];
  readonly epp: Epp | undefined;
  /** Log lines, oldest first. */
  readonly log: readonly { readonly level: string; readonly msg: string }[];
  said(text: string | RegExp): boolean;
  gauge(name: string): Promise<number | undefined>;
  stop(): Promise<void>;
}

/** Starts one. Metrics are scraped from addresses that may not exist: errors of scrapes are not looked at here. */
export function startWatching(options: WatchingOptions): WatchingPicker {
  const log: { level: string; msg: string }[] = [];
  const destination = { write: (line: string) => void log.push(JSON.parse(line)) };
  let epp: Epp | undefined;
  const { kubeconfig, parameters, plugins = [], profile = [] } = options;
  const text = JSON.stringify({
    apiVersion: "llm-d.ai/v1alpha1",
    kind: "EndpointPickerConfig",
    plugins: [
      { type: "kubernetes-discovery", parameters: { kubeconfig, ...parameters } },
      { type: "random-picker" },
      ...plugins,
    ],
    schedulingProfiles: [
      { name: "default", plugins: [...profile, "random-picker"].map((pluginRef) => ({ pluginRef })) },
    ],
    dataLayer: { discovery: { pluginRef: "kubernetes-discovery" } },
  });
  const up = (async () => {
    const { picker, diagnostics } = await loadPickerConfig({ text, cwd: import.meta.dirname, pluginRoots: [] });
    if (picker === undefined) throw new Error(JSON.stringify(diagnostics));
    epp = await createEpp({
      picker,
      log: createLogger({ level: "info", destination }),
      pool: options.pool,
      ports: { grpc: 0, health: 0 },
      gaugeIntervalMs: 100,
      scrapeIntervalMs: 600_000,
      ...options.epp,
    });
    return epp;
  })();
  up.catch(() => {});
  const endpoints = () => epp?.datastore.snapshot().endpoints ?? [];
  return {
    up,
    addresses: () =>
      epp === undefined
        ? undefined
        : endpoints()
            .map(({ address }) => address)
            .sort(),
    endpoints: () =>
      endpoints()
        .map(({ id, address }) => `${id} -> ${address}`)
        .sort(),
    get epp() {
      return epp;
    },
    log,
    said: (wanted) => log.some(({ msg }) => (typeof wanted === "string" ? msg.includes(wanted) : wanted.test(msg))),
    async gauge(name) {
      const page = (await epp?.metricsPage()) ?? "";
      const line = page.split("\n").find((item) => item.startsWith(`llm_d_epp_${name}{`));
      return line === undefined ? undefined : Number(line.split(" ").at(-1));
    },
    async stop() {
      // One that still waits for its pool ends with the test's process.
      const tooLate = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 1_000));
      const running = await Promise.race([up.catch(() => undefined), tooLate]);
      await running?.drain(0);
    },
  };
}
