import { alwaysDisaggMultimodalDecider } from "./always-disagg-multimodal-decider.ts";
import { alwaysDisaggPdDecider } from "./always-disagg-pd-decider.ts";
import { prefixBasedPdDecider } from "./prefix-based-pd-decider.ts";
import { promptBytesPdDecider } from "./prompt-bytes-pd-decider.ts";

export default [prefixBasedPdDecider, promptBytesPdDecider, alwaysDisaggPdDecider, alwaysDisaggMultimodalDecider];
