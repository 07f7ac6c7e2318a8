export { loraAffinityFilter as default } from "./lora-affinity-filter.ts";
