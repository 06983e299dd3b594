// What nats-io's Helm chart makes of values.yaml, as far as this repository sets or refers to it: for machines without helm, which
// renders the chart itself where it is installed. Follows chart 2.14.2.

const labels = { "app.kubernetes.io/name": "nats", "app.kubernetes.io/instance": "nats", "app.kubernetes.io/component": "nats" };
const ports = { nats: 4222, cluster: 6222, monitor: 8222 };

export function renderChart(values) {
  const { container, config, podTemplate, promExporter, reloader } = values;
  const nats = patched(merged({
    name: "nats",
    image: `nats:${container.image.tag}`,
    ports: Object.entries(ports).map(([name, containerPort]) => ({ name, containerPort })),
    args: ["--config", "/etc/nats-config/nats.conf"],
    env: [
      { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      { name: "SERVER_NAME", value: "$(POD_NAME)" },
      ...Object.entries(container.env).sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, value]) => (typeof value === "string" ? { name, value } : { name, ...value })),
    ],
    volumeMounts: [
      { name: "config", mountPath: "/etc/nats-config" }, { name: "pid", mountPath: "/var/run/nats" }, { name: "nats-js", mountPath: "/data" },
    ],
  }, container.merge), container.patch);
  const mounts = nats.volumeMounts.filter((mount) => mount.name === "pid" || mount.mountPath.startsWith("/etc/"));
  const pod = patched(merged({
    metadata: { labels },
    spec: {
      containers: [
        nats,
        merged({ name: "reloader", image: "natsio/nats-server-config-reloader:0.23.0", volumeMounts: mounts }, reloader.merge),
        merged({
          name: "prom-exporter", image: "natsio/prometheus-nats-exporter:0.20.1", ports: [{ name: "prom-metrics", containerPort: 7777 }],
        }, promExporter.merge),
      ],
      ...(values.serviceAccount?.enabled ? { serviceAccountName: "nats" } : {}),
      volumes: [{ name: "config", configMap: { name: "nats-config" } }, { name: "pid", emptyDir: {} }],
      terminationGracePeriodSeconds: 60,
    },
  }, podTemplate.merge), podTemplate.patch);
  const service = (name, names) => ({
    apiVersion: "v1", kind: "Service", metadata: { name },
    spec: { selector: labels, ports: names.map((port) => ({ name: port, port: ports[port], targetPort: port })) },
  });
  return [
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "nats-config" }, data: { "nats.conf": renderConfig(config) } },
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "nats" } },
    service("nats", ["nats"]),
    service("nats-headless", Object.keys(ports)),
    {
      apiVersion: "policy/v1", kind: "PodDisruptionBudget", metadata: { name: "nats" },
      spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
    },
    {
      apiVersion: "apps/v1", kind: "StatefulSet", metadata: { name: "nats" },
      spec: {
        replicas: config.cluster.replicas, serviceName: "nats-headless", selector: { matchLabels: labels }, template: pod,
        volumeClaimTemplates: [{
          metadata: { name: "nats-js" },
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: config.jetstream.fileStore.pvc.size } } },
        }],
      },
    },
  ];
}

export function mergeValues(...all) {
  return all.reduce((values, more) => merged(values, more), {});
}

function renderConfig({ cluster, jetstream, merge }) {
  const nodes = [...Array(cluster.replicas).keys()];
  const config = merged({
    server_name: "<< $SERVER_NAME >>",
    lame_duck_grace_period: "10s",
    lame_duck_duration: "30s",
    pid_file: "/var/run/nats/nats.pid",
    port: ports.nats,
    http_port: ports.monitor,
    cluster: { name: "nats", port: ports.cluster, no_advertise: true, routes: nodes.map((node) => `nats://nats-${node}.nats-headless:6222`) },
    jetstream: merged({ max_memory_store: 0, store_dir: "/data", max_file_store: `<< ${jetstream.fileStore.maxSize} >>` }, jetstream.merge),
  }, merge);
  const sorted = Object.fromEntries(Object.entries(config).sort(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify(sorted, null, 2)
    .replace(/".*\$include": "(.*)",?/g, "include $1;")
    .replace(/"<<\s+(.*?)\s+>>"/g, "$1");
}

function merged(into, more = {}) {
  const isMap = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
  const result = { ...into };
  for (const [key, value] of Object.entries(more)) result[key] = isMap(value) && isMap(result[key]) ? merged(result[key], value) : value;
  return result;
}

/** JSON patches that append to a list, the only kind values.yaml has. */
function patched(document, patch = []) {
  const result = structuredClone(document);
  for (const { op, path, value } of patch) {
    const steps = path.split("/").slice(1);
    if (op !== "add" || steps.pop() !== "-") throw new Error(`values.yaml: only patches that append are understood here, not ${op} ${path}`);
    steps.reduce((member, step) => member[step], result).push(value);
  }
  return result;
}
