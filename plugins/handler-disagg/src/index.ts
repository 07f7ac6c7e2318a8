import { dataParallelProfileHandler } from "./data-parallel-profile-handler.ts";
import { disaggHeadersHandler } from "./disagg-headers-handler.ts";
import { disaggProfileHandler } from "./disagg-profile-handler.ts";
import { headerProfileHandler } from "./header-profile-handler.ts";
import { pdProfileHandler } from "./pd-profile-handler.ts";

export default [
  disaggProfileHandler,
  pdProfileHandler,
  disaggHeadersHandler,
  dataParallelProfileHandler,
  headerProfileHandler,
];
