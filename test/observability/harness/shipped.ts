import { join } from "node:path";

const files = join(import.meta.dirname, "../../../deploy/helm/pointsman/files");

export const rulesFile: string = join(files, "rules.yaml");
export const dashboardFile: string = join(files, "dashboard.json");
