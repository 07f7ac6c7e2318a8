import {
  Counter,
  type CounterConfiguration,
  Gauge,
  type GaugeConfiguration,
  Histogram,
  type HistogramConfiguration,
  type Registry,
} from "prom-client";

/** What clients send must not become an unbounded number of series: label sets beyond this become `other`. */
export const LABEL_SET_LIMIT = 2_000;

const SEPARATOR = "\u0000";

/**
 * Gives each label set one series object, found by one map look-up. The labels of a set are positional. Beyond the
 * limit every new set shares one series in which each label is `other`.
 */
class SeriesCache<Series> {
  readonly #series = new Map<string, Series>();
  readonly #create: (labels: readonly string[]) => Series;
  readonly #limit: number;
  #other: Series | undefined;

  constructor(create: (labels: readonly string[]) => Series, limit: number) {
    this.#create = create;
    this.#limit = limit;
  }

  get(labels: readonly string[]): Series {
    const key = labels.length === 1 ? labels[0]! : labels.join(SEPARATOR);
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    if (this.#series.size >= this.#limit) {
      this.#other ??= this.#create(labels.map(() => "other"));
      return this.#other;
    }
    const created = this.#create(labels);
    this.#series.set(key, created);
    return created;
  }

  delete(labels: readonly string[]): void {
    this.#series.delete(labels.join(SEPARATOR));
  }
}

export interface MetricOptions {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly limit?: number;
}

/** A counter whose label values are given by position. */
export class CappedCounter {
  readonly #cache: SeriesCache<{ inc(by?: number): void }>;

  constructor(registry: Registry, { name, help, labels = [], limit = LABEL_SET_LIMIT }: MetricOptions) {
    const configuration: CounterConfiguration<string> = { name, help, labelNames: [...labels], registers: [registry] };
    const counter = new Counter(configuration);
    this.#cache = new SeriesCache((values) => counter.labels(...values), limit);
  }

  inc(labels: readonly string[] = [], by = 1): void {
    this.#cache.get(labels).inc(by);
  }
}

/** A gauge whose label values are given by position. */
export class CappedGauge {
  readonly #cache: SeriesCache<{ set(value: number): void; inc(by?: number): void }>;
  readonly #gauge: Gauge<string>;

  /** @param collect called before each scrape, to set values that nobody pushes. */
  constructor(
    registry: Registry,
    { name, help, labels = [], limit = LABEL_SET_LIMIT }: MetricOptions,
    collect?: () => void,
  ) {
    const configuration: GaugeConfiguration<string> = {
      name,
      help,
      labelNames: [...labels],
      registers: [registry],
      ...(collect === undefined ? {} : { collect }),
    };
    this.#gauge = new Gauge(configuration);
    this.#cache = new SeriesCache((values) => this.#gauge.labels(...values), limit);
  }

  set(value: number, labels: readonly string[] = []): void {
    this.#cache.get(labels).set(value);
  }

  add(by: number, labels: readonly string[] = []): void {
    this.#cache.get(labels).inc(by);
  }

  remove(labels: readonly string[]): void {
    this.#gauge.remove(...labels);
    this.#cache.delete(labels);
  }
}

/** A histogram whose label values are given by position. */
export class CappedHistogram {
  readonly #cache: SeriesCache<{ observe(value: number): void }>;

  constructor(
    registry: Registry,
    { name, help, labels = [], limit = LABEL_SET_LIMIT }: MetricOptions,
    buckets: readonly number[],
  ) {
    const configuration: HistogramConfiguration<string> = {
      name,
      help,
      labelNames: [...labels],
      buckets: [...buckets],
      registers: [registry],
    };
    const histogram = new Histogram(configuration);
    this.#cache = new SeriesCache((values) => histogram.labels(...values), limit);
  }

  observe(value: number, labels: readonly string[] = []): void {
    this.#cache.get(labels).observe(value);
  }
}
