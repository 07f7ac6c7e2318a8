export { kubernetesDiscovery as default } from "./kubernetes-discovery.ts";
