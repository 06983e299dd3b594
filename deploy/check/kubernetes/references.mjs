// Whatever a manifest refers to by a name has to exist: here, in the code, or among the Secrets an operator makes.
import { containerPorts, environmentOf, givenName, keysOf, nameOf, selects, valuesOf, workloads } from "./manifests.mjs";

/** Secrets that others make: the certificate of the ingress. */
const madeElsewhere = ["order-service-tls"];

/** Paths that are for operators and for machines: no Ingress may lead there. */
const privatePaths = ["/health", "/ready", "/alive", "/metrics", "/dead-letters", "/parked-events", "/openapi/v1.json", "/payments", "/charges", "/refunds", "/chaos"];

/** HostOptions.ShutdownTimeout is 30 s, and the last telemetry takes a few. */
const shutdownSeconds = 35;

export function checkReferences(resources, source) {
  return [
    workloadReferences, podRules, services, ingresses, disruptionBudgets, autoscaling, podMonitors, networkPolicies, images, settings,
    logins, duplicates,
  ].flatMap((check) => check(resources, source));
}

const of = (resources, kind) => resources.filter((resource) => resource.kind === kind);
const find = (resources, kind, name) => resources.find((resource) => resource.kind === kind && resource.metadata.name === name);

function duplicates(resources) {
  const names = resources.map((resource) => `${resource.apiVersion} ${nameOf(resource)}`);
  return names.filter((name, i) => names.indexOf(name) < i).map((name) => `${name} is there twice`);
}

function workloadReferences(resources) {
  const errors = [];
  const secrets = resources.filter((resource) => ["Secret", "ExternalSecret"].includes(resource.kind));
  const keys = (kind, name) => {
    const found = kind === "Secret" ? secrets.filter((secret) => secret.metadata.name === name) : of(resources, kind).filter((r) => r.metadata.name === name);
    return found.length > 0 ? found.map(keysOf) : undefined;
  };
  for (const { resource, pod, containers, labels } of workloads(resources)) {
    const refer = (kind, reference, key) => {
      const found = keys(kind, reference.name ?? reference.secretName);
      if (!found) errors.push(`${nameOf(resource)}: ${kind} ${reference.name ?? reference.secretName} does not exist`);
      else if (key && !found.every((some) => some.includes(key))) errors.push(`${nameOf(resource)}: ${kind} ${reference.name} has no key ${key}`);
    };
    for (const container of containers) {
      for (const { configMapRef, secretRef } of container.envFrom ?? []) {
        if (configMapRef) refer("ConfigMap", configMapRef);
        if (secretRef) refer("Secret", secretRef);
      }
      for (const { valueFrom } of container.env ?? []) {
        if (valueFrom?.secretKeyRef) refer("Secret", valueFrom.secretKeyRef, valueFrom.secretKeyRef.key);
        if (valueFrom?.configMapKeyRef) refer("ConfigMap", valueFrom.configMapKeyRef, valueFrom.configMapKeyRef.key);
      }
      const volumes = [...(pod.volumes ?? []), ...(resource.spec.volumeClaimTemplates ?? []).map((claim) => claim.metadata)].map((volume) => volume.name);
      for (const mount of container.volumeMounts ?? [])
        if (!volumes.includes(mount.name)) errors.push(`${nameOf(resource)}: ${container.name} mounts ${mount.name}, which is no volume of its pod`);
      for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"]) {
        const port = container[probe]?.httpGet?.port;
        if (port && !(container.ports ?? []).some((p) => p.name === port || p.containerPort === port))
          errors.push(`${nameOf(resource)}: the ${probe} of ${container.name} asks port ${port}, which it has not`);
      }
    }
    for (const volume of pod.volumes ?? []) {
      if (volume.configMap) refer("ConfigMap", volume.configMap);
      if (volume.secret) refer("Secret", volume.secret);
    }
    if (!find(resources, "ServiceAccount", pod.serviceAccountName)) errors.push(`${nameOf(resource)}: ServiceAccount ${pod.serviceAccountName} does not exist`);
    if (resource.spec.selector && !selects(resource.spec.selector, labels)) errors.push(`${nameOf(resource)} does not select its own pods`);
    for (const other of workloads(resources))
      if (resource.spec.selector && other.resource !== resource && selects(resource.spec.selector, other.labels))
        errors.push(`${nameOf(resource)} selects the pods of ${nameOf(other.resource)} too`);
    for (const { labelSelector } of pod.topologySpreadConstraints ?? [])
      if (!selects(labelSelector, labels)) errors.push(`${nameOf(resource)}: a topologySpreadConstraint does not select its own pods`);
    if (resource.kind === "StatefulSet" && !find(resources, "Service", resource.spec.serviceName))
      errors.push(`${nameOf(resource)}: Service ${resource.spec.serviceName} does not exist`);
  }
  return errors;
}

