// Rendered manifests, and what one has to know of them to follow a reference.
import { existsSync, readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";

export function readManifests(...files) {
  return files.filter(existsSync).flatMap((file) =>
    parseAllDocuments(readFileSync(file, "utf8"), { merge: true }).map((document) => {
      if (document.errors.length > 0) throw new Error(`${file}: ${document.errors[0].message}`);
      return document.toJS();
    }).filter(Boolean));
}

export const nameOf = (resource) => `${resource.kind} ${resource.metadata.name}`;

/** The name without the hash that kustomize gives what it generates. */
export const givenName = (resource) => resource.metadata.name.replace(/-[a-z0-9]{10}$/, "");

/** Deployments, StatefulSets and Jobs, each with its pods' labels, spec and containers. */
export const workloads = (resources) => resources
  .filter((resource) => resource.spec?.template?.spec?.containers)
  .map((resource) => ({
    resource,
    name: resource.metadata.name,
    labels: resource.spec.template.metadata?.labels ?? {},
    pod: resource.spec.template.spec,
    containers: [...(resource.spec.template.spec.initContainers ?? []), ...resource.spec.template.spec.containers],
  }));

/** Does a label selector select these labels? An empty one selects everything. */
export function selects(selector, labels) {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return Object.entries(matchLabels).every(([key, value]) => labels[key] === value)
    && matchExpressions.every(({ key, operator, values = [] }) => ({
      In: () => values.includes(labels[key]),
      NotIn: () => !values.includes(labels[key]),
      Exists: () => key in labels,
      DoesNotExist: () => !(key in labels),
    })[operator]());
}

export const containerPorts = (workload) => workload.containers.flatMap((container) => container.ports ?? []);

/** The keys of a Secret, of what makes one, or of a ConfigMap. */
export function keysOf(resource) {
  if (resource.kind === "ExternalSecret")
    return Object.keys(resource.spec.target.template?.data ?? Object.fromEntries(resource.spec.data.map((entry) => [entry.secretKey])));
  return Object.keys({ ...resource.data, ...resource.stringData, ...resource.binaryData });
}

/** Values of a ConfigMap or Secret, as a container gets them. */
export function valuesOf(resource) {
  const decoded = Object.entries(resource.data ?? {}).map(([key, value]) =>
    [key, resource.kind === "Secret" ? Buffer.from(value, "base64").toString() : value]);
  return { ...Object.fromEntries(decoded), ...resource.stringData };
}

/** A container's environment: what its ConfigMaps, Secrets and its own entries say. */
export function environmentOf(container, resources) {
  const find = (kind, name) => valuesOf(resources.find((r) => r.kind === kind && r.metadata.name === name) ?? {});
  const environment = {};
  for (const { configMapRef, secretRef } of container.envFrom ?? [])
    Object.assign(environment, configMapRef ? find("ConfigMap", configMapRef.name) : find("Secret", secretRef.name));
  for (const { name, value, valueFrom } of container.env ?? []) {
    const reference = valueFrom?.secretKeyRef ?? valueFrom?.configMapKeyRef;
    environment[name] = reference
      ? find(valueFrom.secretKeyRef ? "Secret" : "ConfigMap", reference.name)[reference.key]
      : value;
  }
  return environment;
}
