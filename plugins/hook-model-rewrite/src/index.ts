import { kubernetesInferenceModel } from "./kubernetes-inference-model.ts";
import { kubernetesModelRewrite } from "./kubernetes-model-rewrite.ts";
import { modelRewrite } from "./model-rewrite.ts";

export default [modelRewrite, kubernetesModelRewrite, kubernetesInferenceModel];