/** The restricted profile of pod security, and what was decided besides. */
function podRules(resources) {
  const errors = [];
  for (const { resource, pod, containers } of workloads(resources)) {
    const must = (what, holds) => holds || errors.push(`${nameOf(resource)}: ${what}`);
    must("runAsNonRoot", pod.securityContext?.runAsNonRoot === true && pod.securityContext?.runAsUser > 0);
    must("seccompProfile RuntimeDefault", pod.securityContext?.seccompProfile?.type === "RuntimeDefault");
    must("automountServiceAccountToken false", pod.automountServiceAccountToken === false);
    for (const container of containers) {
      const context = container.securityContext ?? {};
      must(`${container.name}: allowPrivilegeEscalation false`, context.allowPrivilegeEscalation === false);
      must(`${container.name}: readOnlyRootFilesystem`, context.readOnlyRootFilesystem === true);
      must(`${container.name}: capabilities drop ALL`, context.capabilities?.drop?.includes("ALL") && !context.capabilities.add);
      must(`${container.name}: requests of cpu and memory, a limit of memory`,
        container.resources?.requests?.cpu && container.resources.requests.memory && container.resources.limits?.memory);
      const sleep = container.lifecycle?.preStop?.sleep?.seconds;
      if (sleep) must(`${container.name}: terminationGracePeriodSeconds is shorter than preStop and shutdown`, pod.terminationGracePeriodSeconds >= sleep + shutdownSeconds);
    }
    if (resource.kind !== "Deployment") continue;
    must("a rolling update with no unavailable replica", resource.spec.strategy?.rollingUpdate?.maxUnavailable === 0);
    for (const container of containers)
      for (const needed of ["startupProbe", "livenessProbe", "readinessProbe", "lifecycle"]) must(`${container.name}: ${needed}`, container[needed]);
  }
  return errors;
}

function services(resources) {
  const errors = [];
  for (const service of of(resources, "Service")) {
    const targets = workloads(resources).filter((workload) => selects({ matchLabels: service.spec.selector }, workload.labels));
    if (targets.length !== 1) errors.push(`${nameOf(service)} selects the pods of ${targets.length} workloads`);
    for (const { port, targetPort = port } of service.spec.ports)
      if (!targets.every((target) => containerPorts(target).some((p) => p.name === targetPort || p.containerPort === targetPort)))
        errors.push(`${nameOf(service)}: no container of its pods has port ${targetPort}`);
  }
  return errors;
}

function ingresses(resources) {
  const errors = [];
  for (const ingress of of(resources, "Ingress")) {
    for (const { secretName } of ingress.spec.tls ?? [])
      if (!madeElsewhere.includes(secretName) && !find(resources, "Secret", secretName)) errors.push(`${nameOf(ingress)}: Secret ${secretName} does not exist`);
    for (const { path, pathType, backend } of ingress.spec.rules.flatMap((rule) => rule.http.paths)) {
      const service = find(resources, "Service", backend.service.name);
      if (!service) errors.push(`${nameOf(ingress)}: Service ${backend.service.name} does not exist`);
      else if (!service.spec.ports.some((port) => port.name === backend.service.port.name || port.port === backend.service.port.number))
        errors.push(`${nameOf(ingress)}: Service ${backend.service.name} has no port ${backend.service.port.name ?? backend.service.port.number}`);
      for (const hidden of privatePaths)
        if (hidden === path || (pathType !== "Exact" && hidden.startsWith(path.replace(/\/?$/, "/")))) errors.push(`${nameOf(ingress)}: ${path} leads to ${hidden}`);
    }
  }
  return errors;
}

