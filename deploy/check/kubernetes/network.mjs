// Who may talk to whom, worked out of the network policies for every pair, and compared with the list of those who should.
import { containerPorts, selects, workloads } from "./manifests.mjs";

/** Those outside the namespace that a policy may name. */
const outside = [
  { name: "kube-dns", namespace: "kube-system", labels: { "k8s-app": "kube-dns" }, ports: [53] },
  { name: "ingress controller", namespace: "ingress", labels: {}, ports: [] },
  { name: "prometheus", namespace: "monitoring", labels: {}, ports: [] },
  { name: "keda", namespace: "keda", labels: {}, ports: [] },
  { name: "collector", namespace: "observability", labels: {}, ports: [4317] },
  { name: "external postgres", ip: "10.20.0.5", labels: {}, ports: [5432] },
  { name: "somebody else", namespace: "default", labels: {}, ports: [80] },
];

const clients = ["order-service", "payment-service", "order-service-setup", "payment-service-setup"];
const services = ["order-service", "payment-service", "payment-gateway"];

const everywhere = [
  ...clients.map((client) => `${client} → nats:4222`),
  ...clients.map((client) => `${client} → kube-dns:53`),
  "payment-gateway → kube-dns:53",
  "nats → kube-dns:53",
  "payment-service → payment-gateway:8080",
];

export const expected = {
  dev: [
    ...everywhere,
    ...clients.map((client) => `${client} → postgres:5432`),
    "postgres → kube-dns:53",
  ],
  production: [
    ...everywhere,
    ...clients.map((client) => `${client} → external postgres:5432`),
    ...services.map((service) => `${service} → collector:4317`),
    ...services.map((service) => `prometheus → ${service}:8080`),
    "ingress controller → order-service:8080",
    "prometheus → nats:7777",
    "keda → nats:8222",
    "nats → nats:6222",
  ],
};

export function checkNetwork(resources, overlay) {
  const allowed = connections(resources);
  const wanted = expected[overlay];
  return [
    ...wanted.filter((connection) => !allowed.includes(connection)).map((connection) => `${connection} is needed and not allowed`),
    ...allowed.filter((connection) => !wanted.includes(connection)).map((connection) => `${connection} is allowed and not needed`),
  ];
}

function connections(resources) {
  const policies = resources.filter((resource) => resource.kind === "NetworkPolicy");
  const inside = workloads(resources).map((workload) => ({
    name: workload.name,
    labels: workload.labels,
    ports: containerPorts(workload).map((port) => port.containerPort),
    policies: policies.filter((policy) => selects(policy.spec.podSelector, workload.labels)),
  }));
  const all = [...inside, ...outside];
  const allowed = [];
  for (const from of all)
    for (const to of all)
      for (const port of to.ports)
        if ((from.policies || to.policies) && mayLeave(from, to, port) && mayEnter(from, to, port))
          allowed.push(`${from.name} → ${to.name}:${port}`);
  return allowed;
}

const mayLeave = (from, to, port) => passes(from.policies, "Egress", "egress", "to", to, port);
const mayEnter = (from, to, port) => passes(to.policies, "Ingress", "ingress", "from", from, port);

/** Outside the namespace there is no policy of ours, and inside whoever none selects is free. */
function passes(policies = [], type, rules, peers, other, port) {
  const applicable = policies.filter((policy) => policy.spec.policyTypes.includes(type));
  return applicable.length === 0 || applicable.some((policy) => (policy.spec[rules] ?? []).some((rule) =>
    (!rule.ports || rule.ports.some((allowed) => allowed.port === port))
    && (!rule[peers] || rule[peers].some((peer) => isMeant(peer, other)))));
}

function isMeant({ ipBlock, namespaceSelector, podSelector = {} }, { ip, namespace, labels }) {
  if (ipBlock) return ip !== undefined && ip.startsWith(ipBlock.cidr.replace(/\.0\/24$/, "."));
  if (ip) return false;
  const sameSpace = namespaceSelector
    ? namespace !== undefined && selects(namespaceSelector, { "kubernetes.io/metadata.name": namespace })
    : namespace === undefined;
  return sameSpace && selects(podSelector, labels);
}
