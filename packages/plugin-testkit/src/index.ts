export { keptBy, pickedBy, scoresOf } from "./score.ts";
export type { PluginUnderTest, SetUpOptions } from "./set-up-plugin.ts";
export { configIssues, setUpPlugin } from "./set-up-plugin.ts";
export type { AttributeValue, TestEndpoint, TestPool } from "./test-pool.ts";
export { createTestPool, value } from "./test-pool.ts";
export type { TestRequestOptions } from "./test-request.ts";
export { createTestRequest, pseudoRandom } from "./test-request.ts";
export type { LogLine, TestServices } from "./test-services.ts";