function disruptionBudgets(resources) {
  const errors = [];
  const budgets = of(resources, "PodDisruptionBudget");
  for (const budget of budgets) {
    const selected = workloads(resources).filter((workload) => selects(budget.spec.selector, workload.labels));
    if (selected.length !== 1) errors.push(`${nameOf(budget)} selects the pods of ${selected.length} workloads`);
  }
  for (const { resource, labels } of workloads(resources))
    if (resource.kind === "Deployment" && !budgets.some((budget) => selects(budget.spec.selector, labels))) errors.push(`${nameOf(resource)} has no PodDisruptionBudget`);
  return errors;
}

const triggers = {
  "nats-jetstream": {
    required: ["natsServerMonitoringEndpoint", "account", "stream", "consumer"],
    optional: ["accountID", "lagThreshold", "activationLagThreshold", "useHttps"],
  },
  cpu: { required: ["value"], optional: [] },
};

function autoscaling(resources, source) {
  const errors = [];
  for (const scaled of of(resources, "ScaledObject")) {
    const fail = (error) => errors.push(`${nameOf(scaled)}: ${error}`);
    const { scaleTargetRef, triggers: all, minReplicaCount, maxReplicaCount } = scaled.spec;
    const target = workloads(resources).find((workload) => workload.resource.kind === (scaleTargetRef.kind ?? "Deployment") && workload.name === scaleTargetRef.name);
    if (!target) {
      fail(`${scaleTargetRef.kind ?? "Deployment"} ${scaleTargetRef.name} does not exist`);
      continue;
    }
    if (target.resource.spec.replicas !== undefined) fail("its target has replicas of its own");
    if (minReplicaCount < 2) fail("one replica is not enough in production");
    const environment = environmentOf(target.containers[0], resources);
    for (const { type, metadata } of all) {
      const known = triggers[type];
      if (!known) {
        fail(`trigger ${type} is not known to this check`);
        continue;
      }
      for (const name of known.required) if (!(name in metadata)) fail(`trigger ${type} lacks ${name}`);
      for (const name of Object.keys(metadata)) if (![...known.required, ...known.optional].includes(name)) fail(`trigger ${type} has no ${name}`);
      for (const [name, value] of Object.entries(metadata)) if (typeof value !== "string") fail(`${name} has to be a string`);
      if (type !== "nats-jetstream") continue;
      const [host, port] = metadata.natsServerMonitoringEndpoint?.split(":") ?? [];
      const [service, namespace] = host?.split(".") ?? [];
      const named = find(resources, "Service", service);
      if (!named || !named.spec.ports.some((p) => `${p.port}` === port)) fail(`there is no Service ${service} with port ${port}`);
      if (namespace !== scaled.metadata.namespace) fail(`${host} is not in the namespace ${scaled.metadata.namespace}`);
      const consumer = source.consumers.find((c) => c.name === metadata.consumer);
      if (!consumer || consumer.stream !== metadata.stream) fail(`the code has no consumer ${metadata.consumer} on stream ${metadata.stream}`);
      if (!source.accounts.includes(metadata.account)) fail(`the broker has no account ${metadata.account}`);
      // Every replica may hold twice as many messages as it has workers; what all together may hold is set at the broker.
      const workers = Number(environment[`Messaging__Consumers__${metadata.consumer}__Workers`] ?? consumer?.workers);
      const maxAckPending = Number(environment[`Messaging__Consumers__${metadata.consumer}__MaxAckPending`] ?? 1024);
      if (maxAckPending < maxReplicaCount * 2 * workers) fail(`${maxReplicaCount} replicas need a MaxAckPending of ${maxReplicaCount * 2 * workers}, not ${maxAckPending}`);
    }
  }
  return errors;
}

function podMonitors(resources) {
  const errors = [];
  for (const monitor of of(resources, "PodMonitor")) {
    const selected = workloads(resources).filter((workload) => selects(monitor.spec.selector, workload.labels));
    if (selected.length === 0) errors.push(`${nameOf(monitor)} selects no pods`);
    for (const { labels, name } of selected) {
      if (monitor.spec.jobLabel && !labels[monitor.spec.jobLabel]) errors.push(`${nameOf(monitor)}: the pods of ${name} have no label ${monitor.spec.jobLabel}`);
      for (const { port } of monitor.spec.podMetricsEndpoints)
        if (!containerPorts(selected.find((s) => s.name === name)).some((p) => p.name === port)) errors.push(`${nameOf(monitor)}: the pods of ${name} have no port ${port}`);
    }
  }
  return errors;
}

