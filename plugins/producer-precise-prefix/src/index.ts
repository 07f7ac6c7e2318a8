export { precisePrefixCacheProducer as default } from "./precise-prefix-cache-producer.ts";
