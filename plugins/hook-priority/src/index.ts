import { requestPriority } from "./request-priority.ts";

export default requestPriority;