/** Selectors only: network.mjs follows the policies themselves. */
function networkPolicies(resources) {
  const errors = [];
  for (const policy of of(resources, "NetworkPolicy")) {
    const rules = [...(policy.spec.ingress ?? []), ...(policy.spec.egress ?? [])];
    const peers = rules.flatMap((rule) => [...(rule.from ?? []), ...(rule.to ?? [])]);
    const selectors = [policy.spec.podSelector, ...peers.filter((peer) => peer.podSelector && !peer.namespaceSelector).map((peer) => peer.podSelector)];
    for (const selector of selectors)
      if (!workloads(resources).some((workload) => selects(selector, workload.labels))) errors.push(`${nameOf(policy)}: ${JSON.stringify(selector)} selects no pods`);
  }
  return errors;
}

function images(resources, source) {
  const errors = [];
  const versions = new Set();
  for (const { resource, containers } of workloads(resources)) {
    for (const { name, image } of containers) {
      const [repository, tag] = image.includes("@") ? image.split("@") : image.split(/:(?=[^/]*$)/);
      if (!tag || tag === "latest") errors.push(`${nameOf(resource)}: the image ${image} has no fixed version`);
      const service = source.images.find((known) => repository === known || repository.endsWith(`/${known}`));
      if (service) versions.add(tag);
      else if (/-(service|gateway)/.test(image)) errors.push(`${nameOf(resource)}: there is no Dockerfile for ${name}'s image ${image}`);
    }
  }
  if (versions.size > 1) errors.push(`services and jobs of several versions: ${[...versions].join(", ")}`);
  return errors;
}

/** Settings by the names the code reads them by. */
function settings(resources, source) {
  const errors = [];
  for (const { resource, containers, name } of workloads(resources)) {
    if (!source.images.some((image) => name.startsWith(image))) continue;
    for (const key of Object.keys(environmentOf(containers[0], resources))) {
      const parts = key.split("__");
      const known = parts.length === 1 ? source.variables.has(key)
        : parts[0] === "ConnectionStrings" ? source.connections.has(parts[1])
        : parts[0] === "services" ? source.discovered.has(parts[1])
        : source.options.has(parts.at(-1)) && (parts[1] !== "Consumers" || source.consumers.some((consumer) => consumer.name === parts[2]));
      if (!known) errors.push(`${nameOf(resource)}: the code reads no setting ${key}`);
    }
  }
  return errors;
}

/** Users, databases and passwords in connection strings: they have to be those that the broker and init.sql know. */
function logins(resources, source) {
  const errors = [];
  const secret = (name) => valuesOf(of(resources, "Secret").find((some) => givenName(some) === name) ?? {});
  const [natsUsers, roles] = [secret("nats-users"), secret("postgres")];
  for (const { resource, containers, name } of workloads(resources)) {
    for (const [key, value] of Object.entries(environmentOf(containers[0], resources))) {
      if (!key.startsWith("ConnectionStrings__") || !value) continue;
      const fail = (error) => errors.push(`${nameOf(resource)}: ${key}: ${error}`);
      if (key === "ConnectionStrings__nats") {
        const { username, password, hostname } = new URL(value);
        const service = find(resources, "Service", hostname);
        if (!service) fail(`there is no Service ${hostname}`);
        if (!source.natsUsers.includes(username)) fail(`the broker has no user ${username}`);
        if (username !== (name.endsWith("-setup") ? "provisioner" : name)) fail(`is not the user of ${name}`);
        if (natsUsers[username] !== password) fail(`is not the password of ${username} in the Secret nats-users`);
        continue;
      }
      const parts = Object.fromEntries(value.split(";").map((part) => part.split("=")));
      const database = key.slice("ConnectionStrings__".length);
      if (parts.Database !== database) fail(`is for the database ${parts.Database}`);
      if (!source.databases.includes(parts.Database)) fail(`init.sql makes no database ${parts.Database}`);
      if (!source.roles.includes(parts.Username)) fail(`init.sql makes no role ${parts.Username}`);
      if (parts.Username !== `${database}_${name.endsWith("-setup") ? "owner" : "app"}`) fail(`is not the role of ${name}`);
      if (Object.keys(roles).length > 0 && roles[`${parts.Username.toUpperCase()}_PASSWORD`] !== parts.Password) fail(`is not the password that init.sql gives ${parts.Username}`);
    }
  }
  return errors;
}
