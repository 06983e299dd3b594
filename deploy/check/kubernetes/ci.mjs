// The workflows and Dependabot's configuration.
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { register } from "node:module";
import { join } from "node:path";
import { parse } from "yaml";

// GitHub's parser imports JSON in the way of bundlers. Node wants to be told that it is JSON.
register(`data:text/javascript,${encodeURIComponent(`
  export const load = (url, context, next) => next(url, url.endsWith(".json") ? { ...context, importAttributes: { type: "json" } } : context);`)}`);
const { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } = await import("@actions/workflow-parser");

export async function checkWorkflow(root, name) {
  const content = readFileSync(join(root, ".github", "workflows", name), "utf8");
  const result = parseWorkflow({ name, content }, new NoOperationTraceWriter());
  const errors = result.context.errors.getErrors().map((error) => error.message);
  if (errors.length > 0) return errors;
  await convertWorkflowTemplate(result.context, result.value);
  errors.push(...result.context.errors.getErrors().map((error) => error.message));

  const workflow = parse(content);
  if (JSON.stringify(workflow.permissions) !== JSON.stringify({ contents: "read" })) errors.push("permissions: more than reading the repository");
  for (const [id, job] of Object.entries(workflow.jobs)) {
    if (!job["timeout-minutes"]) errors.push(`${id}: no timeout`);
    for (const need of [job.needs ?? []].flat()) if (!workflow.jobs[need]) errors.push(`${id}: needs ${need}, which is no job`);
    for (const { uses, run = "" } of job.steps) {
      if (uses && !/^[\w-]+\/[\w./-]+@[0-9a-f]{40}$/.test(uses)) errors.push(`${id}: ${uses} is not pinned by its commit`);
      for (const [script] of run.matchAll(/(?<=^|\s)\.\/[\w./-]+/gm)) errors.push(...missing(root, id, script, true));
      for (const [file] of run.matchAll(/(?<=\s)[\w./-]+\.(?:csproj|sln)\b/g)) errors.push(...missing(root, id, file, false));
    }
    for (const { dockerfile } of job.strategy?.matrix?.include ?? []) errors.push(...missing(root, id, dockerfile, false));
  }
  return errors;
}

function missing(root, job, path, isProgram) {
  if (!existsSync(join(root, path))) return [`${job}: ${path} does not exist`];
  return isProgram && !(statSync(join(root, path)).mode & 0o100) ? [`${job}: ${path} is not executable`] : [];
}

const looksFor = {
  nuget: (folder) => existsSync(join(folder, "Directory.Packages.props")),
  // Dockerfiles, and the images of manifests.
  docker: (folder) => existsSync(folder)
    && readdirSync(folder).some((name) => /Dockerfile/.test(name) || (/\.ya?ml$/.test(name) && /^\s+image: /m.test(readFileSync(join(folder, name), "utf8")))),
  "docker-compose": (folder) => existsSync(folder) && readdirSync(folder).some((name) => /compose.*\.ya?ml$/.test(name)),
  "github-actions": (folder) => existsSync(join(folder, ".github", "workflows")),
  npm: (folder) => existsSync(join(folder, "package.json")),
};

export function checkDependabot(root) {
  const { version, updates } = parse(readFileSync(join(root, ".github", "dependabot.yml"), "utf8"));
  const packages = [...readFileSync(join(root, "Directory.Packages.props"), "utf8").matchAll(/PackageVersion Include="([^"]+)"/g)].map(([, name]) => name);
  const errors = version === 2 ? [] : ["version is not 2"];
  for (const { "package-ecosystem": ecosystem, directory, directories = [directory], schedule, groups = {} } of updates) {
    if (!schedule?.interval) errors.push(`${ecosystem}: no schedule`);
    for (const folder of directories)
      if (!looksFor[ecosystem]?.(join(root, folder))) errors.push(`${ecosystem}: ${folder} has nothing of it`);
    if (ecosystem !== "nuget") continue;
    for (const [group, { patterns }] of Object.entries(groups))
      for (const pattern of patterns)
        if (!packages.some((name) => new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", ".*")}$`).test(name))) errors.push(`${group}: ${pattern} matches no package`);
  }
  return errors;
}
