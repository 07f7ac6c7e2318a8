import { kubernetesModelRewrite } from "./kubernetes-model-rewrite.ts";
import { modelRewrite } from "./model-rewrite.ts";

export default [modelRewrite, kubernetesModelRewrite];
