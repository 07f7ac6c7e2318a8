import { coreMetricsExtractor } from "./core-metrics-extractor.ts";
import { metricsDataSource } from "./metrics-data-source.ts";

export default [metricsDataSource, coreMetricsExtractor];
