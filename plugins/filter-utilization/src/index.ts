import { lowQueueFilter } from "./low-queue-filter.ts";
import { utilizationFilter } from "./utilization-filter.ts";

export default [utilizationFilter, lowQueueFilter];
