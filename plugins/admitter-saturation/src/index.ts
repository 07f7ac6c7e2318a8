import { concurrencyDetector } from "./concurrency-detector.ts";
import { utilizationDetector } from "./utilization-detector.ts";

export default [utilizationDetector, concurrencyDetector];
