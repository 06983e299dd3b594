// A check that cannot fail is worth nothing: each reference is broken in a copy, and the check has to notice.
import { givenName } from "./manifests.mjs";
import { checkNetwork } from "./network.mjs";
import { checkReferences } from "./references.mjs";
import { checkSchema } from "./schema.mjs";

const container = (resource) => resource.spec.template.spec.containers[0];
const change = (kind, name, how) => ({ kind, name, how });

/** What is wrong with it, and how to make it so; in the production overlay. */
const faults = {
  "a ConfigMap that is not there": change("Deployment", "order-service", (r) => { container(r).envFrom[0].configMapRef.name = "orders"; }),
  "a Secret that is not there": change("Deployment", "payment-service", (r) => { container(r).env[0].valueFrom.secretKeyRef.name = "payments"; }),
  "a key that its Secret has not": change("Job", "order-service-setup", (r) => { container(r).env[0].valueFrom.secretKeyRef.key = "broker"; }),
  "a key that the broker's Secret has not": change("StatefulSet", "nats", (r) => {
    container(r).env.find((e) => e.name === "NATS_SYS_PASSWORD").valueFrom.secretKeyRef.key = "system";
  }),
  "a ServiceAccount that is not there": change("Deployment", "order-service", (r) => { r.spec.template.spec.serviceAccountName = "orders"; }),
  "a volume that is not there": change("StatefulSet", "payment-gateway", (r) => { container(r).volumeMounts[0].name = "books"; }),
  "a ConfigMap volume that is not there": change("StatefulSet", "nats", (r) => { r.spec.template.spec.volumes.find((v) => v.name === "users").configMap.name = "accounts"; }),
  "a probe of a port that is not there": change("Deployment", "order-service", (r) => { container(r).readinessProbe.httpGet.port = "web"; }),
  "a selector that misses its own pods": change("Deployment", "payment-service", (r) => { r.spec.selector.matchLabels["app.kubernetes.io/name"] = "payments"; }),
  "a selector that takes the jobs' pods too": change("Deployment", "order-service", (r) => { delete r.spec.selector.matchLabels["app.kubernetes.io/component"]; }),
  "a Service without pods": change("Service", "payment-gateway", (r) => { r.spec.selector["app.kubernetes.io/name"] = "gateway"; }),
  "a Service of a port that is not there": change("Service", "order-service", (r) => { r.spec.ports[0].targetPort = "web"; }),
  "an Ingress to a Service that is not there": change("Ingress", "order-service", (r) => { r.spec.rules[0].http.paths[0].backend.service.name = "orders"; }),
  "an Ingress to a port that is not there": change("Ingress", "order-service", (r) => { r.spec.rules[0].http.paths[0].backend.service.port.name = "web"; }),
  "an Ingress that leads to /metrics": change("Ingress", "order-service", (r) => { r.spec.rules[0].http.paths[0].path = "/"; }),
  "an Ingress with a certificate of nobody": change("Ingress", "order-service", (r) => { r.spec.tls[0].secretName = "tls"; }),
  "a disruption budget of no pods": change("PodDisruptionBudget", "order-service", (r) => { r.spec.selector.matchLabels["app.kubernetes.io/name"] = "orders"; }),
  "an autoscaler of nothing": change("ScaledObject", "payment-service", (r) => { r.spec.scaleTargetRef.name = "payments"; }),
  "an autoscaler with a misspelt setting": change("ScaledObject", "payment-service", (r) => {
    const { metadata } = r.spec.triggers[0];
    metadata.natsServerMonitorEndpoint = metadata.natsServerMonitoringEndpoint;
    delete metadata.natsServerMonitoringEndpoint;
  }),
  "an autoscaler on a consumer that the code has not": change("ScaledObject", "order-service", (r) => { r.spec.triggers[0].metadata.consumer = "orders-payments"; }),
  "an autoscaler on another account": change("ScaledObject", "order-service", (r) => { r.spec.triggers[0].metadata.account = "$G"; }),
  "more replicas than MaxAckPending feeds": change("ScaledObject", "payment-service", (r) => { r.spec.maxReplicaCount = 9; }),
  "a monitor of a port that is not there": change("PodMonitor", "eventshop", (r) => { r.spec.podMetricsEndpoints[0].port = "metrics"; }),
  "a network policy for no pods": change("NetworkPolicy", "payment-gateway", (r) => { r.spec.podSelector.matchLabels["app.kubernetes.io/name"] = "gateway"; }),
  "a network policy for another port": change("NetworkPolicy", "services-to-nats", (r) => { r.spec.egress[0].ports[0].port = 4223; }),
  "a network policy that lets everybody in": change("NetworkPolicy", "nats", (r) => { delete r.spec.ingress[0].from; }),
  "a missing network policy": change("NetworkPolicy", "all-to-dns", () => null),
  "an image without a fixed version": change("Deployment", "order-service", (r) => { container(r).image = "registry.example.com/eventshop/order-service:latest"; }),
  "a job of another version than its service": change("Job", "payment-service-setup", (r) => { container(r).image = container(r).image.replace(/:.*/, ":0.9.0"); }),
  "an image that nothing here builds": change("Deployment", "order-service", (r) => { container(r).image = "registry.example.com/eventshop/orders-service:1.0.0"; }),
  "a setting that the code does not read": change("ConfigMap", "order-service", (r) => { r.data.Messaging__Provisions = "false"; }),
  "a setting of a consumer that is not there": change("ConfigMap", "payment-service", (r) => { r.data.Messaging__Consumers__payments__Workers = "64"; }),
  "a connection string of a database that is not there": change("Deployment", "order-service", (r) => { container(r).env[1].name = "ConnectionStrings__order"; }),
  "a password that the broker does not know": change("Secret", "order-service", (r) => { r.stringData.nats = r.stringData.nats.replace(/:p\w+@/, ":p1@"); }),
  "a database user without its role": change("Secret", "payment-service", (r) => { r.stringData.payments = r.stringData.payments.replace("payments_app", "payments"); }),
  "a service that runs as the owner of its database": change("Secret", "order-service", (r) => { r.stringData.orders = r.stringData.orders.replace("orders_app", "orders_owner"); }),
  "a container that may write to its file system": change("Deployment", "payment-service", (r) => { container(r).securityContext.readOnlyRootFilesystem = false; }),
  "a pod that is killed while it stops": change("Deployment", "order-service", (r) => { r.spec.template.spec.terminationGracePeriodSeconds = 30; }),
  "a member that Kubernetes does not know": change("Deployment", "order-service", (r) => { container(r).readynessProbe = container(r).readinessProbe; }),
  "a member that KEDA does not know": change("ScaledObject", "order-service", (r) => { r.spec.maxReplicas = 8; }),
  "a value of another type": change("Deployment", "payment-service", (r) => { r.spec.strategy.rollingUpdate = [0]; }),
  "a member that is missing": change("Ingress", "order-service", (r) => { delete r.spec.rules[0].http.paths[0].pathType; }),
};

export async function checkThatFaultsAreFound(resources, source) {
  const before = new Set(await errorsOf(resources, source));
  const errors = [];
  for (const [what, { kind, name, how }] of Object.entries(faults)) {
    const copy = structuredClone(resources);
    const target = copy.find((resource) => resource.kind === kind && [resource.metadata.name, givenName(resource)].includes(name));
    if (!target) {
      errors.push(`there is no ${kind} ${name} to break: ${what}`);
      continue;
    }
    const broken = how(target) === null ? copy.filter((resource) => resource !== target) : copy;
    if (!(await errorsOf(broken, source)).some((error) => !before.has(error))) errors.push(`not noticed: ${what}`);
  }
  return { errors, count: Object.keys(faults).length };
}

async function errorsOf(resources, source) {
  return [...await checkSchema(resources), ...checkReferences(resources, source), ...checkNetwork(resources, "production")];
}
