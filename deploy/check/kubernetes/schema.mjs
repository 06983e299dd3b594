// Each resource against the schema of its kind: Kubernetes' own OpenAPI, and those of KEDA, the Prometheus operator and External Secrets,
// as the packages "kubernetes-models" have them.
import { nameOf } from "./manifests.mjs";

const packages = {
  "keda.sh": "@kubernetes-models/keda",
  "monitoring.coreos.com": "@kubernetes-models/prometheus-operator",
  "external-secrets.io": "@kubernetes-models/external-secrets",
};

export async function checkSchema(resources) {
  const errors = [];
  for (const resource of resources) errors.push(...(await errorsOf(resource)).map((error) => `${nameOf(resource)}: ${error}`));
  return errors;
}

async function errorsOf(resource) {
  const model = await modelOf(resource);
  if (!model) return [`no schema is known for ${resource.apiVersion} ${resource.kind}`];
  const seen = new Set();
  const errors = [];
  try {
    model.prototype.validate.call(watched(withoutLineBreaks(resource), "", seen));
  } catch (error) {
    errors.push(error.message);
  }
  // The validators say nothing of members they do not know, and the API server would drop them. What they never look at is unknown.
  const unknown = [...paths(resource)].filter((path) => !seen.has(path));
  return [...errors, ...unknown.map((path) => `${path} is unknown`)];
}

async function modelOf({ apiVersion, kind }) {
  const group = apiVersion.includes("/") ? apiVersion.split("/")[0] : "";
  try {
    return (await import(`${packages[group] ?? "kubernetes-models"}/${apiVersion}`))[kind];
  } catch {
    return undefined;
  }
}

function watched(value, path, seen) {
  if (value === null || typeof value !== "object") return value;
  return new Proxy(value, {
    get(target, key) {
      if (typeof key === "symbol" || !Object.hasOwn(target, key)) return target[key];
      seen.add(`${path}/${key}`);
      return watched(target[key], `${path}/${key}`, seen);
    },
  });
}

function* paths(value, path = "") {
  if (value === null || typeof value !== "object") return;
  for (const [key, member] of Object.entries(value)) {
    yield `${path}/${key}`;
    yield* paths(member, `${path}/${key}`);
  }
}

/** kustomize folds long base64; the schema means it in one line. */
function withoutLineBreaks(resource) {
  if (resource.kind !== "Secret" || !resource.data) return resource;
  const data = Object.fromEntries(Object.entries(resource.data).map(([key, value]) => [key, value.replace(/\s/g, "")]));
  return { ...resource, data };
}
