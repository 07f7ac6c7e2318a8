export { kubernetesObjective as default } from "./kubernetes-objective.ts";
