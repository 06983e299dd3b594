// What the code and the configuration of broker and database know by name.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const images = { "order-service": "OrderService", "payment-service": "PaymentService", "payment-gateway": "PaymentGateway" };

export function readSource(root) {
  const text = (...path) => readFileSync(join(root, ...path), "utf8");
  const code = ["libraries", "EventShop.ServiceDefaults", "EventShop.Contracts", "services"]
    .flatMap((folder) => files(join(root, folder))).filter((file) => file.endsWith(".cs")).map((file) => readFileSync(file, "utf8")).join("\n");
  const settings = Object.values(images).map((folder) => JSON.parse(text("services", folder, "appsettings.json")));
  const workers = Object.assign({}, ...settings.map((file) => file.Messaging?.Consumers));
  const streams = Object.fromEntries(all(code, /static class (\w+Events)[\s\S]*?const string Stream = "(\w+)"/g));
  const roles = text("deploy", "postgres", "init.sql");
  const accounts = text("deploy", "nats", "users.conf");
  return {
    images: Object.keys(images),
    dockerfiles: Object.fromEntries(Object.entries(images).map(([image, folder]) => [image, join(root, "services", folder, "Dockerfile")])),
    consumers: all(code, /\.Consumes\("([\w-]+)", (\w+)\.Stream/g).map(([name, owner]) => ({ name, stream: streams[owner], workers: workers[name]?.Workers ?? 32 })),
    options: new Set(all(code, /public [\w<>.?]+ (\w+) \{ get; set; \}/g).flat()),
    variables: new Set(["ASPNETCORE_HTTP_PORTS", ...all(code, /"([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)"/g).flat()]),
    connections: new Set(all(code, /\.Add(?:Database|NatsClient)\("(\w+)"/g).flat()),
    discovered: new Set(all(code, /http:\/\/([\w-]+)"/g).flat()),
    accounts: all(accounts, /^ {2}(\w+) \{/gm).flat(),
    natsUsers: all(accounts, /user: ([\w-]+)/g).flat(),
    databases: all(roles, /create database (\w+)/g).flat(),
    roles: all(roles, /create role (\w+)/g).flat(),
  };
}

const all = (text, pattern) => [...text.matchAll(pattern)].map((match) => match.slice(1));

function files(folder) {
  return readdirSync(folder).filter((name) => name !== "bin" && name !== "obj").flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
}
