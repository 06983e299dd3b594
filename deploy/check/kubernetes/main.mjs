// The part of deploy/check/kubernetes.sh that reads files. Prints one line for each check: «ok text», «fail text» or «skip text · why».
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { checkAzure } from "./azure.mjs";
import { checkThatFaultsAreFound } from "./broken.mjs";
import { mergeValues, renderChart } from "./chart.mjs";
import { checkDependabot, checkWorkflow } from "./ci.mjs";
import { environmentOf, nameOf, readManifests, workloads } from "./manifests.mjs";
import { checkNetwork } from "./network.mjs";
import { checkReferences } from "./references.mjs";
import { checkSchema } from "./schema.mjs";
import { readSource } from "./source.mjs";

const shown = 8;
const [command, root, work, ...more] = process.argv.slice(2);

try {
  await ({ chart, manifests, environment, repository })[command]();
} catch (error) {
  console.log(`fail ${command}: ${error.message}`);
}

function tell(errors, text) {
  if (errors.length === 0) console.log(`ok ${text}`);
  else {
    console.log(`fail ${text}`);
    for (const error of errors.slice(0, shown)) console.log(`     ${error}`);
    if (errors.length > shown) console.log(`     … and ${errors.length - shown} more`);
  }
}

/** Writes what the broker's chart makes of values.yaml, unless helm has: nats-chart.yaml, and each configuration in a folder of its own. */
function chart() {
  const folder = join(root, "deploy", "k8s", "nats");
  const values = parse(readFileSync(join(folder, "values.yaml"), "utf8"), { merge: true });
  const zones = parse(readFileSync(join(folder, "values-zones.yaml"), "utf8"), { merge: true });
  for (const [name, all] of Object.entries({ "nats-chart": [values], "nats-zones": [values, zones] })) {
    const file = join(work, `${name}.yaml`);
    if (!existsSync(file)) writeFileSync(file, renderChart(mergeValues(...all)).map((resource) => stringify(resource)).join("---\n"));
    configuration(name, readManifests(file).find((resource) => resource.kind === "ConfigMap").data["nats.conf"]);
  }
  configuration("nats-dev", readFileSync(join(root, "deploy", "k8s", "overlays", "dev", "nats.conf"), "utf8"));

  function configuration(name, text) {
    mkdirSync(join(work, name, "nats-config"), { recursive: true });
    mkdirSync(join(work, name, "nats-users"), { recursive: true });
    writeFileSync(join(work, name, "nats-config", "nats.conf"), text);
    writeFileSync(join(work, name, "nats-users", "users.conf"), readFileSync(join(root, "deploy", "nats", "users.conf")));
  }
}

/** Each overlay, with all that is in its namespace besides. */
async function manifests() {
  const file = (name) => join(work, `${name}.yaml`);
  const source = readSource(root);
  const dev = readManifests(file("dev"));
  const production = readManifests(file("production"), file("production-setup"));
  const byKubectl = readManifests(file("secrets"));
  const byOperator = readManifests(file("external-secrets"));
  const broker = readManifests(file("nats-chart"));

  const rendered = [...dev, ...production, ...byKubectl, ...byOperator, ...broker];
  tell(await checkSchema(rendered), `every resource agrees with its schema (${rendered.length} resources)`);
  const there = (resources) => resources.filter((resource, i) =>
    // The overlay and the jobs are rendered apart, and share their settings.
    resources.findIndex((other) => nameOf(other) === nameOf(resource)) === i);
  const complete = there([...production, ...byKubectl, ...broker]);
  tell(checkReferences(dev, source), "overlay dev: every name, key, port, label and setting referred to exists");
  tell(checkReferences(complete, source), "overlay production, with the chart's broker and secrets.sh: likewise");
  tell(secretsAgree(byKubectl, byOperator), "secrets.sh and External Secrets make the same Secrets with the same keys");
  tell(checkNetwork(dev, "dev"), "overlay dev: the network policies allow what is needed, and nothing else");
  tell(checkNetwork(complete, "production"), "overlay production: likewise");
  tell(imagesAgree(source), "the images of the manifests are those of the Dockerfiles: user, port, command");
  const { errors, count } = await checkThatFaultsAreFound(complete, source);
  tell(errors, `${count} faults, made one at a time in a copy, are all found`);
}

function secretsAgree(byKubectl, byOperator) {
  const keys = (resources) => resources.map((resource) => {
    const made = resource.kind === "ExternalSecret" ? Object.keys(resource.spec.target.template?.data ?? {}) : Object.keys(resource.stringData);
    const taken = resource.kind === "ExternalSecret" && made.length === 0 ? resource.spec.data.map((entry) => entry.secretKey) : made;
    return `${resource.metadata.name}: ${taken.sort().join(", ")}`;
  }).sort();
  const [left, right] = [keys(byKubectl), keys(byOperator)];
  return [...left.filter((line) => !right.includes(line)).map((line) => `secrets.sh only: ${line}`),
    ...right.filter((line) => !left.includes(line)).map((line) => `External Secrets only: ${line}`)];
}

function imagesAgree({ dockerfiles }) {
  return Object.entries(dockerfiles).flatMap(([image, path]) => {
    if (!existsSync(path)) return [`${path} is not there`];
    const last = readFileSync(path, "utf8").split(/^FROM /m).at(-1);
    return [
      // runAsUser, and what owns the ledger.
      [/^USER 1654$/m, "USER 1654"],
      [/^EXPOSE 8080$/m, "EXPOSE 8080"],
      // The jobs add the argument "setup" to it.
      [/^ENTRYPOINT \[.*\]$/m, "an ENTRYPOINT that takes arguments"],
    ].filter(([pattern]) => !pattern.test(last)).map(([, what]) => `${image}: its Dockerfile has not ${what}`);
  });
}

/** A workload's environment and arguments in an overlay, for env and xargs: each ends with a NUL. */
function environment() {
  const [name, ...replacements] = more;
  const resources = readManifests(join(work, "dev.yaml"));
  const { containers: [container] } = workloads(resources).find((workload) => workload.name === name);
  for (const [key, value] of Object.entries(environmentOf(container, resources))) {
    const here = replacements.reduce((text, replacement) => text.replace(...replacement.split("=>")), `${key}=${value}`);
    process.stdout.write(`${here}\0`);
  }
}

/** What is not for Kubernetes. */
async function repository() {
  const [schema] = more;
  const azure = parse(readFileSync(join(root, "azure.yaml"), "utf8"));
  tell(await checkAzure(azure, root), "azure.yaml names a project that is an Aspire AppHost");
  if (schema) tell(await checkAzure(azure, root, JSON.parse(readFileSync(schema, "utf8"))), "azure.yaml agrees with azd's schema");
  for (const name of readdirSync(join(root, ".github", "workflows")))
    tell(await checkWorkflow(root, name), `.github/workflows/${name}: GitHub's own parser takes it, its scripts exist, its actions are pinned by commit`);
  tell(checkDependabot(root), ".github/dependabot.yml: its folders have what it updates, its groups match packages in use");
}
